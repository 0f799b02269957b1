"""What is looked for in a whole library at once: pairs that lie near, faces that contradict, pictures that have aged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from receiver.domain.alignment import Alignment, Distances
from receiver.domain.scales import CohortRule, Scale
from receiver.domain.scoring import nearest_of

Points = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

HEALTHY_SHARE = 0.84
"""Up to this share of the verification threshold a picture of the library is as good as new: 0.475 for dlib's network.

Four in five pictures of a person lie nearer to another one of that person (measured, see
``receiver.domain.impostor_scores``); where five of different days all lie beyond by chance, it is one person in 3000."""

FEWEST_DAYS = 5
"""Days on which somebody must have been seen, before the library's picture is said to have aged."""

MOST_DAYS = 20
"""The newest days that are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Everybody in a library, by the means of their faces.

    Attributes:
        means: shape (m, d).
        faces: shape (m,), how many faces each has, 1 or more.
    """

    means: Points
    faces: Numbers


def distances(points: Points, others: Points) -> Distances:
    """Euclidean, shape (points, others), float64; off by about 1e-4 where two are all but equal."""
    one, other = points.astype(np.float64), others.astype(np.float64)
    squared = (one**2).sum(axis=1)[:, None] - 2 * (one @ other.T) + (other**2).sum(axis=1)[None]
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


def near_pairs(crowd: Crowd, rows: range, limit: float, alignment: Alignment) -> list[tuple[int, int, float]]:
    """(row, later row, aligned distance) of the pairs within a limit whose first row is one of ``rows``.

    Args:
        crowd: everybody.
        rows: a block of rows; the block's size times everybody's number is the room that it takes.
        limit: of aligned distances.
        alignment: the model's.
    """
    found = distances(crowd.means[rows.start : rows.stop], crowd.means[rows.start :])
    # Aligned distances are never smaller, so what lies beyond is beyond; and each pair is met once.
    places, later = np.nonzero(np.triu(found <= limit, k=1))
    raw, mine = found[places, later], crowd.faces[rows.start + places]
    theirs = crowd.faces[rows.start + later]
    aligned = np.empty(len(raw))
    for number in np.unique(mine):
        chosen = mine == number
        aligned[chosen] = alignment.aligned(raw[chosen], theirs[chosen], int(number))
    return [
        (rows.start + int(places[each]), rows.start + int(later[each]), float(aligned[each]))
        for each in np.flatnonzero(aligned <= limit)
    ]


def may_be_called(
    apart: Distances, aligned: Distances, named: npt.NDArray[np.bool_], accepted: float, rule: CohortRule | None
) -> npt.NDArray[np.bool_]:
    """Which faces a search might call by somebody else's name; whoever it leaves out is called by none.

    A first look over many at once: the limit is taken as far out as any person's can be, each one is judged afterwards.

    Args:
        apart: shape (n, m), each face's distance to everybody's mean; infinite to its own person's.
        aligned: the same, aligned.
        named: shape (m,), who may not be called by accident.
        accepted: the loosest threshold of any list, on the scale of the scoring.
        rule: the cohort correction that holds; None: none does.

    Returns:
        shape (n,).
    """
    if not named.any():
        return np.zeros(len(apart), np.bool_)
    limit = np.full(len(apart), accepted)
    if rule is not None:
        limit += rule.beta * nearest_of(aligned, rule)[:, 1:].mean(axis=1)
    return np.asarray(apart[:, named].min(axis=1) <= limit)


@dataclass(frozen=True, slots=True)
class Contradicting:
    """A face that lies far from the person's other ones.

    Attributes:
        row: which.
        distance: to the mean of the others, Euclidean.
        limit: up to which it would be the same person's.
    """

    row: int
    distance: float
    limit: float


def contradicting(embeddings: Points, starts: Numbers, counts: Numbers, scale: Scale) -> list[Contradicting]:
    """Of each person the face that lies farthest beyond the limit, if any does; of two faces the newer one.

    Args:
        embeddings: shape (n, d), sorted by person, each person's oldest first.
        starts: shape (m,), where each person's faces begin.
        counts: shape (m,), how many each has; whoever has one contradicts nobody.
        scale: the model's.
    """
    several = np.repeat(counts > 1, counts)
    others = np.maximum(np.repeat(counts, counts) - 1, 1)
    sums = np.repeat(np.add.reduceat(embeddings, starts, axis=0, dtype=np.float64), counts, axis=0)
    apart = np.linalg.norm((sums - embeddings) / others[:, None] - embeddings, axis=1)
    limits = scale.alignment.raw(scale.verification, others, 1)
    # To the tenth of a millionth: the two of a pair are equally far from each other.
    beyond = np.where(several, np.round(apart - limits, 7), -1.0)
    found = []
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        row = start + count - 1 - int(np.argmax(beyond[start : start + count][::-1]))
        if beyond[row] > 0:
            found.append(Contradicting(row, float(apart[row]), float(limits[row])))
    return found


@dataclass(frozen=True, slots=True)
class Aged:
    """How far somebody lies from the library's pictures of late; aligned, Euclidean.

    Attributes:
        days: on how many days the person was seen.
        nearest: of those days, the nearest to any picture of the library.
        median: half of the days lie nearer.
        farthest: of those days.
        healthy: within this the picture would be as good as new.
        among_themselves: the median distance of a day's face to the others'.
    """

    days: int
    nearest: float
    median: float
    farthest: float
    healthy: float
    among_themselves: float


def aged(present: Points, seen: Sequence[Points], scale: Scale) -> Aged | None:
    """Whether the library's pictures of somebody have aged; None where they have not, or nobody can say.

    They have where the face lies beyond the healthy margin on every one of the days, by the nearest of the pictures and
    by the mean of all, while the days' faces lie nearer to each other than to the library.

    Args:
        present: shape (n, d), the person's current faces, n 1 or more.
        seen: one good live face of each day, each of shape (d,).
        scale: the model's.
    """
    if len(seen) < FEWEST_DAYS:
        return None
    days, alignment = np.stack(seen), scale.alignment
    single = alignment.aligned(distances(days, present), 1)
    mean = alignment.aligned(distances(days, present.mean(axis=0, keepdims=True)), len(present))
    to_library = np.minimum(single.min(axis=1), mean[:, 0])
    others = (days.sum(axis=0, dtype=np.float64) - days) / (len(days) - 1)
    among = alignment.aligned(np.linalg.norm(days - others, axis=1), len(days) - 1)
    healthy = scale.verification * HEALTHY_SHARE
    if to_library.min() <= healthy or (among >= to_library).any():
        return None
    return Aged(
        len(days),
        float(to_library.min()),
        float(np.median(to_library)),
        float(to_library.max()),
        healthy,
        float(np.median(among)),
    )
