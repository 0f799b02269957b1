"""How often logins have failed of late: counted in the database, for all web processes together."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_into_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_into_sqlite

from receiver.store.database import Tx
from receiver.store.tables import login_attempt


def count(tx: Tx, key: bytes, number: int, expires_at: datetime) -> None:
    """Adds to a count; a new one lasts until that moment. Follows forget_expired in the same transaction."""
    make = insert_into_sqlite if tx.dialect.name == "sqlite" else insert_into_postgresql
    statement = make(login_attempt).values(key=key, number=number, expires_at=expires_at)
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=[login_attempt.c.key], set_={"number": login_attempt.c.number + number}
        )
    )


def forget_expired(tx: Tx, now: datetime) -> None:
    """Deletes the counts whose time is over."""
    tx.execute(delete(login_attempt).where(login_attempt.c.expires_at <= now))


def find(tx: Tx, key: bytes, now: datetime) -> Row[Any] | None:
    """A count that has not expired, or None."""
    where = (login_attempt.c.key == key, login_attempt.c.expires_at > now)
    return tx.execute(select(login_attempt).where(*where)).one_or_none()


def forget(tx: Tx, key: bytes | None = None) -> int:
    """Deletes one count, or all; returns how many."""
    statement = delete(login_attempt)
    return tx.execute(statement if key is None else statement.where(login_attempt.c.key == key)).rowcount
