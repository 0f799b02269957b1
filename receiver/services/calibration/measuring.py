"""Puts together what a calibration finds, from the library's faces and the strangers' alone."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from receiver.domain.clusters import cluster_count, clusters
from receiver.domain.evaluation import Tries, alarms_by_group, curve, matched_scores
from receiver.domain.identity import MARGIN
from receiver.domain.scoring import Scoring
from receiver.domain.site_scores import SiteScores
from receiver.domain.thresholds import Wanted, threshold
from receiver.services.calibration.measured import (
    Contradiction,
    Ids,
    KnownFace,
    Measured,
    NearestScores,
    Operating,
    OwnScores,
    Stranger,
)
from receiver.services.calibration.scores import ABSENT, Flags, Gallery, Step, apart, own_and_others
from recognition.engine import Embedding

Progress = Callable[[str, int], AbstractContextManager[Step]]
"""Makes a bar with a label and a length; what it gives is told how far the work is."""

RATES = (0.01, 0.001)
SMALL_GROUP = 10
REST, OF_THE_FOLDER, OF_THE_LIBRARY = "small groups", "no group", "strangers of the library"


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Faces with their embeddings, row by row.

    Attributes:
        known: the library's current faces of the model.
        embeddings: theirs, shape (n, d), float32.
        strangers: who should be called by nobody's name.
        apart: their embeddings, shape (m, d), float32.
        refused: machine word -> pictures that could not be used.
    """

    known: Sequence[KnownFace]
    embeddings: Embedding
    strangers: Sequence[Stranger]
    apart: Embedding
    refused: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Basis:
    """By what this library decides.

    Attributes:
        model: of the embeddings.
        scoring: how distances become scores.
        wanted: what the threshold is for.
        threshold: the one in force.
        judged: the lists that it holds for.
        named: those, and the lists that compete with them.
    """

    model: str
    scoring: Scoring
    wanted: Wanted
    threshold: float
    judged: frozenset[str]
    named: frozenset[str]


def measured(basis: Basis, faces: Faces, made_at: datetime, progress: Progress) -> Measured:
    """Everything that a calibration finds; at least one person must be named and somebody be there to be mistaken."""
    gallery = Gallery(faces.known, faces.embeddings, basis.scoring, basis.judged, basis.named)
    now, pair = basis.threshold, basis.scoring.scale.verification
    with progress("Comparing people with each other", int(gallery.is_named[gallery.column].sum())) as step:
        own, others, alike = own_and_others(gallery, now, step)
    with progress("Comparing strangers with everybody", len(faces.strangers)) as step:
        away = apart(gallery, faces.apart.astype(np.float64), _columns(gallery, faces.strangers), step)
    away = replace(away, owners=_owners(faces.strangers))
    genuine = _tries(own, gallery.is_judged[gallery.column[own.faces]], pair)
    field = away if len(faces.strangers) else others
    impostors = _tries(field, np.isfinite(field.scores), pair)
    found = Measured(
        made_at=made_at,
        model=basis.model,
        scoring=basis.scoring.word,
        accepted=basis.wanted.fpir,
        people=int(gallery.is_judged.sum()),
        faces=faces.known,
        own=own,
        others=others,
        strangers=faces.strangers,
        apart=away,
        refused=faces.refused,
        genuine=genuine,
        impostors=impostors,
        now=_operating(genuine, impostors, now),
        then=_operating(genuine, impostors, now),
        rates=curve(genuine, impostors, sorted({*RATES, basis.wanted.fpir}, reverse=True)),
        look_alikes=alike,
        contradictions=contradictions(own, pair),
        embeddings=faces.apart,
    )
    after = threshold(basis.scoring, basis.wanted, site_scores(found))
    return _with_groups(replace(found, then=_operating(genuine, impostors, after)), faces.apart)


def _tries(held: OwnScores | NearestScores, is_counted: Flags, pair: float) -> Tries:
    """With an infinite score for what a decision would never match: too near to the next, or beyond verification."""
    scores = np.where(held.distances <= pair, matched_scores(held.scores, held.gaps, MARGIN), math.inf)
    return Tries(scores[is_counted], held.owners[is_counted])


def _operating(genuine: Tries, impostors: Tries, at: float) -> Operating:
    return Operating(at, impostors.below(at), genuine.above(at))


def _columns(gallery: Gallery, strangers: Sequence[Stranger]) -> Ids:
    """Which person of the gallery each stranger is; ABSENT for those of the folder."""
    column = {int(person): place for place, person in enumerate(gallery.people)}
    return np.array([ABSENT if each.face is None else column[each.face.person_id] for each in strangers], np.int64)


def _owners(strangers: Sequence[Stranger]) -> Ids:
    """Faces of one stranger of the library belong together; each picture of the folder is somebody else."""
    return np.array(
        [-place - 1 if each.face is None else each.face.person_id for place, each in enumerate(strangers)], np.int64
    )


def contradictions(own: OwnScores, limit: float) -> list[Contradiction]:
    """Pictures further from their person's others than two pictures of one person may be, or nearer to somebody else."""
    is_nearer = own.gaps < 0
    found = [
        Contradiction(
            int(own.faces[row]),
            float(own.distances[row]),
            limit,
            int(own.rivals[row]) if is_nearer[row] else None,
        )
        for row in np.flatnonzero((own.distances > limit) | is_nearer)
    ]
    return sorted(found, key=lambda each: (-each.distance, each.face))


def site_scores(found: Measured) -> SiteScores:
    """What the decision may use: for each stranger the lowest score of all pictures, and the own pictures' scores."""
    lowest: dict[int, float] = {}
    strangers = found.impostors if len(found.strangers) else Tries(np.empty(0), np.empty(0, np.int64))
    for owner, score in zip(strangers.owners.tolist(), strangers.scores.tolist(), strict=True):
        lowest[owner] = min(score, lowest.get(owner, math.inf))
    return SiteScores(
        scoring=found.scoring,
        people=found.people,
        strangers=len(lowest),
        lowest=tuple(sorted(score for score in lowest.values() if math.isfinite(score))),
        genuine=tuple(sorted(found.own.scores[np.isin(found.own.owners, found.genuine.owners)].tolist())),
    )


def _with_groups(found: Measured, embeddings: Embedding) -> Measured:
    """False alarms by the folder's groups where it has any, else by cluster; nothing for a few strangers."""
    labels = _labels(found.strangers)
    if len(set(labels)) > 1:
        return replace(found, groups=alarms_by_group(found.impostors, labels, found.now.threshold))
    count = cluster_count(found.impostors.people if found.strangers else 0)
    if not count:
        return found
    numbers = clusters(embeddings.astype(np.float64), count)
    words = [str(number + 1) for number in numbers]
    return replace(found, groups=alarms_by_group(found.impostors, words, found.now.threshold), clusters=numbers)


def _labels(strangers: Sequence[Stranger]) -> list[str]:
    """The group of each; the small ones are put together, for their rates would say nothing."""
    if not any(each.group for each in strangers):
        return []
    labels = [each.group or (OF_THE_FOLDER if each.face is None else OF_THE_LIBRARY) for each in strangers]
    sizes = Counter(labels)
    return [label if sizes[label] >= SMALL_GROUP else REST for label in labels]
