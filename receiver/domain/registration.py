"""Whether a face that a device reports may enter the library: new strangers (1001) and library updates (1002)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from receiver.domain.adoption import AHEAD
from receiver.domain.events import ListName, WantAction
from receiver.domain.identity import Decision, Finding, Status
from receiver.domain.scales import VERIFICATION_THRESHOLD

SAME_PICTURE = 1e-3
"""Distance below which a face is the one that is already there: one picture decoded twice differs by rounding only."""


class Kind(StrEnum):
    """What to do with the face."""

    REGISTER = "register"  # make a new stranger of it
    JOIN = "join"  # it is a stranger already: add the event to that one
    REPLACE = "replace"  # it becomes the person's current face
    REVIEW = "review"  # change nothing; a person should look
    KEEP_IDENTITY = "keep_identity"  # nobody has that identity id: keep it as the device's identity
    UNCHANGED = "unchanged"  # change nothing
    REFUSE = "refuse"  # do not register


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do, and why, as a machine word."""

    kind: Kind
    reason: str


def may_register_stranger(
    *, want_action: WantAction, fiqa_result: bool | None, findings: Sequence[Finding], decision: Decision
) -> Verdict:
    """Whether the face of a new stranger (1001) is registered, joined to a known stranger, or refused.

    Args:
        want_action: what the device asked for.
        fiqa_result: the device's own word whether the face is good enough; None if it said nothing, then ours alone
            decides. False is final: the boxes' documentation forbids to register it.
        findings: what the gate ``register`` says about the picture.
        decision: who it is, as decided under the lock that serialises registrations.

    Returns:
        ``register`` (``new_stranger``), ``join`` (``known_stranger``) or ``refuse`` (``not_asked``, ``fiqa_failed``,
        ``no_face``, ``known_person``, ``ambiguous``, or the word of what is wrong with the picture).
    """
    if want_action is not WantAction.NEW_STRANGER:
        return Verdict(Kind.REFUSE, "not_asked")
    if fiqa_result is False:
        return Verdict(Kind.REFUSE, "fiqa_failed")
    return _of_known(decision) or _of_picture(findings, Kind.REFUSE) or Verdict(Kind.REGISTER, "new_stranger")


def _of_known(decision: Decision) -> Verdict | None:
    """The verdict where the decision alone gives it: a face that is known need not be good."""
    if decision.status is Status.NO_FACE:
        return Verdict(Kind.REFUSE, "no_face")
    if decision.status is Status.AMBIGUOUS:
        return Verdict(Kind.REFUSE, "ambiguous")
    if decision.status is Status.MATCHED:
        stranger = decision.list is ListName.STRANGER
        return Verdict(Kind.JOIN, "known_stranger") if stranger else Verdict(Kind.REFUSE, "known_person")
    return None


def _of_picture(findings: Sequence[Finding], kind: Kind) -> Verdict | None:
    refusal = next((finding.reason for finding in findings if finding.level == "refuse"), None)
    return Verdict(kind, refusal) if refusal else None


def is_late(told: Iterable[datetime], occurred_at: datetime, now: datetime) -> bool:
    """Whether a message occurred before the newest that the same device has told.

    What a clock told that ran ahead makes nothing late that the device tells once its clock is right again; or nothing would
    count for years.

    Args:
        told: when by the device's clock, of all that the device has told.
        occurred_at: of the new message, aware.
        now: aware, by our clock.
    """
    horizon = now + AHEAD
    return any(occurred_at < moment and (moment <= horizon or occurred_at > horizon) for moment in told)


def of_news(
    told: Iterable[tuple[bytes, datetime]], digest: bytes, occurred_at: datetime, now: datetime
) -> Verdict | None:
    """That a library update (1002) comes late or again; None if it is news.

    Boxes send again what was not answered in time, and messages overtake each other: what occurred before the newest
    that the same device has told must not undo it.

    Args:
        told: (digest of the picture, when by the device's clock) of all that the device has told of the person.
        digest: of the new picture; empty if there is none.
        occurred_at: of the new message, aware.
        now: aware, by our clock; see ``is_late``.

    Returns:
        ``unchanged`` (``late_message``, ``repeated_message``), or None.
    """
    told = list(told)
    if is_late((moment for _, moment in told), occurred_at, now):
        return Verdict(Kind.UNCHANGED, "late_message")
    if any(occurred_at == moment and digest == each for each, moment in told):
        return Verdict(Kind.UNCHANGED, "repeated_message")
    return None


def may_update_library(
    *,
    person_exists: bool,
    has_face: bool,
    findings: Sequence[Finding],
    distance: float | None,
    threshold: float = VERIFICATION_THRESHOLD,
) -> Verdict:
    """Whether a library update (1002) replaces the current face of the person with that identity id.

    Args:
        person_exists: whether anybody has the identity id.
        has_face: whether the new picture shows a face.
        findings: what the gate ``register`` says about the new picture.
        distance: from the new face to the nearest of the person's present faces; None if the person has none.
        threshold: distance up to which it is the same person; see VERIFICATION_THRESHOLD for why it is looser than a
            search's.

    Returns:
        ``replace`` (``same_person`` or ``first_face``), ``review`` (``identity_conflict``), ``keep_identity``
        (``nobody_has_that_id``) or ``unchanged`` (``no_face``, ``already_there``, or the word of what is wrong).
    """
    if not person_exists:
        return Verdict(Kind.KEEP_IDENTITY, "nobody_has_that_id")
    if not has_face:
        return Verdict(Kind.UNCHANGED, "no_face")
    return _of_picture(findings, Kind.UNCHANGED) or _of_distance(distance, threshold)


def _of_distance(distance: float | None, threshold: float) -> Verdict:
    if distance is None:
        return Verdict(Kind.REPLACE, "first_face")
    if distance < SAME_PICTURE:
        return Verdict(Kind.UNCHANGED, "already_there")
    if distance <= threshold:
        return Verdict(Kind.REPLACE, "same_person")
    return Verdict(Kind.REVIEW, "identity_conflict")
