"""An engine whose sightings are prepared for the pictures of tests/receiver/boxes.py, and a recogniser around it."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from receiver.domain.events import ListName
from receiver.services import registering
from receiver.services.intake import Intake
from receiver.services.library import Library
from receiver.services.recognising import Recogniser, RecogniserParts
from receiver.services.recording import RECOGNISE
from receiver.services.registering import FaceOrigin, SeenFace
from receiver.store import events, outbox, people
from receiver.store.database import Row
from receiver.store.outbox import Task
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import Box, Embedding, Quality, RecognitionError, RgbImage, Sighting
from tests.receiver.boxes import HISTORY, history, jpeg, text_of

MODEL = "prepared"
LEASE = timedelta(seconds=30)


def face_of(number: int, *, off: float = 0.0) -> Embedding:
    """The face of person ``number``; ``off`` is how far (Euclidean) this view of it is from the plain one."""
    embedding = np.zeros(128, np.float32)
    embedding[number] = 1.4
    embedding[127] = off
    return embedding


def sighting(embedding: Embedding, *, size: int = 100, score: float = 2.0, **measures: float) -> Sighting:
    """One face that the engine found; without measures nothing is wrong with it."""
    box = Box(1, 2, 1 + size, 2 + size)
    return Sighting(box, ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10)), score, Quality(measures), embedding, MODEL)


class PreparedEngine:
    """Sees on each picture what was prepared for it; on others nothing."""

    name = "prepared"
    model = MODEL

    def __init__(self) -> None:
        self.seen: dict[bytes, list[Sighting] | Exception] = {}

    def prepare(self, shade: int, found: Sequence[Sighting] | Exception) -> None:
        key = hashlib.sha256(jpeg(shade)).digest()
        self.seen[key] = found if isinstance(found, Exception) else list(found)

    def sightings(self, rgb: RgbImage) -> list[Sighting]:
        found = self.seen.get(rgb.tobytes(), [])
        if isinstance(found, Exception):
            raise found
        return found


def read_prepared(data: bytes) -> RgbImage:
    """Stands in for decoding: the picture's digest."""
    if data == jpeg(404):
        raise RecognitionError("truncated", "the picture ends too early")
    return np.frombuffer(hashlib.sha256(data).digest(), np.uint8)


class Desk:
    """One worker's recogniser over a store, as a process of its own would have it."""

    def __init__(self, store: Store, engine: PreparedEngine, fpir: float = 0.01) -> None:
        self.store = store
        self.library = Library(MODEL, fpir)
        parts = RecogniserParts(store, Pictures(store.pictures), engine, self.library, read_prepared)
        self.recogniser = Recogniser(parts)

    def claim(self, now: datetime | None = None) -> Task | None:
        with self.store.write() as tx:
            return next(iter(outbox.claim(tx, RECOGNISE, 1, now or datetime.now(UTC), LEASE)), None)

    def work(self) -> None:
        """Ends all tasks."""
        while (task := self.claim()) is not None:
            self.recogniser.handle(task)

    def event(self, event_id: int | None) -> Row:
        with self.store.read() as tx:
            found = events.find(tx, event_id or 0)
        assert found is not None
        return found


def enrol(store: Store, person_list: ListName, *faces: Embedding, identity: str = "", **changes: Any) -> int:
    """Adds a person with faces, as another process would."""
    now = datetime.now(UTC)
    with store.write(lock=people.GALLERY_LOCK) as tx:
        row = {"name": "known", "list": person_list, "source": "test", "created_at": now, "updated_at": now}
        person = people.add(tx, row | changes)
        for number, face in enumerate(faces):
            digest = hashlib.sha256(b"%d %d" % (person, number)).digest()
            registering.add_face(tx, person, SeenFace(digest, sighting(face)), FaceOrigin("test", None, now))
        if identity:
            people.add_identity(tx, person, identity, people.ANY_DEVICE)
    return person


def told(intake: Intake, face: int | None = None, number: int = 0, **changes: Any) -> int:
    """Records an event with the crop of that number; its id."""
    inner = changes.pop("ext_data", {}) | ({"recognize_face": text_of(face)} if face is not None else {})
    (recorded,) = intake.record([history(number, ext_data=inner, **changes)], HISTORY)
    assert recorded.result == "new"
    return recorded.event_id or 0


def strangers(store: Store) -> list[int]:
    with store.read() as tx:
        return sorted(row.id for row in people.listed(tx, [ListName.STRANGER], None, None, 99))


def current_faces(store: Store, person: int) -> list[int | None]:
    """The events that the person's current faces came from."""
    with store.read() as tx:
        return [row.event_id for row in people.faces_of(tx, [person], people.CURRENT)]


def digest_of(store: Store, event_id: int) -> bytes:
    with store.read() as tx:
        digest: bytes = events.pictures_of(tx, [event_id])[event_id][0].digest
        return digest
