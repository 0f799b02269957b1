"""Erasures: whom they are about, what is hidden until its turn has come, and what is left of it in the end."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from receiver.store import corrections
from receiver.store.database import Tx
from receiver.store.people import ANY_DEVICE
from receiver.store.tables import (
    device,
    device_identity,
    erasure,
    erasure_event,
    erasure_picture,
    event,
    event_picture,
    face,
    face_embedding,
    person,
    person_group,
    person_identity,
    task,
)

TOPIC = "erase"
RUNNING, DONE = "running", "done"
# Of the reasons why an event has no picture, no person, and nothing that a device said of anybody.
ERASED = "erased"

Identities = Sequence[tuple[str, int]]


def add(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new erasure; returns its id."""
    return int(tx.execute(insert(erasure).values(**values).returning(erasure.c.id)).scalar_one())


def change(tx: Tx, erasure_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of one erasure."""
    tx.execute(update(erasure).where(erasure.c.id == erasure_id).values(**values))


def find(tx: Tx, erasure_id: int) -> Row[Any] | None:
    """One erasure, or None."""
    return tx.execute(select(erasure).where(erasure.c.id == erasure_id)).one_or_none()


def held(tx: Tx, erasure_id: int) -> Row[Any] | None:
    """One erasure, that stays as it is until this write transaction has ended; None if there is none."""
    return tx.execute(select(erasure).where(erasure.c.id == erasure_id).with_for_update()).one_or_none()


def begun_with(tx: Tx, row: Row[Any]) -> list[int]:
    """The erasures of people who had been merged into the one of this erasure: begun in the same moment, before it."""
    same = [erasure.c[name] == row._mapping[name] for name in ("requested_at", "requested_by", "reason")]
    return list(tx.execute(select(erasure.c.id).where(erasure.c.id < row.id, *same).order_by(erasure.c.id)).scalars())


def listed(tx: Tx, before: int | None, limit: int) -> list[Row[Any]]:
    """Erasures, newest first."""
    statement = select(erasure).order_by(erasure.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(erasure.c.id < before)
    return list(tx.execute(statement))


def keys(tx: Tx) -> set[str]:
    """The keys of all erasures that this database knows of."""
    return set(tx.execute(select(erasure.c.key)).scalars())


def waiting(tx: Tx, erasure_id: int) -> int:
    """How many events still wait for their turn."""
    statement = select(func.count()).select_from(erasure_event).where(erasure_event.c.erasure_id == erasure_id)
    return int(tx.execute(statement).scalar_one())


def identities_of(tx: Tx, person_id: int) -> Identities:
    """The ids that devices know the person by, each with the device that uses it, or ANY_DEVICE.

    An id of a group of devices is given once for each of them: other groups may know somebody else by it.
    """
    own, group = person_identity.c.person_id == person_id, person_identity.c.device_group
    alone = select(person_identity.c.external_id, person_identity.c.device_id).where(own, group == "")
    grouped = (
        select(person_identity.c.external_id, device.c.id)
        .join(device, device.c.device_group == group)
        .where(own, group != "")
    )
    return [(external_id, device_id) for external_id, device_id in tx.execute(alone.union_all(grouped))]


def says(person_id: int, identity: tuple[str, int], external_id: Any, device_id: Any) -> ColumnElement[bool]:
    """As a condition on the columns of an id and of the device that used it: the person was meant, and nobody else.

    An id of one device goes before the same one of a group, and that before one of any device (``person_with_identity``):
    where somebody else has it more narrowly it is that one's.

    Args:
        person_id: who carries the id, or carried it.
        identity: see ``identities_of``.
        external_id: the column of the id that a device used.
        device_id: the column of that device.
    """
    named, scope = identity
    others = (person_identity.c.external_id == named, person_identity.c.person_id != person_id)
    alone = select(person_identity.c.device_id).where(*others, person_identity.c.device_id != ANY_DEVICE)
    if scope != ANY_DEVICE:
        return and_(external_id == named, device_id == scope, device_id.not_in(alone))
    grouped = (
        select(device.c.id)
        .join(person_identity, person_identity.c.device_group == device.c.device_group)
        .where(*others, person_identity.c.device_group != "")
    )
    return and_(external_id == named, device_id.not_in(alone), device_id.not_in(grouped))


def hide_events(tx: Tx, erasure_id: int, person_id: int, identities: Identities, after: int = 0) -> int:
    """Hides the person's events, and those with an id above ``after`` in which a device says the name; how many.

    Own are those in which we know the person, and those in which only a device does. Where a device gave the id to a
    face that we know as somebody else's the event stays that one's, and loses what the device said.
    """
    number = _hide(tx, erasure_id, select(event.c.id).where(event.c.person_id == person_id), is_own=True)
    for identity in identities:
        said = (says(person_id, identity, event.c.identity_id, event.c.device_id), event.c.id > after)
        nobody = event.c.person_id.is_(None)
        number += _hide(tx, erasure_id, select(event.c.id).where(*said, nobody), is_own=True)
        number += _hide(tx, erasure_id, select(event.c.id).where(*said, event.c.person_id != person_id), is_own=False)
    return number


def hide_some(tx: Tx, erasure_id: int, event_ids: Sequence[int]) -> int:
    """Hides those events as the person's own; how many that were not hidden before."""
    return _hide(tx, erasure_id, select(event.c.id).where(event.c.id.in_(list(event_ids))), is_own=True)


def _hide(tx: Tx, erasure_id: int, found: Select[Any], *, is_own: bool) -> int:
    (event_id,) = found.selected_columns
    fresh = found.where(~exists().where(erasure_event.c.event_id == event_id)).add_columns(
        literal(erasure_id), literal(is_own)
    )
    return tx.execute(insert(erasure_event).from_select(["event_id", "erasure_id", "is_own"], fresh)).rowcount


def drop_tasks(tx: Tx, erasure_id: int, topics: Collection[str]) -> int:
    """Takes away the tasks of those topics that are about hidden events; how many."""
    hidden = select(erasure_event.c.event_id).where(erasure_event.c.erasure_id == erasure_id, erasure_event.c.is_own)
    return tx.execute(delete(task).where(task.c.topic.in_(topics), task.c.subject.in_(hidden))).rowcount


def take_person(tx: Tx, person_id: int) -> dict[str, int]:
    """Deletes the person with faces, embeddings and ids; how many of each. The events are left for later."""
    faces = select(face.c.id).where(face.c.person_id == person_id)
    return {
        "embeddings": tx.execute(delete(face_embedding).where(face_embedding.c.face_id.in_(faces))).rowcount,
        "faces": tx.execute(delete(face).where(face.c.person_id == person_id)).rowcount,
        "identities": tx.execute(delete(person_identity).where(person_identity.c.person_id == person_id)).rowcount,
        "corrections": corrections.forget(tx, [person_id]),
        "groups": tx.execute(delete(person_group).where(person_group.c.person_id == person_id)).rowcount,
        "people": tx.execute(delete(person).where(person.c.id == person_id)).rowcount,
    }


def device_identities(tx: Tx, person_id: int, identities: Identities) -> list[Row[Any]]:
    """What is kept of devices that know the person: under those ids, or under one that was the person's."""
    return list(tx.execute(select(device_identity).where(_is_one_of(person_id, identities))))


def drop_device_identities(tx: Tx, person_id: int, identities: Identities) -> int:
    """Deletes what is kept of devices that know the person; how many."""
    return tx.execute(delete(device_identity).where(_is_one_of(person_id, identities))).rowcount


def _is_one_of(person_id: int, identities: Identities) -> ColumnElement[bool]:
    columns = device_identity.c
    named = (says(person_id, each, columns.external_id, columns.device_id) for each in identities)
    return or_(columns.person_id == person_id, *named)


def next_events(tx: Tx, erasure_id: int, limit: int) -> list[Row[Any]]:
    """(event_id, is_own) of the next hidden events."""
    statement = (
        select(erasure_event.c.event_id, erasure_event.c.is_own)
        .where(erasure_event.c.erasure_id == erasure_id)
        .order_by(erasure_event.c.event_id)
        .limit(limit)
    )
    return list(tx.execute(statement))


def show_events(tx: Tx, event_ids: Sequence[int]) -> None:
    """What had to go is gone: the events are shown again."""
    tx.execute(delete(erasure_event).where(erasure_event.c.event_id.in_(list(event_ids))))


def is_visible(event_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """As a condition: the event is not being erased just now."""
    return ~exists().where(erasure_event.c.event_id == event_id)


# Asked for each delivery, see events.message_with_slots.
_HIDDEN = select(erasure_event.c.event_id).where(erasure_event.c.event_id == bindparam("wanted"))


def is_hidden(tx: Tx, event_id: int) -> bool:
    """Whether the event is being erased just now."""
    return tx.execute(_HIDDEN, {"wanted": event_id}).first() is not None


def hidden_pictures(tx: Tx, digest: bytes) -> bool:
    """Whether the picture belongs to somebody who is being erased just now."""
    queued = select(erasure_picture.c.digest).where(erasure_picture.c.digest == digest)
    if tx.execute(queued).first() is not None:
        return True
    if tx.execute(select(erasure_event.c.event_id).limit(1)).first() is None:
        return False
    statement = (
        select(event_picture.c.event_id)
        .join(erasure_event, and_(erasure_event.c.event_id == event_picture.c.event_id, erasure_event.c.is_own))
        .where(event_picture.c.digest == digest)
        .limit(1)
    )
    return tx.execute(statement).first() is not None


def count(tx: Tx, row: Row[Any], counts: Mapping[str, int], **values: Any) -> None:
    """Adds to what is counted of an erasure that is held, and sets columns."""
    total = dict(row.counts)
    for kind, number in counts.items():
        total[kind] = total.get(kind, 0) + number
    change(tx, row.id, {"counts": total, **values})


def lease(tx: Tx, erasure_id: int, due_at: datetime) -> None:
    """Whoever works on it goes on until ``due_at``; what is done makes earlier claims good."""
    where = (task.c.topic == TOPIC, task.c.subject == erasure_id)
    tx.execute(update(task).where(*where).values(due_at=due_at, attempts=1))


def drop_task(tx: Tx, erasure_id: int) -> None:
    """Nothing is to be done any more."""
    tx.execute(delete(task).where(task.c.topic == TOPIC, task.c.subject == erasure_id))


def ended(tx: Tx) -> list[Row[Any]]:
    """(id, remains) of the erasures that are done."""
    return list(tx.execute(select(erasure.c.id, erasure.c.remains).where(erasure.c.state == DONE)))
