"""Accounts: who may do what, how passwords and names must be, and how long a login lasts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from receiver.domain.errors import Invalid

ADMIN_NAME = "admin"
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 1024

ACCESS_TIME = timedelta(minutes=15)
"""How long an access token is good for; the account behind it is looked up with each request."""

IDLE_TIME: Mapping[str, timedelta] = {
    "program": timedelta(days=30),
    "console": timedelta(hours=12),
    "server_api": timedelta(days=7),
}
"""A login that is not used for so long has ended: a program's by refreshing, the others' by any request."""

LONGEST_TIME: Mapping[str, timedelta] = {
    "program": timedelta(days=180),
    "console": timedelta(days=7),
    "server_api": timedelta(days=30),
}
"""After this a login has ended, however much it is used."""

# The commonest passwords of ten and more characters in the lists that leaked, in lower case; shorter ones are too short anyway.
COMMON_PASSWORDS = frozenset(
    """
    1234567890 0123456789 0987654321 9876543210 12345678910 123456789a 1234567891 a123456789 1111111111 0000000000 1122334455
    1212121212 1q2w3e4r5t 1qaz2wsx3edc q1w2e3r4t5 qwertyuiop qwerty12345 qwerty123456 qwertyuiop123 1qazxsw23edc asdfghjkl1
    asdfghjkl123 zxcvbnm123 password12 password123 password1234 password12345 password01 password2024 password2025 passw0rd123
    p@ssw0rd123 p@ssword123 passwordpassword administrator admin12345 admin123456 admin1234567 adminadmin administrator1
    changeme123 changemenow changeit123 welcome123 welcome1234 letmein123 letmein1234 iloveyou12 iloveyou123 football123
    baseball123 superman123 sunshine123 princess123 monkey12345 dragon12345 michael123 abc1234567 abcd123456 abcd1234567
    abcdefghij abcdefghijk abc123456789 aa12345678 aa123456789 qazwsxedcrfv qazwsx12345 woaini1314 woaini1314520 5201314520
    secret1234 secret12345 test123456 testtest123 gatehouse1 gatehouse12 gatehouse123 gatehouse1234 raspberry1 raspberrypi
    """.split()  # noqa: SIM905 - a page of words is read more easily than a page of quotes
)


class Role(StrEnum):
    """What an account may do; each role may do what those before it may."""

    VIEWER = "viewer"
    GUARD = "guard"
    REGISTRAR = "registrar"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what ``needed`` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may see at most; an empty set limits nothing.

    Attributes:
        gates: ids of gates: events of other gates are not there for it.
        groups: people of other groups, and their events, are not there for it.
        lists: people of other lists, and their events, are not there for it.
    """

    gates: frozenset[int] = frozenset()
    groups: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()

    @property
    def is_limiting(self) -> bool:
        """Whether anything is out of sight at all."""
        return bool(self.gates or self.groups or self.lists)

    @property
    def limits_people(self) -> bool:
        """Whether there are people out of sight."""
        return bool(self.groups or self.lists)

    def as_json(self) -> dict[str, list[Any]]:
        """As it is stored and shown."""
        return {"gates": sorted(self.gates), "groups": sorted(self.groups), "lists": sorted(self.lists)}


NO_LIMITS = Limits()


def limits_of(stored: Mapping[str, Iterable[Any]]) -> Limits:
    """The limits that were stored or sent."""
    return Limits(*(frozenset(stored.get(name, ())) for name in ("gates", "groups", "lists")))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who stands behind a request.

    Attributes:
        account_id: the account.
        name: the account's.
        role: what it may do.
        limits: what it may see at most.
        must_change: the password is a first one: nothing else is possible before another is set.
        session_id: the login, None for an API key.
        key_id: the API key, None for a login.
        scopes: of the API key; a login has all.
    """

    account_id: int
    name: str
    role: Role
    limits: Limits = NO_LIMITS
    must_change: bool = False
    session_id: int | None = None
    key_id: int | None = None
    scopes: tuple[str, ...] = ("*",)

    @property
    def label(self) -> str:
        """Who did it, for what is kept of a deed: ids, never a name."""
        return f"account {self.account_id}" + (f", key {self.key_id}" if self.key_id is not None else "")


SCOPE = re.compile(r"(?:\*|[a-z_]{1,32})(?::read)?")


def allows(scopes: Iterable[str], area: str, *, is_reading: bool) -> bool:
    """Whether an API key of these scopes may ask for something.

    Args:
        scopes: each an area (``people``) or ``*`` for all, with ``:read`` behind it if nothing may be changed.
        area: the first part of the address after ``/v1``, or the address outside it (``metrics``).
        is_reading: nothing is changed.
    """
    wanted = {"*", area} | ({"*:read", f"{area}:read"} if is_reading else set())
    return not wanted.isdisjoint(scopes)


def checked_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes, once each.

    Raises:
        Invalid: ``bad_scope``: one is no scope, or there is none.
    """
    found = sorted(set(scopes))
    wrong = [each for each in found if not SCOPE.fullmatch(each)]
    if wrong or not found:
        raise Invalid("bad_scope", "a scope is an area such as people, events or metrics, or *, with :read if you like")
    return found


def checked_name(name: str) -> str:
    """The name of an account as it is kept: in lower case.

    Raises:
        Invalid: ``bad_account_name``.
    """
    found = name.strip().casefold()
    if not NAME.fullmatch(found):
        raise Invalid(
            "bad_account_name",
            "an account's name has 1 to 64 characters: letters a to z, digits, and . _ @ - after them",
        )
    return found


def check_password(password: str, name: str) -> None:
    """Refuses what is guessed first.

    Raises:
        Invalid: ``weak_password``: shorter than ten characters, longer than 1024, one of the commonest, or the name.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid("weak_password", f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    plain = password.casefold()
    if plain in COMMON_PASSWORDS or len(set(plain)) == 1:
        raise Invalid("weak_password", "that password is among the first that are guessed; take another one")
    if plain.strip("0123456789!?.-_ ") in {name, name[::-1]} or plain == name * (len(plain) // len(name)):
        raise Invalid("weak_password", "the password must not be the account's name")


def login_end(kind: str, began_at: datetime, now: datetime) -> datetime:
    """When a login of that kind ends if it is not used again."""
    return min(now + IDLE_TIME[kind], began_at + LONGEST_TIME[kind])
