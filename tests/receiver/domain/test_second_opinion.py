"""Our word beside the device's: agreement, contradiction, and the wide field where nobody can tell."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.events import ListName
from receiver.domain.registration import SAME_PICTURE
from receiver.domain.second_opinion import (
    DEAD_ZONE_SHARE,
    Comparison,
    Says,
    compare,
    is_asked,
    nothing_compared,
    together,
    unless_another,
    why,
)

LIMIT = 0.58
END = LIMIT * (1 + DEAD_ZONE_SHARE)


@dataclass(frozen=True)
class Said:
    reason: str
    level: str


BLURRED, TURNED = Said("too_blurred", "refuse"), Said("turned", "warn")
distances = st.floats(0, 2)
limits = st.floats(0.1, 1)
findings = st.lists(st.sampled_from([BLURRED, TURNED]))
comparisons = st.builds(Comparison, st.sampled_from(Says), st.just(("a_reason",)))


@pytest.mark.parametrize(
    ("distance", "found", "says", "reasons"),
    [
        (0.0, [], "cannot_tell", ("same_picture",)),
        (0.3, [], "agrees", ("within_threshold",)),
        (LIMIT, [TURNED], "agrees", ("within_threshold", "turned")),
        (0.61, [], "cannot_tell", ("near_threshold",)),
        (END, [], "cannot_tell", ("near_threshold",)),
        (END + 0.001, [], "disagrees", ("beyond_threshold",)),
        (0.9, [TURNED, TURNED], "disagrees", ("beyond_threshold", "turned")),
        (0.9, [BLURRED], "cannot_tell", ("beyond_threshold", "too_blurred")),
        (0.3, [BLURRED, TURNED], "cannot_tell", ("within_threshold", "too_blurred", "turned")),
    ],
)
def test_a_distance_says(distance: float, found: list[Said], says: str, reasons: tuple[str, ...]) -> None:
    said = compare(distance, LIMIT, found)
    assert (said.says, said.reasons, said.distance, said.limit) == (says, reasons, distance, LIMIT)


@given(distances, limits, findings)
def test_near_the_limit_or_on_a_bad_picture_nobody_is_contradicted(
    distance: float, limit: float, found: list[Said]
) -> None:
    said = compare(distance, limit, found)
    if BLURRED in found or distance <= limit * (1 + DEAD_ZONE_SHARE):
        assert said.says is not Says.DISAGREES
    if BLURRED in found:
        assert said.says is Says.CANNOT_TELL
    if said.says is Says.AGREES:
        assert SAME_PICTURE <= distance <= limit


@given(distances, distances, limits)
def test_nearer_never_speaks_more_against_the_device(one: float, other: float, limit: float) -> None:
    order = [Says.AGREES, Says.CANNOT_TELL, Says.DISAGREES]
    near, far = sorted((max(one, SAME_PICTURE), max(other, SAME_PICTURE)))
    assert order.index(compare(near, limit).says) <= order.index(compare(far, limit).says)


@given(comparisons, st.none() | comparisons)
def test_one_contradiction_counts_then_one_agreement(library: Comparison, device: Comparison | None) -> None:
    said = {library.says, device.says if device else Says.CANNOT_TELL}
    found = together(library, device)
    assert (found is Says.DISAGREES) == (Says.DISAGREES in said)
    assert (found is Says.AGREES) == (Says.AGREES in said and Says.DISAGREES not in said)


@pytest.mark.parametrize(
    ("library", "device", "reason"),
    [
        (Says.DISAGREES, Says.AGREES, "library_disagrees"),
        (Says.AGREES, Says.DISAGREES, "device_picture_disagrees"),
        (Says.DISAGREES, Says.DISAGREES, "face_disagrees"),
        (Says.DISAGREES, None, "face_disagrees"),
        (Says.CANNOT_TELL, Says.DISAGREES, "face_disagrees"),
    ],
)
def test_a_contradiction_points_to_where_the_fault_may_be(library: Says, device: Says | None, reason: str) -> None:
    assert why(Comparison(library, ()), None if device is None else Comparison(device, ())) == reason


@given(comparisons, st.none() | st.integers(1, 3))
def test_who_is_called_by_another_name_is_not_agreed_with(found: Comparison, seen_as: int | None) -> None:
    said = unless_another(found, 1, seen_as)
    if found.says is Says.AGREES and seen_as in {2, 3}:
        assert (said.says, said.reasons[0]) == (Says.CANNOT_TELL, "somebody_else_nearer")
    else:
        assert said == found


def test_only_whom_the_device_names_is_asked_about() -> None:
    assert is_asked("E1", "", ListName.STAFF)
    assert is_asked("", "Somebody", ListName.BLACKLIST)
    assert not is_asked("", "", ListName.STAFF)
    assert not is_asked("77", "stranger", ListName.STRANGER)


def test_without_anything_to_compare_nobody_can_tell() -> None:
    assert nothing_compared("not_in_library") == Comparison(Says.CANNOT_TELL, ("not_in_library",), None, None)
