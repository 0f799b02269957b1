"""What the worker does for deliveries now and then: those that are over go, the removed go, and the backlog keeps its bound."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from receiver import metrics
from receiver.domain.subscriptions import SubscriptionState
from receiver.services.pacing import Pace
from receiver.store import backlog_bound, deliveries, lanes, replays, subscriptions
from receiver.store.database import Tx
from receiver.store.store import Store

# Rows of one step: the intake writes between two.
AT_ONCE = 500
NO_ROOM = "no_room"

log = structlog.get_logger("forwarding")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept.

    Attributes:
        days: for which deliveries that are over, and their tries, are shown.
        number: of those, at most.
        backlog: bytes that may wait for all destinations together.
    """

    days: int
    number: int
    backlog: int


class Clearing:
    """Keeps the tables of deliveries small."""

    def __init__(
        self,
        store: Store,
        bounds: Bounds,
        clock: Callable[[], datetime],
        on_dropped: Callable[[str, int], None] = lambda _what, _number: None,
    ) -> None:
        self._store = store
        self._bounds = bounds
        self._clock = clock
        self._on_dropped = on_dropped

    def run(self, pace: Pace | None = None) -> int:
        """One round of everything; how many rows went or lost their pictures."""
        pace = pace or Pace()
        return self._drop_over(pace) + self._drop_removed(pace) + self._make_room(pace)

    def _drop_over(self, pace: Pace) -> int:
        number, step = 0, AT_ONCE
        while step == AT_ONCE and not pace.is_stopping():
            before = self._clock() - timedelta(days=self._bounds.days)
            with pace.step(), self._store.write() as tx:
                step = deliveries.drop_over(tx, before, self._bounds.number, AT_ONCE)
            number += step
        return number

    def _drop_removed(self, pace: Pace) -> int:
        with self._store.read() as tx:
            removed = subscriptions.removed(tx)
        number = 0
        for each in removed:
            step = AT_ONCE
            while step and not pace.is_stopping():
                with pace.step(), self._store.write() as tx:
                    step = self._drop_some(tx, each)
                number += step
        return number

    @staticmethod
    def _drop_some(tx: Tx, subscription_id: int) -> int:
        """Some of its deliveries; when there are none, the rest of it. How many."""
        number = deliveries.drop_of_removed(tx, subscription_id, AT_ONCE)
        if number == 0:
            replays.drop(tx, subscription_id)
            lanes.drop(tx, subscription_id)
            subscriptions.drop(tx, subscription_id)
        return number

    def _make_room(self, pace: Pace) -> int:
        """The oldest deliveries go without their pictures first; then those of paused subscriptions go, oldest first."""
        with self._store.read() as tx:
            surplus = self._surplus(tx)
        if surplus <= 0:
            return 0
        bared = self._bare(surplus, pace)
        with self._store.read() as tx:
            surplus = self._surplus(tx)
        dropped = self._drop_paused(surplus, pace) if surplus > 0 else 0
        for what, number in (("pictures", bared), ("deliveries", dropped)):
            if number:
                metrics.DELIVERIES_DROPPED.labels(what).inc(number)
                log.error("backlog_too_large", dropped=what, number=number, bound=self._bounds.backlog)
                self._on_dropped(what, number)
        return bared + dropped

    def _surplus(self, tx: Tx) -> int:
        return sum(books.waiting_bytes for books in lanes.books(tx).values()) - self._bounds.backlog

    def _bare(self, surplus: int, pace: Pace) -> int:
        number = after = 0
        while surplus > 0 and not pace.is_stopping():
            with pace.step(), self._store.write() as tx:
                rows, last = backlog_bound.with_pictures(tx, after, AT_ONCE)
                sizes = backlog_bound.bare_sizes(tx, rows)
                enough = backlog_bound.until_saved(rows, sizes, surplus)
                surplus -= backlog_bound.bare(tx, enough, sizes)
            number += len(enough)
            if last is None:
                break
            after = last
        return number

    def _drop_paused(self, surplus: int, pace: Pace) -> int:
        with self._store.read() as tx:
            idle = [
                kept.subscription.id
                for kept in subscriptions.every(tx)
                if kept.subscription.state in {SubscriptionState.PAUSED, SubscriptionState.DISABLED}
            ]
        number = 0
        while idle and surplus > 0 and not pace.is_stopping():
            with pace.step(), self._store.write() as tx:
                rows = backlog_bound.until_saved(backlog_bound.oldest_of(tx, idle, AT_ONCE), {}, surplus)
                number += deliveries.drop_waiting(tx, [row.id for row in rows], self._clock(), NO_ROOM)
            if not rows:
                break
            surplus -= sum(row.size for row in rows)
        return number
