"""Makes, changes, shows and removes accounts; there is always an administrator left who can log in."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from receiver.domain.accounts import NO_LIMITS, Limits, Role, check_password, checked_name, limits_of
from receiver.domain.errors import Conflict, Invalid, NotFound
from receiver.services.accounts.passwords import Passwords
from receiver.services.asking.asking import Page
from receiver.store import accounts
from receiver.store.database import Row, Tx
from receiver.store.store import Store

DISABLED, PASSWORD = "disabled", "password"
# Without letters and digits that are taken for each other.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP_LENGTH = 4, 4


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made; ``must_change``: the password is only for the first login."""

    name: str
    password: str
    role: Role
    limits: Limits = NO_LIMITS
    must_change: bool = True
    email: str = ""


class Accounts:
    """The use cases of /v1/accounts and of `accounts` on the command line."""

    def __init__(self, store: Store, passwords: Passwords, forget: Callable[[], None]) -> None:
        self._store = store
        self._passwords = passwords
        self._forget = forget

    def add(self, new: NewAccount) -> int:
        """Makes an account; its id.

        Raises:
            Invalid: ``bad_account_name``, ``weak_password``, ``admin_limited``.
            Conflict: ``account_exists``.
        """
        name = checked_name(new.name)
        check_password(new.password, name)
        _check_limits(new.role, new.limits)
        hashed = self._passwords.hashed(new.password)
        now = datetime.now(UTC)
        with self._store.write(lock=accounts.ACCOUNTS_LOCK) as tx:
            if accounts.named(tx, name) is not None:
                raise Conflict("account_exists", f"there is an account {name} already")
            values = {
                "name": name,
                "role": new.role,
                "password_hash": hashed,
                "must_change": new.must_change,
                "email": new.email,
                "limits": new.limits.as_json(),
                "created_at": now,
                "updated_at": now,
            }
            return accounts.add(tx, values)

    def change(self, account_id: int, change: Mapping[str, Any]) -> None:
        """Changes ``role``, ``limits``, ``email``, ``is_disabled``, or sets a ``password`` (with ``must_change``); what is not named stays.

        Raises:
            NotFound: ``no_such_account``.
            Invalid: ``weak_password``, ``admin_limited``.
            Conflict: ``last_admin``.
        """
        name = self._name(account_id)
        if "password" in change:
            check_password(change["password"], name)
        hashed = self._passwords.hashed(change["password"]) if "password" in change else None
        now = datetime.now(UTC)
        with self._store.write(lock=accounts.ACCOUNTS_LOCK) as tx:
            row = _required(tx, account_id)
            values = _changed(row, change, now)
            if hashed is not None:
                values |= {"password_hash": hashed, "must_change": change.get("must_change", True)}
            _keep_an_admin(tx, row, values)
            accounts.change(tx, account_id, values | {"updated_at": now})
            if hashed is not None or values.get("disabled_at"):
                accounts.end_logins(tx, account_id, (now, PASSWORD if hashed is not None else DISABLED))
        self._forget()

    def remove(self, account_id: int) -> None:
        """Takes an account away with its logins and keys; what it did stays under its number.

        Raises:
            NotFound: ``no_such_account``.
            Conflict: ``last_admin``.
        """
        with self._store.write(lock=accounts.ACCOUNTS_LOCK) as tx:
            row = _required(tx, account_id)
            _keep_an_admin(tx, row, {"role": None})
            accounts.remove(tx, account_id)
        self._forget()

    def show(self, account_id: int) -> dict[str, Any]:
        """One account.

        Raises:
            NotFound: ``no_such_account``.
        """
        with self._store.read() as tx:
            return _shown(_required(tx, account_id))

    def listed(self, after: int, limit: int) -> Page:
        """Accounts in the order in which they were made."""
        with self._store.read() as tx:
            rows = accounts.listed(tx, after, limit + 1)
        return Page([_shown(row) for row in rows[:limit]], str(rows[limit - 1].id) if len(rows) > limit else None)

    def number_of(self, name: str) -> int:
        """The id of the account of that name.

        Raises:
            NotFound: ``no_such_account``.
        """
        with self._store.read() as tx:
            row = accounts.named(tx, name.strip().casefold())
        if row is None:
            raise NotFound("no_such_account", f"there is no account {name}")
        return int(row.id)

    def _name(self, account_id: int) -> str:
        with self._store.read() as tx:
            return str(_required(tx, account_id).name)


def one_time_password() -> str:
    """A random password that can be read out: 79 bits."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
    return "-".join(groups)


def _required(tx: Tx, account_id: int) -> Row:
    row = accounts.find(tx, account_id)
    if row is None:
        raise NotFound("no_such_account", f"there is no account {account_id}")
    return row


def _check_limits(role: str, limits: Limits) -> None:
    if role == Role.ADMIN and limits.is_limiting:
        raise Invalid("admin_limited", "an administrator sees everything: take the limits away, or another role")


def _changed(row: Row, change: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The columns that a change sets, but the password's."""
    values: dict[str, Any] = {}
    if "role" in change:
        values["role"] = Role(change["role"])
    if "limits" in change:
        values["limits"] = {**row.limits, **change["limits"]}
    if "email" in change:
        values["email"] = change["email"]
    if "is_disabled" in change:
        values["disabled_at"] = (row.disabled_at or now) if change["is_disabled"] else None
    _check_limits(values.get("role", row.role), limits_of(values.get("limits", row.limits)))
    return values


def _keep_an_admin(tx: Tx, row: Row, values: Mapping[str, Any]) -> None:
    """Refuses what would leave nobody who can let others in.

    Raises:
        Conflict: ``last_admin``.
    """
    was_one = row.role == Role.ADMIN and row.disabled_at is None
    stays_one = values.get("role", row.role) == Role.ADMIN and values.get("disabled_at", row.disabled_at) is None
    if was_one and not stays_one and not accounts.others_in_force(tx, row.id, Role.ADMIN):
        raise Conflict("last_admin", f"{row.name} is the last administrator: make another one first")


def _shown(row: Row) -> dict[str, Any]:
    names = ("id", "name", "role", "must_change", "created_at", "updated_at", "last_login_at")
    shown = {name: row._mapping[name] for name in names}
    return shown | {"is_disabled": row.disabled_at is not None, **limits_of(row.limits).as_json()}
