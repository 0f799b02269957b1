"""Whether two faces are one person's: the threshold decides, quality explains."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.verification import Verified, nothing_to_verify, verify


@dataclass(frozen=True)
class Said:
    reason: str
    level: str


DARK, TURNED = Said("too_dark", "refuse"), Said("turned", "warn")


@pytest.mark.parametrize(
    ("distance", "findings", "status", "reasons"),
    [
        (0.5, [], "matched", ("within_threshold",)),
        (0.58, [], "matched", ("within_threshold",)),
        (0.5801, [], "not_matched", ("beyond_threshold",)),
        (0.5, [DARK], "matched", ("within_threshold", "too_dark")),
        (0.7, [DARK, TURNED, DARK], "poor_quality", ("beyond_threshold", "too_dark", "turned")),
        (0.7, [TURNED], "not_matched", ("beyond_threshold", "turned")),
    ],
)
def test_quality_explains_a_miss_and_vetoes_no_match(
    distance: float, findings: list[Said], status: str, reasons: tuple[str, ...]
) -> None:
    found = verify(distance, 0.58, findings)
    assert (found.status, found.reasons, found.distance, found.threshold) == (status, reasons, distance, 0.58)


def test_a_missing_face_is_compared_with_nothing() -> None:
    found = nothing_to_verify([TURNED])
    assert (found.status, found.reasons, found.distance, found.threshold) == (
        "no_face",
        ("no_face", "turned"),
        None,
        None,
    )


@given(st.floats(0, 2), st.floats(0, 2), st.lists(st.sampled_from([DARK, TURNED])))
def test_it_matches_exactly_within_the_threshold(distance: float, threshold: float, findings: list[Said]) -> None:
    found = verify(distance, threshold, iter(findings))
    assert found.is_match == (found.status is Verified.MATCHED) == (distance <= threshold)
