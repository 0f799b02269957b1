"""Holds pictures against the library as a decision would: known people's against their own, everybody's against the rest."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from receiver.domain.alignment import Distances
from receiver.domain.scoring import Counts, Scoring, nearest_of
from receiver.services.calibration.measured import Ids, KnownFace, LookAlikes, NearestScores, OwnScores
from recognition.engine import Embedding

# Rows that are compared with everybody at once: at 10 000 people 20 MB for each table of numbers.
PIECE = 256
ABSENT = -1

Flags = npt.NDArray[np.bool_]
Step = Callable[[int], object]
"""Told how many pictures are done since the last time."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Everybody in the library, as decisions see them: the mean of each person's faces.

    Attributes:
        faces: one entry a face; of the same order as ``embeddings``.
        embeddings: shape (n, d), float32.
        scoring: how this library's distances become scores.
        judged: the lists whose people strangers may be mistaken for: those of the threshold that is measured.
        named: those, and the lists whose people compete with them for a match; all others only serve as cohort.
    """

    faces: Sequence[KnownFace]
    embeddings: Embedding
    scoring: Scoring
    judged: frozenset[str]
    named: frozenset[str]
    people: Ids = field(init=False)
    counts: Counts = field(init=False)
    column: Ids = field(init=False)
    is_judged: Flags = field(init=False)
    is_named: Flags = field(init=False)
    sums: Distances = field(init=False)

    def __post_init__(self) -> None:
        owners = np.array([face.person_id for face in self.faces], np.int64)
        people, first, column, counts = np.unique(owners, return_index=True, return_inverse=True, return_counts=True)
        sums = np.zeros((len(people), self.embeddings.shape[1]))
        np.add.at(sums, column, self.embeddings.astype(np.float64))
        derived = {
            "people": people,
            "counts": counts.astype(np.int64),
            "column": column.astype(np.int64),
            "is_judged": np.array([self.faces[place].list in self.judged for place in first], bool),
            "is_named": np.array([self.faces[place].list in self.named for place in first], bool),
            "sums": sums,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def distances(self, probes: Distances) -> Distances:
        """Euclidean, shape (probes, people), from pictures to the mean of each person's faces."""
        means = (self.sums / self.counts[:, None]).astype(np.float32).astype(np.float64)
        squared = (probes**2).sum(axis=1)[:, None] - 2 * probes @ means.T + (means**2).sum(axis=1)[None]
        return np.asarray(np.sqrt(np.maximum(squared, 0.0)))

    def aligned(self, distances: Distances) -> Distances:
        """The distances as between single pictures; infinite where they are."""
        return self.scoring.scale.alignment.aligned(distances, self.counts)


def apart(gallery: Gallery, probes: Distances, own: Ids, step: Step) -> NearestScores:
    """Pictures of strangers against every named person.

    Args:
        gallery: the library.
        probes: shape (n, d), the pictures' embeddings.
        own: shape (n,), the column of the picture's own person in the gallery, ABSENT where there is none; that
            person is left out.
        step: told how far it is.

    Returns:
        As many rows; the owners are numbered by picture.
    """
    found = []
    for rows in _pieces(len(probes), step):
        distances = _without(gallery.distances(probes[rows]), own[rows])
        found.append(_nearest(gallery, distances, _scores(gallery, distances)))
    return _joined(found, np.arange(len(probes), dtype=np.int64))


@dataclass(slots=True)
class _Pass:
    """What one way through the named people's pictures gives."""

    own: list[OwnScores] = field(default_factory=list)
    others: list[NearestScores] = field(default_factory=list)
    alike: dict[frozenset[int], LookAlikes] = field(default_factory=dict)


def own_and_others(gallery: Gallery, threshold: float, step: Step) -> tuple[OwnScores, NearestScores, list[LookAlikes]]:
    """Every named person's picture against the person's others, and against everybody else as if that person were not there.

    Args:
        gallery: the library.
        threshold: people are look-alikes if a picture's score against the other is at or below it.
        step: told how far it is.
    """
    places = np.flatnonzero(gallery.is_named[gallery.column])
    found = _Pass()
    for rows in _pieces(len(places), step):
        _take(gallery, places[rows], threshold, found)
    owners = gallery.people[gallery.column[places]]
    alike = sorted(found.alike.values(), key=lambda each: (each.score, each.people))
    return _own_joined(found.own), _joined(found.others, owners), alike


def _take(gallery: Gallery, places: Ids, threshold: float, found: _Pass) -> None:
    own = gallery.column[places]
    probes = gallery.embeddings[places].astype(np.float64)
    others = _without(gallery.distances(probes), own)
    scores = _named(gallery, _scores(gallery, others))
    found.others.append(_nearest(gallery, others, scores))
    found.own.append(_own(gallery, places, probes, others))
    for row, column in zip(*np.nonzero(scores <= threshold), strict=True):
        person, other = int(gallery.people[own[row]]), int(gallery.people[column])
        pair = LookAlikes((person, other), int(places[row]), float(scores[row, column]))
        key = frozenset(pair.people)
        if key not in found.alike or pair.score < found.alike[key].score:
            found.alike[key] = pair


def _own(gallery: Gallery, places: Ids, probes: Distances, others: Distances) -> OwnScores:
    """The pictures of people who have two or more, each against the mean of the person's other ones."""
    has_others = gallery.counts[gallery.column[places]] > 1
    places, probes, others = places[has_others], probes[has_others], others[has_others]
    column = gallery.column[places]
    left = gallery.counts[column] - 1
    means = ((gallery.sums[column] - probes) / left[:, None]).astype(np.float32)
    alignment = gallery.scoring.scale.alignment
    distances = np.linalg.norm(probes - means, axis=1)
    plain = alignment.aligned(distances, left)
    rivals = _named(gallery, gallery.aligned(others))
    nearest = rivals.argmin(axis=1)
    away = rivals[np.arange(len(places)), nearest]
    return OwnScores(
        faces=places,
        owners=gallery.people[column],
        scores=_own_scores(gallery, distances, left, others, column),
        distances=plain,
        rivals=np.where(np.isfinite(away), gallery.people[nearest], 0),
        gaps=away - plain,
    )


def _own_scores(gallery: Gallery, distances: Distances, left: Counts, others: Distances, column: Ids) -> Distances:
    """The scores against the own person, who has one face less than usual; everybody else is the cohort."""
    scoring = gallery.scoring
    plain = scoring.scale.alignment.aligned(distances, left)
    if scoring.rule is None:
        return plain
    aligned = gallery.aligned(others)
    aligned[np.arange(len(column)), column] = plain
    scores = np.empty(len(column))
    nearest = nearest_of(aligned, scoring.rule) if len(column) else aligned
    for count in np.unique(left):
        rows = left == count
        shifts = scoring.shifts(nearest[rows], plain[rows, None], np.array([count]))
        scores[rows] = distances[rows] - shifts[:, 0]
    return scores


def _nearest(gallery: Gallery, distances: Distances, scores: Distances) -> NearestScores:
    """For each row the nearest person of those who are judged, and how much further away the next named one is."""
    rows = np.arange(len(distances))
    aligned = gallery.aligned(distances)
    best = np.where(gallery.is_judged[None], aligned, math.inf).argmin(axis=1)
    first = np.where(gallery.is_judged[best], aligned[rows, best], math.inf)
    is_there = np.isfinite(first)
    rest = _named(gallery, aligned)
    rest[rows, best] = math.inf
    second = rest.min(axis=1)
    return NearestScores(
        owners=np.zeros(len(rows), np.int64),
        scores=np.where(is_there, scores[rows, best], math.inf),
        distances=first,
        nearest=np.where(is_there, gallery.people[best], 0),
        gaps=np.where(is_there & np.isfinite(second), second - np.where(is_there, first, 0.0), math.inf),
    )


def _scores(gallery: Gallery, distances: Distances) -> Distances:
    return gallery.scoring.scores(distances, gallery.counts)


def _named(gallery: Gallery, table: Distances) -> Distances:
    """Only people who may be called by a name; the others are infinitely far away."""
    return np.asarray(np.where(gallery.is_named[None], table, math.inf))


def _without(distances: Distances, own: Ids) -> Distances:
    """Takes the own person out of each row."""
    rows = np.flatnonzero(own != ABSENT)
    distances[rows, own[rows]] = math.inf
    return distances


def _pieces(total: int, step: Step) -> Iterator[slice]:
    for start in range(0, total, PIECE):
        end = min(start + PIECE, total)
        yield slice(start, end)
        step(end - start)


def _joined(parts: Sequence[NearestScores], owners: Ids) -> NearestScores:
    if not parts:
        return NearestScores(owners, np.empty(0), np.empty(0), np.empty(0, np.int64), np.empty(0))
    return NearestScores(
        owners,
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.distances for part in parts]),
        np.concatenate([part.nearest for part in parts]),
        np.concatenate([part.gaps for part in parts]),
    )


def _own_joined(parts: Sequence[OwnScores]) -> OwnScores:
    empty, none = np.empty(0, np.int64), np.empty(0)
    parts = [OwnScores(empty, empty, none, none, empty, none), *parts]
    return OwnScores(
        np.concatenate([part.faces for part in parts]),
        np.concatenate([part.owners for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.distances for part in parts]),
        np.concatenate([part.rivals for part in parts]),
        np.concatenate([part.gaps for part in parts]),
    )
