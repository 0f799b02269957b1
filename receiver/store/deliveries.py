"""Deliveries: one message for one subscription each; written with their cause, settled by the forwarder, kept for a while."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, func, select, update

from receiver.store import attempts, lanes
from receiver.store.batches import insert_rows
from receiver.store.database import Tx
from receiver.store.lanes import DEAD, DELIVERED, DROPPED, RESTING, UNSETTLED, WAITING, Lane, Settled
from receiver.store.tables import delivery, subscription

# What has come to an end and is kept only to be shown.
OVER = (DELIVERED, DROPPED)


def add(tx: Tx, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Writes deliveries, see ``row_of_event`` and ``row_of_occurrence``, and counts them in their lanes."""
    if rows:
        lanes.record(tx, rows, now)
        insert_rows(tx, delivery, rows)


def row_of_event(subscription_id: int, event: tuple[int, int, int], size: int, now: datetime) -> dict[str, Any]:
    """A delivery of an event, to be written.

    Args:
        subscription_id: for whom.
        event: device, event and message.
        size: bytes of the message with its pictures.
        now: when it was received.
    """
    device_id, event_id, message_id = event
    return {
        "subscription_id": subscription_id,
        "device_id": device_id,
        "topic": "event",
        "event_id": event_id,
        "message_id": message_id,
        "state": WAITING,
        "size": size,
        "created_at": now,
    }


def row_of_occurrence(
    subscription_id: int, device_id: int, about: tuple[str, int], content: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """A delivery of something else, to be written; ``about``: its topic and the id within."""
    return {
        "subscription_id": subscription_id,
        "device_id": device_id,
        "topic": about[0],
        "subject": about[1],
        "content": dict(content),
        "state": WAITING,
        "size": 0,
        "created_at": now,
    }


def newest(tx: Tx) -> int:
    """The newest delivery's id, 0 if there is none: a run sends what was there when it began."""
    return int(tx.execute(select(func.max(delivery.c.id))).scalar() or 0)


def next_in(tx: Tx, lane: Lane, run_up_to: int | None, limit: int) -> list[Row[Any]]:
    """The lane's next deliveries in order."""
    where = [*_in_lane(lane), delivery.c.state == WAITING]
    if run_up_to is not None:
        where.append(delivery.c.id <= run_up_to)
    return list(tx.execute(select(delivery).where(*where).order_by(delivery.c.id).limit(limit)))


def wake(tx: Tx, lane: Lane, now: datetime) -> datetime | None:
    """Those of the lane that have rested wait again; when the next of the others has (None: none rests)."""
    resting = (*_in_lane(lane), delivery.c.state == RESTING)
    tx.execute(update(delivery).where(*resting, delivery.c.due_at <= now).values(state=WAITING, due_at=None))
    found: datetime | None = tx.execute(select(func.min(delivery.c.due_at)).where(*resting)).scalar()
    return found


def _in_lane(lane: Lane) -> tuple[Any, Any]:
    return delivery.c.subscription_id == lane.subscription_id, delivery.c.device_id == lane.device_id


def end(tx: Tx, ids: Sequence[int], state: str, now: datetime, error: str | None = None) -> Settled:
    """Deliveries of one lane come to their end as delivered, dead or dropped; what that is in its books.

    One that has come to its end meanwhile, since its event was erased, is left as it is.
    """
    if not ids:
        return Settled()
    values: dict[str, Any] = {"state": state, "settled_at": now, "due_at": None}
    if error is not None:
        values["last_error"] = error
    if state != DROPPED:
        values["attempts"] = delivery.c.attempts + 1
    where = (delivery.c.id.in_(list(ids)), delivery.c.state.in_(UNSETTLED))
    sizes = tx.execute(update(delivery).where(*where).values(**values).returning(delivery.c.size)).scalars().all()
    return Settled(**{state: len(sizes)}, size=sum(sizes))


def failed(tx: Tx, ids: Sequence[int], error: str) -> None:
    """A try came to nothing that was not these deliveries' fault: it is told, and uses up nothing."""
    values = {"attempts": delivery.c.attempts + 1, "last_error": error}
    tx.execute(update(delivery).where(delivery.c.id.in_(list(ids))).values(**values))


def refused(tx: Tx, delivery_id: int, error: str, rests_until: datetime | None) -> None:
    """The other side will not take this one; it counts. ``rests_until``: the others of its lane go on meanwhile."""
    values = {"attempts": delivery.c.attempts + 1, "refusals": delivery.c.refusals + 1, "last_error": error}
    if rests_until is not None:
        values |= {"state": RESTING, "due_at": rests_until}
    tx.execute(update(delivery).where(delivery.c.id == delivery_id).values(**values))


def counts(tx: Tx) -> dict[tuple[str, str], int]:
    """(name of the subscription, waiting or dead) -> number of deliveries, where there are any."""
    names = {row.id: row.name for row in tx.execute(select(subscription.c.id, subscription.c.name))}
    found = {}
    for number, books in sorted(lanes.books(tx).items()):
        for state, count in ((WAITING, books.waiting), (DEAD, books.dead)):
            if count:
                found[names[number], state] = count
    return found


def oldest_waiting(tx: Tx, subscription_id: int) -> datetime | None:
    """When the oldest one that still waits was written."""
    first = [
        tx.execute(
            select(func.min(delivery.c.id)).where(
                delivery.c.subscription_id == subscription_id,
                delivery.c.device_id == row.device_id,
                delivery.c.state == WAITING,
            )
        ).scalar()
        for row in lanes.of_subscription(tx, subscription_id)
        if row.waiting
    ]
    ids = [each for each in first if each is not None]
    if not ids:
        return None
    found: datetime | None = tx.execute(select(delivery.c.created_at).where(delivery.c.id == min(ids))).scalar()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """What deliveries to list, newest first; None means any. ``before`` is the cursor: only those with a smaller id."""

    subscription_id: int | None = None
    device_id: int | None = None
    event_id: int | None = None
    topic: str | None = None
    state: str | None = None
    before: int | None = None
    limit: int = 50


def listed(tx: Tx, wanted: DeliveryFilter) -> list[Row[Any]]:
    """Deliveries, newest first."""
    equal = {
        delivery.c.subscription_id: wanted.subscription_id,
        delivery.c.device_id: wanted.device_id,
        delivery.c.event_id: wanted.event_id,
        delivery.c.topic: wanted.topic,
    }
    where = [column == value for column, value in equal.items() if value is not None]
    if wanted.state is not None:
        where.append(delivery.c.state.in_(UNSETTLED) if wanted.state == WAITING else delivery.c.state == wanted.state)
    if wanted.state in {DEAD, *OVER}:
        where.append(delivery.c.settled_at.is_not(None))
    if wanted.before is not None:
        where.append(delivery.c.id < wanted.before)
    return list(tx.execute(select(delivery).where(*where).order_by(delivery.c.id.desc()).limit(wanted.limit)))


def find(tx: Tx, delivery_id: int) -> Row[Any] | None:
    """One delivery."""
    return tx.execute(select(delivery).where(delivery.c.id == delivery_id)).one_or_none()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadFilter:
    """Which dead deliveries to try again; None means any."""

    ids: Sequence[int] | None = None
    subscription_id: int | None = None
    device_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def retry(tx: Tx, wanted: DeadFilter, limit: int) -> int:
    """Makes dead deliveries wait again, oldest first and at most ``limit``; how many. Their refusals begin anew."""
    where: list[Any] = [delivery.c.state == DEAD, delivery.c.settled_at.is_not(None)]
    if wanted.ids is not None:
        where.append(delivery.c.id.in_(list(wanted.ids)))
    if wanted.subscription_id is not None:
        where.append(delivery.c.subscription_id == wanted.subscription_id)
    if wanted.device_id is not None:
        where.append(delivery.c.device_id == wanted.device_id)
    if wanted.since is not None:
        where.append(delivery.c.created_at >= wanted.since)
    if wanted.until is not None:
        where.append(delivery.c.created_at < wanted.until)
    some = select(delivery.c.id).where(*where).order_by(delivery.c.id).limit(limit)
    values = {"state": WAITING, "refusals": 0, "settled_at": None}
    changed = (delivery.c.subscription_id, delivery.c.device_id, delivery.c.size)
    rows = tx.execute(
        update(delivery)
        .where(delivery.c.id.in_(list(tx.execute(some).scalars())), delivery.c.state == DEAD)
        .values(**values)
        .returning(*changed)
    ).all()
    for key, (number, size) in _by_lane(rows).items():
        # The other way round: from the dead back to those that wait.
        lanes.move(tx, key, Settled(dead=-number, size=-size))
    return len(rows)


def _by_lane(rows: Sequence[Any]) -> dict[tuple[int, int], tuple[int, int]]:
    """(subscription, device) -> how many rows, and their bytes; in the order in which lanes are always held."""
    number: Counter[tuple[int, int]] = Counter()
    size: Counter[tuple[int, int]] = Counter()
    for row in rows:
        number[row.subscription_id, row.device_id] += 1
        size[row.subscription_id, row.device_id] += row.size
    return {key: (number[key], size[key]) for key in sorted(number)}


def drop_waiting(tx: Tx, ids: Sequence[int], now: datetime, why: str) -> int:
    """Those of the deliveries that still wait will not be sent; how many. It is counted, and shown for a while."""
    rows = tx.execute(
        update(delivery)
        .where(delivery.c.id.in_(list(ids)), delivery.c.state.in_(UNSETTLED))
        .values(state=DROPPED, settled_at=now, last_error=why)
        .returning(delivery.c.subscription_id, delivery.c.device_id, delivery.c.size)
    ).all()
    for key, (number, size) in _by_lane(rows).items():
        lanes.move(tx, key, Settled(dropped=number, size=size))
    return len(rows)


def erase(tx: Tx, ids: Sequence[int], now: datetime) -> int:
    """Takes deliveries away for good, with their tries; those that waited or were dead count as dropped. How many."""
    drop_waiting(tx, ids, now, "erased")
    dead = tx.execute(
        select(delivery.c.subscription_id, delivery.c.device_id, delivery.c.size).where(
            delivery.c.id.in_(list(ids)), delivery.c.state == DEAD
        )
    ).all()
    for key, (number, _) in _by_lane(dead).items():
        lanes.move(tx, key, Settled(dead=-number, dropped=number))
    attempts.drop(tx, ids)
    return tx.execute(delete(delivery).where(delivery.c.id.in_(list(ids)))).rowcount


def drop_of_removed(tx: Tx, subscription_id: int, limit: int) -> int:
    """Deletes some deliveries of a subscription that has been removed, whose books go with it; how many."""
    where = delivery.c.subscription_id == subscription_id
    ids = list(tx.execute(select(delivery.c.id).where(where).limit(limit)).scalars())
    attempts.drop(tx, ids)
    return tx.execute(delete(delivery).where(delivery.c.id.in_(ids))).rowcount


def drop_over(tx: Tx, before: datetime, keep: int, limit: int) -> int:
    """Deletes some of what has come to its end before a time, or is more than is kept; how many."""
    over = (delivery.c.state.in_(OVER), delivery.c.settled_at.is_not(None))
    number = int(tx.execute(select(func.count()).where(*over)).scalar_one())
    statement = select(delivery.c.id).where(*over).order_by(delivery.c.settled_at)
    if number > keep:
        statement = statement.limit(min(limit, number - keep))
    else:
        statement = statement.where(delivery.c.settled_at < before).limit(limit)
    ids = list(tx.execute(statement).scalars())
    attempts.drop(tx, ids)
    return tx.execute(delete(delivery).where(delivery.c.id.in_(ids))).rowcount


def told(tx: Tx, event_ids: Sequence[int]) -> set[tuple[int, int]]:
    """(event, subscription) of the events' deliveries that are no replays."""
    where = (delivery.c.event_id.in_(list(event_ids)), delivery.c.is_replay.is_(False))
    return {
        (row.event_id, row.subscription_id)
        for row in tx.execute(select(delivery.c.event_id, delivery.c.subscription_id).where(*where))
    }


def holding(tx: Tx, event_ids: Sequence[int], *, for_pictures: bool = False) -> set[int]:
    """Those of the events that are still to be passed on, or that somebody may want to try again: they are kept until then.

    Args:
        tx: a transaction.
        event_ids: among which.
        for_pictures: leave out those that go without their pictures.
    """
    where = and_(delivery.c.event_id.in_(list(event_ids)), delivery.c.state.in_((*UNSETTLED, DEAD)))
    if for_pictures:
        where = and_(where, delivery.c.is_bare.is_(False))
    return set(tx.execute(select(delivery.c.event_id).where(where)).scalars())
