"""What a calibration found, as plain values and arrays: the command, the page and the store are made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from receiver.domain.evaluation import AtRate, GroupAlarms, Scores, Tries
from receiver.domain.intervals import Owners, Share
from recognition.engine import Box, Embedding

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KnownFace:
    """One current face of the library."""

    face_id: int
    person_id: int
    list: str
    digest: bytes
    box: Box


@dataclass(frozen=True, slots=True)
class Stranger:
    """One picture of somebody who should be called by nobody's name.

    Attributes:
        picture: its path within the folder of strangers; empty for a face of the library's list of strangers.
        group: the folder's sub-folder; empty where there is none.
        box: where the face is in that picture.
        face: the library's face, where it is one.
    """

    picture: str
    group: str
    box: Box
    face: KnownFace | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OwnScores:
    """Known people's pictures, each held against the person's other pictures and against everybody else.

    Attributes:
        faces: shape (n,), places in ``Measured.faces``; of people with two or more pictures only.
        owners: shape (n,), person ids.
        scores: shape (n,), against the person's others.
        distances: shape (n,), to the mean of the person's others, as two single pictures would have it.
        rivals: shape (n,), the id of the nearest other person; 0 where there is nobody else.
        gaps: shape (n,), by how much that person is further away; negative if nearer, infinite where there is nobody.
    """

    faces: Ids
    owners: Owners
    scores: Scores
    distances: Scores
    rivals: Ids
    gaps: Scores


@dataclass(frozen=True, slots=True, eq=False)
class NearestScores:
    """Pictures of people who are not (or are taken as not) in the library, each held against everybody in it.

    Attributes:
        owners: shape (n,), whose picture it is.
        scores: shape (n,), against the nearest person; infinite where there is nobody.
        distances: shape (n,), to that person, as two single pictures would have it.
        nearest: shape (n,), that person's id; 0 where there is nobody.
        gaps: shape (n,), by how much the next person is further away; infinite where there is no next, negative where
            somebody is nearer who is not measured here (of the blacklist).
    """

    owners: Owners
    scores: Scores
    distances: Scores
    nearest: Ids
    gaps: Scores


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Two people of whom one's picture would be called by the other's name, were that one not enrolled.

    Attributes:
        people: the person whose picture it is, and the person whom it resembles.
        face: the picture, a place in ``Measured.faces``.
        score: of the picture against the other person.
    """

    people: tuple[int, int]
    face: int
    score: float


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A picture that does not fit its person's other pictures.

    Attributes:
        face: a place in ``Measured.faces``.
        distance: to the mean of the others, as two single pictures would have it.
        limit: the verification threshold.
        nearer: the id of another person who is nearer, None if there is none.
    """

    face: int
    distance: float
    limit: float
    nearer: int | None


@dataclass(frozen=True, slots=True)
class Operating:
    """What holds at a threshold."""

    threshold: float
    fpir: Share
    fnir: Share


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Everything that a calibration found.

    Attributes:
        made_at: when.
        model: of the embeddings.
        scoring: how scores were made, see ``receiver.domain.scoring.word``.
        accepted: the share of strangers that the site accepts to be called by a name.
        people: on the lists that the threshold holds for, with a face.
        faces: the library's current faces of that model.
        own: known people's pictures against their own.
        others: the same people's pictures, each as if its person were not enrolled.
        strangers: who the strangers are, one entry a picture.
        apart: the strangers' pictures against everybody.
        refused: machine word -> pictures of the folder that could not be used.
        genuine: as ``own``, infinite where the margin to the next person is too small.
        impostors: ``apart``, or ``others`` where there are no strangers at all; likewise.
        now: what holds at the threshold in force.
        then: what holds at the threshold that these scores lead to.
        rates: FNIR at the rates that are asked for.
        groups: false alarms by group or cluster, empty where there are too few strangers.
        clusters: the cluster of each stranger, where no groups were given.
        embeddings: the strangers', shape (m, d); for showing what is typical of a cluster, never stored.
        look_alikes: nearest first.
        contradictions: furthest first.
    """

    made_at: datetime
    model: str
    scoring: str
    accepted: float
    people: int
    faces: Sequence[KnownFace]
    own: OwnScores
    others: NearestScores
    strangers: Sequence[Stranger]
    apart: NearestScores
    refused: Mapping[str, Sequence[str]]
    genuine: Tries
    impostors: Tries
    now: Operating
    then: Operating
    rates: Sequence[AtRate]
    groups: Sequence[GroupAlarms] = ()
    clusters: Ids | None = None
    embeddings: Embedding | None = None
    look_alikes: Sequence[LookAlikes] = ()
    contradictions: Sequence[Contradiction] = ()
