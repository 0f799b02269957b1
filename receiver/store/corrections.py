"""Corrections of the library: what was moved from whom to whom, and whether it has all arrived."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, func, insert, or_, select, update

from receiver.store.batches import insert_rows
from receiver.store.database import Tx
from receiver.store.tables import correction, correction_item, person, task

# Its task moves the events that were too many for one transaction.
TOPIC = "correct"
FACE, EVENT, REVIEW, REVIEW_OTHER = "face", "event", "review", "review_other"
# A face whose place was taken since, by one that an undo parts from it.
RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class CorrectionFilter:
    """Which corrections to list, newest first.

    Attributes:
        person_id: in which that one takes part, or None.
        before: with a lower id.
        limit: at most so many.
    """

    person_id: int | None = None
    before: int | None = None
    limit: int = 50


def add(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new correction; returns its id."""
    return int(tx.execute(insert(correction).values(**values).returning(correction.c.id)).scalar_one())


def change(tx: Tx, correction_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of one correction."""
    tx.execute(update(correction).where(correction.c.id == correction_id).values(**values))


def find(tx: Tx, correction_id: int) -> Row[Any] | None:
    """One correction, or None."""
    return tx.execute(select(correction).where(correction.c.id == correction_id)).one_or_none()


def listed(tx: Tx, wanted: CorrectionFilter) -> list[Row[Any]]:
    """The corrections of a filter, newest first."""
    statement = select(correction).order_by(correction.c.id.desc()).limit(wanted.limit)
    if wanted.before is not None:
        statement = statement.where(correction.c.id < wanted.before)
    if wanted.person_id is not None:
        statement = statement.where(_is_about([wanted.person_id]))
    return list(tx.execute(statement))


def newest_of(tx: Tx, person_id: int) -> int | None:
    """The last correction in which somebody takes part that has not been undone, and can be."""
    where = (_is_about([person_id]), *_in_force())
    return tx.execute(select(func.max(correction.c.id)).where(*where)).scalar()


def later_than(tx: Tx, row: Row[Any]) -> int | None:
    """The last of the later corrections of the same people that has not been undone, and can be; None if there is none."""
    same = _is_about([each for each in (row.person_id, row.other_id) if each is not None])
    where = (correction.c.id > row.id, same, *_in_force())
    return tx.execute(select(func.max(correction.c.id)).where(*where)).scalar()


def moving_about(tx: Tx, people: Collection[int], but: int = 0) -> int | None:
    """A correction of one of those people, other than ``but``, whose events have not all been moved yet."""
    statement = select(correction.c.id).where(_is_about(people), correction.c.id != but, _is_moving())
    return tx.execute(statement.limit(1)).scalar()


def moving(tx: Tx, ids: Collection[int]) -> set[int]:
    """Those of the corrections whose events have not all been moved yet."""
    return set(tx.execute(select(correction.c.id).where(correction.c.id.in_(list(ids)), _is_moving())).scalars())


def settle_task(tx: Tx, correction_id: int) -> None:
    """All has been moved."""
    tx.execute(delete(task).where(task.c.topic == TOPIC, task.c.subject == correction_id))


def lease(tx: Tx, correction_id: int, due_at: datetime) -> None:
    """Whoever moves goes on until ``due_at``; what is done makes earlier claims good."""
    where = (task.c.topic == TOPIC, task.c.subject == correction_id)
    tx.execute(update(task).where(*where).values(due_at=due_at, attempts=1))


def note_items(tx: Tx, correction_id: int, kind: str, subjects: Iterable[int]) -> None:
    """Notes what a correction moves; once however often it is told."""
    rows = [{"correction_id": correction_id, "kind": kind, "subject": each} for each in subjects]
    insert_rows(tx, correction_item, rows, may_exist=True)


def items(tx: Tx, correction_id: int, kind: str, after: int = 0, limit: int | None = None) -> list[int]:
    """What a correction moves, in order."""
    statement = select(correction_item.c.subject).where(
        correction_item.c.correction_id == correction_id,
        correction_item.c.kind == kind,
        correction_item.c.subject > after,
    )
    return list(tx.execute(statement.order_by(correction_item.c.subject).limit(limit)).scalars())


def drop_items(tx: Tx, kind: str, subjects: Collection[int], correction_id: int | None = None) -> None:
    """Forgets what was noted of one correction, or of all."""
    where = [correction_item.c.kind == kind, correction_item.c.subject.in_(list(subjects))]
    if correction_id is not None:
        where.append(correction_item.c.correction_id == correction_id)
    tx.execute(delete(correction_item).where(*where))


def moved_faces(tx: Tx, faces: Collection[int]) -> dict[int, set[int]]:
    """By correction in force, which of the faces it moved; those that moved none are not among them."""
    statement = (
        select(correction_item.c.correction_id, correction_item.c.subject)
        .join(correction, correction.c.id == correction_item.c.correction_id)
        .where(correction_item.c.kind == FACE, correction_item.c.subject.in_(list(faces)), *_in_force())
    )
    found: dict[int, set[int]] = {}
    for correction_id, face_id in tx.execute(statement):
        found.setdefault(correction_id, set()).add(face_id)
    return found


def in_force(tx: Tx, person_id: int, ids: Collection[int]) -> list[Row[Any]]:
    """(id, before) of the corrections of two people in force: with those ids, or in which somebody takes part."""
    concerned = or_(_is_about([person_id]), correction.c.id.in_(list(ids)))
    statement = select(correction.c.id, correction.c.before).where(
        concerned, correction.c.other_id.is_not(None), *_in_force()
    )
    return list(tx.execute(statement.order_by(correction.c.id)))


def counts(tx: Tx, ids: Collection[int]) -> dict[int, dict[str, int]]:
    """By correction, how many of each kind it moves."""
    found: dict[int, dict[str, int]] = {each: {} for each in ids}
    statement = (
        select(correction_item.c.correction_id, correction_item.c.kind, func.count())
        .where(correction_item.c.correction_id.in_(list(found)))
        .group_by(correction_item.c.correction_id, correction_item.c.kind)
    )
    for correction_id, kind, number in tx.execute(statement):
        found[correction_id][kind] = number
    return found


def merged_people(tx: Tx, person_id: int) -> list[Row[Any]]:
    """Everybody who turned out to be that person, also by way of others."""
    found: list[Row[Any]] = []
    ids = [person_id]
    while ids:
        rows = list(tx.execute(select(person).where(person.c.merged_into.in_(ids)).order_by(person.c.id)))
        found += rows
        ids = [row.id for row in rows]
    return found


def forget(tx: Tx, people: Sequence[int]) -> int:
    """Leaves of the corrections of those people only that they were; how many. They cannot be undone any more."""
    ids = select(correction.c.id).where(_is_about(people))
    tx.execute(delete(correction_item).where(correction_item.c.correction_id.in_(ids)))
    tx.execute(delete(task).where(task.c.topic == TOPIC, task.c.subject.in_(ids)))
    return tx.execute(update(correction).where(_is_about(people)).values(before={})).rowcount


def _in_force() -> tuple[ColumnElement[bool], ...]:
    # What was forgotten has no way back, and must not be in the way of others.
    return correction.c.undone_at.is_(None), correction.c.before != {}


def _is_about(people: Collection[int]) -> ColumnElement[bool]:
    return or_(correction.c.person_id.in_(list(people)), correction.c.other_id.in_(list(people)))


def _is_moving() -> ColumnElement[bool]:
    return exists().where(task.c.topic == TOPIC, task.c.subject == correction.c.id)
