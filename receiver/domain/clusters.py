"""Strangers sorted into a few groups of alike faces, the same ones each time."""

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

PEOPLE_PER_CLUSTER, MOST_CLUSTERS, FEWEST_PEOPLE = 60, 8, 100
# The seed only settles where the search begins; it is fixed, so that a page made twice is the same page.
SEED, STARTS, ROUNDS = 20_260_101, 8, 100


def cluster_count(people: int) -> int:
    """How many clusters to make of so many people: 0 below 100, then one for each 60, 8 at most.

    Measured on 395 strangers of a press-photo set: with 4 to 12 clusters the people whom dlib's network confuses most
    are in one of them; with 6, that one has 10 % of the strangers and 3 of the 4 closest to anybody enrolled.
    """
    return 0 if people < FEWEST_PEOPLE else min(max(people // PEOPLE_PER_CLUSTER, 2), MOST_CLUSTERS)


def clusters(points: Points, count: int) -> Labels:
    """k-means: each point belongs to the nearest of ``count`` centres, each centre is the mean of its points.

    The best of eight starts (k-means++: each next centre is drawn far from the others). With the numbers of one machine
    it always gives the same; clusters are numbered by size, the largest is 0.

    Args:
        points: shape (n, d), float, finite.
        count: 1 to n.

    Returns:
        Shape (n,), int64: the number of each point's cluster; fewer than ``count`` where points coincide.

    Raises:
        ValueError: ``count`` is out of range.
    """
    if not 1 <= count <= len(points):
        raise ValueError("count must be between 1 and the number of points")
    random = np.random.default_rng(SEED)
    data = np.asarray(points, np.float64)
    tries = (_settled(data, _first_centres(data, count, random)) for _ in range(STARTS))
    _, best = min(tries, key=lambda found: found[0])
    numbers, place, sizes = np.unique(best, return_inverse=True, return_counts=True)
    rank = np.empty(len(numbers), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(numbers))
    return rank[place]


def central(points: Points, labels: Labels, cluster: int, count: int) -> list[int]:
    """The ``count`` points of a cluster that are nearest to its mean, nearest first: its typical ones.

    Args:
        points: shape (n, d).
        labels: shape (n,), as ``clusters`` gave.
        cluster: which; it has at least one point.
        count: at most so many.
    """
    members = np.flatnonzero(labels == cluster)
    centre = points[members].mean(axis=0, keepdims=True)
    order = np.argsort(_squared(points[members], centre)[:, 0], kind="stable")
    return [int(each) for each in members[order[:count]]]


def _first_centres(points: Points, count: int, random: np.random.Generator) -> Points:
    chosen = [int(random.integers(len(points)))]
    while len(chosen) < count:
        away = _squared(points, points[chosen]).min(axis=1)
        total = float(away.sum())
        weights = away / total if total > 0 else np.full(len(points), 1 / len(points))
        chosen.append(int(random.choice(len(points), p=weights)))
    return points[chosen]


def _settled(points: Points, centres: Points) -> tuple[float, Labels]:
    """Lloyd's rounds until nothing moves: the sum of squared distances, and the labels."""
    labels = np.full(len(points), -1, np.int64)
    for _ in range(ROUNDS):
        found = _squared(points, centres).argmin(axis=1)
        if np.array_equal(found, labels):
            break
        labels = found
        centres = np.stack([_mean(points, labels == each, centres[each]) for each in range(len(centres))])
    nearest = _squared(points, centres)[np.arange(len(points)), labels]
    return float(nearest.sum()), labels


def _mean(points: Points, mine: npt.NDArray[np.bool_], otherwise: Points) -> Points:
    """The mean of a cluster; a centre that lost all its points stays where it was."""
    return np.asarray(points[mine].mean(axis=0) if mine.any() else otherwise)


def _squared(points: Points, centres: Points) -> Points:
    """Squared Euclidean distances, shape (points, centres); as a product of matrices, so a rounding below 0 is cut off."""
    products = points @ centres.T
    found = (points**2).sum(axis=1)[:, None] - 2 * products + (centres**2).sum(axis=1)[None]
    return np.asarray(np.maximum(found, 0.0))
