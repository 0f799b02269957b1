"""What a device's want_action asks of the library: 1001 registers a stranger, 1002 renews a known person's face."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from receiver.domain.events import ListName, WantAction
from receiver.domain.identity import Decision
from receiver.domain.registration import Kind, may_register_stranger, may_update_library
from receiver.store import devices, people
from receiver.store.database import Row, Tx
from recognition.engine import Sighting
from recognition.gates import Finding, judge

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


def register_stranger(tx: Tx, event: Row, face: SeenFace | None, decision: Decision, now: datetime) -> Registered:
    """1001, under the gallery's lock and after the library has caught up: one face never becomes two strangers."""
    verdict = may_register_stranger(
        want_action=WantAction(event.want_action),
        fiqa_result=event.fiqa_result,
        findings=findings_of(face),
        decision=decision,
    )
    if verdict.kind is Kind.JOIN and decision.person_id is not None:
        review = _link(tx, event, decision.person_id)
        return Registered("joined", verdict.reason, decision.person_id, review)
    if verdict.kind is not Kind.REGISTER or face is None:
        return Registered("refused", verdict.reason)
    person_id = people.add(
        tx, {"name": "", "list": ListName.STRANGER, "source": "device_1001", "created_at": now, "updated_at": now}
    )
    people.change(tx, person_id, {"name": f"stranger {person_id}"})
    add_face(tx, person_id, face, FaceOrigin("device_1001", event.id, now))
    review = _link(tx, event, person_id)
    return Registered("registered", verdict.reason, person_id, review)


def update_library(tx: Tx, event: Row, face: SeenFace | None, now: datetime) -> Registered:
    """1002, under the gallery's lock: the new face becomes the current one if it is the same person."""
    person_id = people.person_with_identity(tx, event.identity_id, event.device_id) if event.identity_id else None
    verdict = may_update_library(
        person_exists=person_id is not None,
        has_face=face is not None,
        findings=findings_of(face),
        distance=_distance_to(tx, person_id, face),
    )
    if person_id is None:
        _keep_identity(tx, event, face)
    elif verdict.kind is Kind.REPLACE and face is not None:
        people.retire_faces(tx, person_id)
        add_face(tx, person_id, face, FaceOrigin("device_1002", event.id, now))
        people.change(tx, person_id, {"updated_at": now})
    review = verdict.reason if verdict.kind is Kind.REVIEW else None
    return Registered(OUTCOMES[verdict.kind], verdict.reason, person_id, review)


def _distance_to(tx: Tx, person_id: int | None, face: SeenFace | None) -> float | None:
    """From the new face to the nearest of the person's current ones; None where there is nothing to compare."""
    if person_id is None or face is None:
        return None
    current = [row for row in people.faces_of(tx, [person_id], people.CURRENT) if row.model == face.sighting.model]
    return min((_distance(row.embedding, face.sighting) for row in current), default=None)


@dataclass(frozen=True, slots=True)
class FaceOrigin:
    """Where a face of the library comes from."""

    source: str
    event_id: int | None
    now: datetime


def add_face(tx: Tx, person_id: int, face: SeenFace, origin: FaceOrigin) -> int:
    """Writes a current face and tells the galleries; under the gallery's lock."""
    seen = face.sighting
    face_id = people.add_face(
        tx,
        {
            "person_id": person_id,
            "digest": face.digest,
            "model": seen.model,
            "embedding": seen.embedding.astype(np.float32).tobytes(),
            "box": box_of(seen),
            "quality": measures_of(seen),
            "source": origin.source,
            "state": people.CURRENT,
            "event_id": origin.event_id,
            "created_at": origin.now,
        },
    )
    people.note_change(tx, person_id, origin.now)
    return face_id


def findings_of(face: SeenFace | None) -> list[Finding]:
    """What speaks against registering the face."""
    return [] if face is None else judge(face.sighting.quality.measures, "register")


def box_of(seen: Sighting) -> list[int]:
    """left, top, right, bottom in pixels of the picture."""
    return [seen.box.left, seen.box.top, seen.box.right, seen.box.bottom]


def measures_of(seen: Sighting) -> Mapping[str, Any]:
    """The quality measures as plain numbers."""
    return {name: round(float(value), 4) for name, value in seen.quality.measures.items()}


def _distance(embedding: bytes, seen: Sighting) -> float:
    return float(np.linalg.norm(np.frombuffer(embedding, dtype=np.float32) - seen.embedding))


def _link(tx: Tx, event: Row, person_id: int) -> str | None:
    """The device's id for the stranger becomes the person's; a word for review if it is somebody else's already."""
    if not event.identity_id:
        return None
    owner = people.person_with_identity(tx, event.identity_id, event.device_id)
    if owner is None:
        people.add_identity(tx, person_id, event.identity_id, event.device_id)
    return None if owner in {None, person_id} else "identity_taken"


def _keep_identity(tx: Tx, event: Row, face: SeenFace | None) -> None:
    if not event.identity_id:
        return
    devices.keep_identity(
        tx,
        {
            "device_id": event.device_id,
            "external_id": event.identity_id,
            "name": event.identity_name,
            "list": event.reported_list,
            "digest": face.digest if face else None,
            "last_seen": event.occurred_at,
            "event_id": event.id,
        },
    )
