"""Where faces were seen before: compares them with every past sighting of a period, however many there are, exactly."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from receiver.domain.errors import Busy
from receiver.store import sightings
from receiver.store.database import Row, Tx
from receiver.store.sightings import PastFilter, Place
from recognition.engine import Embedding

# Rows that are read at a time, and for one answer: the rest is another answer's.
PAGE_ROWS, MOST_ROWS = 4_000, 200_000
# Faces times rows that are compared for one answer: a picture of a crowd is searched less far back at a time.
MOST_COMPARISONS = 5_000_000
# Reading takes the interpreter's lock again and again: more than this at a time would hold up everything else.
SEATS = threading.BoundedSemaphore(2)
SEAT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A past event that shows a face like the one that is looked for, by the nearest of its sightings."""

    distance: float
    sighting_id: int
    event_id: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for.

    Attributes:
        past: which sightings; the newest first.
        after: where an earlier answer ended.
        max_distance: Euclidean; what is further away is no hit.
        limit: most hits of a face, the nearest.
    """

    past: PastFilter
    after: Place | None
    max_distance: float
    limit: int


@dataclass(frozen=True, slots=True)
class Retraced:
    """What was found.

    Attributes:
        hits: of each face, nearest first.
        compared: sightings that were compared.
        other_models: sightings of other models, which cannot be compared.
        place: where the next answer begins; None if everything was read.
    """

    hits: Sequence[Sequence[Hit]]
    compared: int
    other_models: int
    place: Place | None


def retrace(tx: Tx, faces: Sequence[Embedding], wanted: Wanted) -> Retraced:
    """The past events that are nearest to each face; without a face nothing is read.

    Raises:
        Busy: ``busy``: others search through the past already.
    """
    if not faces:
        return Retraced((), 0, 0, None)
    tracks = [_Track(face, wanted) for face in faces]
    read = compared = 0
    place = wanted.after
    most = min(MOST_ROWS, max(1, MOST_COMPARISONS // len(faces)))
    with _seat():
        while read < most:
            rows = sightings.page(tx, wanted.past, place, PAGE_ROWS)
            usable = [row for row in rows if row.embedding is not None]
            if usable:
                matrix = np.frombuffer(b"".join(row.embedding for row in usable), np.float32).reshape(len(usable), -1)
                for track in tracks:
                    track.compare(usable, matrix)
            read, compared = read + len(rows), compared + len(usable)
            place = Place(rows[-1].occurred_at, rows[-1].id) if len(rows) == PAGE_ROWS else None
            if place is None:
                break
    return Retraced([track.hits for track in tracks], compared, read - compared, place)


@contextmanager
def _seat() -> Iterator[None]:
    if not SEATS.acquire(timeout=SEAT_SECONDS):
        raise Busy("busy", "others search through past events just now; try again in a few seconds")
    try:
        yield
    finally:
        SEATS.release()


class _Track:
    """One face's nearest events so far."""

    def __init__(self, face: Embedding, wanted: Wanted) -> None:
        self._face = face
        self._wanted = wanted
        self.hits: list[Hit] = []

    def compare(self, rows: Sequence[Row], matrix: npt.NDArray[np.float32]) -> None:
        apart = matrix - self._face
        distances = np.sqrt(np.einsum("ij,ij->i", apart, apart, dtype=np.float64))
        near = np.flatnonzero(distances <= self._bound()).tolist()
        found = [Hit(float(distances[row]), rows[row].id, rows[row].event_id) for row in near]
        nearest: dict[int, Hit] = {}
        for hit in sorted([*self.hits, *found], key=lambda hit: (hit.distance, -hit.sighting_id)):
            nearest.setdefault(hit.event_id, hit)
        self.hits = list(nearest.values())[: self._wanted.limit]

    def _bound(self) -> float:
        """What is further away changes nothing any more."""
        is_full = len(self.hits) == self._wanted.limit
        return min(self._wanted.max_distance, self.hits[-1].distance) if is_full else self._wanted.max_distance
