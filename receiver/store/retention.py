"""What retention looks at and takes away, a few rows at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from receiver.store.database import Tx
from receiver.store.tables import (
    delivery,
    event,
    event_picture,
    message,
    person,
    retention_state,
    sighting,
    task,
)

EXPIRED = "expired"


def state(tx: Tx, name: str) -> Row[Any] | None:
    """How far a kind has come; None before the first time."""
    return tx.execute(select(retention_state).where(retention_state.c.name == name)).one_or_none()


def save(tx: Tx, name: str, now: datetime, **values: Any) -> None:
    """Sets columns of a kind's state."""
    values |= {"looked_at": now}
    if tx.execute(update(retention_state).where(retention_state.c.name == name).values(**values)).rowcount == 0:
        tx.execute(insert(retention_state), {"steady_since": now} | values | {"name": name})


def events_after(tx: Tx, after: int, before: datetime, limit: int) -> list[Row[Any]]:
    """(id, list, channel, received_at) of the next events received before a time, in the order of receipt."""
    statement = (
        select(event.c.id, event.c.list, event.c.channel, event.c.received_at)
        .where(event.c.id > after)
        .order_by(event.c.id)
        .limit(limit)
    )
    found: list[Any] = list(tx.execute(statement))
    return [row for row in found if row.received_at < before]


def still_waiting(tx: Tx, before: datetime) -> set[int]:
    """Events received before a time that have not been passed on yet: they are kept until they are."""
    statement = select(delivery.c.event_id).where(delivery.c.created_at < before)
    return set(tx.execute(statement).scalars())


def with_pictures(tx: Tx, ids: Sequence[int], kinds: Sequence[str]) -> list[int]:
    """Those of the events that have pictures of the kinds."""
    where = (
        event_picture.c.event_id.in_(list(ids)),
        event_picture.c.kind.in_(kinds),
        event_picture.c.digest.is_not(None),
    )
    return sorted(tx.execute(select(event_picture.c.event_id).where(*where).distinct()).scalars())


def with_sightings(tx: Tx, ids: Sequence[int]) -> list[int]:
    """Those of the events that have embeddings."""
    return sorted(
        tx.execute(select(sighting.c.event_id).where(sighting.c.event_id.in_(list(ids))).distinct()).scalars()
    )


def drop_events(tx: Tx, ids: Sequence[int]) -> int:
    """Deletes events with everything of theirs but their keys; how many."""
    some = list(ids)
    tx.execute(delete(task).where(task.c.topic == "recognise", task.c.subject.in_(some)))
    for table in (sighting, event_picture, message):
        tx.execute(delete(table).where(table.c.event_id.in_(some)))
    return tx.execute(delete(event).where(event.c.id.in_(some))).rowcount


def drop_pictures(tx: Tx, ids: Sequence[int], kinds: Sequence[str]) -> int:
    """Takes pictures of the kinds off events; the bytes follow with the sweep of orphans. How many."""
    where = (
        event_picture.c.event_id.in_(list(ids)),
        event_picture.c.kind.in_(kinds),
        event_picture.c.digest.is_not(None),
    )
    gone = {"digest": None, "slot": None, "media_type": "", "width": 0, "height": 0, "refused": EXPIRED}
    return tx.execute(update(event_picture).where(*where).values(**gone)).rowcount


def drop_sightings(tx: Tx, ids: Sequence[int]) -> int:
    """Deletes what the engine saw on events' pictures, embeddings included; how many."""
    return tx.execute(delete(sighting).where(sighting.c.event_id.in_(list(ids)))).rowcount


def unseen_strangers(tx: Tx, after: int, before: datetime, limit: int) -> list[int]:
    """Strangers with an id above ``after`` who were neither changed nor seen since a time, in their order."""
    seen = (
        select(func.max(event.c.received_at))
        .where(event.c.person_id == person.c.id)
        .correlate(person)
        .scalar_subquery()
    )
    statement = (
        select(person.c.id)
        .where(person.c.id > after, person.c.list == "stranger", person.c.updated_at < before)
        .where(func.coalesce(seen, person.c.updated_at) < before)
        .order_by(person.c.id)
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())
