"""An engine whose sightings are prepared for the pictures of tests/receiver/boxes.py, and a recogniser around it."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from receiver.domain.events import ListName
from receiver.domain.fusion import reach_of
from receiver.domain.scales import DLIB
from receiver.domain.strangers import SHIPPED_RULES, Rules
from receiver.services.alerting.alerting import Alerting
from receiver.services.alerting.event_alerts import EventAlerts
from receiver.services.alerting.rule_book import RuleBook
from receiver.services.deciding.deciding import Decider
from receiver.services.deciding.library import Library
from receiver.services.intake.intake import Intake
from receiver.services.intake.recording import RECOGNISE
from receiver.services.people import registering
from receiver.services.people.enrolling import EnrolmentGate
from receiver.services.people.registering import FaceOrigin, SeenFace
from receiver.services.recognising.engines import Engines
from receiver.services.recognising.event_faces import LookerParts
from receiver.services.recognising.recognising import Recogniser, RecogniserParts
from receiver.store import events, library, outbox, people
from receiver.store.database import Row
from receiver.store.outbox import Task
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import Box, Embedding, Quality, RgbImage, Sighting
from recognition.gates import SHIPPED
from recognition.headers import ImageError
from tests.receiver.boxes import HISTORY, history, jpeg, text_of

MODEL = "prepared"
# Another network of the same engine; what it sees is as far apart, but in other places.
SECOND_MODEL = "prepared-anew"
LEASE = timedelta(seconds=30)


def face_of(number: int, *, off: float = 0.0) -> Embedding:
    """The face of person ``number``; ``off`` is how far (Euclidean) this view of it is from the plain one."""
    embedding = np.zeros(128, np.float32)
    embedding[number] = 1.4
    embedding[127] = off
    return embedding


def sighting(
    embedding: Embedding, *, size: int = 100, score: float = 2.0, left: int = 1, **measures: float
) -> Sighting:
    """One face that the engine found; without measures nothing is wrong with it."""
    box = Box(left, 2, left + size, 2 + size)
    return Sighting(box, ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10)), score, Quality(measures), embedding, MODEL)


Prepared = dict[bytes, list[Sighting] | Exception]


def anew(seen: Sighting) -> Sighting:
    """The same face as SECOND_MODEL has it: all numbers in another order."""
    return replace(seen, embedding=seen.embedding[::-1].copy(), model=SECOND_MODEL)


class PreparedEngine:
    """Sees on each picture what was prepared for it; on others nothing."""

    name = "prepared"
    dimension = 128

    def __init__(self, model: str = MODEL, seen: "Prepared | None" = None) -> None:
        self.model = model
        self.seen: Prepared = {} if seen is None else seen

    def prepare(self, shade: int, found: Sequence[Sighting] | Exception) -> None:
        key = hashlib.sha256(jpeg(shade)).digest()
        self.seen[key] = found if isinstance(found, Exception) else list(found)

    def sightings(self, rgb: RgbImage) -> list[Sighting]:
        found = self.seen.get(rgb.tobytes(), [])
        if isinstance(found, Exception):
            raise found
        return found if self.model == MODEL else [anew(each) for each in found]


def read_prepared(data: bytes) -> RgbImage:
    """Stands in for decoding: the picture's digest."""
    if data == jpeg(404):
        raise ImageError("truncated", "the picture ends too early")
    return np.frombuffer(hashlib.sha256(data).digest(), np.uint8)


class Desk:
    """One worker's recogniser over a store, as a process of its own would have it."""

    def __init__(self, store: Store, engine: PreparedEngine, fpir: float = 0.01, rules: Rules = SHIPPED_RULES) -> None:
        self.store = store
        with store.write(lock=people.GALLERY_LOCK) as tx:
            library.settle(tx, MODEL, datetime.now(UTC))
        self.scales = {MODEL: DLIB, SECOND_MODEL: DLIB}
        self.library = Library(MODEL, fpir, scales=self.scales)
        self.decider = Decider(self.library)
        self.engines = Engines(
            lambda network: self.engine if network == MODEL else PreparedEngine(network, engine.seen)
        )
        self.engine = engine
        looking = LookerParts(
            store=store,
            pictures=Pictures(store.pictures),
            engines=self.engines,
            read_image=read_prepared,
            reach=lambda model: reach_of(self.scales[model].verification),
        )
        self.rings: list[int] = []
        self.alerting = Alerting(store, lambda: self.rings.append(1))
        self.book = RuleBook(UTC)
        judge = EventAlerts(self.alerting, self.book)
        self.recogniser = Recogniser(RecogniserParts(looking, self.decider, strangers=rules, alerts=judge))

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


def gate_of() -> EnrolmentGate:
    """The enrolment gate of a process of its own."""
    scales = {MODEL: DLIB, SECOND_MODEL: DLIB}
    return EnrolmentGate(Decider(Library(MODEL, 0.01, scales=scales)), SHIPPED)


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
