"""Each measure answers to the damage that it is for; each gate refuses what it should, and no ordinary photograph."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recognition import quality
from recognition.engine import Engine, RgbImage
from recognition.gates import GATES, Gate, judge
from tests.photos import ANOTHER_MAN, ONE_MAN, TWO_FACES, WITH_ALPHA
from tests.recognition.conftest import Look, Picture

EYES_LEVEL = ((120, 100), (100, 100), (40, 100), (60, 100), (80, 136))
EYES_OF_THE_FIRST = 105  # pixels between the eyes in the first picture
TOO_SMALL = ["face_too_small"]
GOOD = {
    "sharpness": 1.5,
    "blur": 0.5,
    "luminance_mean": 128.0,
    "luminance_variance": 1300.0,
    "dynamic_range": 7.0,
    "under_exposure": 0.0,
    "over_exposure": 0.0,
    "illumination_uniformity": 0.9,
    "inter_eye_distance": 60.0,
    "roll": 0.0,
    "yaw": 0.05,
    "pitch": 0.75,
    "detector_score": 1.8,
    "other_face": 0.0,
}


def reasons(measures: dict[str, float], gate: Gate, level: str) -> list[str]:
    return [finding.reason for finding in judge(measures, gate) if finding.level == level]


def measured(rgb: RgbImage, engine: Engine) -> dict[str, float]:
    (sighting,) = engine.sightings(rgb)
    return dict(sighting.quality.measures)


@pytest.mark.parametrize("name", [*ONE_MAN, ANOTHER_MAN, WITH_ALPHA])
@pytest.mark.parametrize("gate", list(GATES))
def test_an_ordinary_photograph_passes_every_gate(name: str, gate: Gate, look: Look) -> None:
    (sighting,) = look(name)
    assert [finding for finding in judge(sighting.quality.measures, gate) if finding.level == "refuse"] == []


def test_a_good_face_has_nothing_wrong_at_any_gate() -> None:
    assert [judge(GOOD, gate) for gate in GATES] == [[], [], []]


def test_every_measure_that_a_gate_judges_is_measured_and_the_other_way_round(look: Look) -> None:
    measures = look(ONE_MAN[0])[0].quality.measures
    assert set(measures) == {limit.measure for limits in GATES.values() for limit in limits} == set(GOOD)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 9), "too_blurred", id="blur"),
        pytest.param(lambda rgb: cv2.blur(rgb, (31, 1)), "too_blurred", id="motion"),
        pytest.param(lambda rgb: (rgb * 0.15).astype(np.uint8), "too_dark", id="dark"),
        pytest.param(lambda rgb: np.clip(rgb * 2.5, 0, 255).astype(np.uint8), "too_bright", id="bright"),
    ],
)
def test_a_spoiled_photograph_is_refused_for_what_was_done_to_it(
    damage: Callable[[RgbImage], RgbImage], reason: str, engine: Engine, picture: Picture
) -> None:
    assert reason in reasons(measured(damage(picture(ONE_MAN[0])), engine), "register", "refuse")


@pytest.mark.parametrize(("eyes", "register", "enrol"), [(36, [], []), (28, [], TOO_SMALL), (20, TOO_SMALL, TOO_SMALL)])
def test_a_face_that_is_too_small_is_refused(
    eyes: int, register: list[str], enrol: list[str], engine: Engine, picture: Picture
) -> None:
    scale = eyes / EYES_OF_THE_FIRST
    small = cv2.resize(picture(ONE_MAN[0]), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    measures = measured(np.asarray(small, dtype=np.uint8), engine)
    assert measures["inter_eye_distance"] == pytest.approx(eyes, abs=2)
    assert reasons(measures, "register", "refuse") == register
    assert reasons(measures, "enrol", "refuse") == enrol


def test_two_faces_of_like_size_are_not_registered_but_may_be_recognised(look: Look) -> None:
    for sighting in look(TWO_FACES):
        assert "several_faces" in reasons(dict(sighting.quality.measures), "register", "refuse")
        assert reasons(dict(sighting.quality.measures), "recognise", "refuse") == []


@pytest.mark.parametrize(
    ("measure", "value", "reason"),
    [
        ("luminance_variance", 100, "low_contrast"),
        ("dynamic_range", 5, "low_contrast"),
        ("illumination_uniformity", 0.2, "uneven_light"),
        ("sharpness", 12, "noisy"),
        ("roll", 35, "tilted"),
        ("roll", -35, "tilted"),
        ("yaw", 0.6, "turned"),
        ("pitch", 0.3, "nodding"),
        ("pitch", 1.3, "nodding"),
    ],
)
@pytest.mark.parametrize("gate", list(GATES))
def test_pose_contrast_and_noise_only_warn(gate: Gate, measure: str, value: float, reason: str) -> None:
    assert [(f.reason, f.level, f.measure) for f in judge(GOOD | {measure: value}, gate)] == [(reason, "warn", measure)]


def test_a_limit_is_on_the_good_side() -> None:
    assert reasons(GOOD | {"inter_eye_distance": 24.0}, "register", "refuse") == []
    assert reasons(GOOD | {"inter_eye_distance": 23.9}, "register", "refuse") == ["face_too_small"]
    assert reasons(GOOD | {"detector_score": 0.5}, "register", "refuse") == []
    assert reasons(GOOD | {"detector_score": 0.49}, "register", "refuse") == ["face_unclear"]


@given(st.fixed_dictionaries({word: st.floats(-300, 6000) for word in GOOD}), st.sampled_from(list(GATES)))
@settings(deadline=None)
def test_each_reason_comes_once_refusals_first_and_with_what_was_measured(
    measures: dict[str, float], gate: Gate
) -> None:
    findings = judge(measures, gate)
    assert len({finding.reason for finding in findings}) == len(findings)
    assert [finding.level for finding in findings] == sorted(finding.level for finding in findings)
    assert all(finding.value == measures[finding.measure] for finding in findings)


def test_what_was_not_measured_is_not_judged() -> None:
    assert judge({}, "enrol") == []


def test_roll_yaw_and_pitch_follow_the_five_points() -> None:
    chip = np.full((150, 150, 3), 90, np.uint8)
    level = quality.measure(chip, EYES_LEVEL, 1.0, 0.0).measures
    assert (level["inter_eye_distance"], level["roll"], level["yaw"], level["pitch"]) == (60, 0, 0, 0.6)
    turned = quality.measure(chip, (*EYES_LEVEL[:4], (95, 136)), 1.0, 0.0).measures
    assert (turned["yaw"], turned["pitch"]) == (0.25, 0.6)
    quarter = tuple((-y, x) for x, y in EYES_LEVEL)
    assert quality.measure(chip, quarter, 1.0, 0.0).measures["roll"] == pytest.approx(90)


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
