"""The outbox: everything still to do is a row, written in the transaction of its cause and claimed with a lease."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, select, update

from receiver.domain.reviews import ReviewKind
from receiver.store import reviews
from receiver.store.batches import insert_rows
from receiver.store.database import Tx
from receiver.store.tables import task

WAITING, BURIED = "waiting", "buried"
# Topics whose subject is an event.
OF_EVENTS = frozenset({"recognise", "judge"})
# SQLite takes 32766 values in one statement.
SETTLED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Task:
    """One claimed row: ``attempts`` counts this claim, so that a task that kills its worker is buried in the end."""

    id: int
    topic: str
    subject: int
    attempts: int


def add(tx: Tx, topic: str, subjects: Sequence[int], now: datetime) -> None:
    """Writes one task for each subject, due at once."""
    row = {"topic": topic, "state": WAITING, "due_at": now, "created_at": now}
    insert_rows(tx, task, [{**row, "subject": subject} for subject in subjects])


def claim(tx: Tx, topic: str, count: int, now: datetime, lease: timedelta) -> list[Task]:
    """Takes up to ``count`` due tasks, oldest first; they come back by themselves when the lease is over."""
    due = (
        select(task.c.id)
        .where(task.c.state == WAITING, task.c.topic == topic, task.c.due_at <= now)
        .order_by(task.c.due_at, task.c.id)
        .limit(count)
        .with_for_update(skip_locked=True)  # SQLite leaves it out: its write transaction excludes all others
        .cte("due")  # PostgreSQL may run a subquery again for each row, and would then take more than ``count``
    )
    statement = (
        update(task)
        .where(task.c.id.in_(select(due.c.id)))
        .values(due_at=now + lease, attempts=task.c.attempts + 1)
        .returning(task.c.id, task.c.topic, task.c.subject, task.c.attempts)
    )
    return sorted((Task(*row) for row in tx.execute(statement)), key=lambda each: each.id)


def done(tx: Tx, task_id: int) -> bool:
    """The task has ended well; False if it had ended already: a slow worker's lease was over, and another was faster."""
    return tx.execute(delete(task).where(task.c.id == task_id)).rowcount == 1


def later(tx: Tx, task_id: int, due_at: datetime, error: str) -> None:
    """The task is tried again at ``due_at``."""
    tx.execute(update(task).where(task.c.id == task_id).values(due_at=due_at, last_error=error))


def bury(tx: Tx, task_id: int, error: str) -> None:
    """The task has failed for good; it is kept, and somebody is asked whether it is to be tried again."""
    buried = update(task).where(task.c.id == task_id).values(state=BURIED, last_error=error)
    row = tx.execute(buried.returning(task.c.topic, task.c.subject)).one_or_none()
    if row is None:
        return
    now = datetime.now(UTC)
    new = reviews.NewReview(
        ReviewKind.BURIED_TASK,
        # Who was asked before was asked about another burial.
        f"{ReviewKind.BURIED_TASK}:{task_id}:{now.isoformat()}",
        "gave_up",
        event_id=row.subject if row.topic in OF_EVENTS else None,
        subject=task_id,
        detail={"topic": row.topic},
    )
    reviews.note(tx, new, now)


def find(tx: Tx, task_id: int) -> Row[Any] | None:
    """One task, or None."""
    return tx.execute(select(task).where(task.c.id == task_id)).one_or_none()


def found(tx: Tx, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """The tasks with those ids."""
    return {row.id: row for row in tx.execute(select(task).where(task.c.id.in_(list(ids))))} if ids else {}


def retry(tx: Tx, ids: Sequence[int] | None, now: datetime) -> int:
    """Makes buried tasks (those, or all) due again with fresh attempts; returns how many."""
    statement = update(task).where(task.c.state == BURIED).values(state=WAITING, due_at=now, attempts=0)
    if ids is not None:
        statement = statement.where(task.c.id.in_(list(ids)))
    again = list(tx.execute(statement.returning(task.c.id)).scalars())
    for start in range(0, len(again), SETTLED_AT_ONCE):
        reviews.settle_about(tx, ReviewKind.BURIED_TASK, again[start : start + SETTLED_AT_ONCE], now)
    return len(again)


def listed(tx: Tx, state: str | None, limit: int) -> list[Row[Any]]:
    """Tasks for a person to look at, oldest first."""
    statement = select(task).order_by(task.c.id).limit(limit)
    if state is not None:
        statement = statement.where(task.c.state == state)
    return list(tx.execute(statement))


def counts(tx: Tx) -> Mapping[tuple[str, str], int]:
    """(topic, state) -> number of tasks."""
    statement = select(task.c.topic, task.c.state, func.count()).group_by(task.c.topic, task.c.state)
    return {(topic, state): number for topic, state, number in tx.execute(statement)}


def next_due(tx: Tx, topic: str) -> datetime | None:
    """When the next task of the topic is due, or None if there is none."""
    statement = select(func.min(task.c.due_at)).where(task.c.state == WAITING, task.c.topic == topic)
    return tx.execute(statement).scalar()
