"""Scores lie within 0 and 100, follow the raw measure, and choose the better of two pictures."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recognition.scores import MEASURES, OVERALL, overall, scores_of

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.sampled_from(sorted(MEASURES))
GOOD_AND_BAD = {
    "sharpness": (2.5, 0.4),
    "blur": (0.4, 0.72),
    "luminance_mean": (128, 30),
    "luminance_variance": (2600, 60),
    "dynamic_range": (7.5, 5),
    "under_exposure_prevention": (0, 0.4),
    "over_exposure_prevention": (0, 0.4),
    "illumination_uniformity": (0.99, 0.2),
    "inter_eye_distance": (120, 15),
    "head_pose_yaw": (0, 0.6),
    "head_pose_pitch": (0.75, 0.3),
    "head_pose_roll": (0, -40),
    "face_occlusion_prevention": (3, 0.1),
    "single_face_present": (0, 0.9),
    "mirror_distance": (0.13, 0.38),
}


@given(WORDS, NUMBERS)
def test_a_score_is_within_0_and_100(word: str, raw: float) -> None:
    assert 0 <= MEASURES[word].score(raw) <= 100


@given(WORDS, NUMBERS, NUMBERS)
def test_a_score_rises_or_falls_with_the_raw_measure_on_either_side_of_its_best(
    word: str, one: float, other: float
) -> None:
    measure = MEASURES[word]
    best = [x for x, y in measure.curve if y == 100]
    low, high = sorted([abs(one), abs(other)] if measure.is_wide else [one, other])
    if high <= best[-1]:
        assert measure.score(low) <= measure.score(high)
    if low >= best[0]:
        assert measure.score(low) >= measure.score(high)


@pytest.mark.parametrize("word", MEASURES)
def test_a_curve_rises_in_raw_reaches_both_ends_and_has_one_best_stretch(word: str) -> None:
    raws, scores = zip(*MEASURES[word].curve, strict=True)
    assert list(raws) == sorted(set(raws))
    assert (min(scores), max(scores)) == (0, 100)
    top = scores.index(100)
    assert list(scores) == sorted(scores[:top]) + sorted(scores[top:], reverse=True)
    assert MEASURES[word].low <= raws[0] < raws[-1] <= MEASURES[word].high


@pytest.mark.parametrize("word", MEASURES)
def test_the_knots_have_their_scores_and_between_them_lies_a_straight_line(word: str) -> None:
    measure = MEASURES[word]
    assert [measure.score(raw) for raw, _ in measure.curve] == [score for _, score in measure.curve]
    for (x0, y0), (x1, y1) in zip(measure.curve, measure.curve[1:], strict=False):
        assert measure.score((x0 + x1) / 2) == pytest.approx((y0 + y1) / 2)


def test_every_measure_tells_good_from_bad() -> None:
    assert GOOD_AND_BAD.keys() == MEASURES.keys()
    for word, (good, bad) in GOOD_AND_BAD.items():
        assert MEASURES[word].score(good) > 85, word
        assert MEASURES[word].score(bad) < 25, word


@given(st.dictionaries(WORDS | st.text(), st.floats()))
def test_what_is_no_number_or_no_measure_has_no_score(measures: dict[str, float]) -> None:
    scores = scores_of(measures)
    known = {word for word, value in measures.items() if word in MEASURES and math.isfinite(value)}
    assert scores.keys() - {OVERALL} == known
    assert (OVERALL in scores) == ("face_occlusion_prevention" in known)
    assert all(0 <= score <= 100 for score in scores.values())


@given(st.dictionaries(WORDS, st.floats(0, 100)), WORDS, st.floats(0, 100))
def test_a_better_component_never_lowers_the_score_over_all(scores: dict[str, float], word: str, raised: float) -> None:
    scores |= {"face_occlusion_prevention": scores.get("face_occlusion_prevention", 50.0), word: scores.get(word, 0.0)}
    before, after = overall(scores), overall(scores | {word: max(scores[word], raised)})
    assert before is not None
    assert after is not None
    assert 0 <= before <= after + 1e-9
    assert after <= 100


def test_over_all_is_the_mean_of_what_tells_held_back_by_blur_and_light() -> None:
    assert overall({"face_occlusion_prevention": 80, "mirror_distance": 20}) == pytest.approx(40)
    assert overall({"face_occlusion_prevention": 80}) == 80
    assert overall({"face_occlusion_prevention": 80, "mirror_distance": 80, "blur": 10}) == 20
    assert overall({"face_occlusion_prevention": 80, "under_exposure_prevention": 0}) == 0
    assert overall({"blur": 10}) is None
