"""Corrections of the library: what becomes of two people who are one, and what an undo gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from receiver.domain.errors import Conflict, Invalid
from receiver.domain.events import ListName
from receiver.domain.people import PersonState


class CorrectionKind(StrEnum):
    """What somebody put right."""

    MERGE = "merge"  # two people are one
    SPLIT = "split"  # some pictures are somebody else's
    PROMOTE = "promote"  # a stranger is somebody
    IGNORE = "ignore"  # a stranger is nobody: a poster on the wall


@dataclass(frozen=True, slots=True)
class Terms:
    """What somebody is to the gate, and while what time.

    Attributes:
        list: staff, visitor, blacklist, stranger, VIP.
        state: of PersonState.
        valid_from: aware; None: since ever.
        valid_until: aware, itself no longer valid; None: for ever.
    """

    list: ListName
    state: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def merged_terms(own: Terms, other: Terms, wanted: ListName | None = None) -> Terms:
    """What two people who are one are to the gate.

    List, state and validity stay together: whose list it is, that one's state and validity hold. A named list wins
    against ``stranger``. Two different named lists are never settled by themselves, or somebody would be off the
    blacklist unseen; nor does an entry of the blacklist that is over hide one that holds.

    Args:
        own: of the one who stays.
        other: of the one who is that one.
        wanted: which of the two lists it is to be, where both are named and differ.

    Raises:
        Conflict: ``lists_differ``: it must be said which one.
        Invalid: ``list_of_neither``: neither of the two is on the wanted list, or a stranger is wanted of somebody named.
    """
    named = {each.list for each in (own, other)} - {ListName.STRANGER}
    if wanted is None and len(named) > 1:
        raise Conflict(
            "lists_differ",
            f"one is on the list {own.list}, the other on {other.list}; say with `list` which one holds from now on",
        )
    result = wanted or next(iter(named), ListName.STRANGER)
    if result not in (named or {ListName.STRANGER}):
        raise Invalid(
            "list_of_neither", f"`list` must be {own.list} or {other.list}, and not a stranger's if one is named"
        )
    if own.list is other.list is ListName.BLACKLIST:
        return _wider(own, other)
    return own if own.list is result else other


def _wider(own: Terms, other: Terms) -> Terms:
    """From the earlier beginning to the later end; active if either is."""
    begins = [each.valid_from for each in (own, other) if each.valid_from is not None]
    ends = [each.valid_until for each in (own, other) if each.valid_until is not None]
    is_active = PersonState.ACTIVE in {own.state, other.state}
    return Terms(
        own.list,
        PersonState.ACTIVE if is_active else own.state,
        min(begins) if len(begins) == 2 else None,  # noqa: PLR2004 - both have one
        max(ends) if len(ends) == 2 else None,  # noqa: PLR2004 - both have one
    )


def merged_note(own: str, other: str) -> str:
    """Both notes, one below the other; what stands there already is not said twice."""
    return own if not other or other in own else "\n\n".join(each for each in (own, other) if each)


def merged_fields(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What the site noted of both; where they contradict, that of the one who stays."""
    return {**other, **own}


def changed(was: Mapping[str, Any], becomes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a correction keeps of the columns that it changes: their values before and after."""
    names = [name for name in becomes if becomes[name] != was[name]]
    return {"was": {name: was[name] for name in names}, "became": {name: becomes[name] for name in names}}


def given_back(kept: Mapping[str, Mapping[str, Any]], present: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that an undo sets: what nobody has changed since is as it was, what somebody has changed stays.

    Args:
        kept: see ``changed``.
        present: the values as they are now.
    """
    was, became = kept.get("was", {}), kept.get("became", {})
    values = {name: was[name] for name in was if name != "fields" and present[name] == became[name]}
    if "fields" in was:
        values["fields"] = _fields_back(was["fields"], became["fields"], present["fields"])
    return values


def _fields_back(was: Mapping[str, Any], became: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    """Without the names that were added and are still as they came."""
    added = {name: value for name, value in became.items() if name not in was}
    return {name: value for name, value in present.items() if name not in added or value != added[name]}
