"""What a row of the audit log is, and the arithmetic that chains rows so that none can be changed unseen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

FORMAT = b"gatehouse-audit-1"
# The hash before the first row.
START = sha256(FORMAT).digest()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DETAIL_LIMIT = 2000  # characters of a row's detail
TEXT_LIMIT = 80


class ActorKind(StrEnum):
    """Who can do something."""

    NOBODY = "nobody"
    ACCOUNT = "account"
    KEY = "key"
    DEVICE = "device"
    COMMAND = "command"
    SERVER = "server"


class Outcome(StrEnum):
    """How it went: done, refused to whoever asked, or failed by our own mistake."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from where.

    Attributes:
        kind: one of ActorKind.
        id: of the account, key or device; the operating system's account for a command; empty for nobody.
        address: where the request came from, empty for a command and for the server itself.
    """

    kind: str = ActorKind.NOBODY
    id: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done to what: machine words and ids, never names.

    Attributes:
        action: machine word, e.g. ``person.erased``.
        kind: of the thing: person, event, picture ...
        subject: the thing's id, empty where there is none or several.
        outcome: one of Outcome.
        detail: a few more words and numbers.
    """

    action: str
    kind: str = ""
    subject: str = ""
    outcome: str = Outcome.OK
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row as it is kept; ``detail`` is JSON text, so that it is hashed as it stands."""

    id: int
    at: datetime
    actor_kind: str
    actor: str
    address: str
    action: str
    kind: str
    subject: str
    outcome: str
    detail: str


def detail_text(detail: Mapping[str, Any] | None) -> str:
    """A row's detail as JSON text, empty for none; one that is too long says only that it was."""
    if not detail:
        return ""
    text = json.dumps(detail, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return text if len(text) <= DETAIL_LIMIT else '{"too_long":true}'


def row_text(row: AuditRow) -> bytes:
    """The row as the bytes that are hashed: the same on every database and in every process."""
    microseconds = (row.at - EPOCH) // MICROSECOND
    told = [row.actor_kind, row.actor, row.address, row.action, row.kind, row.subject, row.outcome, row.detail]
    return json.dumps([row.id, microseconds, *told], ensure_ascii=True, separators=(",", ":")).encode()


def chained(before: bytes, row: AuditRow) -> bytes:
    """The hash of a row and of everything before it."""
    return sha256(before + row_text(row)).digest()


def sealed_text(number: int, position: int, head: bytes, at: datetime) -> bytes:
    """What a seal's signature is made over: its number, how many rows it covers from the first on, their hash, its time."""
    return b"|".join(
        [FORMAT, str(number).encode(), str(position).encode(), head.hex().encode(), str((at - EPOCH) // MICROSECOND).encode()]
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with the log.

    Attributes:
        reason: machine word.
        detail: which row or seal, as a sentence.
    """

    reason: str
    detail: str
