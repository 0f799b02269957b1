"""Reads the faces of one event, decides who it was, and does what the device's want_action asks."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from receiver import metrics
from receiver.domain.events import ListName, PictureKind, WantAction
from receiver.domain.identity import Decision, Status, blacklist_hit, decide
from receiver.services import registering
from receiver.services.library import Library, Nearest
from receiver.services.registering import Registered, SeenFace, box_of, measures_of
from receiver.store import events, outbox, people
from receiver.store.database import Row, Tx
from receiver.store.outbox import Task
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import Engine, RecognitionError, RgbImage, foremost
from recognition.gates import judge

# Who stood there: the device's crop, else the whole scene. The device's library picture is not the person at the gate.
LIVE = (PictureKind.FACE, PictureKind.SCENE)
# What 1001 and 1002 speak of: the device's new library picture, else the crop; never a scene that may show others.
NEW_FACE = (PictureKind.LIBRARY, PictureKind.FACE)


@dataclass(frozen=True, slots=True)
class RecogniserParts:
    """What the recogniser works with."""

    store: Store
    pictures: Pictures
    engine: Engine
    library: Library
    read_image: Callable[[bytes], RgbImage]


@dataclass(slots=True)
class _Seen:
    """What the pictures of one event showed."""

    event: Row
    live: SeenFace | None = None
    live_kind: PictureKind | None = None
    new_face: SeenFace | None = None
    reasons: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


class Recogniser:
    """The handler of the topic `recognise`."""

    def __init__(self, parts: RecogniserParts) -> None:
        self._parts = parts

    def handle(self, task: Task) -> None:
        """Recognises one event and ends its task in the same transaction."""
        started = time.perf_counter()
        seen = self._look(task.subject)
        now = datetime.now(UTC)
        if seen is None:
            with self._parts.store.write() as tx:
                outbox.done(tx, task.id)
            return
        decision = self._decide_and_write(task, seen, now)
        if decision is None:
            return
        metrics.RECOGNISED.labels(decision.status).inc()
        metrics.RECOGNITION_SECONDS.observe(time.perf_counter() - started)

    def give_up(self, task: Task, reason: str) -> None:
        """The task failed for good: it is buried, and the event says why."""
        with self._parts.store.write() as tx:
            events.change(tx, task.subject, {"recognition": "failed", "recognition_reason": reason[:64]})
            outbox.bury(tx, task.id, reason)
        metrics.TASKS_BURIED.labels(task.topic).inc()

    def _look(self, event_id: int) -> _Seen | None:
        with self._parts.store.read() as tx:
            event = events.find(tx, event_id)
            pictures = events.pictures_of(tx, [event_id])[event_id]
        if event is None:
            return None
        seen = _Seen(event, reasons=[row.refused for row in pictures if row.refused])
        digests = _digests(pictures)
        faces: dict[PictureKind, SeenFace | None] = {}
        for kind in LIVE:
            if kind in digests and seen.live is None:
                seen.live = faces[kind] = self._first_face(seen, kind, digests[kind])
                seen.live_kind = kind
        if event.want_action != "0" and event.registration is None:
            for kind in NEW_FACE:
                if kind in digests and seen.new_face is None:
                    seen.new_face = faces[kind] if kind in faces else self._first_face(seen, kind, digests[kind])
        if not digests:
            seen.reasons.append("no_picture")
        return seen

    def _first_face(self, seen: _Seen, kind: PictureKind, digests: Sequence[bytes]) -> SeenFace | None:
        """The face of the first picture of a kind that shows one: both reports of a passage may have brought one."""
        return next((face for digest in digests if (face := self._face(seen, kind, digest))), None)

    def _face(self, seen: _Seen, kind: PictureKind, digest: bytes) -> SeenFace | None:
        """The face that the picture is about; notes all faces, or why there is none."""
        stored = self._parts.pictures.get(digest)
        if stored is None:
            seen.reasons.append("picture_gone")
            return None
        try:
            sightings = self._parts.engine.sightings(self._parts.read_image(stored.data))
        except RecognitionError as error:
            seen.reasons.append(error.reason)
            return None
        now = datetime.now(UTC)
        for each in sightings:
            seen.rows.append(
                {
                    "event_id": seen.event.id,
                    "digest": digest,
                    "kind": kind,
                    "box": box_of(each),
                    "landmarks": [list(point) for point in each.landmarks],
                    "score": each.score,
                    "quality": measures_of(each),
                    "embedding": each.embedding.astype(np.float32).tobytes(),
                    "model": each.model,
                    "created_at": now,
                }
            )
        best = foremost(sightings)
        return None if best is None else SeenFace(digest, best)

    def _decide_and_write(self, task: Task, seen: _Seen, now: datetime) -> Decision | None:
        """What was decided; None if it is another task's business by now.

        That is so where the lease was over and another worker was faster, and where the other report of the passage has
        changed the event since its pictures were looked at: that report brought a task of its own.
        """
        wants = seen.event.want_action != "0" and seen.event.registration is None
        try:
            with self._parts.store.write(lock=people.GALLERY_LOCK if wants else None) as tx:
                if not outbox.done(tx, task.id) or not _is_same(seen.event, events.find(tx, seen.event.id)):
                    return None
                registered = self._register(tx, seen, now) if wants else None
                decision = self._decide(tx, seen.live, seen.reasons)
                person = _person_of(tx, decision, registered)
                events.replace_sightings(tx, seen.event.id, seen.rows)
                events.change(tx, seen.event.id, self._values(seen, decision, registered, person))
        except BaseException:
            # The gallery may have learnt of a person whom the rollback has taken away.
            self._parts.library.forget()
            raise
        if registered is not None:
            metrics.REGISTRATIONS.labels(registered.outcome).inc()
        return decision

    def _register(self, tx: Tx, seen: _Seen, now: datetime) -> Registered:
        if seen.event.want_action == WantAction.LIBRARY_UPDATE:
            return registering.update_library(tx, seen.event, seen.new_face, now)
        decision = self._decide(tx, seen.new_face, [])
        return registering.register_stranger(tx, seen.event, seen.new_face, decision, now)

    def _decide(self, tx: Tx, face: SeenFace | None, reasons: Sequence[str]) -> Decision:
        if face is None:
            decision = decide([], threshold=0.0, has_face=False)
        else:
            nearest: Nearest = self._parts.library.nearest(tx, face.sighting.embedding)
            findings = judge(face.sighting.quality.measures, "recognise")
            decision = decide(nearest.candidates, nearest.threshold, findings=findings)
        return replace(decision, reasons=(*decision.reasons, *reasons))

    def _values(
        self, seen: _Seen, decision: Decision, registered: Registered | None, person: Row | None
    ) -> Mapping[str, Any]:
        values: dict[str, Any] = {"recognition": "done", "recognition_reason": None}
        # A later report of the same passage may add to what was decided; a worse picture takes nothing back.
        if seen.event.decision != Status.MATCHED or decision.status == Status.MATCHED:
            values |= self._decided(seen, decision, person)
        if registered is not None:
            values |= {
                "registration": registered.outcome,
                "registration_reason": registered.reason,
                "review": registered.review,
            }
        return values

    def _decided(self, seen: _Seen, decision: Decision, person: Row | None) -> Mapping[str, Any]:
        return {
            "decision": decision.status,
            "person_id": person.id if person is not None else None,
            "list": person.list if person is not None else seen.event.reported_list,
            "decision_detail": self._detail(seen, decision),
            "blacklist_said_by": ",".join(
                blacklist_hit(ListName(seen.event.reported_list), ListName(person.list) if person is not None else None)
            ),
        }

    def _detail(self, seen: _Seen, decision: Decision) -> dict[str, Any]:
        detail: dict[str, Any] = {
            "distance": decision.distance,
            "threshold": decision.threshold,
            "margin": decision.margin,
            "reasons": list(decision.reasons),
            "engine": self._parts.engine.name,
            "model": self._parts.engine.model,
            "face": decision.face_id,
        }
        if seen.live is not None:
            detail |= {
                "picture": seen.live_kind,
                "box": box_of(seen.live.sighting),
                "quality": measures_of(seen.live.sighting),
            }
        return detail


def _digests(pictures: Sequence[Row]) -> dict[PictureKind, list[bytes]]:
    """The usable pictures of each kind, in the order in which they came."""
    digests: dict[PictureKind, list[bytes]] = {}
    for row in pictures:
        if row.digest is not None and row.digest not in digests.setdefault(PictureKind(row.kind), []):
            digests[PictureKind(row.kind)].append(row.digest)
    return digests


def _is_same(looked_at: Row, present: Row | None) -> bool:
    """Whether the event still is what its pictures were looked at for."""
    facts = ("channel", "want_action", "registration")
    return present is not None and all(getattr(looked_at, name) == getattr(present, name) for name in facts)


def _person_of(tx: Tx, decision: Decision, registered: Registered | None) -> Row | None:
    """Whose event it is: who was matched, else whom the registration made or found."""
    if decision.person_id is not None:
        return people.find(tx, decision.person_id)
    if registered is None or registered.outcome not in {"registered", "joined"}:
        return None
    return people.find(tx, registered.person_id or 0)
