"""Each gate refuses what it should, and no ordinary photograph."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recognition.engine import Engine, RgbImage
from recognition.gates import GATES, MAY_REFUSE, SHIPPED, Finding, Gate, judge
from recognition.limits import parse_limits
from recognition.scores import MEASURES
from tests.photos import ANOTHER_MAN, ONE_MAN, TWO_FACES, WITH_ALPHA
from tests.recognition.conftest import Look, Picture

EYES_OF_THE_FIRST = 105  # pixels between the eyes in the first picture
TOO_SMALL = ["face_too_small"]
GOOD = {
    "sharpness": 1.5,
    "blur": 0.5,
    "luminance_mean": 128.0,
    "luminance_variance": 1300.0,
    "dynamic_range": 7.0,
    "under_exposure_prevention": 0.0,
    "over_exposure_prevention": 0.0,
    "illumination_uniformity": 0.9,
    "inter_eye_distance": 60.0,
    "head_pose_roll": 0.0,
    "head_pose_yaw": 0.05,
    "head_pose_pitch": 0.75,
    "face_occlusion_prevention": 1.8,
    "single_face_present": 0.0,
    "mirror_distance": 0.18,
}


def reasons(measures: dict[str, float], gate: Gate, level: str) -> list[str]:
    return [finding.reason for finding in judge(measures, gate) if finding.level == level]


def measured(rgb: RgbImage, engine: Engine) -> dict[str, float]:
    (sighting,) = engine.sightings(rgb)
    return dict(sighting.quality.measures)


@pytest.mark.parametrize("name", [*ONE_MAN, ANOTHER_MAN, WITH_ALPHA])
@pytest.mark.parametrize("gate", GATES)
def test_an_ordinary_photograph_passes_every_gate(name: str, gate: Gate, look: Look) -> None:
    (sighting,) = look(name)
    assert [finding for finding in judge(sighting.quality.measures, gate) if finding.level == "refuse"] == []


def test_a_good_face_has_nothing_wrong_at_any_gate() -> None:
    assert [judge(GOOD, gate) for gate in GATES] == [[], [], []]


def test_every_measure_that_a_gate_judges_is_measured_and_the_other_way_round(look: Look) -> None:
    measures = look(ONE_MAN[0])[0].quality.measures
    assert (
        set(measures) == {limit.measure for gate in GATES for limit in SHIPPED.of(gate)} == set(MEASURES) == set(GOOD)
    )


def test_only_the_words_that_may_refuse_have_a_refusing_limit() -> None:
    refusing = {limit.reason for gate in GATES for limit in SHIPPED.of(gate) if limit.refuse is not None}
    assert refusing == MAY_REFUSE


@pytest.mark.parametrize("gate", GATES)
def test_a_refusal_is_never_easier_to_reach_than_a_warning(gate: Gate) -> None:
    both = [(limit, limit.refuse, limit.warn) for limit in SHIPPED.of(gate)]
    refusing = [(limit, refuse, warn) for limit, refuse, warn in both if refuse is not None and warn is not None]
    assert refusing
    assert not [limit for limit, refuse, warn in refusing if not limit.crosses(refuse, warn)]


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
        ("head_pose_roll", 35, "tilted"),
        ("head_pose_roll", -35, "tilted"),
        ("head_pose_yaw", 0.6, "turned"),
        ("head_pose_pitch", 0.3, "nodding"),
        ("head_pose_pitch", 1.3, "nodding"),
        ("mirror_distance", 0.35, "one_sided"),
    ],
)
@pytest.mark.parametrize("gate", GATES)
def test_pose_contrast_and_noise_only_warn(gate: Gate, measure: str, value: float, reason: str) -> None:
    assert [(f.reason, f.level, f.measure) for f in judge(GOOD | {measure: value}, gate)] == [(reason, "warn", measure)]


def test_a_limit_is_on_the_good_side() -> None:
    assert reasons(GOOD | {"inter_eye_distance": 24.0}, "register", "refuse") == []
    assert reasons(GOOD | {"inter_eye_distance": 23.9}, "register", "refuse") == ["face_too_small"]
    assert reasons(GOOD | {"face_occlusion_prevention": 0.5}, "register", "refuse") == []
    assert reasons(GOOD | {"face_occlusion_prevention": 0.49}, "register", "refuse") == ["face_unclear"]


@given(st.fixed_dictionaries({word: st.floats(-300, 6000) for word in GOOD}), st.sampled_from(GATES))
@settings(deadline=None)
def test_each_reason_comes_once_refusals_first_and_with_what_was_measured(
    measures: dict[str, float], gate: Gate
) -> None:
    findings = judge(measures, gate)
    assert len({finding.reason for finding in findings}) == len(findings)
    assert [finding.level for finding in findings] == sorted(finding.level for finding in findings)
    assert all(finding.value == measures[finding.measure] for finding in findings)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)) | st.text(), NUMBERS), st.sampled_from(GATES))
@settings(deadline=None)
def test_any_numbers_are_judged_and_what_was_not_measured_is_not(measures: dict[str, float], gate: Gate) -> None:
    assert {finding.measure for finding in judge(measures, gate)} <= measures.keys()


def test_a_sites_own_limits_take_the_place_of_the_shipped_ones() -> None:
    own = parse_limits("enrol.blur>0.4")
    assert judge(GOOD, "enrol", own) == [Finding("too_blurred", "refuse", "blur", 0.5, 0.4)]
    assert judge(GOOD, "register", own) == []
