"""Says of events whether our reading of the face agrees with the device's word, and asks a person where it does not."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from receiver.domain.events import ListName
from receiver.domain.identity import Decision, Finding
from receiver.domain.reviews import ReviewKind
from receiver.domain.second_opinion import (
    Comparison,
    Says,
    compare,
    is_asked,
    nothing_compared,
    together,
    unless_another,
    why,
)
from receiver.services.deciding.deciding import Decider
from receiver.services.people.registering import SeenFace, box_of
from receiver.store import faces, people, reviews, second_opinions
from receiver.store.database import Row, Tx
from receiver.store.reviews import NewReview, ReviewPicture
from receiver.store.second_opinions import Passages
from recognition.engine import Embedding
from recognition.gallery import template_of
from recognition.gates import GateLimits, judge

# Of events with their ids in one review item; the count tells of all.
NAMED = 20
DIGITS = 4
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A face on a picture, with what the gate ``recognise`` says about it."""

    digest: bytes
    box: Sequence[int]
    embedding: Embedding
    findings: Sequence[Finding] = ()

    @classmethod
    def of(cls, face: SeenFace, model: str, limits: GateLimits) -> "Shown":
        """A face that the engine has just seen."""
        seen = face.sighting
        findings = judge(seen.quality.measures, "recognise", limits)
        return cls(face.digest, box_of(seen), seen.embedding_for(model), findings)

    @classmethod
    def stored(cls, row: Row, limits: GateLimits) -> "Shown":
        """A sighting of the store."""
        embedding = np.frombuffer(row.embedding, dtype=np.float32)
        return cls(row.digest, row.box, embedding, judge(row.quality, "recognise", limits))


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """Who stood there, and whom the device meant.

    Attributes:
        live: the face that the event is decided on, of its own picture.
        embeddings: all of that face that are averaged; empty where there is none.
        device_picture: the face on the library picture that the device sent along.
        device_reason: why there is none, which counts where ``device_picture`` is None; None where the device sent none.
    """

    live: Shown | None
    embeddings: Sequence[Embedding] = ()
    device_picture: Shown | None = None
    device_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """What both comparisons say, before the decision is known.

    Attributes:
        library: with the person who carries the identity.
        device_picture: with the device's own picture; None if it sent none.
        person_id: who carries the identity; None if nobody does.
        face: that person's face that was nearest.
        pictures: what was compared, in the order in which it is shown.
    """

    library: Comparison
    device_picture: Comparison | None
    person_id: int | None
    face: int | None
    pictures: Sequence[Mapping[str, Any]]

    def values(self, decision: Decision) -> dict[str, Any]:
        """The columns of an event that is decided so."""
        library = self.library
        if self.person_id is not None:
            library = unless_another(library, self.person_id, decision.person_id)
        says = together(library, self.device_picture)
        is_contradicted = says is Says.DISAGREES
        return {
            "second_opinion": says,
            "second_opinion_detail": {
                "library": {**_numbers(library), "person": self.person_id, "face": self.face},
                "device_picture": None if self.device_picture is None else _numbers(self.device_picture),
                "why": why(library, self.device_picture) if is_contradicted else None,
                "seen_as": decision.person_id,
                # Only where somebody is to look at them: an event has its pictures anyway.
                "pictures": list(self.pictures) if is_contradicted else [],
            },
        }


def _numbers(found: Comparison) -> dict[str, Any]:
    return {
        "says": found.says,
        "reasons": list(found.reasons),
        "distance": None if found.distance is None else round(found.distance, DIGITS),
        "limit": None if found.limit is None else round(found.limit, DIGITS),
    }


class SecondOpinions:
    """What we say to devices' words; every method wants an open transaction."""

    def __init__(self, decider: Decider, limits: GateLimits) -> None:
        self._decider = decider
        self.limits = limits

    def compare(self, tx: Tx, event: Row, shot: Shot) -> Compared | None:
        """What the comparisons say of an event; None if the device did not say who it was.

        Before anything is learnt from the event itself, or its own picture would speak for it.
        """
        if not is_asked(event.identity_id, event.identity_name, ListName(event.reported_list)):
            return None
        person_id = people.person_with_identity(tx, event.identity_id, event.device_id) if event.identity_id else None
        library, face = self._with_library(tx, event, person_id, shot)
        device = self._with_device_picture(shot)
        shown = [_picture(shot.live, "live"), _picture(shot.device_picture, "reported"), _face(face)]
        pictures = [each for each in shown if each is not None]
        return Compared(library, device, person_id, None if face is None else face.id, pictures)

    def _with_library(self, tx: Tx, event: Row, person_id: int | None, shot: Shot) -> tuple[Comparison, Row | None]:
        if not event.identity_id:
            return nothing_compared("no_identity_id"), None
        if person_id is None:
            return nothing_compared("not_in_library"), None
        if shot.live is None:
            return nothing_compared("no_face"), None
        known = self._decider.verify(tx, person_id, shot.embeddings)
        face = None if known is None else faces.find(tx, known.face_id)
        if known is None or face is None:
            return nothing_compared("person_without_face"), None
        if face.event_id == event.id or face.digest == shot.live.digest:
            return nothing_compared("same_picture"), face
        return compare(known.distance, known.verification, shot.live.findings), face

    def _with_device_picture(self, shot: Shot) -> Comparison | None:
        theirs = shot.device_picture
        if shot.live is None:
            return None if shot.device_reason is None else nothing_compared("no_face")
        if theirs is None:
            return None if shot.device_reason is None else nothing_compared(shot.device_reason)
        if theirs.digest == shot.live.digest:
            return nothing_compared("same_picture")
        mean = template_of(np.stack(shot.embeddings)).astype(np.float64)
        scale = self._decider.library.scale
        limit = float(scale.alignment.raw(scale.verification, 1, len(shot.embeddings)))
        distance = float(np.linalg.norm(mean - theirs.embedding))
        return compare(distance, limit, [*shot.live.findings, *theirs.findings])


def _picture(face: Shown | None, role: str) -> dict[str, Any] | None:
    return None if face is None else {"digest": face.digest.hex(), "role": role, "box": list(face.box)}


def _face(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"digest": row.digest.hex(), "role": "current", "box": row.box, "person_id": row.person_id}


def ask_somebody(tx: Tx, event: Row, says: Says | None, now: datetime) -> None:
    """Notes a review where we contradict the device, and settles it where we do not any more.

    One item for all passages of one identity at one gate on one day (UTC), with their number.

    Args:
        tx: after the event has been written.
        event: as it was before; what we said of it then tells whether there may be an item.
        says: what we say now; None if the device did not say who it was.
        now: aware.
    """
    if Says.DISAGREES not in {says, event.second_opinion}:
        return
    day = event.occurred_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    who = Passages(event.identity_id, event.identity_name, event.device_id, event.gate_id, day, day + DAY)
    number, newest = second_opinions.contradicted(tx, who, NAMED)
    key = _key(who)
    if not number:
        reviews.settle(tx, key, now)
        return
    detail = newest[0].second_opinion_detail
    reviews.note(
        tx,
        NewReview(
            kind=ReviewKind.SECOND_OPINION,
            key=key,
            reason=detail["why"],
            person_id=detail["library"]["person"],
            other_id=detail["seen_as"],
            event_id=newest[0].id,
            detail={
                "count": number,
                "events": [row.id for row in newest],
                "library": detail["library"],
                "device_picture": detail["device_picture"],
            },
            pictures=[
                ReviewPicture(bytes.fromhex(each["digest"]), each["role"], each.get("person_id"), each["box"])
                for each in detail["pictures"]
            ],
        ),
        now,
    )


def _key(who: Passages) -> str:
    name = who.identity_id or f"name {who.identity_name}"
    person = hashlib.sha256(name.encode()).hexdigest()[:32]
    return f"{ReviewKind.SECOND_OPINION}:{who.device_id}:{who.gate_id or 0}:{who.since:%Y-%m-%d}:{person}"
