"""Adoptions: which identities wait for their turn, what came of each, and the task of the outbox that works on them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, update

from receiver.domain.adoption import AdoptionState, IdentityState
from receiver.domain.events import ListName
from receiver.domain.trust import State
from receiver.store import outbox
from receiver.store.database import Tx
from receiver.store.identities import KEY, IdentityFilter, Key, conditions, is_it, is_untried
from receiver.store.tables import adoption, device, device_identity, task

TOPIC = "adopt"
# The one that nobody asked for: identities that begin by themselves; it has a task while there are any, and no row.
AUTOMATIC = 0
# Identities marked in one transaction.
STEP = 1000


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of one identity.

    Attributes:
        came: of ``domain.adoption.Came``; counted.
        values: columns of the identity.
    """

    came: str
    values: Mapping[str, Any]


def add(tx: Tx, by: str, now: datetime, due_at: datetime) -> int:
    """Writes a new adoption with its task; returns its id."""
    values = {"state": AdoptionState.RUNNING, "counts": {}, "requested_by": by, "requested_at": now}
    adoption_id = int(tx.execute(insert(adoption).values(**values).returning(adoption.c.id)).scalar_one())
    outbox.add(tx, TOPIC, [adoption_id], now)
    lease(tx, adoption_id, due_at)
    return adoption_id


def mark(tx: Tx, adoption_id: int, wanted: IdentityFilter, *, is_again: bool) -> int:
    """Puts some of the filter's identities into the adoption's line; how many, 0 when all are.

    Those that were refused with the very picture that they have are left out, unless they are tried ``is_again``. What
    another adoption has in its line stays there.
    """
    free = or_(device_identity.c.adoption_id.is_(None), device_identity.c.adoption_id == AUTOMATIC)
    which = is_untried()
    if is_again:
        refused = and_(device_identity.c.state == IdentityState.REFUSED, device_identity.c.list != ListName.STRANGER)
        which = or_(which, refused)
    some = (
        select(*KEY.clauses).where(*conditions(wanted), which, free, _is_believed()).order_by(*KEY.clauses).limit(STEP)
    )
    keys = [(row.device_id, row.external_id) for row in tx.execute(some)]
    if not keys:
        return 0
    return tx.execute(update(device_identity).where(KEY.in_(keys), free).values(adoption_id=adoption_id)).rowcount


def _is_believed() -> ColumnElement[bool]:
    """As a condition: the device was not blocked since it told of the identity."""
    return device_identity.c.device_id.not_in(select(device.c.id).where(device.c.state == State.BLOCKED))


def release(tx: Tx, adoption_id: int) -> int:
    """Takes some of the identities out of the adoption's line; how many, 0 when none is left."""
    some = select(*KEY.clauses).where(device_identity.c.adoption_id == adoption_id).limit(STEP)
    keys = [(row.device_id, row.external_id) for row in tx.execute(some)]
    if keys:
        tx.execute(update(device_identity).where(KEY.in_(keys)).values(adoption_id=None))
    return len(keys)


def ensure_automatic(tx: Tx, now: datetime) -> None:
    """Whatever waits to begin by itself will be worked on."""
    statement = select(task.c.id).where(task.c.topic == TOPIC, task.c.subject == AUTOMATIC).limit(1)
    waiting = statement.where(task.c.state == outbox.WAITING)
    # Locked: whoever is about to end the task looks once more afterwards.
    if tx.execute(waiting.with_for_update()).first() is None:
        outbox.add(tx, TOPIC, [AUTOMATIC], now)


def next_rows(tx: Tx, adoption_id: int, limit: int) -> list[Row[Any]]:
    """The next identities in line."""
    statement = select(device_identity).where(device_identity.c.adoption_id == adoption_id)
    return list(tx.execute(statement.order_by(*KEY.clauses).limit(limit)))


def settle(tx: Tx, adoption_id: int, key: Key, settled: Settled) -> bool:
    """Writes what came of an identity and counts it; False if it is not in this adoption's line any more."""
    in_line = (is_it(key), device_identity.c.adoption_id == adoption_id)
    statement = update(device_identity).where(*in_line).values(**settled.values, adoption_id=None)
    if tx.execute(statement).rowcount == 0:
        return False
    row = held(tx, adoption_id)
    if row is not None:
        counts = dict(row.counts)
        counts[settled.came] = counts.get(settled.came, 0) + 1
        change(tx, adoption_id, {"counts": counts})
    return True


def end(tx: Tx, adoption_id: int, now: datetime) -> bool:
    """Ends the adoption and its task if nothing is left in its line."""
    own = (task.c.topic == TOPIC, task.c.subject == adoption_id)
    list(tx.execute(select(task.c.id).where(*own).with_for_update()))
    if next_rows(tx, adoption_id, 1):
        return False
    tx.execute(delete(task).where(*own))
    running = (adoption.c.id == adoption_id, adoption.c.state == AdoptionState.RUNNING)
    tx.execute(update(adoption).where(*running).values(state=AdoptionState.DONE, ended_at=now))
    return True


def lease(tx: Tx, adoption_id: int, due_at: datetime) -> None:
    """Whoever works on it goes on until ``due_at``; what is done makes earlier claims good."""
    where = (task.c.topic == TOPIC, task.c.subject == adoption_id)
    tx.execute(update(task).where(*where).values(due_at=due_at, attempts=1))


def change(tx: Tx, adoption_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of one adoption."""
    tx.execute(update(adoption).where(adoption.c.id == adoption_id).values(**values))


def find(tx: Tx, adoption_id: int) -> Row[Any] | None:
    """One adoption, or None."""
    return tx.execute(select(adoption).where(adoption.c.id == adoption_id)).one_or_none()


def held(tx: Tx, adoption_id: int) -> Row[Any] | None:
    """One adoption, that stays as it is until this write transaction has ended; None if there is none."""
    return tx.execute(select(adoption).where(adoption.c.id == adoption_id).with_for_update()).one_or_none()


def listed(tx: Tx, before: int | None, limit: int) -> list[Row[Any]]:
    """Adoptions, newest first."""
    statement = select(adoption).order_by(adoption.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(adoption.c.id < before)
    return list(tx.execute(statement))


def waiting(tx: Tx, ids: Iterable[int]) -> dict[int, int]:
    """How many identities are in the line of each."""
    found = dict.fromkeys(ids, 0)
    statement = (
        select(device_identity.c.adoption_id, func.count().label("number"))
        .where(device_identity.c.adoption_id.in_(list(found)))
        .group_by(device_identity.c.adoption_id)
    )
    return found | {row.adoption_id: row.number for row in tx.execute(statement)}
