"""A whole library at once: the blocks find what a look at each pair would, and what has aged is told from what has not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.alignment import PLAIN
from receiver.domain.library_health import FEWEST_DAYS, Crowd, aged, contradicting, distances, may_be_called, near_pairs
from receiver.domain.scales import DLIB
from receiver.domain.scoring import Scoring, nearest_of

seeds = st.integers(0, 2**32 - 1)


def drawn(seed: int, number: int, spread: float = 0.15) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(number, 16)) * spread).astype(np.float32)


@given(seeds, st.integers(1, 40), st.integers(1, 12))
def test_pairs_of_all_blocks_are_the_pairs_of_everybody(seed: int, people: int, block: int) -> None:
    means, faces = drawn(seed, people), np.random.default_rng(seed).integers(1, 5, people)
    crowd = Crowd(means, faces)
    found = [
        pair
        for start in range(0, people, block)
        for pair in near_pairs(crowd, range(start, min(start + block, people)), 0.6, PLAIN)
    ]
    expected = {}
    for one in range(people):
        for other in range(one + 1, people):
            raw = float(np.linalg.norm(means[one].astype(np.float64) - means[other]))
            distance = float(PLAIN.aligned(raw, faces[other], int(faces[one])))
            if distance <= 0.6:
                expected[one, other] = distance
    assert {(one, other): distance for one, other, distance in found} == pytest.approx(expected, abs=1e-3)
    assert len(found) == len(expected)


def faces_of(*people: list[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each person's faces as points of a line."""
    flat = [[place, 0.0] for person in people for place in person]
    counts = np.array([len(person) for person in people])
    return np.array(flat, np.float32), np.concatenate([[0], np.cumsum(counts)[:-1]]), counts


def test_the_worst_face_of_each_person_contradicts() -> None:
    found = contradicting(*faces_of([0.0], [0.0, 0.1, 0.9], [0.0, 0.2], [0.0, 0.7], [0.0, 0.0, 0.8, -0.8]), DLIB)
    # The third of the second person; of the two of the fourth the newer one; of two equally far the newer one.
    assert [each.row for each in found] == [3, 7, 11]
    assert found[0].distance == pytest.approx(0.85)
    assert found[0].limit == pytest.approx(float(PLAIN.raw(0.58, 2, 1)))
    assert found[1].limit == pytest.approx(0.58)


@given(seeds, st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_contradictions_are_those_of_a_look_at_each_face(seed: int, counts: list[int]) -> None:
    embeddings = drawn(seed, sum(counts))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    expected = set()
    for start, count in zip(starts, counts, strict=True):
        rows = range(start, start + count)
        beyond = {}
        for row in rows if count > 1 else ():
            others = np.mean([embeddings[each] for each in rows if each != row], axis=0, dtype=np.float64)
            beyond[row] = round(np.linalg.norm(others - embeddings[row]) - float(PLAIN.raw(0.58, count - 1, 1)), 7)
        if beyond and max(beyond.values()) > 0:
            expected.add(max(beyond, key=lambda row: (beyond[row], row)))
    assert {each.row for each in contradicting(embeddings, starts, np.array(counts), DLIB)} == expected


def test_only_named_people_are_called_by_accident() -> None:
    apart = np.array([[np.inf, 0.3, 0.9], [0.9, 0.9, np.inf]])
    named = np.array([True, False, True])
    assert may_be_called(apart, apart, named, 0.45, None).tolist() == [False, False]
    assert may_be_called(apart, apart, ~named, 0.45, None).tolist() == [True, False]
    assert may_be_called(apart, apart, np.zeros(3, np.bool_), 0.45, None).tolist() == [False, False]


@given(seeds)
def test_the_first_look_leaves_nobody_out_whom_the_gate_would_call(seed: int) -> None:
    means, faces = drawn(seed, 130, 0.07), np.random.default_rng(seed).integers(1, 4, 130)
    rule = DLIB.rules[0]
    apart = distances(means[:20], means)
    apart[np.arange(20), np.arange(20)] = np.inf
    aligned = DLIB.alignment.aligned(apart, faces, 1)
    named = np.ones(130, np.bool_)
    first = may_be_called(apart, aligned, named, 0.17, rule)
    shifts = Scoring(DLIB, rule).shifts(nearest_of(aligned, rule), aligned, faces)
    called = np.any(apart <= 0.17 + shifts, axis=1)
    assert called.any()
    assert not np.any(called & ~first)


def moved(by: float, days: int, noise: float = 0.1) -> list[np.ndarray]:
    """A face that has moved away from the library's, on so many days; each day has something of its own."""
    found = []
    for day in range(days):
        face = np.zeros(32, np.float32)
        face[0] = by
        face[1 + day] = noise
        found.append(face)
    return found


LIBRARY = np.zeros((1, 32), np.float32)


def test_a_picture_has_aged_where_every_day_lies_beyond_the_margin() -> None:
    found = aged(LIBRARY, moved(0.52, 6), DLIB)
    assert found is not None
    assert found.days == 6
    assert found.healthy < found.nearest <= found.median <= found.farthest
    assert found.among_themselves < found.nearest


@pytest.mark.parametrize(
    "seen",
    [
        moved(0.52, FEWEST_DAYS - 1),
        moved(0.2, 8),
        [*moved(0.52, 7), np.full(32, 0.01, np.float32)],
        moved(0.0, 8, noise=0.55),
    ],
    ids=["too few days", "near enough", "one day is near", "each day lies elsewhere"],
)
def test_it_has_not(seen: list[np.ndarray]) -> None:
    assert aged(LIBRARY, seen, DLIB) is None


def test_one_new_picture_is_enough() -> None:
    present = np.stack([np.zeros(32, np.float32), moved(0.52, 1)[0]])
    assert aged(present, moved(0.52, 6), DLIB) is None
