"""Sends once more: dead deliveries, and past events by time, device, list or one of them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from receiver.domain.errors import Conflict, NotFound
from receiver.domain.subscriptions import Subscription, SubscriptionState, Topic
from receiver.services.asking.asking import Page
from receiver.services.publishing.publishing import facts_of, rows_of_event
from receiver.store import deliveries, erasures, events, replays, subscriptions
from receiver.store.database import Row, Tx
from receiver.store.deliveries import DeadFilter
from receiver.store.store import Store

# Rows of one transaction: the intake writes between them.
AT_ONCE = 500
# Ids of events that are looked at in one step.
SPAN = 200

log = structlog.get_logger("forwarding")


class Repeating:
    """The use cases; what is long goes on in the worker, step by step."""

    def __init__(self, store: Store, ring: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._ring = ring

    def retry(self, wanted: DeadFilter) -> int:
        """Makes dead deliveries wait again, oldest first; how many."""
        number = 0
        while True:
            with self._store.write() as tx:
                again = deliveries.retry(tx, wanted, AT_ONCE)
            number += again
            if again < AT_ONCE:
                self._ring()
                return number

    def replay(self, subscription_id: int, wanted: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Begins to pass on once more what the subscription wants of past events, behind what waits already.

        Args:
            subscription_id: whose.
            wanted: ``since``, ``until`` (aware times of occurrence), ``device``, ``list``; or ``event``, one alone.
            by: who wants it.

        Raises:
            NotFound: ``no_such_subscription``, ``no_such_event``.
            Conflict: ``subscription_disabled``.
        """
        said = {name: _plain(value) for name, value in wanted.items() if value is not None}
        now = datetime.now(UTC)
        with self._store.write() as tx:
            found = _taking(tx, subscription_id)
            number = replays.add(tx, subscription_id, said, by, now)
            if "event" in said:
                added = _tell(tx, found, [_event(tx, said["event"])], now)
                replays.go_on(tx, number, said["event"], added, is_done=True)
        self._ring()
        return self._one(subscription_id, number)

    def page(self, subscription_id: int, before: int | None, limit: int) -> Page:
        """The replays of a subscription, newest first."""
        with self._store.read() as tx:
            rows = replays.listed(tx, subscription_id, before, limit + 1)
        following = str(rows[limit - 1].id) if len(rows) > limit else None
        return Page([_shown(row) for row in rows[:limit]], following)

    def work(self) -> int:
        """One step of each replay that is not done; how many deliveries it has written."""
        with self._store.read() as tx:
            waiting = replays.running(tx)
        return sum(self._step(number) for number in waiting)

    def _step(self, number: int) -> int:
        now = datetime.now(UTC)
        with self._store.write() as tx:
            row = replays.held(tx, number)
            if row is None:
                return 0
            kept = subscriptions.find(tx, row.subscription_id)
            if kept is None or not kept.subscription.takes_new:
                replays.go_on(tx, number, row.position, 0, is_done=True)
                return 0
            found, last = replays.events_between(tx, row.position, row.up_to, row.wanted, SPAN)
            added = _tell(tx, kept.subscription, found, now)
            replays.go_on(tx, number, last, added, is_done=last >= row.up_to)
        if last >= row.up_to:
            log.info("replayed", subscription=kept.subscription.name, deliveries=row.added + added)
        return added

    def _one(self, subscription_id: int, number: int) -> dict[str, Any]:
        with self._store.read() as tx:
            (row,) = replays.listed(tx, subscription_id, number + 1, 1)
        return _shown(row)


def _taking(tx: Tx, subscription_id: int) -> Subscription:
    kept = subscriptions.find(tx, subscription_id)
    if kept is None:
        raise NotFound("no_such_subscription", f"there is no subscription {subscription_id}")
    if kept.subscription.state is SubscriptionState.DISABLED:
        raise Conflict("subscription_disabled", "it is disabled: let it go on first, or pause it")
    return kept.subscription


def _event(tx: Tx, event_id: int) -> Row:
    row = events.find(tx, event_id)
    if row is None or row.unverified is not None or erasures.is_hidden(tx, event_id):
        raise NotFound("no_such_event", f"there is no event {event_id} of a trusted device")
    return row


def _tell(tx: Tx, subscription: Subscription, found: list[Row], now: datetime) -> int:
    """Writes deliveries of those that it wants."""
    if Topic.EVENT not in subscription.topics:
        return 0
    rows = [
        {**row, "is_replay": True}
        for each in found
        if subscription.filter.passes(facts_of(tx, each), Topic.EVENT)
        for row in rows_of_event(tx, each, [subscription], now)
    ]
    deliveries.add(tx, rows, now)
    return len(rows)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _shown(row: Row) -> dict[str, Any]:
    named = {name: value for name, value in row.wanted.items() if name not in {"since", "until"}}
    return {
        "id": row.id,
        "state": row.state,
        "deliveries": row.added,
        "since": row.wanted.get("since"),
        "until": row.wanted.get("until"),
        **{name: named.get(name) for name in ("device", "list", "event")},
        "created_at": row.created_at,
        "created_by": row.created_by,
    }
