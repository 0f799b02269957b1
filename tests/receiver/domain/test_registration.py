"""Which reported faces may enter the library."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from receiver.domain.events import ListName, WantAction
from receiver.domain.identity import Candidate, Decision, Status, decide, no_face
from receiver.domain.registration import Kind, Verdict, may_register_stranger, may_update_library, of_news


@dataclass(frozen=True)
class Wrong:
    reason: str
    level: str


BLURRED, SMALL = Wrong("too_blurred", "refuse"), Wrong("face_too_small", "warn")


def near(person: int, distance: float, list_name: ListName = ListName.STAFF) -> Candidate:
    return Candidate(person, person, list_name, distance, threshold=0.45, verification=0.58, aligned=distance)


UNKNOWN = decide([])
NO_FACE = no_face()
POOR = decide([], [BLURRED])
AMBIGUOUS = decide([near(1, 0.40), near(2, 0.41)])


def matched(list_name: ListName) -> Decision:
    return decide([near(1, 0.3, list_name)])


def stranger(
    decision: Decision = UNKNOWN,
    *findings: Wrong,
    fiqa: bool | None = None,
    action: WantAction = WantAction.NEW_STRANGER,
) -> Verdict:
    return may_register_stranger(want_action=action, fiqa_result=fiqa, findings=findings, decision=decision)


def update(
    distance: float | None, *findings: Wrong, exists: bool = True, face: bool = True, threshold: float = 0.58
) -> Verdict:
    return may_update_library(
        person_exists=exists, has_face=face, findings=findings, distance=distance, threshold=threshold
    )


@pytest.mark.parametrize("fiqa", [True, None])
def test_a_good_face_that_nobody_knows_becomes_a_stranger(fiqa: bool | None) -> None:  # noqa: FBT001
    assert stranger(fiqa=fiqa) == Verdict(Kind.REGISTER, "new_stranger")


def test_a_warning_does_not_keep_a_face_out() -> None:
    assert stranger(UNKNOWN, SMALL) == Verdict(Kind.REGISTER, "new_stranger")


def test_what_the_device_found_not_good_enough_is_never_registered() -> None:
    for decision in (UNKNOWN, NO_FACE, matched(ListName.STRANGER)):
        assert stranger(decision, fiqa=False) == Verdict(Kind.REFUSE, "fiqa_failed")


def test_our_own_check_refuses_what_the_device_found_good() -> None:
    assert stranger(UNKNOWN, SMALL, BLURRED, fiqa=True) == Verdict(Kind.REFUSE, "too_blurred")
    assert stranger(POOR, BLURRED) == Verdict(Kind.REFUSE, "too_blurred")


def test_several_faces_are_refused_by_that_word() -> None:
    assert stranger(UNKNOWN, Wrong("several_faces", "refuse")) == Verdict(Kind.REFUSE, "several_faces")


def test_no_face_is_refused() -> None:
    assert stranger(NO_FACE) == Verdict(Kind.REFUSE, "no_face")


def test_a_known_stranger_is_joined_even_by_a_poor_picture() -> None:
    assert stranger(matched(ListName.STRANGER), BLURRED) == Verdict(Kind.JOIN, "known_stranger")


@pytest.mark.parametrize("list_name", [name for name in ListName if name is not ListName.STRANGER])
def test_a_named_person_is_never_made_a_stranger(list_name: ListName) -> None:
    assert stranger(matched(list_name)) == Verdict(Kind.REFUSE, "known_person")


def test_a_face_that_may_be_one_of_two_is_not_registered() -> None:
    assert AMBIGUOUS.status is Status.AMBIGUOUS
    assert stranger(AMBIGUOUS) == Verdict(Kind.REFUSE, "ambiguous")


@pytest.mark.parametrize("action", [WantAction.NOTHING, WantAction.LIBRARY_UPDATE])
def test_nobody_is_registered_unasked(action: WantAction) -> None:
    assert stranger(action=action) == Verdict(Kind.REFUSE, "not_asked")


def test_a_new_face_of_the_same_person_replaces_the_current_one() -> None:
    assert update(0.40, SMALL) == Verdict(Kind.REPLACE, "same_person")
    assert update(0.58) == Verdict(Kind.REPLACE, "same_person")


def test_a_face_of_somebody_else_changes_nothing_and_is_looked_at() -> None:
    assert update(0.59) == Verdict(Kind.REVIEW, "identity_conflict")
    assert update(0.40, threshold=0.39) == Verdict(Kind.REVIEW, "identity_conflict")


def test_an_identity_that_nobody_has_is_kept() -> None:
    assert update(None, exists=False) == Verdict(Kind.KEEP_IDENTITY, "nobody_has_that_id")
    assert update(None, exists=False, face=False) == Verdict(Kind.KEEP_IDENTITY, "nobody_has_that_id")


def test_a_person_without_a_face_gets_the_first_one() -> None:
    assert update(None) == Verdict(Kind.REPLACE, "first_face")


def test_the_same_picture_again_changes_nothing() -> None:
    assert update(0.0) == Verdict(Kind.UNCHANGED, "already_there")


def test_a_picture_that_is_no_good_changes_nothing_and_says_why() -> None:
    assert update(None, face=False) == Verdict(Kind.UNCHANGED, "no_face")
    assert update(0.30, BLURRED) == Verdict(Kind.UNCHANGED, "too_blurred")
    assert update(0.90, BLURRED) == Verdict(Kind.UNCHANGED, "too_blurred")


NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("digest", "moment", "reason"),
    [
        (b"new", NOON, None),
        (b"new", NOON + MINUTE, None),
        (b"old", NOON + MINUTE, None),
        (b"new", NOON - MINUTE, "late_message"),
        (b"old", NOON, "repeated_message"),
    ],
)
def test_what_occurred_before_what_the_device_has_told_is_no_news(
    digest: bytes, moment: datetime, reason: str | None
) -> None:
    verdict = of_news([(b"older", NOON - 2 * MINUTE), (b"old", NOON)], digest, moment, NOON)
    assert (verdict.reason if verdict else None) == reason


def test_a_first_message_is_news() -> None:
    assert of_news([], b"new", NOON, NOON) is None


@pytest.mark.parametrize(
    ("ahead", "digest", "moment", "reason"),
    [
        (365 * DAY, b"new", NOON, None),  # the clock is right again
        (365 * DAY, b"new", NOON + 364 * DAY, "late_message"),  # the clock still runs ahead
        (365 * DAY, b"old", NOON + 365 * DAY, "repeated_message"),
        (DAY, b"new", NOON, "late_message"),  # so far, somebody may have forgotten to set the zone
        (DAY + MINUTE, b"new", NOON, None),
    ],
)
def test_what_a_clock_told_that_ran_ahead_makes_nothing_late_once_it_is_right(
    ahead: timedelta, digest: bytes, moment: datetime, reason: str | None
) -> None:
    verdict = of_news([(b"old", NOON + ahead)], digest, moment, NOON)
    assert (verdict.reason if verdict else None) == reason
