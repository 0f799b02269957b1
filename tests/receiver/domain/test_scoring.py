"""Scores: distances corrected by how near the probe is to everybody else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from receiver.domain.scales import DLIB, MIRRORED, CohortRule
from receiver.domain.scoring import Scoring, nearest_of

RULE = CohortRule(people=5, beta=0.5, nearest=3, false_alarms=((0.1, 0.01), (0.2, 0.1)))
COHORT = Scoring(DLIB, RULE)
FIVE = arrays(np.float64, (2, 8), elements=st.floats(0.2, 1.2))
COUNTS = arrays(np.int64, 8, elements=st.integers(1, 5))


def by_hand(distances: list[float], person: int, beta: float, nearest: int) -> float:
    others = sorted(distance for place, distance in enumerate(distances) if place != person)
    return distances[person] - beta * sum(others[:nearest]) / nearest


@given(FIVE)
def test_with_one_face_a_person_it_is_the_distance_less_a_share_of_the_nearest_others(
    distances: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    scores = COHORT.scores(distances, np.ones(8, np.int64))
    expected = [[by_hand(row.tolist(), person, 0.5, 3) for person in range(8)] for row in distances]
    assert scores == pytest.approx(np.array(expected), abs=1e-6)


@given(FIVE, COUNTS)
def test_the_nearest_by_aligned_distance_has_the_lowest_score_where_all_have_as_many_faces(
    distances: np.ndarray[tuple[int, int], np.dtype[np.float64]], faces: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> None:
    same = np.full(8, faces[0])
    for row, scores in zip(distances, COHORT.scores(distances, same), strict=True):
        assert scores[row.argmin()] == pytest.approx(scores.min())


@given(FIVE, COUNTS, st.integers(1, 3))
def test_every_person_is_scored_as_if_all_had_as_many_faces_as_that_one(
    distances: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    faces: np.ndarray[tuple[int], np.dtype[np.int64]],
    probes: int,
) -> None:
    alignment = DLIB.alignment
    scores = COHORT.scores(distances, faces, probes)
    for person in range(8):
        as_that_one = alignment.raw(alignment.aligned(distances[0], faces, probes), faces[person], probes).tolist()
        assert scores[0, person] == pytest.approx(by_hand(as_that_one, person, 0.5, 3), abs=1e-6)


def test_who_is_left_out_is_nobodys_cohort() -> None:
    distances = np.array([[0.5, 0.6, 0.7, 0.8, 0.9, 1.0]])
    without = np.array([[np.inf, 0.6, 0.7, 0.8, 0.9, 1.0]])
    scores = COHORT.scores(without, np.ones(6, np.int64))
    assert np.isinf(scores[0, 0])
    assert scores[0, 1] == pytest.approx(0.6 - 0.5 * 0.8)
    assert COHORT.scores(distances, np.ones(6, np.int64))[0, 1] == pytest.approx(0.6 - 0.5 * (0.5 + 0.7 + 0.8) / 3)


def test_without_a_cohort_the_score_is_the_aligned_distance() -> None:
    plain = Scoring(MIRRORED, None)
    distances = np.array([[0.5, 0.6]])
    assert plain.scores(distances, np.array([1, 3]))[0, 1] == pytest.approx(float(MIRRORED.alignment.aligned(0.6, 3)))
    assert plain.shifts(np.empty((1, 0)), distances, np.array([1, 3])).tolist() == [[0, 0]]


def test_each_way_to_score_has_a_word_of_its_own() -> None:
    words = [Scoring(DLIB, rule).word for rule in (None, *DLIB.rules)]
    assert words == ["plain", "cohort_3_0.5", "cohort_10_0.7"]


def test_the_neighbours_come_in_their_order() -> None:
    assert nearest_of(np.array([[0.9, 0.3, 0.5, 0.4, 0.8, 0.7]]), RULE).tolist() == [[0.3, 0.4, 0.5, 0.7]]
