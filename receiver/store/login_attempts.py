"""How often logins have failed of late: counted in the database, for all web processes together."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_into_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_into_sqlite

from receiver.store.database import Tx
from receiver.store.tables import login_attempt


def count(tx: Tx, key: bytes, number: int, now: datetime, expires_at: datetime) -> int:
    """Adds to a count that lasts until it expires, begun anew if it has; returns how many there are now."""
    tx.execute(delete(login_attempt).where(login_attempt.c.expires_at <= now, login_attempt.c.key != key))
    make = insert_into_sqlite if tx.dialect.name == "sqlite" else insert_into_postgresql
    statement = make(login_attempt).values(key=key, number=number, expires_at=expires_at)
    is_over = login_attempt.c.expires_at <= now
    statement = statement.on_conflict_do_update(
        index_elements=[login_attempt.c.key],
        set_={
            "number": case((is_over, number), else_=login_attempt.c.number + number),
            "expires_at": case((is_over, statement.excluded.expires_at), else_=login_attempt.c.expires_at),
        },
    )
    return int(tx.execute(statement.returning(login_attempt.c.number)).scalar_one())


def find(tx: Tx, key: bytes, now: datetime) -> Row[Any] | None:
    """A count that has not expired, or None."""
    where = (login_attempt.c.key == key, login_attempt.c.expires_at > now)
    return tx.execute(select(login_attempt).where(*where)).one_or_none()


def forget(tx: Tx, key: bytes | None = None) -> int:
    """Deletes one count, or all; returns how many."""
    statement = delete(login_attempt)
    return tx.execute(statement if key is None else statement.where(login_attempt.c.key == key)).rowcount
