"""Says who stands behind a token, a cookie or an API key; asks the database, and remembers the answer for a second at most."""

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.accounts import Caller, Role, limits_of, login_end
from receiver.domain.errors import NotLoggedIn, Unavailable
from receiver.services.accounts import secret_parts
from receiver.services.accounts.signing import Signer, TokenError
from receiver.store import accounts
from receiver.store.database import Row
from receiver.store.store import Store

CONSOLE, PROGRAM, SERVER_API = "console", "program", "server_api"
COOKIE, REFRESH, KEY, USER_TOKEN = "gs", "gr", "gk", "gu"
# What is changed by another process holds here after so long.
REMEMBERED_SECONDS = 1.0
REMEMBERED = 4096
# The last use is written down this often, not with each request.
NOTED = timedelta(minutes=5)


class Admitting:
    """The use case behind every request that needs a login."""

    def __init__(self, store: Store, signer: Signer) -> None:
        self._store = store
        self._signer = signer
        self._known: dict[tuple[str, int], tuple[float, Row | None]] = {}
        self._lock = threading.Lock()

    def by_access_token(self, token: str) -> Caller:
        """Who logged in and was given that token.

        Raises:
            NotLoggedIn: ``token_invalid``, ``token_expired``, ``login_ended``.
        """
        try:
            claims = self._signer.claims(token)
        except TokenError as error:
            if error.is_expired:
                raise NotLoggedIn(
                    "token_expired", "the token's time is over: POST /v1/refresh gives another"
                ) from error
            raise _invalid() from error
        row = self._login(claims.session_id)
        if row is None or row.kind != PROGRAM or row.account_id != claims.account_id:
            raise _ended()
        return _caller(row, session_id=row.id)

    def by_cookie(self, cookie: str) -> Caller:
        """Who logged in with a browser and was given that cookie.

        Raises:
            NotLoggedIn: ``token_invalid``, ``login_ended``.
        """
        return self._by_secret(CONSOLE, secret_parts.read(COOKIE, cookie))

    def by_user_token(self, token: str) -> Caller:
        """Who logged in to ServerAPI and was given that token.

        Raises:
            NotLoggedIn: ``token_invalid``, ``login_ended``.
        """
        return self._by_secret(SERVER_API, secret_parts.read(USER_TOKEN, token))

    def by_key(self, text: str) -> Caller:
        """Whose API key that is.

        Raises:
            NotLoggedIn: ``token_invalid``; ``token_expired`` for a key whose time is over.
        """
        parts = secret_parts.read(KEY, text)
        row = None if parts is None else self._remembered("key", parts.number, accounts.find_key)
        if parts is None or row is None or not secret_parts.is_same(row.secret_hash, parts.secret):
            raise _invalid()
        _check_key(row)
        self._note_use("key", row)
        return _caller(row, key_id=row.id, scopes=tuple(row.scopes))

    def again(self, caller: Caller) -> Caller:
        """Whoever was let in a while ago, as he would be let in now.

        Raises:
            NotLoggedIn: ``token_invalid``, ``token_expired``, ``login_ended``.
        """
        if caller.key_id is not None:
            row = self._remembered("key", caller.key_id, accounts.find_key)
            if row is None:
                raise _invalid()
            _check_key(row)
            return _caller(row, key_id=row.id, scopes=tuple(row.scopes))
        row = self._login(caller.session_id or 0)
        if row is None:
            raise _ended()
        if row.kind != PROGRAM:
            # What is told live is in use.
            self._note_use("login", row)
        return _caller(row, session_id=row.id)

    def forget(self) -> None:
        """What is remembered may be wrong from now on: this process itself has changed something."""
        with self._lock:
            self._known.clear()

    def _by_secret(self, kind: str, parts: secret_parts.Parts | None) -> Caller:
        """A login whose one secret is sent with each request."""
        if parts is None:
            raise _invalid()
        row = self._login(parts.number)
        if row is None or row.kind != kind or not secret_parts.is_same(row.secret_hash, parts.secret):
            raise _ended()
        self._note_use("login", row)
        return _caller(row, session_id=row.id)

    def _login(self, session_id: int) -> Row | None:
        """A login that is still good."""
        row = self._remembered("login", session_id, accounts.find_login)
        if row is None or row.ended_at is not None or row.account_disabled_at is not None:
            return None
        return row if row.expires_at > datetime.now(UTC) else None

    def _remembered(self, kind: str, number: int, find: Callable[[Any, int], Row | None]) -> Row | None:
        now = time.monotonic()
        with self._lock:
            at, row = self._known.get((kind, number), (0.0, None))
            if at and now - at < REMEMBERED_SECONDS:
                return row
        with self._store.read() as tx:
            row = find(tx, number)
        with self._lock:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            # From the moment before it was read: what was changed since then is not in it.
            self._known[kind, number] = now, row
        return row

    def _note_use(self, kind: str, row: Row) -> None:
        now = datetime.now(UTC)
        if row.used_at is not None and now - row.used_at < NOTED:
            return
        # Whoever may come in comes in, also where nothing can be written just now.
        with contextlib.suppress(Unavailable), self._store.write() as tx:
            if kind == "key":
                accounts.change_key(tx, row.id, {"used_at": now})
            else:
                end = login_end(row.kind, row.created_at, now)
                accounts.change_login(tx, row.id, {"used_at": now, "expires_at": end})
        with self._lock:
            self._known.pop((kind, row.id), None)


def _caller(row: Row, **by: Any) -> Caller:
    return Caller(
        row.account_id,
        row.account_name,
        Role(row.account_role),
        limits_of(row.account_limits),
        must_change=row.account_must_change,
        **by,
    )


def _check_key(row: Row) -> None:
    if row.revoked_at is not None or row.account_disabled_at is not None:
        raise _invalid()
    if row.expires_at is not None and row.expires_at <= datetime.now(UTC):
        raise NotLoggedIn("token_expired", "the key's time is over; make another one")


def _invalid() -> NotLoggedIn:
    return NotLoggedIn("token_invalid", "that is no token or key of this server, or it was revoked")


def _ended() -> NotLoggedIn:
    return NotLoggedIn("login_ended", "that login has ended; log in anew")
