"""Exact search among known people: every face, and each person's mean, in float32 matrices in memory."""

import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from recognition.engine import Embedding
from recognition.vectors import Labels, Vectors

SLACK = 1e-4
"""Squared distances from the fast formula are off by about 1e-6 of the vectors' own squares; what lies this near the last
place is computed anew."""

PERSON, COUNT, TAG = range(3)  # columns of a mean's labels
OWNER, UNVOUCHED = 1, 2  # columns of a face's labels, after its id
Scoring = Literal["mean", "nearest"]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """One known face.

    Attributes:
        face_id: its id, unique in the gallery.
        person_id: whose it is.
        embedding: float32, shape (d,), of the gallery's model.
        tag: a word by which a search can be restricted, such as the person's list; the last one given holds for all of
            the person's faces.
        is_vouched: whether somebody stands for it that this is the person; False if it was taken by itself.
    """

    face_id: int
    person_id: int
    embedding: Embedding
    tag: str = ""
    is_vouched: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Many known faces at once.

    Attributes:
        face_ids: shape (n,), int64, all different.
        person_ids: shape (n,), int64.
        tags: n words, the same for all faces of a person.
        embeddings: float32, shape (n, d); the gallery keeps it.
        are_vouched: shape (n,), bool, see Template; None: all of them.
    """

    face_ids: Labels
    person_ids: Labels
    tags: Sequence[str]
    embeddings: Embedding
    are_vouched: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A person near to what was searched for.

    Attributes:
        person_id: who.
        face_id: which of the person's faces is nearest.
        distance: Euclidean, 0 or more, to the mean of the person's faces or to the nearest of them, as was asked. With
            dlib's network the same face is about 0.3 to 0.5 away, other people about 0.6 to 1.1; means lie nearer.
        tag: the person's tag.
        faces: how many faces the person has here, 1 or more.
        margin: how much further away the next person is, of those that were searched; None if there is none.
        vouched: Euclidean distance to the nearest of the person's faces that somebody vouched for; None if there is none.
        unvouched: how many of the person's faces nobody vouched for.
    """

    person_id: int
    face_id: int
    distance: float
    tag: str
    faces: int = 1
    margin: float | None = None
    vouched: float | None = None
    unvouched: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A probe's distance to everybody, in no order; the arrays are the caller's own.

    Attributes:
        distances: shape (n,), float32, Euclidean, to the mean of each one's faces; squared, they are off by about 1e-6
            of the vectors' own squares, so one that is 0 may come as 0.001.
        roll: who they are.
    """

    distances: npt.NDArray[np.float32]
    roll: "Roll"


@dataclass(frozen=True, slots=True, eq=False)
class Roll:
    """Everybody in a gallery, in no order; the arrays are the caller's own.

    Attributes:
        person_ids: shape (n,), int64.
        faces: shape (n,), int64, how many faces each has.
        tags: shape (n,), int64, numbers of the tags in ``words``.
        words: the tags.
    """

    person_ids: Labels
    faces: Labels
    tags: Labels
    words: tuple[str, ...]

    def tagged(self, tags: Collection[str]) -> npt.NDArray[np.bool_]:
        """Whose tag is one of these: shape (n,), bool."""
        return np.isin(self.tags, [number for number, word in enumerate(self.words) if word in tags])


def template_of(embeddings: Embedding) -> Embedding:
    """The mean of a person's embeddings: float32 (n, d) to float32 (d,).

    Averaging takes away what is peculiar to one picture. It shortens the vector too, so that distances to everybody
    become smaller: thresholds depend on how many were averaged.
    """
    return np.asarray(embeddings.mean(axis=0, dtype=np.float64), dtype=np.float32)


class Gallery:
    """Known faces of one embedding model; every method may be called from any thread of the process.

    A search by means reads one row a person, by nearest faces one row a face: about 0.1 ms at 10 000 rows, 5 ms at
    100 000, 28 ms at 1 000 000, with one BLAS thread. Start the process with ``OPENBLAS_NUM_THREADS=1``: on shared cores
    more threads make it slower, not faster. Memory with 128 numbers: 512 bytes a face and 512 a person, half as much
    again while it grows.
    """

    def __init__(self, model: str, templates: Iterable[Template] = ()) -> None:
        """Make a gallery for embeddings of ``model``; embeddings of different models must never be compared.

        The first face says how many numbers the model's embeddings have.
        """
        self.model = model
        self._lock = threading.RLock()
        self._dimension = 0
        self._tags: list[str] = []  # a tag's number is its place here
        self._faces_of: dict[int, list[int]] = {}  # by person id
        self._faces, self._means = Vectors(0, 3), Vectors(0, 3)
        for template in templates:
            self.put(template)

    def __len__(self) -> int:
        """Number of faces."""
        return len(self._faces)

    @property
    def people(self) -> int:
        """Number of people."""
        return len(self._faces_of)

    def put(self, template: Template) -> None:
        """Add a face, or replace the one with the same id (also its person, embedding and tag).

        Raises:
            ValueError: the embedding has another shape or a number that is not finite.
        """
        with self._lock:
            embedding = self._checked(template.embedding)
            if not len(self._faces):
                self._start_anew(len(embedding))
            self.remove(template.face_id)
            labels = (template.face_id, template.person_id, int(not template.is_vouched))
            self._faces.put(labels, embedding)
            self._faces_of.setdefault(template.person_id, []).append(template.face_id)
            self._renew_mean(template.person_id, self._tag_number(template.tag))

    def load(self, batch: Batch) -> None:
        """Take over many faces in place of all that were here: about 0.1 s for 100 000.

        Raises:
            ValueError: the embeddings have another shape or a number that is not finite, an id comes twice, or there are
                not as many of the one as of the other; then nothing has changed.
        """
        self._check_all(batch)
        with self._lock:
            self._start_anew(batch.embeddings.shape[1])
            vouched = batch.are_vouched
            unvouched = np.zeros(len(batch.face_ids), np.int64) if vouched is None else (~vouched).astype(np.int64)
            self._faces.fill(np.stack([batch.face_ids, batch.person_ids, unvouched], axis=1), batch.embeddings)
            self._fill_means(batch)

    def remove(self, face_id: int) -> bool:
        """Remove a face. False if it was not there."""
        with self._lock:
            row = self._faces.row(face_id)
            if row is None:
                return False
            person_id = int(self._faces.labels[row, OWNER])
            self._faces.remove(face_id)
            self._faces_of[person_id].remove(face_id)
            self._renew_mean(person_id)
            return True

    def remove_person(self, person_id: int) -> int:
        """Remove all faces of a person; how many there were."""
        with self._lock:
            faces = self._faces_of.pop(person_id, [])
            for face_id in faces:
                self._faces.remove(face_id)
            self._means.remove(person_id)
            return len(faces)

    def search(
        self, embedding: Embedding, k: int = 5, tags: Collection[str] | None = None, by: Scoring = "mean"
    ) -> list[Match]:
        """The ``k`` nearest people, nearest first; exact. Equal distances are ordered by person id.

        Args:
            embedding: float32, shape (d,), of the gallery's model.
            k: how many people, 1 or more; fewer are returned where there are fewer.
            tags: only people with one of these tags; None: all.
            by: ``mean``: by the mean of each person's faces, which serves better with several pictures a person;
                ``nearest``: by the nearest of them.

        Raises:
            ValueError: the embedding has another shape or a number that is not finite, or k is less than 1.
        """
        if k < 1:
            raise ValueError("k must be 1 or more")
        with self._lock:
            probe = self._checked(embedding)
            vectors = self._means if by == "mean" else self._faces
            squared = vectors.squared_distances(probe) if len(vectors) else np.empty(0, np.float32)
            owners = vectors.labels[:, PERSON if by == "mean" else OWNER]
            if tags is not None:
                squared[~np.isin(owners, self._tagged(tags))] = np.inf
            size = float(probe @ probe)
            rows = _nearest_rows(squared, owners, k + 1, size)  # one more, who is the last one's runner-up
            matches = self._matches(probe, sorted({int(owners[row]) for row in rows}), by)
        return _with_margins(matches)[:k]

    def compare(self, embedding: Embedding) -> Compared:
        """The distances to the means of all people.

        Raises:
            ValueError: the embedding has another shape or a number that is not finite.
        """
        with self._lock:
            probe = self._checked(embedding)
            squared = self._means.squared_distances(probe) if len(self._means) else np.empty(0, np.float32)
            return Compared(np.sqrt(squared), self.roll())

    def roll(self) -> Roll:
        """Who is here, in the order of ``compare``."""
        with self._lock:
            labels = self._means.labels.copy()
            return Roll(labels[:, PERSON], labels[:, COUNT], labels[:, TAG], tuple(self._tags))

    def distance_to(self, person_id: int, embedding: Embedding, by: Scoring = "mean") -> Match | None:
        """One person, however far; None if the person has no face here. For comparing one to one.

        Raises:
            ValueError: the embedding has another shape or a number that is not finite.
        """
        with self._lock:
            probe = self._checked(embedding)
            return next(iter(self._matches(probe, [person_id] if person_id in self._faces_of else [], by)), None)

    def _matches(self, probe: Embedding, people: Sequence[int], by: Scoring) -> list[Match]:
        """The people, nearest first, with exact distances."""
        matches = [self._match(probe, person_id, by) for person_id in people]
        return sorted(matches, key=lambda match: (match.distance, match.person_id))

    def _match(self, probe: Embedding, person_id: int, by: Scoring) -> Match:
        faces = sorted(self._faces_of[person_id])
        row = self._means.row(person_id) or 0
        tag = self._tags[self._means.labels[row, TAG]]
        rows = [self._faces.row(face) or 0 for face in faces]
        distances = self._faces.exact_distances(rows, probe)
        nearest = int(distances.argmin())
        distance = float(self._means.exact_distances([row], probe)[0] if by == "mean" else distances[nearest])
        vouched = distances[self._faces.labels[rows, UNVOUCHED] == 0]
        near = float(vouched.min()) if len(vouched) else None
        return Match(
            person_id, faces[nearest], distance, tag, len(faces), vouched=near, unvouched=len(faces) - len(vouched)
        )

    def _tagged(self, tags: Collection[str]) -> Labels:
        """Who has one of these tags."""
        wanted = [number for number, tag in enumerate(self._tags) if tag in tags]
        return np.asarray(self._means.labels[np.isin(self._means.labels[:, TAG], wanted), PERSON])

    def _renew_mean(self, person_id: int, tag: int | None = None) -> None:
        """After a change of the person's faces; without ``tag`` the person keeps the one it has."""
        faces = self._faces_of[person_id]
        if not faces:
            del self._faces_of[person_id]
            self._means.remove(person_id)
            return
        if tag is None:
            tag = int(self._means.labels[self._means.row(person_id) or 0, TAG])
        rows = [self._faces.row(face) or 0 for face in sorted(faces)]
        self._means.put((person_id, len(faces), tag), template_of(self._faces.matrix[rows]))

    def _fill_means(self, batch: Batch) -> None:
        order = np.lexsort((batch.face_ids, batch.person_ids))
        people, starts, counts = np.unique(batch.person_ids[order], return_index=True, return_counts=True)
        faces, bounds = batch.face_ids[order].tolist(), [*starts.tolist(), len(order)]
        self._faces_of = {
            person_id: faces[start:end]
            for person_id, (start, end) in zip(people.tolist(), pairwise(bounds), strict=True)
        }
        means = batch.embeddings[order[starts]]
        several = np.flatnonzero(counts > 1)
        means[several] = _means(batch.embeddings, order, starts[several], counts[several])
        self._tags = sorted(set(batch.tags))
        number = {tag: place for place, tag in enumerate(self._tags)}
        tags = [number[batch.tags[row]] for row in order[starts].tolist()]
        self._means.fill(np.stack([people, counts, np.array(tags, np.int64)], axis=1), means)

    def _start_anew(self, dimension: int) -> None:
        self._dimension = dimension
        self._faces, self._means = Vectors(dimension, 3), Vectors(dimension, 3)
        self._faces_of = {}

    def _tag_number(self, tag: str) -> int:
        if tag not in self._tags:
            self._tags.append(tag)
        return self._tags.index(tag)

    def _checked(self, embedding: Embedding) -> Embedding:
        """The embedding as a contiguous float32 vector of the model's length, all numbers finite."""
        vector = np.ascontiguousarray(embedding, dtype=np.float32)
        wanted = self._dimension if len(self._faces) else vector.size
        if vector.shape != (wanted,) or not wanted or not np.isfinite(vector).all():
            raise ValueError(f"an embedding of {self.model} is {wanted} finite numbers, not {vector.shape}")
        return vector

    def _check_all(self, batch: Batch) -> None:
        if len(np.unique(batch.face_ids)) < len(batch.face_ids):
            raise ValueError("a face's id comes twice")
        columns = [batch.face_ids, batch.person_ids, batch.tags, batch.embeddings]
        if len({*map(len, columns), len(batch.face_ids if batch.are_vouched is None else batch.are_vouched)}) > 1:
            raise ValueError("each face has one id, one person, one tag and one embedding")
        embeddings = batch.embeddings
        if embeddings.ndim != 2 or embeddings.dtype != np.float32 or not np.isfinite(embeddings).all():  # noqa: PLR2004
            raise ValueError(f"embeddings of {self.model} are rows of finite float32 numbers")


def _means(vectors: Embedding, order: Places, starts: Places, counts: Labels) -> npt.NDArray[np.float64]:
    """The mean of each group of ``counts`` rows that begins at ``starts`` in ``order``."""
    sums = vectors[order[starts]].astype(np.float64)
    # Everybody's second face, then everybody's third: ten times faster than numpy's own sums over unequal groups.
    for place in range(1, int(counts.max(initial=1))):
        having = np.flatnonzero(counts > place)
        sums[having] += vectors[order[starts[having] + place]]
    return np.asarray(sums / counts[:, None])


def _nearest_rows(squared: npt.NDArray[np.float32], owners: Labels, k: int, size: float) -> Places:
    """Rows that hold the ``k`` people nearest to a probe, whose square is ``size``, for certain, and few others."""
    available = int(np.count_nonzero(squared < np.inf))
    taken = min(8 * k, available)
    while True:
        nearest = np.argpartition(squared, taken - 1)[:taken] if taken else np.empty(0, np.intp)
        nearest = nearest[np.argsort(squared[nearest])]
        _, first = np.unique(owners[nearest], return_index=True)
        if len(first) >= k:
            last = float(squared[nearest[np.sort(first)[k - 1]]])
            return np.flatnonzero(squared <= last + SLACK * max(size + last, 1))
        if taken == available:
            return nearest
        taken = min(4 * taken, available)


def _with_margins(matches: list[Match]) -> list[Match]:
    pairs = pairwise(matches)
    return [replace(one, margin=after.distance - one.distance) for one, after in pairs] + matches[-1:]
