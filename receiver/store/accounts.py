"""Accounts, their logins and API keys; of every secret only a hash is here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, func, insert, or_, select, update

from receiver.store.database import Tx
from receiver.store.tables import account, api_key, login_session

# Whoever makes, changes or removes accounts holds this lock until it has committed: there is always an administrator left.
ACCOUNTS_LOCK = "accounts"


def add(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new account; returns its id."""
    return int(tx.execute(insert(account).values(**values).returning(account.c.id)).scalar_one())


def change(tx: Tx, account_id: int, values: Mapping[str, Any]) -> bool:
    """Sets columns of one account; False if there is none."""
    return tx.execute(update(account).where(account.c.id == account_id).values(**values)).rowcount == 1


def remove(tx: Tx, account_id: int) -> bool:
    """Deletes an account with its logins and keys; False if there is none."""
    for table in (login_session, api_key):
        tx.execute(delete(table).where(table.c.account_id == account_id))
    return tx.execute(delete(account).where(account.c.id == account_id)).rowcount == 1


def find(tx: Tx, account_id: int) -> Row[Any] | None:
    """One account, or None."""
    return tx.execute(select(account).where(account.c.id == account_id)).one_or_none()


def named(tx: Tx, name: str) -> Row[Any] | None:
    """The account of that name, or None."""
    return tx.execute(select(account).where(account.c.name == name)).one_or_none()


def listed(tx: Tx, after: int, limit: int) -> list[Row[Any]]:
    """Accounts in the order in which they were made."""
    return list(tx.execute(select(account).where(account.c.id > after).order_by(account.c.id).limit(limit)))


def has_role(tx: Tx, role: str) -> bool:
    """Whether there is an account of that role, disabled or not."""
    return bool(tx.execute(select(exists().where(account.c.role == role))).scalar())


def others_in_force(tx: Tx, account_id: int, role: str) -> int:
    """How many other accounts of that role can log in."""
    where = (account.c.role == role, account.c.disabled_at.is_(None), account.c.id != account_id)
    return int(tx.execute(select(func.count()).select_from(account).where(*where)).scalar_one())


def add_login(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new login; returns its id."""
    return int(tx.execute(insert(login_session).values(**values).returning(login_session.c.id)).scalar_one())


def find_login(tx: Tx, session_id: int) -> Row[Any] | None:
    """One login with its account's columns (``account_...``), or None."""
    statement = (
        select(login_session, *(each.label(f"account_{each.name}") for each in account.c if each.name != "id"))
        .join(account, account.c.id == login_session.c.account_id)
        .where(login_session.c.id == session_id)
    )
    return tx.execute(statement).one_or_none()


def change_login(tx: Tx, session_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of one login."""
    tx.execute(update(login_session).where(login_session.c.id == session_id).values(**values))


def end_logins(tx: Tx, account_id: int, ended: tuple[datetime, str], *, but: int | None = None) -> int:
    """Ends every login of an account, but one if that is named; returns how many."""
    where = [login_session.c.account_id == account_id, login_session.c.ended_at.is_(None)]
    if but is not None:
        where.append(login_session.c.id != but)
    values = {"ended_at": ended[0], "ended_reason": ended[1]}
    return tx.execute(update(login_session).where(*where).values(**values)).rowcount


def has_logged_in_from(tx: Tx, name: str, address: str) -> bool:
    """Whether somebody has logged in to that account from there; as long as logins are remembered."""
    statement = (
        select(login_session.c.id)
        .join(account, account.c.id == login_session.c.account_id)
        .where(account.c.name == name, login_session.c.address == address)
        .limit(1)
    )
    return tx.execute(statement).scalar() is not None


def forget_oldest(tx: Tx, account_id: int, kept: int) -> int:
    """Deletes an account's logins but the newest ones; returns how many."""
    own = select(login_session.c.id).where(login_session.c.account_id == account_id)
    newest = own.order_by(login_session.c.id.desc()).limit(1).offset(kept).scalar_subquery()
    where = (login_session.c.account_id == account_id, login_session.c.id <= newest)
    return tx.execute(delete(login_session).where(*where)).rowcount


def forget_keys(tx: Tx, before: datetime, limit: int) -> int:
    """Deletes some of the API keys that were revoked or over before that moment; returns how many."""
    over = or_(api_key.c.expires_at < before, api_key.c.revoked_at < before)
    ids = select(api_key.c.id).where(over).limit(limit)
    return tx.execute(delete(api_key).where(api_key.c.id.in_(ids))).rowcount


def forget_logins(tx: Tx, before: datetime, limit: int) -> int:
    """Deletes some of the logins that were over before that moment; returns how many."""
    over = or_(login_session.c.expires_at < before, login_session.c.ended_at < before)
    ids = select(login_session.c.id).where(over).limit(limit)
    return tx.execute(delete(login_session).where(login_session.c.id.in_(ids))).rowcount


def add_key(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new API key; returns its id."""
    return int(tx.execute(insert(api_key).values(**values).returning(api_key.c.id)).scalar_one())


def find_key(tx: Tx, key_id: int) -> Row[Any] | None:
    """One API key with its account's columns (``account_...``), or None."""
    statement = (
        select(api_key, *(each.label(f"account_{each.name}") for each in account.c if each.name != "id"))
        .join(account, account.c.id == api_key.c.account_id)
        .where(api_key.c.id == key_id)
    )
    return tx.execute(statement).one_or_none()


def keys(tx: Tx, account_id: int | None, after: int, limit: int) -> list[Row[Any]]:
    """API keys in the order in which they were made, of one account or of all, each with ``account_name``."""
    statement = select(api_key, account.c.name.label("account_name")).join(
        account, account.c.id == api_key.c.account_id
    )
    if account_id is not None:
        statement = statement.where(api_key.c.account_id == account_id)
    return list(tx.execute(statement.where(api_key.c.id > after).order_by(api_key.c.id).limit(limit)))


def change_key(tx: Tx, key_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of one API key."""
    tx.execute(update(api_key).where(api_key.c.id == key_id).values(**values))


def count_keys(tx: Tx, account_id: int) -> tuple[int, int]:
    """How many API keys of an account are not revoked, and how many there are at all."""
    in_force = func.count().filter(api_key.c.revoked_at.is_(None))
    row = tx.execute(select(in_force, func.count()).where(api_key.c.account_id == account_id)).one()
    return int(row[0]), int(row[1])
