"""A way in that meets devices as they come out of the box, and whoever trusts them; for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from receiver.domain.events import Channel
from receiver.domain.trust import State, TrustRules
from receiver.services.devices.trusting import Change, Trusting, proof_of_key
from receiver.services.intake.catching_up import CatchingUp, CatchingUpParts
from receiver.services.intake.intake import Intake
from receiver.services.intake.recording import Recorded, Sender
from receiver.store import devices, outbox, tables, trust
from receiver.store.database import Row
from receiver.store.store import Store
from tests.receiver.boxes import HISTORY, history, open_intake, statuses_of

ADOPT = TrustRules()
TRUSTED = Change(state=State.TRUSTED, by="somebody")
BLOCKED = Change(state=State.BLOCKED)


def sender(peer: str = "10.0.0.9", key: str = "", channel: Channel = Channel.HISTORY) -> Sender:
    return replace(HISTORY, peer=peer, channel=channel, proofs=(proof_of_key(key),) if key else ())


@dataclass(frozen=True)
class Gateway:
    """One process that takes messages, and the worker beside it."""

    store: Store
    intake: Intake
    rules: TrustRules
    trusting: Trusting

    def send(self, *items: Any, peer: str = "10.0.0.9", key: str = "") -> list[Recorded]:
        return self.intake.record(list(items) or [history()], sender(peer, key))

    def report(self, *items: Any, peer: str = "10.0.0.9") -> None:
        statuses_of(self.store, self.rules).record(items, peer)

    def devices(self) -> list[Row]:
        with self.store.read() as tx:
            return devices.listed(tx, 0, 500)

    def device(self, key: str) -> Row:
        return next(row for row in self.devices() if row.key == key)

    def trust(self, device_id: int = 1, change: Change = TRUSTED) -> None:
        self.trusting.change(device_id, change)

    def work(self) -> int:
        """What a worker does: catches up until nothing is due, as if the moments between had passed."""
        worker = CatchingUp(CatchingUpParts(self.store, self.rules, is_recognising=True, ring=lambda: None))
        total = 0
        for _ in range(100):
            with self.store.write() as tx:
                tasks = outbox.claim(tx, trust.TOPIC, 9, datetime.now(UTC) + timedelta(hours=1), timedelta(seconds=9))
            if not tasks:
                return total
            total += sum(worker.run(task) for task in tasks)
        raise AssertionError("the worker never ends")

    def grow_older(self, hours: float) -> None:
        """Everything was received so much earlier."""
        with self.store.write() as tx:
            for row in tx.execute(select(tables.event.c.id, tables.event.c.received_at)).all():
                then = row.received_at - timedelta(hours=hours)
                tx.execute(update(tables.event).where(tables.event.c.id == row.id).values(received_at=then))


@contextmanager
def open_gateway(store: Store, folder: Path, rules: TrustRules = ADOPT) -> Iterator[Gateway]:
    """A way in over a store."""
    with open_intake(store, folder, rules=rules) as intake:
        yield Gateway(store, intake, rules, Trusting(store, intake.book.forget))


def rows_of(store: Store, *of: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that stands in tables."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with store.read() as tx:
        for table in of:
            found[table.name] = sorted((tuple(row) for row in tx.execute(select(table))), key=repr)
    return found


def words(recorded: list[Recorded]) -> list[tuple[str, str | None]]:
    """What became of each item, and why."""
    return [(each.result, each.reason) for each in recorded]
