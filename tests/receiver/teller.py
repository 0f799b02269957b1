"""A store, an intake and a forwarder that speaks real HTTP by a clock that the test sets, for tests of subscriptions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from receiver.domain.subscriptions import Channel, Origin, Subscription
from receiver.forwarder.channels import Channels
from receiver.forwarder.guard import Guard
from receiver.services.asking.asking import Asking
from receiver.services.forwarding.composing import Composing, ComposingParts
from receiver.services.forwarding.forwarding import Forwarding, ForwardingParts
from receiver.services.forwarding.templates import Templates
from receiver.services.intake.intake import Intake
from receiver.services.intake.originals import Originals
from receiver.setting_networks import read_networks
from receiver.store import lanes, subscriptions
from receiver.store.lanes import Books
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from receiver.store.subscriptions import Kept
from tests.receiver.boxes import HISTORY, history, open_intake

PRIVATE = read_networks("127.0.0.0/8")
# Later than any real clock: what comes in is due by then.
START = datetime(2100, 3, 1, tzinfo=UTC)


@dataclass
class Clock:
    """Whatever the test says that time it is."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Teller:
    """Tells whoever has subscribed."""

    store: Store
    intake: Intake
    clock: Clock
    forwarding: Forwarding
    told: dict[str, list[int]] = field(default_factory=dict)

    def subscribe(self, name: str, url: str, **more: Any) -> int:
        new = Subscription(0, name, Origin.COMMAND, Channel.HTTP, {"url": url}, **more)
        with self.store.write() as tx:
            return subscriptions.add(tx, new, self.clock.now)

    def happens(self, number: int, box: str = "BOX1", **changes: Any) -> int:
        """A box tells of an event; its id."""
        (recorded,) = self.intake.record([history(number, box=box, identity_id=f"{number}", **changes)], HISTORY)
        assert recorded.event_id is not None
        self.told.setdefault(box, []).append(recorded.event_id)
        return recorded.event_id

    def everything(self) -> list[int]:
        return sorted(event for events in self.told.values() for event in events)

    def of(self, subscription_id: int) -> Kept:
        with self.store.read() as tx:
            found = subscriptions.find(tx, subscription_id)
        assert found is not None
        return found

    def books(self, subscription_id: int) -> Books:
        with self.store.read() as tx:
            return lanes.books_of(tx, subscription_id)

    def send(self, times: int = 1, **span: float) -> int:
        """What the worker's clock does, so often, with that span before each; how many were delivered."""
        delivered = 0
        for _ in range(times):
            self.clock.passes(**span)
            delivered += self.forwarding.send_due()
        return delivered


@contextmanager
def forwarder_of(store: Store, folder: Path, clock: Clock) -> Iterator[Forwarding]:
    """A forwarder over a store; nothing is random."""
    pictures = Pictures(store.pictures)
    asking = Asking(store, timedelta(minutes=10))
    composing = Composing(ComposingParts(store, Originals(store, pictures), asking, pictures, Templates()))
    channels = Channels(Guard(PRIVATE), folder / "outgoing")
    forwarding = Forwarding(ForwardingParts(store, composing, channels, clock, lambda: 0.5))
    yield forwarding
    forwarding.close()
    composing.close()


@contextmanager
def open_teller(store: Store, folder: Path) -> Iterator[Teller]:
    """One over a store."""
    clock = Clock()
    with (
        forwarder_of(store, folder, clock) as forwarding,
        open_intake(store, folder, is_recognising=False) as intake,
    ):
        yield Teller(store, intake, clock, forwarding)
