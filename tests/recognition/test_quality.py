"""Each measure answers to what it is for, and every face gets finite ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recognition import quality
from recognition.scores import MEASURES, OVERALL
from tests.photos import ONE_MAN, TWO_FACES
from tests.recognition.conftest import Look

EYES_LEVEL = ((120, 100), (100, 100), (40, 100), (60, 100), (80, 136))
GREY_CHIP = np.full((150, 150, 3), 90, np.uint8)
WHOLE = st.integers(-5000, 5000)


def test_the_engine_gives_every_measure_and_its_score(look: Look) -> None:
    for name in (*ONE_MAN, TWO_FACES):
        for sighting in look(name):
            assert sighting.quality.measures.keys() == MEASURES.keys()
            assert sighting.quality.scores.keys() == {*MEASURES, OVERALL}
            assert sighting.quality.measures["face_occlusion_prevention"] == sighting.score


def test_a_measure_that_has_no_number_is_left_out() -> None:
    found = quality.measure(GREY_CHIP, EYES_LEVEL, 1.0, 0.0)
    assert MEASURES.keys() - found.measures.keys() == {"mirror_distance"}
    broken = quality.measure(GREY_CHIP, EYES_LEVEL, float("nan"), float("inf"), float("nan"))
    assert MEASURES.keys() - broken.measures.keys() == {
        "mirror_distance",
        "face_occlusion_prevention",
        "single_face_present",
    }
    assert OVERALL not in broken.scores


@given(
    arrays.arrays(np.uint8, (150, 150, 3), elements=st.integers(0, 255), fill=st.integers(0, 255)),
    st.tuples(*[st.tuples(WHOLE, WHOLE)] * 5),
    st.floats(),
    st.floats(),
    st.none() | st.floats(),
)
@settings(deadline=None, max_examples=50)
def test_any_face_has_finite_measures_within_their_ranges_and_scores_within_0_and_100(
    chip: np.ndarray, points: quality.Points, score: float, other: float, mirror: float | None
) -> None:
    found = quality.measure(chip, points, score, other, mirror)
    given_ones = {"face_occlusion_prevention", "single_face_present", "mirror_distance"}
    for word, value in found.measures.items():
        assert np.isfinite(value)
        assert word in given_ones or MEASURES[word].low - 1e-9 <= value <= MEASURES[word].high + 1e-9
    assert all(0 <= value <= 100 for value in found.scores.values())


def test_roll_yaw_and_pitch_follow_the_five_points() -> None:
    chip = np.full((150, 150, 3), 90, np.uint8)
    level = quality.measure(chip, EYES_LEVEL, 1.0, 0.0).measures
    assert (level["inter_eye_distance"], level["head_pose_roll"], level["head_pose_yaw"], level["head_pose_pitch"]) == (
        60,
        0,
        0,
        0.6,
    )
    turned = quality.measure(chip, (*EYES_LEVEL[:4], (95, 136)), 1.0, 0.0).measures
    assert (turned["head_pose_yaw"], turned["head_pose_pitch"]) == (0.25, 0.6)
    quarter = tuple((-y, x) for x, y in EYES_LEVEL)
    assert quality.measure(chip, quarter, 1.0, 0.0).measures["head_pose_roll"] == pytest.approx(90)


def test_points_that_fall_together_and_a_flat_chip_are_measured_too() -> None:
    flat = quality.measure(np.zeros((150, 150, 3), np.uint8), ((5, 5),) * 5, 0.0, 0.0).measures
    assert flat["inter_eye_distance"] == 0
    assert flat["blur"] == 1
    assert flat["dynamic_range"] == 0
    assert all(np.isfinite(list(flat.values())))


def test_a_face_lit_from_one_side_is_uneven() -> None:
    chip = np.full((150, 150, 3), 200, np.uint8)
    chip[:, :75] = 40
    uneven = quality.measure(chip, EYES_LEVEL, 1.0, 0.0).measures["illumination_uniformity"]
    assert (
        uneven < 0.2 < quality.measure(chip[:, ::1] * 0 + 99, EYES_LEVEL, 1.0, 0.0).measures["illumination_uniformity"]
    )
