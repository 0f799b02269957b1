"""Who a sighting is: a name only where it is sure, strangers only after named people, and the reasons always."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.events import ListName
from receiver.domain.identity import MARGIN, Candidate, Status, blacklist_hit, decide

STAFF, STRANGER, BLACKLIST = ListName.STAFF, ListName.STRANGER, ListName.BLACKLIST
THRESHOLD = 0.45


@dataclass(frozen=True)
class Wrong:
    reason: str
    level: str


DARK, TILTED = Wrong("too_dark", "refuse"), Wrong("tilted", "warn")


def near(person_id: int, distance: float, list_name: ListName = STAFF, face_id: int | None = None) -> Candidate:
    return Candidate(person_id, 100 + person_id if face_id is None else face_id, list_name, distance)


def test_a_near_face_far_from_everybody_else_is_matched() -> None:
    decision = decide([near(1, 0.30), near(2, 0.70)], THRESHOLD)
    assert (decision.status, decision.person_id, decision.face_id, decision.list) == (Status.MATCHED, 1, 101, STAFF)
    assert (decision.distance, decision.threshold) == (0.30, THRESHOLD)
    assert decision.margin == pytest.approx(0.40)
    assert decision.reasons == ("within_threshold",)


def test_the_only_person_known_has_no_runner_up() -> None:
    decision = decide([near(1, 0.30)], THRESHOLD)
    assert decision.status is Status.MATCHED
    assert decision.margin is None


def test_the_threshold_itself_still_matches() -> None:
    assert decide([near(1, THRESHOLD)], THRESHOLD).status is Status.MATCHED
    assert decide([near(1, THRESHOLD + 1e-9)], THRESHOLD).status is Status.UNKNOWN


def test_a_runner_up_too_close_behind_makes_it_ambiguous_and_nobody_is_named() -> None:
    decision = decide([near(1, 0.40), near(2, 0.42)], THRESHOLD)
    assert (decision.status, decision.person_id, decision.face_id, decision.list) == (
        Status.AMBIGUOUS,
        None,
        None,
        None,
    )
    assert decision.margin == pytest.approx(0.02)
    assert decision.reasons == ("runner_up_too_close",)


def test_a_runner_up_beyond_the_threshold_can_be_too_close_as_well() -> None:
    assert decide([near(1, 0.44), near(2, 0.46)], THRESHOLD).status is Status.AMBIGUOUS


def test_a_runner_up_exactly_the_margin_behind_does_not_disturb() -> None:
    assert decide([near(1, 0.25), near(2, 0.375)], THRESHOLD, margin=0.125).status is Status.MATCHED


def test_another_face_of_the_same_person_is_no_runner_up() -> None:
    decision = decide([near(1, 0.31, face_id=8), near(1, 0.30, face_id=7), near(2, 0.60)], THRESHOLD)
    assert (decision.status, decision.face_id) == (Status.MATCHED, 7)
    assert decision.margin == pytest.approx(0.30)


def test_nobody_close_enough_is_unknown_and_never_a_name() -> None:
    decision = decide([near(1, 0.50), near(2, 0.80)], THRESHOLD)
    assert (decision.status, decision.person_id, decision.face_id) == (Status.UNKNOWN, None, None)
    assert decision.distance == 0.50
    assert decision.margin == pytest.approx(0.30)
    assert decision.reasons == ("nobody_close_enough",)


def test_an_empty_library_is_unknown() -> None:
    decision = decide([], THRESHOLD)
    assert (decision.status, decision.distance, decision.reasons) == (Status.UNKNOWN, None, ("nobody_known",))


def test_no_face_is_no_face_whoever_is_near() -> None:
    decision = decide([near(1, 0.1)], THRESHOLD, has_face=False)
    assert (decision.status, decision.person_id, decision.distance) == (Status.NO_FACE, None, None)
    assert decision.reasons == ("no_face",)


def test_a_stranger_never_competes_with_a_named_person() -> None:
    decision = decide([near(9, 0.10, STRANGER), near(1, 0.44)], THRESHOLD)
    assert (decision.status, decision.person_id, decision.margin) == (Status.MATCHED, 1, None)


def test_a_stranger_is_matched_where_no_named_person_is_near() -> None:
    decision = decide([near(9, 0.30, STRANGER), near(1, 0.46)], THRESHOLD)
    assert (decision.status, decision.person_id, decision.list) == (Status.MATCHED, 9, STRANGER)
    assert decision.margin is None


def test_an_ambiguous_named_person_is_not_decided_by_a_stranger() -> None:
    candidates = [near(1, 0.40), near(2, 0.41), near(9, 0.10, STRANGER)]
    assert decide(candidates, THRESHOLD).status is Status.AMBIGUOUS


def test_two_strangers_alike_are_ambiguous() -> None:
    assert decide([near(8, 0.30, STRANGER), near(9, 0.31, STRANGER)], THRESHOLD).status is Status.AMBIGUOUS


@pytest.mark.parametrize("list_name", [name for name in ListName if name is not STRANGER])
def test_everybody_but_strangers_is_a_named_person(list_name: ListName) -> None:
    decision = decide([near(1, 0.40, list_name), near(9, 0.20, STRANGER)], THRESHOLD)
    assert (decision.person_id, decision.list) == (1, list_name)


def test_a_bad_picture_explains_why_nobody_was_found() -> None:
    decision = decide([near(1, 0.60)], THRESHOLD, findings=[DARK, TILTED])
    assert (decision.status, decision.reasons) == (
        Status.POOR_QUALITY,
        ("nobody_close_enough", "too_dark", "tilted"),
    )


def test_a_bad_picture_never_vetoes_a_match_or_settles_a_doubt() -> None:
    matched = decide([near(1, 0.30)], THRESHOLD, findings=[DARK])
    assert (matched.status, matched.reasons) == (Status.MATCHED, ("within_threshold", "too_dark"))
    assert decide([near(1, 0.40), near(2, 0.41)], THRESHOLD, findings=[DARK]).status is Status.AMBIGUOUS


def test_a_warning_alone_is_no_poor_quality() -> None:
    assert decide([near(1, 0.60)], THRESHOLD, findings=[TILTED]).status is Status.UNKNOWN


CANDIDATE = st.builds(Candidate, st.integers(1, 6), st.integers(1, 30), st.sampled_from(ListName), st.floats(0, 1.2))


@given(
    st.lists(CANDIDATE),
    st.floats(0.40, 0.60),
    st.floats(0, 0.1),
    st.lists(st.sampled_from([DARK, TILTED])),
    st.booleans(),
)
def test_a_person_is_named_exactly_where_the_status_is_matched(
    candidates: list[Candidate],
    threshold: float,
    margin: float,
    findings: list[Wrong],
    has_face: bool,  # noqa: FBT001
) -> None:
    decision = decide(candidates, threshold, margin, findings, has_face=has_face)
    named = (decision.person_id is not None, decision.face_id is not None, decision.list is not None)
    assert named == ((decision.status is Status.MATCHED,) * 3)
    assert decision.reasons
    if decision.status is Status.MATCHED:
        assert decision.distance is not None
        assert decision.distance <= threshold
        assert decision.margin is None or decision.margin >= margin


@given(st.lists(CANDIDATE, unique_by=lambda one: (one.person_id, one.face_id)))
def test_the_order_of_the_candidates_does_not_matter(candidates: list[Candidate]) -> None:
    assert decide(candidates, THRESHOLD) == decide(reversed(candidates), THRESHOLD)


def test_the_margin_that_holds_without_a_word_is_the_measured_one() -> None:
    assert decide([near(1, 0.30), near(2, 0.30 + MARGIN * 0.9)], THRESHOLD).status is Status.AMBIGUOUS
    assert decide([near(1, 0.30), near(2, 0.30 + MARGIN * 1.1)], THRESHOLD).status is Status.MATCHED


@pytest.mark.parametrize(
    ("reported", "matched", "said_by"),
    [
        (BLACKLIST, None, ("device",)),
        (BLACKLIST, STAFF, ("device",)),
        (STAFF, BLACKLIST, ("face",)),
        (BLACKLIST, BLACKLIST, ("device", "face")),
        (STRANGER, STRANGER, ()),
        (STAFF, None, ()),
    ],
)
def test_a_blacklist_hit_says_who_said_so(
    reported: ListName, matched: ListName | None, said_by: tuple[str, ...]
) -> None:
    assert blacklist_hit(reported, matched) == said_by
