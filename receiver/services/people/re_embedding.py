"""Moves the library to another embedding model: embeds every face anew while the old model answers, then switches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from receiver.domain.errors import Conflict
from receiver.services.people.portraits import OURS, See
from receiver.services.people.registering import as_bytes
from receiver.store import library, people
from receiver.store.database import Row, Tx
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import Box, Embedding, RecognitionError, Sighting

# Faces that are embedded between two short write transactions: what a killed run has to do again.
PAGE = 32
# Rows that are read or dropped at once.
MANY = 1000

SAME_FACE = 0.25
"""How much of their common area two boxes share at least if they are of one face, whichever detectors drew them.

On 89 photographs the boxes of ``onnx`` and of ``face_recognition`` share 0.55 to 0.86; two faces of one picture 0.13 at
most."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A face that has no embedding of the new model: nobody is recognised by it then.

    Attributes:
        state: current or former; only current faces are compared with.
        reason: machine word why: ``picture_gone``, ``no_face``, or why the picture cannot be read.
    """

    face_id: int
    person_id: int
    name: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """How a run ended.

    Attributes:
        is_active: whether the new model decides now.
        embedded: faces that this run embedded.
        left_out: faces without an embedding of the new model, in order of their ids.
    """

    is_active: bool
    embedded: int
    left_out: Sequence[LeftOut]


class ReEmbedding:
    """One run for one model; a run that was ended is taken up by the next where it stood."""

    def __init__(self, store: Store, pictures: Pictures, see: See, model: str) -> None:
        """Look at pictures with ``see``, an engine that gives embeddings of ``model``."""
        self._store = store
        self._pictures = pictures
        self._see = see
        self._model = model
        self._reasons: dict[int, str] = {}
        self._embedded = 0

    def count(self) -> int:
        """How many faces are still to be embedded."""
        with self._store.read() as tx:
            return library.count_without(tx, self._model)

    def run(self, on_face: Callable[[], object], *, may_leave_out: bool) -> Moved:
        """Embeds what is missing, also faces that are enrolled meanwhile, then lets the model decide.

        Args:
            on_face: called after each face.
            may_leave_out: switch although current faces cannot be embedded; their people are recognised by their other
                faces, or not at all until they are enrolled anew.

        Raises:
            RecognitionError: there is no such model, or something else speaks of the server, not of one picture.
        """
        while True:
            self._fill(on_face)
            moved = self._switch(may_leave_out=may_leave_out)
            if moved is not None:
                return moved

    def _fill(self, on_face: Callable[[], object]) -> None:
        for rows in self._pages():
            found: dict[int, bytes] = {}
            for row in rows:
                if row.id not in self._reasons:
                    embedding = self._embed(row)
                    if embedding is not None:
                        found[row.id] = as_bytes(embedding)
                    on_face()
            self._write(found)

    def _pages(self) -> Iterator[Sequence[Row]]:
        last = 0
        while True:
            with self._store.read() as tx:
                rows = library.faces_without(tx, self._model, last, PAGE)
            if not rows:
                return
            yield rows
            last = rows[-1].id

    def _embed(self, row: Row) -> Embedding | None:
        """The face's embedding from its stored picture; None, with the reason noted, where there is none."""
        try:
            sighting = self._sighting(row)
        except RecognitionError as error:
            if error.reason in OURS:
                raise
            self._reasons[row.id] = error.reason
            return None
        return sighting.embedding_for(self._model)

    def _sighting(self, row: Row) -> Sighting:
        stored = self._pictures.get(row.digest)
        if stored is None:
            raise RecognitionError("picture_gone", "the picture is not kept any more")
        found = nearest(self._see(stored.data), Box(*row.box))
        if found is None:
            raise RecognitionError("no_face", "where the face was, the engine finds none")
        return found

    def _write(self, found: dict[int, bytes]) -> None:
        if not found:
            return
        now = datetime.now(UTC)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            changed = library.add_embeddings(tx, self._model, found)
            if library.model_of(tx) == self._model:
                # The model decides already: these are faces that were left out before.
                for person_id in changed:
                    people.note_change(tx, person_id, now)
        self._embedded += len(found)

    def _switch(self, *, may_leave_out: bool) -> Moved | None:
        """Lets the model decide if nothing is missing but what cannot be had; None where new faces have come."""
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            missing = list(self._missing(tx))
            if any(row.id not in self._reasons for row in missing):
                return None
            left_out = [LeftOut(row.id, row.person_id, row.name, row.state, self._reasons[row.id]) for row in missing]
            if may_leave_out or not any(each.state == people.CURRENT for each in left_out):
                library.switch(tx, self._model, datetime.now(UTC))
            return Moved(library.model_of(tx) == self._model, self._embedded, left_out)

    def _missing(self, tx: Tx) -> Iterator[Row]:
        last = 0
        while rows := library.faces_without(tx, self._model, last, MANY):
            yield from rows
            last = rows[-1].id


def nearest(sightings: Sequence[Sighting], box: Box) -> Sighting | None:
    """The sighting whose box is that of a face seen before; None where none shares SAME_FACE with it."""
    best = max(sightings, key=lambda each: overlap(each.box, box), default=None)
    return best if best is not None and overlap(best.box, box) >= SAME_FACE else None


def overlap(one: Box, other: Box) -> float:
    """How much of their common area two boxes share, 0 to 1."""
    common = Box(
        max(one.left, other.left), max(one.top, other.top), min(one.right, other.right), min(one.bottom, other.bottom)
    )
    shared = common.area if common.width > 0 and common.height > 0 else 0
    return shared / (one.area + other.area - shared) if shared else 0.0


def forget(store: Store, model: str) -> int:
    """Drops all embeddings of a model in small transactions; returns how many there were.

    Raises:
        Conflict: the library uses the model, or could go back to it.
    """
    dropped, last = 0, 0
    while True:
        with store.write(lock=people.GALLERY_LOCK) as tx:
            row = library.active(tx)
            if row is not None and model in {row.model, row.previous_model}:
                raise Conflict("model_in_use", f"{model} decides in this library, or did so before: it is not dropped")
            faces = library.embedded_faces(tx, model, last, MANY)
            if not faces:
                return dropped
            dropped += library.forget(tx, model, faces)
            last = faces[-1]
