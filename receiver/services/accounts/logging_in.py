"""Logging in and out: a program gets a short access token and a refresh token that changes with each use, a browser a cookie."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from receiver import metrics
from receiver.domain.accounts import ACCESS_TIME, Caller, check_password, login_end
from receiver.domain.errors import Forbidden, Invalid, NotLoggedIn
from receiver.services.accounts import secret_parts
from receiver.services.accounts.admitting import CONSOLE, COOKIE, PROGRAM, REFRESH, USER_TOKEN
from receiver.services.accounts.passwords import Passwords
from receiver.services.accounts.signing import Claims, Signer
from receiver.store import accounts
from receiver.store.database import Row, Tx
from receiver.store.store import Store

LOGOUT, REUSED, PASSWORD = "logout", "reused", "password"
ADDRESS_LENGTH = 64
# Logins that are remembered of an account; whoever logs in more often than that loses the oldest.
MOST_OF_AN_ACCOUNT = 500

log = structlog.get_logger("accounts")


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who wants to come in.

    Attributes:
        name: of the account.
        password: its password.
        address: where the request came from.
        new_password: to be set at once; None: the password stays.
        kind: ``program``, ``console`` or ``server_api``.
    """

    name: str
    password: str
    address: str
    new_password: str | None = None
    kind: str = PROGRAM


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """What a login gives; ``secret`` is the refresh token, the cookie of the console, or the token of ServerAPI."""

    account_id: int
    role: str
    must_change: bool
    access_token: str
    secret: str
    expires_in: int


class LoggingIn:
    """The use cases of /v1/login, /v1/refresh, /v1/logout and /v1/session."""

    def __init__(self, store: Store, passwords: Passwords, signer: Signer, forget: Callable[[], None]) -> None:
        self._store = store
        self._passwords = passwords
        self._signer = signer
        self._forget = forget

    def login(self, wanted: Login) -> LoggedIn:
        """Lets somebody in.

        Raises:
            NotLoggedIn: ``wrong_login``: no such account, another password, or the account is disabled; all take as long.
            Invalid: ``weak_password``, of the new one.
            Busy: others are logging in.
        """
        name = wanted.name.strip().casefold()
        with self._store.read() as tx:
            row = accounts.named(tx, name)
        is_open = row is not None and row.disabled_at is None
        verified = self._passwords.verify(row.password_hash if row is not None and is_open else None, wanted.password)
        if row is None or not verified.is_right:
            metrics.LOGINS.labels("wrong").inc()
            # Not the name: people type passwords into its field.
            log.warning("login_failed", peer=wanted.address)
            raise wrong_login()
        changes = self._changes(row, wanted, is_outdated=verified.is_outdated)
        return self._begin(row, wanted, changes)

    def refresh(self, text: str) -> LoggedIn:
        """Another access token and another refresh token; the one that was used is worth nothing any more.

        Raises:
            NotLoggedIn: ``token_invalid``, ``login_ended``; ``token_reused``: somebody has used it before, so that it may
                have been stolen: the whole login is ended.
        """
        parts = secret_parts.read(REFRESH, text)
        if parts is None:
            raise NotLoggedIn("token_invalid", "that is no refresh token of this server")
        token = secret_parts.new_part()
        # One at a time: of two who bring the same token the second must meet the first one's.
        with self._store.write(lock=f"login.{parts.number}") as tx:
            row, reason = _refreshed(tx, parts, token)
        if reason == "token_reused":
            self._forget()
            raise NotLoggedIn(reason, "that refresh token was used before: the login is ended; log in anew")
        if row is None:
            raise NotLoggedIn("login_ended", "that login has ended; log in anew")
        secret = secret_parts.written(REFRESH, row.id, parts.secret, token)
        return self._given(row.id, row, secret)

    def logout(self, caller: Caller) -> None:
        """Ends the login of whoever asks.

        Raises:
            Forbidden: ``login_by_key``: an API key is revoked, not logged out.
        """
        if caller.session_id is None:
            raise Forbidden("login_by_key", "an API key does not log out: DELETE /v1/keys/{id} revokes it")
        with self._store.write() as tx:
            accounts.change_login(tx, caller.session_id, {"ended_at": datetime.now(UTC), "ended_reason": LOGOUT})
        self._forget()

    def change_password(self, caller: Caller, old: str, new: str) -> None:
        """Sets the account's own password; every other login of it ends.

        Raises:
            Forbidden: ``wrong_password``.
            Invalid: ``weak_password``.
        """
        with self._store.read() as tx:
            row = accounts.find(tx, caller.account_id)
        if row is None or not self._passwords.verify(row.password_hash, old).is_right:
            raise Forbidden("wrong_password", "the present password is another one")
        _check_new(new, old, row.name)
        hashed = self._passwords.hashed(new)
        now = datetime.now(UTC)
        with self._store.write(lock=accounts.ACCOUNTS_LOCK) as tx:
            values = {"password_hash": hashed, "must_change": False, "updated_at": now}
            accounts.change(tx, row.id, values)
            accounts.end_logins(tx, row.id, (now, PASSWORD), but=caller.session_id)
        self._forget()

    def _changes(self, row: Row, wanted: Login, *, is_outdated: bool) -> dict[str, Any]:
        """What a login changes of the account's password."""
        if wanted.new_password is not None:
            _check_new(wanted.new_password, wanted.password, row.name)
            return {"password_hash": self._passwords.hashed(wanted.new_password), "must_change": False}
        return {"password_hash": self._passwords.hashed(wanted.password)} if is_outdated else {}

    def _begin(self, row: Row, wanted: Login, changes: dict[str, Any]) -> LoggedIn:
        now, secret, token = datetime.now(UTC), secret_parts.new_part(), secret_parts.new_part()
        with self._store.write(lock=accounts.ACCOUNTS_LOCK) as tx:
            present = accounts.find(tx, row.id)
            # Changed or disabled while the password was being checked.
            if present is None or present.disabled_at is not None or present.password_hash != row.password_hash:
                raise wrong_login()
            accounts.change(tx, row.id, {**changes, "last_login_at": now})
            if wanted.new_password is not None:
                accounts.end_logins(tx, row.id, (now, PASSWORD))
            values = {
                "account_id": row.id,
                "kind": wanted.kind,
                "secret_hash": secret_parts.hash_of(secret),
                "token_hash": secret_parts.hash_of(token),
                "address": wanted.address[:ADDRESS_LENGTH],
                "created_at": now,
                "used_at": now,
                "expires_at": login_end(wanted.kind, now, now),
            }
            session_id = accounts.add_login(tx, values)
            accounts.forget_oldest(tx, row.id, MOST_OF_AN_ACCOUNT)
            login = accounts.find_login(tx, session_id)
        self._forget()
        metrics.LOGINS.labels("in").inc()
        if wanted.kind != PROGRAM:
            prefix = COOKIE if wanted.kind == CONSOLE else USER_TOKEN
            return self._given(session_id, login, secret_parts.written(prefix, session_id, secret))
        return self._given(session_id, login, secret_parts.written(REFRESH, session_id, secret, token))

    def _given(self, session_id: int, login: Any, secret: str) -> LoggedIn:
        is_program = login.kind == PROGRAM
        token = self._signer.access_token(Claims(session_id, login.account_id)) if is_program else ""
        seconds = ACCESS_TIME if is_program else login.expires_at - datetime.now(UTC)
        return LoggedIn(
            login.account_id,
            login.account_role,
            login.account_must_change,
            token,
            secret,
            int(seconds.total_seconds()),
        )


def wrong_login() -> NotLoggedIn:
    """The one answer to every login that fails."""
    return NotLoggedIn(
        "wrong_login", "there is no such account, or the password is another one, or the account is disabled"
    )


def _check_new(new: str, old: str, name: str) -> None:
    check_password(new, name)
    if new == old:
        raise Invalid("weak_password", "the new password must be another one")


def _refreshed(tx: Tx, parts: secret_parts.Parts, token: str) -> tuple[Row | None, str]:
    """The login as it is now, with the new token; or None and why."""
    now = datetime.now(UTC)
    row = accounts.find_login(tx, parts.number)
    if row is None or row.kind != PROGRAM or not secret_parts.is_same(row.secret_hash, parts.secret):
        return None, "login_ended"
    if row.ended_at is not None or row.expires_at <= now or row.account_disabled_at is not None:
        return None, "login_ended"
    if not secret_parts.is_same(row.token_hash, parts.token):
        accounts.change_login(tx, row.id, {"ended_at": now, "ended_reason": REUSED})
        return None, "token_reused"
    end = login_end(PROGRAM, row.created_at, now)
    accounts.change_login(tx, row.id, {"token_hash": secret_parts.hash_of(token), "used_at": now, "expires_at": end})
    return row, ""
