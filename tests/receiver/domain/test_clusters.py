"""Strangers sorted by their faces: what belongs together is found, and each time the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.clusters import central, cluster_count, clusters


def heaps(sizes: list[int], apart: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    """Points in heaps far from each other, mixed, with the heap of each."""
    random = np.random.default_rng(5)
    heap = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return apart * np.eye(len(sizes), 8)[heap] + random.normal(size=(len(heap), 8)) * 0.1, heap


@given(st.lists(st.integers(3, 30), min_size=2, max_size=6))
def test_heaps_that_lie_apart_are_found_and_numbered_by_size(sizes: list[int]) -> None:
    points, heap = heaps(sizes)
    labels = clusters(points, len(sizes))
    pairs = set(zip(heap.tolist(), labels.tolist(), strict=True))
    assert len(pairs) == len(sizes)
    assert np.bincount(labels).tolist() == sorted(sizes, reverse=True)


def test_the_same_points_give_the_same_clusters() -> None:
    points = np.random.default_rng(1).normal(size=(300, 16))
    assert np.array_equal(clusters(points, 6), clusters(points.copy(), 6))


def test_each_point_belongs_to_the_nearest_mean() -> None:
    points = np.random.default_rng(2).normal(size=(200, 4))
    labels = clusters(points, 5)
    means = np.stack([points[labels == each].mean(axis=0) for each in range(5)])
    assert np.array_equal(np.linalg.norm(points[:, None] - means[None], axis=2).argmin(axis=1), labels)


def test_points_that_coincide_make_fewer_clusters() -> None:
    assert set(clusters(np.zeros((10, 3)), 4).tolist()) == {0}
    assert len(set(clusters(np.repeat(np.eye(2), 5, axis=0), 4).tolist())) == 2


@pytest.mark.parametrize("count", [0, 4])
def test_more_clusters_than_points_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="between 1 and"):
        clusters(np.zeros((3, 2)), count)


@pytest.mark.parametrize(("people", "count"), [(0, 0), (99, 0), (100, 2), (180, 3), (395, 6), (100_000, 8)])
def test_a_cluster_is_never_of_a_few_people_only(people: int, count: int) -> None:
    assert cluster_count(people) == count


def test_the_typical_ones_are_nearest_to_the_mean() -> None:
    points = np.array([[0.0], [1.0], [2.1], [50.0], [51.0]])
    labels = np.array([0, 0, 0, 1, 1])
    assert central(points, labels, 0, 2) == [1, 0]
    assert central(points, labels, 1, 9) == [3, 4]
