"""Who a sighting is: a name only where it is sure, strangers only after named people, and the reasons always."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.events import ListName
from receiver.domain.identity import MARGIN, Candidate, Decision, Status, blacklist_hit, decide, no_face

STAFF, STRANGER, BLACKLIST = ListName.STAFF, ListName.STRANGER, ListName.BLACKLIST
THRESHOLD, BLACKLIST_THRESHOLD, VERIFICATION = 0.45, 0.52, 0.58


@dataclass(frozen=True)
class Wrong:
    reason: str
    level: str


DARK, TILTED = Wrong("too_dark", "refuse"), Wrong("tilted", "warn")


def near(person_id: int, distance: float, list_name: ListName = STAFF, aligned: float | None = None) -> Candidate:
    return Candidate(
        person_id,
        face_id=100 + person_id,
        list=list_name,
        distance=distance,
        threshold=BLACKLIST_THRESHOLD if list_name is BLACKLIST else THRESHOLD,
        verification=VERIFICATION,
        aligned=distance if aligned is None else aligned,
    )


def is_nobody(decision: Decision) -> bool:
    return (decision.person_id, decision.face_id, decision.list) == (None, None, None)


def test_a_near_face_far_from_everybody_else_is_matched() -> None:
    decision = decide([near(1, 0.30), near(2, 0.70)])
    assert (decision.status, decision.person_id, decision.face_id, decision.list) == (Status.MATCHED, 1, 101, STAFF)
    assert (decision.distance, decision.threshold) == (0.30, THRESHOLD)
    assert decision.margin == pytest.approx(0.40)
    assert decision.reasons == ("within_threshold",)


def test_the_only_person_known_has_no_runner_up() -> None:
    decision = decide([near(1, 0.30)])
    assert decision.status is Status.MATCHED
    assert decision.margin is None


def test_the_threshold_itself_still_matches() -> None:
    assert decide([near(1, THRESHOLD)]).status is Status.MATCHED
    assert decide([near(1, THRESHOLD + 1e-9)]).status is Status.UNKNOWN


def test_a_runner_up_too_close_behind_makes_it_ambiguous_and_nobody_is_named() -> None:
    decision = decide([near(1, 0.40), near(2, 0.42)])
    assert decision.status is Status.AMBIGUOUS
    assert is_nobody(decision)
    assert decision.margin == pytest.approx(0.02)
    assert decision.reasons == ("runner_up_too_close",)


def test_a_runner_up_beyond_the_threshold_can_be_too_close_as_well() -> None:
    assert decide([near(1, 0.44), near(2, 0.46)]).status is Status.AMBIGUOUS


def test_a_runner_up_exactly_the_margin_behind_does_not_disturb() -> None:
    assert decide([near(1, 0.25), near(2, 0.375)], margin=0.125).status is Status.MATCHED


def test_people_with_more_faces_are_compared_on_the_same_scale() -> None:
    """Three faces bring a mean nearer to everybody: 0.40 to such a mean is no better than 0.44 to one face."""
    decision = decide([near(1, 0.41), near(2, 0.40, aligned=0.44)])
    assert decision.person_id == 1
    assert decision.margin == pytest.approx(0.03)
    assert decide([near(1, 0.42), near(2, 0.40, aligned=0.44)]).status is Status.AMBIGUOUS


def test_nobody_close_enough_is_unknown_and_never_a_name() -> None:
    decision = decide([near(1, 0.50), near(2, 0.80)])
    assert (decision.status, decision.person_id, decision.face_id) == (Status.UNKNOWN, None, None)
    assert decision.distance == 0.50
    assert decision.margin == pytest.approx(0.30)
    assert decision.reasons == ("nobody_close_enough",)


def test_an_empty_library_is_unknown() -> None:
    decision = decide([])
    assert (decision.status, decision.distance, decision.reasons) == (Status.UNKNOWN, None, ("nobody_known",))


def test_no_face_says_what_was_wrong_with_the_picture() -> None:
    decision = no_face([DARK])
    assert (decision.status, decision.distance, decision.reasons) == (Status.NO_FACE, None, ("no_face", "too_dark"))
    assert is_nobody(decision)


def test_the_blacklist_has_a_threshold_of_its_own() -> None:
    assert decide([near(1, 0.50, BLACKLIST)]).person_id == 1
    assert decide([near(1, 0.50)]).status is Status.UNKNOWN


def test_somebody_of_the_blacklist_is_not_named_where_another_is_as_near_beyond_a_stricter_threshold() -> None:
    decision = decide([near(1, 0.48), near(2, 0.49, BLACKLIST)])
    assert (decision.status, decision.distance) == (Status.AMBIGUOUS, 0.49)
    assert decision.margin == pytest.approx(-0.01)


def test_somebody_of_the_blacklist_is_not_even_doubted_where_another_is_clearly_nearer() -> None:
    assert decide([near(1, 0.46), near(2, 0.51, BLACKLIST)]).status is Status.UNKNOWN


def test_the_person_whom_the_device_names_is_confirmed_by_the_looser_threshold() -> None:
    decision = decide([near(1, 0.55), near(2, 0.70)], claimed=1)
    assert (decision.status, decision.person_id, decision.threshold) == (Status.MATCHED, 1, VERIFICATION)
    assert decision.reasons == ("claim_confirmed",)
    assert decision.margin == pytest.approx(0.15)
    assert decide([near(1, 0.55), near(2, 0.70)]).status is Status.UNKNOWN


def test_a_claim_stands_though_another_is_a_little_nearer() -> None:
    decision = decide([near(1, 0.40), near(2, 0.39)], claimed=1)
    assert (decision.person_id, decision.reasons) == (1, ("claim_confirmed",))
    assert decision.margin == pytest.approx(-0.01)


def test_a_claim_falls_where_another_is_clearly_nearer() -> None:
    decision = decide([near(1, 0.50), near(2, 0.40)], claimed=1)
    assert (decision.person_id, decision.reasons) == (2, ("within_threshold", "claim_contradicted"))


def test_a_claim_falls_where_somebody_of_the_blacklist_is_nearer_at_all() -> None:
    decision = decide([near(1, 0.51), near(2, 0.50, BLACKLIST)], claimed=1)
    assert decision.status is Status.AMBIGUOUS
    assert is_nobody(decision)
    # Beyond the blacklist's own threshold it is just somebody.
    assert decide([near(1, 0.55), near(2, 0.54, BLACKLIST)], claimed=1).person_id == 1


def test_a_stranger_in_the_library_does_not_contradict_a_claim() -> None:
    assert decide([near(1, 0.50), near(9, 0.20, STRANGER)], claimed=1).person_id == 1


def test_a_stranger_who_is_claimed_yields_to_a_named_person_who_is_clearly_nearer() -> None:
    assert decide([near(9, 0.50, STRANGER), near(1, 0.60)], claimed=9).reasons == ("claim_confirmed",)
    assert decide([near(9, 0.50, STRANGER), near(1, 0.40)], claimed=9).person_id == 1


def test_a_claim_that_fails_with_nobody_else_near_says_so() -> None:
    decision = decide([near(1, 0.60), near(2, 0.90)], [DARK], claimed=1)
    assert (decision.status, decision.distance) == (Status.POOR_QUALITY, 0.60)
    assert decision.reasons == ("nobody_close_enough", "claim_unconfirmed", "too_dark")


def test_a_claim_of_somebody_without_a_face_here_is_no_claim() -> None:
    assert decide([near(2, 0.40)], claimed=1).reasons == ("within_threshold",)
    assert decide([], claimed=1).reasons == ("nobody_known",)


def test_a_stranger_never_competes_with_a_named_person() -> None:
    decision = decide([near(9, 0.10, STRANGER), near(1, 0.44)])
    assert (decision.status, decision.person_id, decision.margin) == (Status.MATCHED, 1, None)


def test_a_stranger_is_matched_where_no_named_person_is_near() -> None:
    decision = decide([near(9, 0.30, STRANGER), near(1, 0.46)])
    assert (decision.status, decision.person_id, decision.list) == (Status.MATCHED, 9, STRANGER)
    assert decision.margin is None


def test_an_ambiguous_named_person_is_not_decided_by_a_stranger() -> None:
    candidates = [near(1, 0.40), near(2, 0.41), near(9, 0.10, STRANGER)]
    assert decide(candidates).status is Status.AMBIGUOUS


def test_two_strangers_alike_are_ambiguous() -> None:
    assert decide([near(8, 0.30, STRANGER), near(9, 0.31, STRANGER)]).status is Status.AMBIGUOUS


@pytest.mark.parametrize("list_name", [name for name in ListName if name is not STRANGER])
def test_everybody_but_strangers_is_a_named_person(list_name: ListName) -> None:
    decision = decide([near(1, 0.40, list_name), near(9, 0.20, STRANGER)])
    assert (decision.person_id, decision.list) == (1, list_name)


def test_a_bad_picture_explains_why_nobody_was_found() -> None:
    decision = decide([near(1, 0.60)], [DARK, TILTED])
    assert (decision.status, decision.reasons) == (
        Status.POOR_QUALITY,
        ("nobody_close_enough", "too_dark", "tilted"),
    )


def test_a_bad_picture_never_vetoes_a_match_or_settles_a_doubt() -> None:
    matched = decide([near(1, 0.30)], [DARK])
    assert (matched.status, matched.reasons) == (Status.MATCHED, ("within_threshold", "too_dark"))
    assert decide([near(1, 0.40), near(2, 0.41)], [DARK]).status is Status.AMBIGUOUS


def test_a_warning_alone_is_no_poor_quality() -> None:
    assert decide([near(1, 0.60)], [TILTED]).status is Status.UNKNOWN


CANDIDATE = st.builds(
    Candidate,
    st.integers(1, 6),
    st.integers(1, 30),
    st.sampled_from(ListName),
    distance=st.floats(0, 1.2),
    threshold=st.floats(0.3, 0.58),
    verification=st.just(VERIFICATION),
    aligned=st.floats(0, 1.2),
)
CANDIDATES = st.lists(CANDIDATE, unique_by=lambda one: one.person_id)


@given(
    CANDIDATES, st.none() | st.integers(1, 6), st.floats(0, 0.1), st.lists(st.sampled_from([DARK, TILTED]), max_size=2)
)
def test_a_person_is_named_exactly_where_the_status_is_matched_and_the_own_limit_is_kept(
    candidates: list[Candidate], claimed: int | None, margin: float, findings: list[Wrong]
) -> None:
    decision = decide(candidates, findings, claimed=claimed, margin=margin)
    named = (decision.person_id is not None, decision.face_id is not None, decision.list is not None)
    assert named == ((decision.status is Status.MATCHED,) * 3)
    assert decision.reasons
    if decision.status is not Status.MATCHED:
        return
    (who,) = [one for one in candidates if one.person_id == decision.person_id]
    is_claim = "claim_confirmed" in decision.reasons
    assert decision.distance == who.distance <= (who.verification if is_claim else who.threshold) == decision.threshold
    assert is_claim <= (who.person_id == claimed)
    assert is_claim or decision.margin is None or decision.margin >= margin


@given(CANDIDATES, st.none() | st.integers(1, 6))
def test_the_order_of_the_candidates_does_not_matter(candidates: list[Candidate], claimed: int | None) -> None:
    assert decide(candidates, claimed=claimed) == decide(reversed(candidates), claimed=claimed)


def test_the_margin_that_holds_without_a_word_is_the_measured_one() -> None:
    assert decide([near(1, 0.30), near(2, 0.30 + MARGIN * 0.9)]).status is Status.AMBIGUOUS
    assert decide([near(1, 0.30), near(2, 0.30 + MARGIN * 1.1)]).status is Status.MATCHED


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
