"""Reads the faces of one event, decides who it was, and does what the device's want_action asks."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from receiver import metrics
from receiver.domain.events import WantAction
from receiver.domain.identity import Decision, Status
from receiver.domain.strangers import SHIPPED_RULES, Rules
from receiver.services.alerting.event_alerts import EventAlerts
from receiver.services.deciding.decided import decided_values, is_ignored, may_take_the_place
from receiver.services.deciding.deciding import Decider, Probe
from receiver.services.people.registering import Registered, Registering, SeenFace, box_of, measures_of
from receiver.services.publishing.publishing import publish_decided
from receiver.services.recognising.event_faces import EventFaces, EventLooker, LookerParts
from receiver.services.recognising.fusing import Fusing, claimed_by
from receiver.services.recognising.meeting_strangers import MADE, MeetingParts, MeetingStrangers
from receiver.services.recognising.noting_identities import NotingIdentities
from receiver.services.recognising.second_opinions import SecondOpinions, Shot, Shown, ask_somebody
from receiver.store import events, library, outbox, people
from receiver.store.database import Row, Tx
from receiver.store.outbox import Task
from recognition.gates import SHIPPED, GateLimits, judge

# Looks at one event's pictures before the task counts as failed: the library moves to another model once in months.
LOOKS = 3

log = structlog.get_logger("recognising")


@dataclass(frozen=True, slots=True)
class RecogniserParts:
    """What the recogniser works with.

    Attributes:
        limits: what the site asks of a picture's quality.
        adopts_identities: whom trusted devices know is enrolled without anybody asking.
        strangers: how faces that nobody knows are met.
        alerts: judges decided events by the rules; None: nobody does.
    """

    looking: LookerParts
    decider: Decider
    limits: GateLimits = SHIPPED
    adopts_identities: bool = False
    strangers: Rules = SHIPPED_RULES
    alerts: EventAlerts | None = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one transaction has come to."""

    decision: Decision
    registered: Registered | None
    second_opinion: str | None
    revised: Mapping[int, Status]
    met: str | None = None
    alerts: int = 0


class _ModelMoved(Exception):
    """The library has moved to another model since the pictures were looked at."""


class Recogniser:
    """The handler of the topic `recognise`."""

    def __init__(self, parts: RecogniserParts) -> None:
        self._store = parts.looking.store
        self._looker = EventLooker(parts.looking)
        self._decider = parts.decider
        self._limits = parts.limits
        self._alerts = parts.alerts
        self._registering = Registering(parts.decider, parts.limits)
        self._opinions = SecondOpinions(parts.decider, parts.limits)
        self._fusing = Fusing(parts.decider, parts.looking.reach, self._opinions)
        self._identities = NotingIdentities(is_automatic=parts.adopts_identities)
        self._meeting = MeetingStrangers(
            MeetingParts(parts.decider, parts.strangers, parts.limits, parts.looking.reach)
        )

    def handle(self, task: Task) -> None:
        """Recognises one event and ends its task in the same transaction."""
        started = time.perf_counter()
        outcome = self._until_the_model_stays(task)
        if outcome is not None:
            _count(outcome)
            metrics.RECOGNITION_SECONDS.observe(time.perf_counter() - started)
            self._ring(outcome.alerts)

    def give_up(self, task: Task, reason: str) -> None:
        """The task failed for good: it is buried, and the event says why; what the device says of it still counts."""
        with self._store.write() as tx:
            events.change(tx, task.subject, {"recognition": "failed", "recognition_reason": reason[:64]})
            publish_decided(tx, task.subject, datetime.now(UTC))
            outbox.bury(tx, task.id, reason)
            alerts = self._judge(tx, [task.subject], datetime.now(UTC))
        metrics.TASKS_BURIED.labels(task.topic).inc()
        self._ring(alerts)

    def _judge(self, tx: Tx, event_ids: Sequence[int], now: datetime) -> int:
        """Opens alerts by what stands in the events' rows now; how many."""
        if self._alerts is None or not event_ids:
            return 0
        rows = [events.find(tx, event_id) for event_id in event_ids]
        return self._alerts.decided(tx, [row._asdict() for row in rows if row is not None], now)

    def _ring(self, alerts: int) -> None:
        if alerts and self._alerts is not None:
            self._alerts.ring()

    def _until_the_model_stays(self, task: Task) -> _Outcome | None:
        for _ in range(LOOKS - 1):
            try:
                return self._look_and_decide(task)
            except _ModelMoved:
                log.info("model_moved", task=task.id, subject=task.subject)
        return self._look_and_decide(task)

    def _look_and_decide(self, task: Task) -> _Outcome | None:
        seen = self._looker.look(task.subject)
        if seen is None:
            with self._store.write() as tx:
                outbox.done(tx, task.id)
            return None
        return self._decide_and_write(task, seen, datetime.now(UTC))

    def _decide_and_write(self, task: Task, seen: EventFaces, now: datetime) -> _Outcome | None:
        """What was decided; None if it is another task's business by now.

        That is so where the lease was over and another worker was faster, and where the other report of the passage has
        changed the event since its pictures were looked at: that report brought a task of its own.
        """
        lock = people.GALLERY_LOCK if seen.wants_action or self._meeting.concerns(seen) else None
        try:
            with self._store.write(lock=lock) as tx:
                if seen.event.gate_id is not None:
                    events.hold_gate(tx, seen.event.gate_id)
                present = events.find(tx, seen.event.id)
                if not outbox.done(tx, task.id) or present is None or not _is_same(seen.event, present):
                    return None
                return self._write(tx, present, seen, now)
        except BaseException:
            # The gallery may have learnt of a person whom the rollback has taken away.
            self._decider.forget()
            raise

    def _write(self, tx: Tx, present: Row, seen: EventFaces, now: datetime) -> _Outcome:
        if library.held(tx) != seen.model:
            raise _ModelMoved
        compared = self._opinions.compare(tx, present, _shot(seen, self._limits))
        registered = self._register(tx, seen, now) if seen.wants_action else None
        decision = self._decide(tx, seen, seen.live, seen.reasons)
        values = self._values(tx, present, seen, decision, registered)
        if compared is not None and may_take_the_place(present.decision, decision) and not is_ignored(values):
            values |= compared.values(decision)
        events.replace_sightings(tx, present.id, seen.rows)
        events.change(tx, present.id, values)
        publish_decided(tx, present.id, now)
        ask_somebody(tx, present, values.get("second_opinion", present.second_opinion), now)
        self._identities.note(tx, seen, registered, now)
        says = values.get("second_opinion")
        outcome = _Outcome(decision, registered, says, self._fusing.after(tx, present, seen.model))
        outcome = self._meet(tx, present, seen, outcome, now)
        return replace(outcome, alerts=self._alert(tx, {**present._mapping, **values}, outcome, now))

    def _alert(self, tx: Tx, event: Mapping[str, Any], outcome: _Outcome, now: datetime) -> int:
        """Judges the event, and its neighbours that were decided anew; nothing is read again of one that stands as written."""
        if self._alerts is None:
            return 0
        if not outcome.revised and outcome.met is None:
            return self._alerts.decided(tx, [event], now)
        return self._judge(tx, sorted({event["id"], *outcome.revised}), now)

    def _meet(self, tx: Tx, present: Row, seen: EventFaces, outcome: _Outcome, now: datetime) -> _Outcome:
        """What else comes of a stranger's face."""
        if not self._meeting.concerns(seen):
            return outcome
        met = self._meeting.after(tx, seen, outcome.decision, now, outcome.registered)
        # Neighbours that were nobody's alone may be the new stranger's together with this one.
        again = self._fusing.after(tx, present, seen.model) if met == MADE else {}
        return replace(outcome, met=met, revised={**outcome.revised, **again})

    def _register(self, tx: Tx, seen: EventFaces, now: datetime) -> Registered:
        if seen.event.want_action == WantAction.LIBRARY_UPDATE:
            return self._registering.update_library(tx, seen.event, seen.new_face, now)
        decision = self._decide(tx, seen, [seen.new_face] if seen.new_face else [], [])
        return self._registering.register_stranger(tx, seen.event, seen.new_face, decision, now)

    def _decide(self, tx: Tx, seen: EventFaces, faces: Sequence[SeenFace], reasons: Sequence[str]) -> Decision:
        probe = None
        if faces:
            probe = Probe(
                embeddings=[face.sighting.embedding_for(seen.model) for face in faces],
                findings=judge(faces[0].sighting.quality.measures, "recognise", self._limits),
                claimed=claimed_by(tx, [(seen.event.identity_id, seen.event.device_id)]),
            )
        decision = self._decider.decide(tx, probe)
        return replace(decision, reasons=(*decision.reasons, *reasons))

    def _values(
        self, tx: Tx, present: Row, seen: EventFaces, decision: Decision, registered: Registered | None
    ) -> dict[str, Any]:
        values: dict[str, Any] = {"recognition": "done", "recognition_reason": None}
        if may_take_the_place(present.decision, decision):
            values |= decided_values(present, decision, _person_of(tx, present, decision, registered), _detail(seen))
        if registered is not None:
            values |= {
                "registration": registered.outcome,
                "registration_reason": registered.reason,
                "review": registered.review,
            }
        return values


def _is_same(looked_at: Row, present: Row) -> bool:
    """Whether the event still is what its pictures were looked at for."""
    facts = ("channel", "want_action", "registration", "gate_id")
    return all(getattr(looked_at, name) == getattr(present, name) for name in facts)


def _shot(seen: EventFaces, limits: GateLimits) -> Shot:
    """What the second opinion compares."""
    theirs = seen.device_face
    return Shot(
        live=Shown.of(seen.live[0], seen.model, limits) if seen.live else None,
        embeddings=seen.embeddings(),
        device_picture=Shown.of(theirs, seen.model, limits) if theirs is not None else None,
        device_reason=None if seen.library_digest is None else "no_face_on_device_picture",
    )


def _detail(seen: EventFaces) -> dict[str, Any]:
    """What the decision rests upon."""
    detail: dict[str, Any] = {"engine": seen.engine, "model": seen.model}
    if seen.live:
        detail |= {
            "picture": seen.live_kind,
            "pictures": len(seen.live),
            "box": box_of(seen.live[0].sighting),
            "quality": measures_of(seen.live[0].sighting),
        }
    return detail


def _person_of(tx: Tx, present: Row, decision: Decision, registered: Registered | None) -> Row | None:
    """Whose event it is: who was matched, else whom the registration made or found, now or at an earlier look."""
    if decision.person_id is not None:
        return people.held(tx, decision.person_id)
    if registered is None:
        # Nobody was matched before either, or the decision would stay: the one who is there comes from a registration.
        return None if present.person_id is None else people.held(tx, present.person_id)
    return people.held(tx, registered.person_id or 0) if registered.outcome in {"registered", "joined"} else None


def _count(outcome: _Outcome) -> None:
    metrics.RECOGNISED.labels(outcome.decision.status).inc()
    if outcome.second_opinion is not None:
        metrics.SECOND_OPINIONS.labels(outcome.second_opinion).inc()
    if outcome.registered is not None:
        metrics.REGISTRATIONS.labels(outcome.registered.outcome).inc()
    if outcome.met is not None:
        metrics.STRANGERS.labels(outcome.met).inc()
    for status in outcome.revised.values():
        metrics.REVISED.labels(status).inc()
