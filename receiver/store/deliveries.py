"""Subscriptions, their lanes and deliveries: what is still to be passed on, in order per device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.store.batches import insert_rows
from receiver.store.database import Tx
from receiver.store.tables import delivery, lane, subscription

WAITING, BURIED = "waiting", "buried"
ACTIVE, REMOVED = "active", "removed"


@dataclass(frozen=True, slots=True)
class Lane:
    """One claimed line: ``attempts`` counts the tries since the last success, this one included."""

    subscription_id: int
    device_id: int
    url: str
    attempts: int


def settle_subscriptions(tx: Tx, urls: Sequence[str], now: datetime) -> dict[int, str]:
    """Makes the upstream subscriptions those of the settings; returns the active ones, id -> address.

    An address that is no longer set keeps its backlog but gets nothing new, and is active again when it comes back.
    """
    known = {row.url: row for row in tx.execute(select(subscription))}
    for url, row in known.items():
        state = ACTIVE if url in urls else REMOVED
        if row.state != state:
            tx.execute(update(subscription).where(subscription.c.id == row.id).values(state=state))
    make = sqlite.insert(subscription) if tx.dialect.name == "sqlite" else postgresql.insert(subscription)
    for url in dict.fromkeys(urls):
        if url not in known:
            # Web and worker processes start at the same moment.
            values = {"channel": "http", "url": url, "state": ACTIVE, "created_at": now}
            tx.execute(make.values(**values).on_conflict_do_nothing())
    return active(tx)


def active(tx: Tx) -> dict[int, str]:
    """The active subscriptions, id -> address."""
    rows = tx.execute(
        select(subscription.c.id, subscription.c.url).where(subscription.c.state == ACTIVE).order_by(subscription.c.id)
    )
    return {row.id: row.url for row in rows}


def ensure_lanes(tx: Tx, pairs: Sequence[tuple[int, int]], now: datetime) -> None:
    """Makes the lanes (subscription id, device id) that are not there yet."""
    if not pairs:
        return
    rows = [
        {"subscription_id": subscription_id, "device_id": device_id, "due_at": now}
        for subscription_id, device_id in pairs
    ]
    make = sqlite.insert(lane) if tx.dialect.name == "sqlite" else postgresql.insert(lane)
    tx.execute(make.on_conflict_do_nothing(), rows)


def add(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes deliveries."""
    insert_rows(tx, delivery, rows)


def newest(tx: Tx) -> int:
    """The newest delivery's id, 0 if there is none: a tick sends what was there when it began."""
    return int(tx.execute(select(func.max(delivery.c.id))).scalar() or 0)


def claim_lane(tx: Tx, now: datetime, lease: timedelta, *, up_to: int, only_failing: bool) -> Lane | None:
    """Takes the lane that has been due the longest and has a delivery up to that number; None if there is none."""
    waiting = exists().where(
        delivery.c.subscription_id == lane.c.subscription_id,
        delivery.c.device_id == lane.c.device_id,
        delivery.c.state == WAITING,
        delivery.c.id <= up_to,
    )
    statement = (
        select(lane.c.subscription_id, lane.c.device_id, subscription.c.url, lane.c.attempts)
        .join(subscription, subscription.c.id == lane.c.subscription_id)
        .where(lane.c.due_at <= now, subscription.c.state == ACTIVE, waiting)
        .order_by(lane.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=lane)
    )
    if only_failing:
        statement = statement.where(lane.c.attempts > 0)
    found = tx.execute(statement).one_or_none()
    if found is None:
        return None
    _set_lane(tx, found.subscription_id, found.device_id, {"due_at": now + lease, "attempts": found.attempts + 1})
    return Lane(found.subscription_id, found.device_id, found.url, found.attempts + 1)


def waiting_in(tx: Tx, claimed: Lane, up_to: int, limit: int) -> list[Row[Any]]:
    """The lane's next deliveries in order, none newer than ``up_to``."""
    statement = (
        select(delivery)
        .where(
            delivery.c.subscription_id == claimed.subscription_id,
            delivery.c.device_id == claimed.device_id,
            delivery.c.state == WAITING,
            delivery.c.id <= up_to,
        )
        .order_by(delivery.c.id)
        .limit(limit)
    )
    return list(tx.execute(statement))


def delivered(tx: Tx, claimed: Lane, delivery_id: int, now: datetime, lease: timedelta) -> None:
    """One delivery was taken by the other side; the claim on its lane is prolonged."""
    tx.execute(delete(delivery).where(delivery.c.id == delivery_id))
    _set_lane(
        tx, claimed.subscription_id, claimed.device_id, {"due_at": now + lease, "last_success": now, "last_error": None}
    )


def refused(tx: Tx, delivery_id: int, error: str, *, is_buried: bool) -> None:
    """The other side will not take this one delivery; it counts, and is buried at the end."""
    values = {"refusals": delivery.c.refusals + 1, "last_error": error, "state": BURIED if is_buried else WAITING}
    tx.execute(update(delivery).where(delivery.c.id == delivery_id).values(**values))


def release(tx: Tx, claimed: Lane, due_at: datetime, error: str | None) -> None:
    """Ends the claim: with an error its tries go on counting, without one they start anew."""
    _set_lane(
        tx,
        claimed.subscription_id,
        claimed.device_id,
        {"due_at": due_at, "last_error": error, "attempts": claimed.attempts if error else 0},
    )


def _set_lane(tx: Tx, subscription_id: int, device_id: int, values: Mapping[str, Any]) -> None:
    where = (lane.c.subscription_id == subscription_id, lane.c.device_id == device_id)
    tx.execute(update(lane).where(*where).values(**values))


def counts(tx: Tx) -> dict[tuple[str, str], int]:
    """(address, state) -> number of deliveries."""
    statement = (
        select(subscription.c.url, delivery.c.state, func.count())
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .group_by(subscription.c.url, delivery.c.state)
    )
    return {(url, state): number for url, state, number in tx.execute(statement)}


def retry(tx: Tx) -> int:
    """Makes buried deliveries due again; returns how many."""
    statement = update(delivery).where(delivery.c.state == BURIED).values(state=WAITING, refusals=0)
    return tx.execute(statement).rowcount
