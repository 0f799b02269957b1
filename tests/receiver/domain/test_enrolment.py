"""What the library says against a new face."""

import pytest

from receiver.domain.enrolment import NEARLY, contradiction, look_alikes
from receiver.domain.events import ListName
from receiver.domain.identity import Candidate


def near(person_id: int, distance: float, list_name: ListName = ListName.STAFF, threshold: float = 0.5) -> Candidate:
    return Candidate(person_id, 10 * person_id, list_name, distance, threshold, 0.58, distance)


def test_whoever_a_search_would_name_is_a_look_alike() -> None:
    (found,) = look_alikes([near(1, 0.5), near(2, 0.5 + NEARLY + 0.001)])
    assert (found.reason, found.level, found.person_id, found.face_id) == ("look_alike", "refuse", 1, 10)
    assert (found.distance, found.limit) == (0.5, 0.5)


def test_just_beyond_it_is_warned_of_after_what_is_refused() -> None:
    found = look_alikes([near(1, 0.5 + NEARLY), near(2, 0.49), near(3, 0.3)])
    assert [(each.person_id, each.level) for each in found] == [(3, "refuse"), (2, "refuse"), (1, "warn")]


def test_everybody_has_the_own_limit() -> None:
    found = look_alikes([near(1, 0.45, threshold=0.4), near(2, 0.45, ListName.BLACKLIST, threshold=0.46)])
    assert [each.person_id for each in found] == [2]


def test_a_stranger_never_refuses() -> None:
    (found,) = look_alikes([near(1, 0.0, ListName.STRANGER)])
    assert found.level == "warn"


def test_nobody_is_their_own_look_alike() -> None:
    assert look_alikes([near(1, 0.1)], own=1) == []


@pytest.mark.parametrize(
    ("distance", "level"),
    [(0.0, None), (0.58 - NEARLY, None), (0.58 - NEARLY + 0.001, "warn"), (0.58, "warn"), (0.581, "refuse")],
)
def test_a_face_far_from_the_persons_own_contradicts_them(distance: float, level: str | None) -> None:
    found = contradiction(distance, 0.58, face_id=7)
    assert (found.level if found else None) == level
    if found is not None:
        assert (found.reason, found.face_id, found.person_id) == ("contradiction", 7, None)
