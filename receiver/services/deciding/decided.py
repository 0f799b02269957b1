"""What an event's row says of a decision: what is revised later, and what is never taken back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from receiver.domain.events import ListName
from receiver.domain.identity import Decision, Status, blacklist_hit
from receiver.domain.people import PersonState, standing
from receiver.store.database import Row


def may_take_the_place(present: str | None, decision: Decision) -> bool:
    """Whether a later look at the same event replaces what was decided: a worse picture takes nobody's name away."""
    return present != Status.MATCHED or decision.status is Status.MATCHED


def decided_values(event: Row, decision: Decision, person: Row | None, detail: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an event that is decided so.

    Args:
        event: as it is in this transaction.
        decision: what is said of it.
        person: whose event it is, also where a registration has made or found the person.
        detail: beside the decision's own numbers.
    """
    words = standing_of(person, event.occurred_at)
    # Whose time on the blacklist is over is named, and nobody is called.
    matched = ListName(person.list) if person is not None and not words else None
    hit = blacklist_hit(ListName(event.reported_list), matched)
    # Once somebody was called, nobody is called back.
    said_by = {*event.blacklist_said_by.split(","), *hit} - {""}
    return {
        "decision": decision.status,
        "person_id": person.id if person is not None else None,
        "list": person.list if person is not None else event.reported_list,
        "decision_detail": _with_words({**numbers_of(decision), **detail}, words),
        "blacklist_said_by": ",".join(sorted(said_by)),
    }


def standing_of(person: Row | None, moment: datetime) -> tuple[str, ...]:
    """What is said of a known person beside the name: ``set_aside``, ``ignored``, ``not_valid_now``; empty where all is well."""
    return () if person is None else standing(person.state, person.valid_from, person.valid_until, moment)


def is_ignored(values: Mapping[str, Any]) -> bool:
    """Whether an event that is decided so shows nobody, a poster on the wall: nothing more comes of it.

    Args:
        values: see ``decided_values``.
    """
    return PersonState.IGNORED in values.get("decision_detail", {}).get("reasons", ())


def _with_words(detail: dict[str, Any], words: tuple[str, ...]) -> dict[str, Any]:
    return {**detail, "reasons": [*(each for each in detail["reasons"] if each not in words), *words]}


def numbers_of(decision: Decision) -> dict[str, Any]:
    """The decision's own part of ``decision_detail``."""
    return {
        "distance": decision.distance,
        "threshold": decision.threshold,
        "margin": decision.margin,
        "reasons": list(decision.reasons),
        "face": decision.face_id,
        "cohort": decision.cohort,
    }
