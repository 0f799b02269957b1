"""Limits on logins that fail: Flask-Limiter over counts in the database, with pauses that grow.

Only failures count. The same account from the same address has few, and an address has some more for all accounts together.
An account as a whole has a limit too, for guesses from many addresses; addresses from which somebody has logged in to it before
are free of that one, so that nobody can lock an account's own people out.
"""

import hashlib
from datetime import UTC, datetime
from math import ceil
from typing import Any, cast

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded
from limits.storage import Storage

from receiver import metrics
from receiver.domain.addresses import owner_of
from receiver.domain.errors import Unavailable
from receiver.services.accounts.attempts import Attempts
from receiver.web.auth import caller
from receiver.web.problems import known, problem

OF_BOTH = "5 per 1 minute; 10 per 15 minutes; 15 per 1 hour"
OF_ADDRESS = "20 per 1 minute; 60 per 15 minutes"
OF_ACCOUNT = "20 per 15 minutes; 60 per 1 hour"
SCHEME = "gatehouse"
# Vehicles have passwords too; what is refused for another reason counts with them.
VEHICLES = ("server_api.add_device", "server_api.renew_device")
LIMITED = ("logins.log_in", "logins.begin_session", "server_api.log_in", *VEHICLES)
# Whoever has stolen a token must not find out the password by it.
PASSWORD_CHANGE = "accounts.change_own_password"  # noqa: S105 - the name of a view
# Of the name that was sent, whatever it is: no account has a longer one.
NAME_LENGTH = 200
FAILED, CONFLICT = frozenset({401, 403}), 409


class CountsInDatabase(Storage):
    """Where Flask-Limiter counts: in the memory of one process each of several web processes would allow the whole number."""

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - limits declares it so

    def __init__(self, uri: str | None = None, *, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._attempts: Attempts = options["attempts"]

    @property
    def base_exceptions(self) -> type[Exception]:
        """None of ours is translated."""
        return RateLimitExceeded

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts once the answer is ready, all limits in one transaction; with `deduct_when` nobody asks for the number."""
        _counted().append((key, expiry, amount))
        return amount

    def get(self, key: str) -> int:
        """How many there are."""
        return self._attempts.number(key)

    def get_expiry(self, key: str) -> float:
        """When the count ends, in seconds since 1970."""
        return self._attempts.ends_at(key).timestamp()

    def check(self) -> bool:
        """The database is asked for health elsewhere."""
        return True

    def reset(self) -> int | None:
        """Forgets all counts."""
        return self._attempts.forget()

    def clear(self, key: str) -> None:
        """Forgets one."""
        self._attempts.forget(key)


def register(app: Flask, attempts: Attempts) -> None:
    """Puts the limits before the two ways to log in."""
    # What is registered first is called last: after Flask-Limiter has counted.
    app.after_request(lambda answer: _write(answer, attempts))
    options = cast("dict[str, str | int]", {"attempts": attempts})
    # All limits are looked at: the answer tells the longest pause, not the first one's.
    limiter = Limiter(
        address_key, app=app, storage_uri=f"{SCHEME}://", storage_options=options, fail_on_first_breach=False
    )

    def is_usual() -> bool:
        return attempts.is_usual(_name(), address())

    for endpoint in LIMITED:
        view: Any = app.view_functions[endpoint]
        for amounts, key, exempt_when in (
            (OF_BOTH, both_key, None),
            (OF_ADDRESS, address_key, None),
            (OF_ACCOUNT, account_key, is_usual),
        ):
            scope = key.__name__
            limit = limiter.shared_limit(
                amounts, scope=scope, key_func=key, exempt_when=exempt_when, deduct_when=_has_failed
            )
            view = limit(view)
        app.view_functions[endpoint] = view
    own = limiter.limit(OF_BOTH, key_func=lambda: f"own {caller().account_id}", deduct_when=_has_failed)
    app.view_functions[PASSWORD_CHANGE] = cast("Any", own(app.view_functions[PASSWORD_CHANGE]))
    app.register_error_handler(RateLimitExceeded, lambda _error: _too_many(limiter))


def _counted() -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = g.setdefault("login_counts", [])
    return found


def _write(answer: Response, attempts: Attempts) -> Response:
    """Counts what has failed; where that cannot be written, nobody learns whether the password was right."""
    if _counted():
        try:
            attempts.count(_counted())
        except Unavailable as error:
            return known(error)
    return answer


def address() -> str:
    """Where the request came from."""
    return request.remote_addr or ""


def address_key() -> str:
    """The address as it is counted: who has one address of IPv6 has all of its /64."""
    return owner_of(address())


def account_key() -> str:
    """The account as it is counted, whether there is one of that name or not."""
    return hashlib.sha256(_name().encode("utf-8", "replace")).hexdigest()


def both_key() -> str:
    """The account from that address."""
    return f"{account_key()} {address_key()}"


def _name() -> str:
    document = request.get_json(force=True, silent=True)
    name = document.get("username", document.get("mac")) if isinstance(document, dict) else None
    return name.strip().casefold()[:NAME_LENGTH] if isinstance(name, str) else ""


def _has_failed(answer: Response) -> bool:
    # To a vehicle a wrong password is told as the one that another vehicle of its name has.
    is_taken = answer.status_code == CONFLICT and request.endpoint in VEHICLES
    return answer.status_code in FAILED or is_taken


def _too_many(limiter: Limiter) -> Response:
    metrics.LOGINS.labels("limited").inc()
    ends = [each.reset_at for each in limiter.current_limits if each.breached]
    left = max(ends, default=0) - datetime.now(UTC).timestamp()
    answer = problem(429, "too_many_logins", "too many logins have failed; come again after the time in Retry-After")
    answer.headers["Retry-After"] = str(max(1, ceil(left)))
    return answer
