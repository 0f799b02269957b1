"""What devices call people, and when the library takes somebody over from a device."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from receiver.domain.events import ListName, WantAction

NAMELESS = frozenset({"stranger", "陌生人"})
"""What boxes call those whom they do not know, in the place of a name."""


AHEAD = timedelta(days=1)
"""How far a device's clock may be ahead of ours: more than any time zone that somebody forgot to set."""


class IdentityState(StrEnum):
    """What came of an identity in our library."""

    KNOWN = "known"  # a device speaks of it; nobody has tried yet
    ADOPTED = "adopted"  # a person of the library carries it
    REFUSED = "refused"  # tried, and not taken; the reason says why


class AdoptionState(StrEnum):
    """Where an adoption stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class Came(StrEnum):
    """What came of one identity when it was tried; these are counted."""

    ADOPTED = "adopted"  # a new person
    LINKED = "linked"  # the library had the person; the id belongs to that one now
    RENEWED = "renewed"  # the device's new library picture is the current one now
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Told:
    """What one event tells of an identity.

    Attributes:
        name: as the device calls the person; may be empty.
        list: what the device takes the person for.
        digest: SHA-256 of the device's library picture; None if the event brought none.
        occurred_at: aware, by the device's clock where it has one.
        event_id: the event.
    """

    name: str
    list: str
    digest: bytes | None
    occurred_at: datetime
    event_id: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of an identity so far; see Told."""

    name: str
    list: str
    digest: bytes | None
    first_seen: datetime
    last_seen: datetime


def is_lasting(identity_id: str, name: str, reported: str, want_action: str) -> bool:
    """Whether an event's identity means somebody for good: not the number that a box gives a passing stranger.

    Args:
        identity_id: as sent; empty if the device said none.
        name: as sent.
        reported: the list that the device reported.
        want_action: a library update (1002) speaks of somebody in the device's library, whatever the list.
    """
    if not identity_id:
        return False
    if want_action == WantAction.LIBRARY_UPDATE:
        return True
    return reported != ListName.STRANGER and name.strip().lower() not in NAMELESS


def news(kept: Kept | None, told: Told, now: datetime) -> dict[str, Any]:
    """What an event changes of what is kept, by the names of Kept and ``event_id``; the newest by the device's clock counts.

    An event without a library picture leaves the one that is kept; one that comes late only says that the person was seen
    earlier, and brings a picture where there is none yet. What a clock told that ran ahead is no longer the newest: or
    nothing that the device tells, once its clock is right again, would count for years.

    Args:
        kept: so far; None if it is new.
        told: by the event.
        now: aware, by our clock.
    """
    if kept is None:
        seen = {"first_seen": told.occurred_at, "last_seen": told.occurred_at, "event_id": told.event_id}
        return {"name": told.name, "list": told.list, "digest": told.digest, **seen}
    earlier = {"first_seen": told.occurred_at} if told.occurred_at < kept.first_seen else {}
    if told.occurred_at < kept.last_seen <= now + AHEAD:
        return earlier | ({"digest": told.digest} if kept.digest is None and told.digest is not None else {})
    picture = {"digest": told.digest} if told.digest not in {None, kept.digest} else {}
    named = {"name": told.name} if told.name not in {"", kept.name} else {}
    listed = {"list": told.list} if told.list != kept.list else {}
    return {"last_seen": told.occurred_at, "event_id": told.event_id} | named | listed | picture | earlier


def may_begin_by_itself(state: str, reason: str | None, reported: str, *, is_automatic: bool) -> bool:
    """Whether a picture of an identity that has not been tried is looked at without anybody asking.

    A new picture of somebody who is adopted goes the way of a 1002, which nobody has to ask for either. Whoever was taken
    out of the library by hand does not come back by itself.

    Args:
        state: of IdentityState.
        reason: machine word of what came of it before.
        reported: the list that the device reports.
        is_automatic: the site wants identities to be adopted by themselves.
    """
    if state == IdentityState.ADOPTED:
        return True
    return is_automatic and reported != ListName.STRANGER and reason != "removed"


def same_name(one: str, other: str) -> bool:
    """Whether two names are written alike; capitals, blanks and ways of composing characters do not count."""
    return _plain(one) == _plain(other) != ""


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def percent(counts: Mapping[str, int], waiting: int) -> int:
    """How far an adoption is, 0 to 100, rounded down: 100 only when nothing waits.

    Args:
        counts: by Came, what is settled.
        waiting: how many identities still wait.
    """
    settled = sum(counts.values())
    return 100 if waiting == 0 else 100 * settled // (settled + waiting)
