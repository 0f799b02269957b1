"""The circuit breakers of destinations, kept so that every process knows them."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.domain.breaker import Breaker
from receiver.store.database import Tx
from receiver.store.tables import destination


def ensure(tx: Tx, key: str, now: datetime) -> int:
    """The destination's id; a new one is closed."""
    make = sqlite.insert(destination) if tx.dialect.name == "sqlite" else postgresql.insert(destination)
    tx.execute(make.values(key=key, due_at=now).on_conflict_do_nothing())
    return int(tx.execute(select(destination.c.id).where(destination.c.key == key)).scalar_one())


def held(tx: Tx, destination_id: int) -> Breaker:
    """What is known of it, which nobody else changes until this transaction has ended."""
    row = tx.execute(select(destination).where(destination.c.id == destination_id).with_for_update()).one()
    return Breaker(row.failures, row.due_at, row.failing_since, row.last_error or "")


def probe(tx: Tx, destination_id: int, until: datetime) -> None:
    """Somebody probes it: nobody else does before then."""
    tx.execute(update(destination).where(destination.c.id == destination_id).values(due_at=until))


def save(tx: Tx, destination_id: int, breaker: Breaker, worked_at: datetime | None) -> None:
    """What came of trying; ``worked_at``: when it last took something."""
    values = {
        "failures": breaker.failures,
        "due_at": breaker.due_at,
        "failing_since": breaker.failing_since,
        "last_error": breaker.detail or None,
    }
    if worked_at is not None:
        values["last_success"] = worked_at
    tx.execute(update(destination).where(destination.c.id == destination_id).values(**values))
