"""Imports and their rows; the task that works on one is a row of the outbox like any other."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from receiver.domain.imports import JobState, RowState
from receiver.store.batches import insert_rows
from receiver.store.database import Tx
from receiver.store.tables import face, import_job, import_row, person, task

TOPIC = "import"
# Rows deleted in one transaction.
STEP = 2000
# What the column holds on PostgreSQL.
LAST_NUMBER = 2**31 - 1


def add(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new import; returns its id."""
    return int(tx.execute(insert(import_job).values(**values).returning(import_job.c.id)).scalar_one())


def change(tx: Tx, import_id: int, values: Mapping[str, Any]) -> bool:
    """Sets columns of one import; False if there is none."""
    return tx.execute(update(import_job).where(import_job.c.id == import_id).values(**values)).rowcount == 1


def find(tx: Tx, import_id: int) -> Row[Any] | None:
    """One import, or None."""
    return tx.execute(select(import_job).where(import_job.c.id == import_id)).one_or_none()


def held(tx: Tx, import_id: int) -> Row[Any] | None:
    """One import, that stays as it is until this write transaction has ended; None if there is none."""
    return tx.execute(select(import_job).where(import_job.c.id == import_id).with_for_update()).one_or_none()


def listed(tx: Tx, before: int | None, limit: int) -> list[Row[Any]]:
    """Imports, newest first."""
    statement = select(import_job).order_by(import_job.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(import_job.c.id < before)
    return list(tx.execute(statement))


def paths(tx: Tx) -> set[str]:
    """The files that imports which have not ended yet need."""
    going_on = (JobState.WAITING, JobState.RUNNING, JobState.CANCELLING)
    return set(tx.execute(select(import_job.c.path).where(import_job.c.state.in_(going_on))).scalars())


def lease(tx: Tx, import_id: int, due_at: datetime, *, has_got_on: bool = True) -> None:
    """Whoever works on the import goes on until ``due_at``; what it has done for good makes earlier claims good."""
    where = (task.c.topic == TOPIC, task.c.subject == import_id)
    tx.execute(update(task).where(*where).values({"due_at": due_at} | ({"attempts": 1} if has_got_on else {})))


def drop_task(tx: Tx, import_id: int) -> None:
    """Nothing is to be done for the import any more."""
    tx.execute(delete(task).where(task.c.topic == TOPIC, task.c.subject == import_id))


def last_error(tx: Tx, import_id: int) -> str | None:
    """What went wrong at the last try."""
    where = (task.c.topic == TOPIC, task.c.subject == import_id)
    return tx.execute(select(task.c.last_error).where(*where)).scalar()


def add_rows(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows that wait."""
    insert_rows(tx, import_row, rows)


def drop_rows(tx: Tx, import_id: int) -> int:
    """Deletes some rows of the import; returns how many, 0 when none is left."""
    some = select(import_row.c.number).where(import_row.c.import_id == import_id).limit(STEP)
    return tx.execute(
        delete(import_row).where(import_row.c.import_id == import_id, import_row.c.number.in_(some))
    ).rowcount


def remove(tx: Tx, import_id: int) -> None:
    """Deletes an import whose rows are gone."""
    tx.execute(delete(import_job).where(import_job.c.id == import_id))


def rows(tx: Tx, import_id: int, state: str | None, after: int, limit: int) -> list[Row[Any]]:
    """Rows with a number above ``after``, in order, optionally of one state."""
    beyond = import_row.c.number > min(after, LAST_NUMBER)
    statement = select(import_row).where(import_row.c.import_id == import_id, beyond)
    if state is not None:
        statement = statement.where(import_row.c.state == state)
    return list(tx.execute(statement.order_by(import_row.c.number).limit(limit)))


def counts(tx: Tx, ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Rows by state, of each import."""
    found: dict[int, dict[str, int]] = {import_id: {} for import_id in ids}
    statement = (
        select(import_row.c.import_id, import_row.c.state, func.count())
        .where(import_row.c.import_id.in_(list(found)))
        .group_by(import_row.c.import_id, import_row.c.state)
    )
    for import_id, state, number in tx.execute(statement):
        found[import_id][state] = number
    return found


def mark_tried(tx: Tx, import_id: int, numbers: Sequence[int], step: int = 1) -> None:
    """The rows are about to be worked on, or with -1 were not after all: a row that ends its worker is found out by this."""
    if numbers:
        where = (import_row.c.import_id == import_id, import_row.c.number.in_(list(numbers)))
        tx.execute(update(import_row).where(*where).values(attempts=import_row.c.attempts + step))


def save(tx: Tx, import_id: int, number: int, values: Mapping[str, Any]) -> bool:
    """What came of a row; one that was settled already, by whoever took over, stays as it is, and the answer is False."""
    where = (
        import_row.c.import_id == import_id,
        import_row.c.number == number,
        import_row.c.state == RowState.WAITING,
    )
    return tx.execute(update(import_row).where(*where).values(**values)).rowcount == 1


def unsettle(tx: Tx, import_id: int) -> int:
    """Makes some of the rows wait again whose pictures were looked at; how many, 0 when none is left."""
    was_tried = (
        import_row.c.import_id == import_id,
        import_row.c.state != RowState.WAITING,
        import_row.c.pictures.is_not(None),
    )
    some = select(import_row.c.number).where(*was_tried, func.coalesce(import_row.c.reason, "") != "erased").limit(STEP)
    where = (import_row.c.import_id == import_id, import_row.c.number.in_(some))
    waiting = {"state": RowState.WAITING, "reason": None, "detail": None, "pictures": None}
    return tx.execute(update(import_row).where(*where).values(**waiting)).rowcount


def row_at(tx: Tx, import_id: int, number: int) -> Row[Any] | None:
    """One row, or None."""
    where = (import_row.c.import_id == import_id, import_row.c.number == number)
    return tx.execute(select(import_row).where(*where)).one_or_none()


def enrol_after_all(tx: Tx, import_id: int, number: int, values: Mapping[str, Any]) -> None:
    """What came of a row that was refused when somebody insisted; the import's counts follow."""
    where = (
        import_row.c.import_id == import_id,
        import_row.c.number == number,
        import_row.c.state == RowState.REFUSED,
    )
    if tx.execute(update(import_row).where(*where).values(**values)).rowcount:
        change(tx, import_id, {"counts": counts(tx, [import_id])[import_id]})


def earlier_name(tx: Tx, import_id: int, external_id: str) -> str | None:
    """The name under which an earlier row of the import was taken with that external id; None if none was."""
    statement = (
        select(import_row.c.name)
        .where(
            import_row.c.import_id == import_id,
            import_row.c.external_id == external_id,
            import_row.c.state.in_((RowState.ENROLLED, RowState.EXTENDED)),
        )
        .order_by(import_row.c.number)
        .limit(1)
    )
    return tx.execute(statement).scalar()


def has_enrolled(tx: Tx, import_id: int, person_id: int) -> bool:
    """Whether a row of the import is written down as the one that enrolled the person."""
    where = (
        import_row.c.import_id == import_id,
        import_row.c.state == RowState.ENROLLED,
        import_row.c.person_id == person_id,
    )
    return tx.execute(select(import_row.c.number).where(*where).limit(1)).first() is not None


def person_with_picture(tx: Tx, name: str, digests: Sequence[bytes]) -> int | None:
    """Who has that name and a face from one of those pictures."""
    statement = (
        select(face.c.person_id)
        .join(person, person.c.id == face.c.person_id)
        .where(face.c.digest.in_(list(digests)), person.c.name == name)
        .order_by(face.c.person_id)
        .limit(1)
    )
    return tx.execute(statement).scalar()
