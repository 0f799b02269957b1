"""What retention looks at and takes away, a few rows at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update

from receiver.domain.events import ListName
from receiver.domain.people import PersonState
from receiver.domain.reviews import ReviewKind
from receiver.store import alert_upkeep, review_upkeep
from receiver.store.database import Tx
from receiver.store.outbox import OF_EVENTS
from receiver.store.tables import (
    event,
    event_picture,
    message,
    person,
    quarantine,
    retention_state,
    sighting,
    stranger_candidate,
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
    tx.execute(delete(task).where(task.c.topic.in_(OF_EVENTS), task.c.subject.in_(some)))
    for table in (sighting, stranger_candidate, event_picture, message):
        tx.execute(delete(table).where(table.c.event_id.in_(some)))
    alert_upkeep.unlink_events(tx, some)
    return tx.execute(delete(event).where(event.c.id.in_(some))).rowcount


def drop_pictures(tx: Tx, ids: Sequence[int], kinds: Sequence[str]) -> int:
    """Takes pictures of the kinds off events; the bytes follow with the sweep of orphans. How many."""
    where = (
        event_picture.c.event_id.in_(list(ids)),
        event_picture.c.kind.in_(kinds),
        event_picture.c.digest.is_not(None),
    )
    gone = {"digest": None, "slot": None, "media_type": "", "width": 0, "height": 0, "refused": EXPIRED}
    if "face" in kinds:
        _drop_candidates(tx, ids)
    return tx.execute(update(event_picture).where(*where).values(**gone)).rowcount


def drop_sightings(tx: Tx, ids: Sequence[int]) -> int:
    """Deletes what the engine saw on events' pictures, embeddings included; how many."""
    _drop_candidates(tx, ids)
    return tx.execute(delete(sighting).where(sighting.c.event_id.in_(list(ids)))).rowcount


def _drop_candidates(tx: Tx, ids: Sequence[int]) -> None:
    """A face whose picture or embedding is not to be kept does not wait to be seen again either."""
    tx.execute(delete(stranger_candidate).where(stranger_candidate.c.event_id.in_(list(ids))))


def unseen_strangers(tx: Tx, after: int, before: datetime, limit: int) -> list[int]:
    """Strangers with an id above ``after`` who were neither changed nor seen since a time, in their order."""
    statement = select(person.c.id).where(person.c.id > after, *_are_unseen(before)).order_by(person.c.id).limit(limit)
    return list(tx.execute(statement).scalars())


def is_unseen(tx: Tx, person_id: int, before: datetime) -> bool:
    """Whether somebody still is one of them."""
    statement = select(person.c.id).where(person.c.id == person_id, *_are_unseen(before))
    return tx.execute(statement).first() is not None


def _are_unseen(before: datetime) -> list[ColumnElement[bool]]:
    # Events are numbered in the order of receipt.
    newest = select(event.c.received_at).where(event.c.person_id == person.c.id).order_by(event.c.id.desc()).limit(1)
    seen = newest.correlate(person).scalar_subquery()
    return [
        person.c.list == ListName.STRANGER,
        person.c.updated_at < before,
        # Whoever turned out to be somebody goes with that one; a poster that went would be a new stranger when it comes back.
        person.c.state.not_in((PersonState.MERGED, PersonState.IGNORED)),
        func.coalesce(seen, person.c.updated_at) < before,
    ]


def count_quarantined(tx: Tx, before: datetime) -> int:
    """How many messages that could not be read were first received before a time, whatever became of them."""
    statement = select(func.count()).select_from(quarantine).where(quarantine.c.received_at < before)
    return int(tx.execute(statement).scalar_one())


def drop_quarantined(tx: Tx, before: datetime, limit: int) -> int:
    """Deletes some of those, and what was asked about them; how many."""
    statement = select(quarantine.c.id).where(quarantine.c.received_at < before).order_by(quarantine.c.id).limit(limit)
    some = list(tx.execute(statement).scalars())
    review_upkeep.drop_of_subjects(tx, ReviewKind.QUARANTINED, some)
    return tx.execute(delete(quarantine).where(quarantine.c.id.in_(some))).rowcount


def unlink_events(tx: Tx, person_id: int, limit: int) -> int:
    """Takes a person's name off some of the events; how many had it."""
    some = select(event.c.id).where(event.c.person_id == person_id).order_by(event.c.id).limit(limit)
    return tx.execute(update(event).where(event.c.id.in_(some)).values(person_id=None)).rowcount
