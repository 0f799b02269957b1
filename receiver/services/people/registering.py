"""What a device's want_action asks of the library: 1001 registers a stranger, 1002 renews a known person's face."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np

from receiver.domain.events import ListName, WantAction
from receiver.domain.identity import Decision
from receiver.domain.people import FaceState
from receiver.domain.registration import (
    SAME_PICTURE,
    Kind,
    Verdict,
    is_late,
    may_register_stranger,
    may_update_library,
    of_news,
)
from receiver.domain.strangers import is_named
from receiver.services import noting_reviews
from receiver.services.deciding.deciding import Decider
from receiver.services.people import late_faces
from receiver.store import devices, faces, library, people
from receiver.store.database import Row, Tx
from receiver.store.reviews import ReviewPicture
from recognition.engine import Embedding, Sighting
from recognition.gates import Finding, GateLimits, judge

# What the event says of its want_action.
OUTCOMES = {
    Kind.REPLACE: "replaced",
    Kind.REVIEW: "review",
    Kind.KEEP_IDENTITY: "kept_identity",
    Kind.UNCHANGED: "unchanged",
    Kind.REFUSE: "refused",
}


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face with the picture that it was seen in."""

    digest: bytes
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class Registered:
    """What came of a want_action.

    Attributes:
        outcome: registered, joined, replaced, unchanged, kept_identity, refused, review.
        reason: machine word why, or None.
        person_id: whom the library now has for it.
        review: machine word of what a person should look at, or None.
    """

    outcome: str
    reason: str | None = None
    person_id: int | None = None
    review: str | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """What a device has told of one identity, by the names of an event's row, where the event need not be there any more.

    Attributes:
        id: the event's, which may be gone.
        device_id: who told it.
        identity_id: of whom.
        occurred_at: when, by the device's clock.
    """

    id: int
    device_id: int
    identity_id: str
    occurred_at: datetime


class Registering:
    """What want_action asks of the library; every method wants the gallery's lock."""

    def __init__(self, decider: Decider, limits: GateLimits) -> None:
        self._decider = decider
        self._limits = limits

    def register_stranger(
        self, tx: Tx, event: Row, face: SeenFace | None, decision: Decision, now: datetime
    ) -> Registered:
        """1001, after the library has caught up: one face never becomes two strangers."""
        if is_named(ListName(event.reported_list), event.identity_id, event.identity_name):
            return Registered("refused", "named_by_device")
        verdict = may_register_stranger(
            want_action=WantAction(event.want_action),
            fiqa_result=event.fiqa_result,
            findings=self._findings(face),
            decision=decision,
        )
        if verdict.kind is Kind.JOIN and decision.person_id is not None:
            if people.is_ignored(tx, decision.person_id):
                return Registered("refused", "ignored")
            review = _link(tx, event, decision.person_id, face, now)
            return Registered("joined", verdict.reason, decision.person_id, review)
        if verdict.kind is not Kind.REGISTER or face is None:
            return Registered("refused", verdict.reason)
        person_id = add_stranger(tx, "device_1001", now)
        add_face(tx, person_id, face, FaceOrigin.told("device_1001", event, now))
        review = _link(tx, event, person_id, face, now)
        return Registered("registered", verdict.reason, person_id, review)

    def update_library(
        self, tx: Tx, event: "Row | Telling", face: SeenFace | None, now: datetime, source: str = "device_1002"
    ) -> Registered:
        """1002: the new face becomes the current one if it is the same person; ``source`` says where it comes from."""
        person_id = people.person_with_identity(tx, event.identity_id, event.device_id) if event.identity_id else None
        verdict = _told_before(tx, event, person_id, face, now) or self.may_update(tx, person_id, face)
        if verdict.kind is Kind.REPLACE and face is not None and person_id is not None:
            renew(tx, person_id, face, FaceOrigin.told(source, event, now), event)
            people.change(tx, person_id, {"updated_at": now})
        elif verdict.kind is Kind.REVIEW and face is not None and person_id is not None:
            detail = self._numbers(tx, person_id, face)
            found = noting_reviews.Conflicting(person_id, shown_face(face), detail, event.id)
            noting_reviews.note_conflict(tx, found, now)
        review = verdict.reason if verdict.kind is Kind.REVIEW else None
        return Registered(OUTCOMES[verdict.kind], verdict.reason, person_id, review)

    def may_update(self, tx: Tx, person_id: int | None, face: SeenFace | None) -> Verdict:
        """Compares with the mean of the person's current faces, and with each: a mean hides a picture that is there."""
        may = partial(
            may_update_library,
            person_exists=person_id is not None,
            has_face=face is not None,
            findings=self._findings(face),
        )
        if person_id is None or face is None:
            return may(distance=None)
        model = library.held(tx)
        new = face.sighting.embedding_for(model)
        known = self._decider.verify(tx, person_id, [new])
        if known is None:
            return may(distance=None)
        nearest = min(_apart(row.embedding, new) for row in people.embeddings_of(tx, person_id, model))
        return may(distance=nearest if nearest < SAME_PICTURE else known.distance, threshold=known.verification)

    def _numbers(self, tx: Tx, person_id: int, face: SeenFace) -> Mapping[str, float]:
        """How far the face is from the person's present ones, and how far it may be."""
        known = self._decider.verify(tx, person_id, [face.sighting.embedding_for(library.held(tx))])
        return {} if known is None else {"distance": round(known.distance, 4), "limit": round(known.verification, 4)}

    def _findings(self, face: SeenFace | None) -> list[Finding]:
        """What speaks against registering the face."""
        return [] if face is None else judge(face.sighting.quality.measures, "register", self._limits)


def add_stranger(tx: Tx, source: str, now: datetime) -> int:
    """A new stranger without a face, called by the own number; its id."""
    person_id = people.add(
        tx, {"name": "", "list": ListName.STRANGER, "source": source, "created_at": now, "updated_at": now}
    )
    people.change(tx, person_id, {"name": f"stranger {person_id}"})
    return person_id


def _told_before(
    tx: Tx, event: "Row | Telling", person_id: int | None, face: SeenFace | None, now: datetime
) -> Verdict | None:
    """That the device has told us this, or what came after it, before; None if it is news."""
    if person_id is None:
        newest = devices.identity_seen(tx, event.device_id, event.identity_id)
        if newest is not None and is_late([newest], event.occurred_at, now):
            return Verdict(Kind.UNCHANGED, "late_message")
        return None
    if people.is_ignored(tx, person_id):
        return Verdict(Kind.UNCHANGED, "ignored")
    told = faces.told_by(tx, person_id, event.device_id)
    late = of_news(told, face.digest if face is not None else b"", event.occurred_at, now)
    if late is None and face is not None:
        known = faces.by_digest(tx, person_id).get(face.digest)
        if known is not None and known.state == FaceState.SET_ASIDE:
            return Verdict(Kind.UNCHANGED, "picture_set_aside")
    return late


def renew(tx: Tx, person_id: int, face: SeenFace, origin: "FaceOrigin", told: "Row | Telling") -> None:
    """A device's word makes the face the current one, and those that were so before former ones.

    Raises:
        RecognitionError: see add_face.
    """
    before = people.faces_of(tx, [person_id])
    people.retire_faces(tx, person_id)
    late_faces.renewed(tx, person_id, told, before, make_current(tx, person_id, face, origin))


def learn(tx: Tx, decision: Decision, face: SeenFace, origin: "FaceOrigin", replaced: Collection[int]) -> None:
    """Whoever was matched is known by the face from now on too, and no more by those that it replaces.

    Raises:
        RecognitionError: see add_face.
    """
    if decision.person_id is None:
        return
    for each in replaced:
        faces.change(tx, each, {"state": FaceState.FORMER})
    face_id = add_face(tx, decision.person_id, face, origin)
    late_faces.learnt(tx, decision.person_id, decision.face_id, face_id, replaced)


def make_current(tx: Tx, person_id: int, face: SeenFace, origin: "FaceOrigin") -> int:
    """Adds the face; a picture that the person has as a former one is made current again instead. The face's id.

    Raises:
        RecognitionError: see add_face.
    """
    known = faces.by_digest(tx, person_id).get(face.digest)
    if known is None:
        return add_face(tx, person_id, face, origin)
    told = {"device_id": origin.device_id, "occurred_at": origin.occurred_at}
    insisted = {"insisted": list(origin.insisted), "insisted_at": origin.now} if origin.insisted else {}
    faces.change(tx, known.id, {"state": FaceState.CURRENT, **told, **insisted})
    people.note_change(tx, person_id, origin.now)
    return int(known.id)


def _apart(stored: bytes, new: Embedding) -> float:
    return float(np.linalg.norm(np.frombuffer(stored, dtype=np.float32) - new))


@dataclass(frozen=True, slots=True)
class FaceOrigin:
    """Where a face of the library comes from.

    Attributes:
        source: upload, import, device_1001 ...
        event_id: the event that brought it; None if none did.
        now: when it is written.
        device_id: the device that sent it; None if none did.
        occurred_at: when, by the device's clock.
        insisted: what spoke against it when somebody insisted.
    """

    source: str
    event_id: int | None
    now: datetime
    device_id: int | None = None
    occurred_at: datetime | None = None
    insisted: Sequence[str] = ()

    @classmethod
    def told(cls, source: str, event: "Row | Telling", now: datetime) -> "FaceOrigin":
        """Of a face that a device's event brings."""
        return cls(source, event.id, now, event.device_id, event.occurred_at)


def add_face(tx: Tx, person_id: int, face: SeenFace, origin: FaceOrigin) -> int:
    """Writes a current face with its embedding for the library's model, and tells the galleries; under their lock.

    Raises:
        RecognitionError: ``wrong_model``: the library has moved to another engine's model since the face was looked at.
    """
    seen = face.sighting
    model = library.held(tx)
    face_id = people.add_face(
        tx,
        {
            "person_id": person_id,
            "digest": face.digest,
            "box": box_of(seen),
            "quality": measures_of(seen),
            "source": origin.source,
            "state": people.CURRENT,
            "event_id": origin.event_id,
            "created_at": origin.now,
            "device_id": origin.device_id,
            "occurred_at": origin.occurred_at,
            "insisted": list(origin.insisted) or None,
            "insisted_at": origin.now if origin.insisted else None,
        },
        {model: as_bytes(seen.embedding_for(model))},
    )
    people.note_change(tx, person_id, origin.now)
    return face_id


def box_of(seen: Sighting) -> list[int]:
    """left, top, right, bottom in pixels of the picture."""
    return [seen.box.left, seen.box.top, seen.box.right, seen.box.bottom]


def shown_face(face: SeenFace, person_id: int | None = None) -> ReviewPicture:
    """A new face as the review list shows it; ``person_id``: whose it is, as far as known."""
    return ReviewPicture(face.digest, noting_reviews.NEW, person_id, box_of(face.sighting))


def measures_of(seen: Sighting) -> Mapping[str, Any]:
    """The quality measures as plain numbers."""
    return {name: round(float(value), 4) for name, value in seen.quality.measures.items()}


def as_bytes(embedding: Embedding) -> bytes:
    """As embeddings are stored: float32, in the machine's order (little-endian wherever this runs)."""
    return np.ascontiguousarray(embedding, dtype=np.float32).tobytes()


def _link(tx: Tx, event: Row, person_id: int, face: SeenFace | None, now: datetime) -> str | None:
    """The device's id for the stranger becomes the person's; a word for review if it is somebody else's already."""
    if not event.identity_id:
        return None
    owner = people.person_with_identity(tx, event.identity_id, event.device_id)
    if owner is None:
        people.add_identity(tx, person_id, event.identity_id, event.device_id)
    if owner is None or owner == person_id:
        return None
    new = None if face is None else shown_face(face, person_id)
    noting_reviews.note_taken(tx, event, (person_id, owner), new, now)
    return "identity_taken"
