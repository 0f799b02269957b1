"""Takes what may be sent now: lanes of one subscription, whose destination works or is to be probed, with their next rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from receiver.domain import schedules
from receiver.domain.subscriptions import Subscription
from receiver.services.publishing.book import SubscriptionBook
from receiver.store import deliveries, destinations, lanes, subscriptions
from receiver.store.database import Row, Tx
from receiver.store.lanes import Lane
from receiver.store.store import Store
from receiver.store.subscriptions import Open

# Prolonged while its owner lives; a killed worker's lanes come back so late at the most.
LEASE = timedelta(seconds=30)
# Rows of one turn, of all its lanes together: what a crash sends again at the most, and what memory holds of a backlog.
ROWS_AT_ONCE = 50
LANES_AT_ONCE = 16
# Threads that send for one subscription at once: the others are for the others.
TURNS_OF_ONE = 4
# A lane whose claims came to no end so often in a row goes on with one delivery at a time, and in the end without it.
CAREFUL_AFTER, WITHOUT_AFTER = 5, 20


@dataclass(frozen=True, slots=True)
class Part:
    """One claimed lane with the rows of this turn."""

    lane: Lane
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one thread sends now.

    Attributes:
        number: counts the turns of this process.
        is_probe: the destination does not work, and this is to find out whether it does again.
        room: deliveries for which the minute's room has been taken; None: there is no rate.
        until: how far the claim goes.
    """

    number: int
    subscription: Subscription
    destination_id: int
    parts: Sequence[Part]
    is_probe: bool
    room: int | None
    until: datetime


class Claiming:
    """Hands out turns; those who have had theirs the longest ago come first."""

    def __init__(self, store: Store, book: SubscriptionBook) -> None:
        self._store = store
        self._book = book
        self._served: Counter[int] = Counter()
        self._number = 0

    def claim(self, now: datetime, under_way: Mapping[int, int], *, may_probe: bool = True) -> Turn | None:
        """The next turn; None if nothing may be sent now.

        Args:
            now: when.
            under_way: turns of this process by subscription.
            may_probe: also of destinations that do not work.
        """
        with self._store.read() as tx:
            found = self._open(tx, now, under_way)
        for each in found:
            if each.is_probe and not may_probe:
                continue
            self._number += 1
            with self._store.write() as tx:
                turn = self._take(tx, each, now)
            if turn is not None:
                self._served[each.id] = self._number
                return turn
        return None

    def _open(self, tx: Tx, now: datetime, under_way: Mapping[int, int]) -> list[Open]:
        known = self._book.by_id(tx)
        found = [
            each
            for each in subscriptions.open_ones(tx, now)
            if under_way.get(each.id, 0) < TURNS_OF_ONE
            and each.id in known
            and schedules.is_open(known[each.id].schedule, now)
            and (each.run_up_to is not None or not schedules.has_runs(known[each.id].schedule))
        ]
        return sorted(found, key=lambda each: (under_way.get(each.id, 0), self._served[each.id], each.id))

    def _take(self, tx: Tx, found: Open, now: datetime) -> Turn | None:
        known = self._book.by_id(tx).get(found.id)
        if known is None or not known.may_send:
            return None
        breaker = destinations.held(tx, found.destination_id)
        if breaker.due_at > now:
            return None
        up_to = found.run_up_to if schedules.has_runs(known.schedule) else None
        due = lanes.due(tx, found.id, now, up_to, 1 if breaker.is_open else LANES_AT_ONCE)
        most = 1 if breaker.is_open and known.batch_size == 1 else max(ROWS_AT_ONCE, known.batch_size)
        room = None
        if known.rate_per_minute is not None and due:
            room = most = subscriptions.take_room(tx, found.id, known.rate_per_minute, now, most)
        parts = _parts(tx, due, _Span(now, up_to, most, known.is_ordered))
        if not parts:
            if room:
                subscriptions.give_back(tx, found.id, room)
            return None
        if breaker.is_open:
            destinations.probe(tx, found.destination_id, now + LEASE)
        return Turn(self._number, known, found.destination_id, parts, breaker.is_open, room, now + LEASE)


@dataclass(frozen=True, slots=True)
class _Span:
    """What may be claimed: rows up to one, so many at most, from now until then."""

    now: datetime
    up_to: int | None
    most: int
    is_ordered: bool


def _parts(tx: Tx, due: Sequence[Lane], span: _Span) -> list[Part]:
    """The lanes that could be had; held in the order in which everybody holds lanes."""
    parts: list[Part] = []
    for lane in sorted(_together(due, span.most), key=lambda lane: lane.device_id):
        left = span.most - sum(len(part.rows) for part in parts)
        if left <= 0 or not lanes.claim(tx, lane, span.now, span.now + LEASE):
            continue
        next_wake = None if span.is_ordered else deliveries.wake(tx, lane, span.now)
        rows = deliveries.next_in(tx, lane, span.up_to, 1 if lane.attempts >= CAREFUL_AFTER else left)
        if rows:
            parts.append(Part(lane, rows))
        else:
            # Only such as rest after a refusal are left, or such as are newer than the run.
            lanes.let_go(tx, lane, next_wake or deliveries.wake(tx, lane, span.now) or span.now)
    return parts


def _together(due: Sequence[Lane], most: int) -> list[Lane]:
    """Lanes that fill a turn; one that may have killed its workers goes by itself."""
    wanted: list[Lane] = []
    number = 0
    for lane in due:
        if lane.attempts >= CAREFUL_AFTER:
            return wanted or [lane]
        if number >= most:
            break
        wanted.append(lane)
        number += lane.waiting
    return wanted
