"""What is known of each model's distances, and what another embedder must bring along."""

import pytest

from receiver.domain.errors import SetupError
from receiver.domain.impostor_scores import SHARES
from receiver.domain.scales import DLIB, MIRRORED, SHIPPED, Scale, scale_from
from recognition.engine import MIRROR
from recognition.models import DLIB_RESNET_V1

TABLE = [[0.8, 1e-5], [1.0, 1e-3], [1.2, 1e-2]]


def test_the_shipped_models_are_those_of_the_engine() -> None:
    assert set(SHIPPED) == {DLIB_RESNET_V1, DLIB_RESNET_V1 + MIRROR}


@pytest.mark.parametrize("scale", [DLIB, MIRRORED])
def test_every_table_rises(scale: Scale) -> None:
    for points in (scale.false_matches, *(rule.false_alarms for rule in scale.rules)):
        scores, rates = zip(*points, strict=True)
        assert list(scores) == sorted(set(scores))
        assert list(rates) == sorted(set(rates))
    for genuine in (scale.genuine, *(rule.genuine for rule in scale.rules)):
        assert genuine is not None
        for scores in genuine.values():
            assert list(scores) == sorted(scores)
            assert len(scores) <= len(SHARES)


@pytest.mark.parametrize(("others", "nearest"), [(0, None), (99, None), (100, 3), (499, 3), (500, 10), (100_000, 10)])
def test_the_cohort_grows_with_the_library(others: int, nearest: int | None) -> None:
    rule = DLIB.rule_for(others)
    assert (None if rule is None else rule.nearest) == nearest


def test_another_embedder_brings_its_own_table_and_no_cohort() -> None:
    scale = scale_from(TABLE, 1.1)
    assert (scale.false_matches[0], scale.verification) == ((0.8, 1e-5), 1.1)
    assert scale.rule_for(1000) is None
    # Its thousandth pair lies at 1.0 where dlib's lies at 0.55.
    assert float(scale.alignment.aligned(1.0, 3)) == pytest.approx(float(DLIB.alignment.aligned(0.55, 3)) / 0.55)


@pytest.mark.parametrize(
    "table",
    [[], TABLE[:1], TABLE[::-1], [[0.8, 1e-3], [1.0, 1e-3]], [[0.0, 1e-5], [1.0, 0.1]], [[0.8, 0], [1.0, 0.1]],
     [[0.8, 0.1], [1.0, 1.0]], [[0.8, 0.1], [float("nan"), 0.2]]],
)  # fmt: skip
def test_a_table_that_is_none_is_refused(table: list[list[float]]) -> None:
    with pytest.raises(SetupError) as refused:
        scale_from(table, 1.1)
    assert refused.value.reason == "bad_thresholds"


@pytest.mark.parametrize("verification", [0.0, -1.0, float("nan")])
def test_a_verification_threshold_that_is_none_is_refused(verification: float) -> None:
    with pytest.raises(SetupError):
        scale_from(TABLE, verification)
