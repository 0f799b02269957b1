"""Processes what a device sent before somebody trusted it: in order, in small steps, each of which can be the last."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from receiver.domain.events import Channel
from receiver.domain.subscriptions import Facts, Topic
from receiver.domain.trust import Known, State, TrustRules
from receiver.services.devices.device_book import LOOK_SECONDS
from receiver.services.intake.recording import RECOGNISE, first_word
from receiver.services.pacing import Pace
from receiver.services.publishing.book import SubscriptionBook
from receiver.store import alerts, deliveries, devices, events, outbox, trust
from receiver.store.database import Row, Tx
from receiver.store.outbox import Task
from receiver.store.store import Store

LEASE = timedelta(seconds=60)
STEP = 50
# Web processes on PostgreSQL learn a moment later that nothing waits any more; then it is looked once again.
LATE = timedelta(seconds=3 * LOOK_SECONDS)
OLD_AT_ONCE = 500

log = structlog.get_logger("devices")


@dataclass(frozen=True, slots=True)
class CatchingUpParts:
    """What catching up works with."""

    store: Store
    rules: TrustRules
    is_recognising: bool
    ring: Callable[[], None]


class CatchingUp:
    """The handler of the topic ``catch-up``; the subject is the device."""

    def __init__(self, parts: CatchingUpParts) -> None:
        self._store = parts.store
        self._rules = parts.rules
        self._is_recognising = parts.is_recognising
        self._ring = parts.ring
        self._subscriptions = SubscriptionBook(is_recognising=parts.is_recognising)

    def run(self, task: Task, pace: Pace | None = None) -> int:
        """Works until nothing waits any more, the device is not trusted any more, or somebody stops us.

        How many events were processed; whoever comes next goes on from there.

        Raises:
            Unavailable: the storage cannot be had just now; call again later.
        """
        pace = pace or Pace()
        total = 0
        while not pace.is_stopping():
            # One worker at a time, also where a lease was over before its worker was done.
            with pace.step(), self._store.write(lock=f"catch-up.{task.subject}") as tx:
                number = self._step(tx, task)
            if number:
                total += number
                self._ring()
            else:
                break
        if total:
            log.info("caught_up", device=task.subject, events=total)
        return total

    def make_room(self) -> int:
        """Takes away what nobody has trusted in time, where it fills up half of what is kept; how many events."""
        before, number = datetime.now(UTC) - self._rules.window, 0
        with self._store.write() as tx:
            held = trust.held(tx)
            in_all = sum(each.events for each in held.values()), sum(each.size for each in held.values())
            is_full = in_all[0] * 2 >= self._rules.events_in_all or in_all[1] * 2 >= self._rules.bytes_in_all
            for device_id, each in held.items():
                is_own = each.events * 2 >= self._rules.events_each or each.size * 2 >= self._rules.bytes_each
                if (is_full or is_own) and self._trusted_since(tx, trust.known(tx, device_id)) is None:
                    number += trust.drop_old(tx, device_id, before, OLD_AT_ONCE)
        return number

    def _step(self, tx: Tx, task: Task) -> int:
        device = trust.known(tx, task.subject)
        since = self._trusted_since(tx, device)
        if device is None or since is None:
            trust.drop_task(tx, task.subject)
            return 0
        left = trust.leave(tx, device.id, since - self._rules.window)
        if left:
            log.info("left_unverified", device=device.id, events=left)
        rows = trust.waiting(tx, device.id, STEP)
        if rows:
            self._process(tx, device.id, rows)
        elif device.is_catching_up:
            devices.change(tx, device.id, {"is_catching_up": False})
            trust.note_change(tx)
            outbox.later(tx, task.id, datetime.now(UTC) + LATE, "")
        else:
            trust.drop_task(tx, device.id)
        return len(rows)

    def _process(self, tx: Tx, device_id: int, rows: Sequence[Row]) -> None:
        """From now on these are events like any other."""
        for row in rows:
            word = first_word(row.list, is_recognising=self._is_recognising, is_held=False)
            events.change(tx, row.id, {**word, "unverified": None, "unverified_bytes": None})
        received = [row.id for row in rows]
        outbox.add(tx, RECOGNISE if self._is_recognising else alerts.TOPIC, received, datetime.now(UTC))
        # Those who ask for what only the decision says are told when it is there.
        subscriptions = self._subscriptions.of_events(tx).at_once
        by_id = {row.id: row for row in rows}
        waiting = [
            deliveries.row_of_event(each.id, (device_id, row.id, message.id), message.size, row.received_at)
            for message in trust.messages_of(tx, received, Channel.HISTORY)
            for row in (by_id[message.event_id],)
            for each in subscriptions
            if each.filter.passes(Facts(device_id, row.list, (row.identity_group,), score=row.score), Topic.EVENT)
        ]
        deliveries.add(tx, waiting, datetime.now(UTC))

    @staticmethod
    def _trusted_since(tx: Tx, device: Known | None) -> datetime | None:
        """When somebody trusted the device, or the hub that vouches for it; None if nobody has."""
        if device is None or device.state is State.BLOCKED:
            return None
        trusting = device
        if device.state is State.PENDING:
            hub = trust.known(tx, device.vouched_by) if device.vouched_by is not None else None
            if hub is None or not hub.is_hub:
                return None
            trusting = hub
        if trusting.state is not State.TRUSTED:
            return None
        row = devices.found(tx, {trusting.id})[trusting.id]
        since: datetime = row.trusted_at or row.first_seen
        return since
