"""Knows strangers again without a device asking for it: who is seen twice gets a lasting id, further pictures are learnt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from receiver.domain import fusion
from receiver.domain.events import ListName, PictureKind
from receiver.domain.identity import Decision, Status
from receiver.domain.people import AUTOMATIC_SOURCES, PersonState
from receiver.domain.strangers import (
    MOST_TRIED,
    MOST_WAITING,
    Known,
    Rules,
    Waiting,
    chosen,
    is_fit,
    may_be_stranger,
    may_learn_from,
    second_sighting,
)
from receiver.services.deciding.decided import decided_values, numbers_of
from receiver.services.deciding.deciding import Decider, Probe
from receiver.services.people.registering import (
    FaceOrigin,
    Registered,
    add_face,
    add_stranger,
    as_bytes,
    box_of,
    learn,
    measures_of,
)
from receiver.services.publishing.publishing import publish_decided
from receiver.services.recognising.event_faces import EventFaces
from receiver.services.recognising.fusing import claimed_by
from receiver.store import events, faces, people, strangers
from receiver.store.database import Row, Tx
from recognition.engine import Embedding
from recognition.gates import GateLimits, judge
from recognition.scores import OVERALL, scores_of

# Of faces that came by themselves, and of why an event belongs to a stranger.
EVENT, SEEN_TWICE = "event", "seen_twice"
# What came of a face.
WAITING, MADE, LEARNT = "waiting", "made", "learnt"
# Among the keys of the library's faces: the one that is new.
NEW = 2**63 - 1


@dataclass(frozen=True, slots=True)
class MeetingParts:
    """What this works with.

    Attributes:
        rules: how the site treats strangers.
        limits: what it asks of a picture's quality.
        reach: of a model's id: how near two pictures of one shot are.
    """

    decider: Decider
    rules: Rules
    limits: GateLimits
    reach: Callable[[str], fusion.Reach]


@dataclass(frozen=True, slots=True)
class _Near:
    """Whoever waits and may be the same person.

    Attributes:
        rows: their rows, by event.
        waiting: the same, as they are compared.
        limit: up to which distance two of them are one person.
    """

    rows: Mapping[int, Row]
    waiting: Sequence[Waiting]
    limit: float


class MeetingStrangers:
    """What becomes of a stranger's face; what writes wants the gallery's lock."""

    def __init__(self, parts: MeetingParts) -> None:
        self._decider = parts.decider
        self._rules = parts.rules
        self._limits = parts.limits
        self._reach = parts.reach

    def concerns(self, seen: EventFaces) -> bool:
        """Whether the face may come into the library by itself, so that the lock is needed: a good crop of somebody whom
        the device calls a stranger or does not name. A scene may show others.
        """
        event = seen.event
        if not seen.live or seen.live_kind is not PictureKind.FACE:
            return False
        findings = judge(seen.live[0].sighting.quality.measures, "register", self._limits)
        is_stranger = may_be_stranger(ListName(event.reported_list), event.identity_id, event.identity_name)
        return is_stranger and is_fit(findings, fiqa_result=event.fiqa_result)

    def after(
        self, tx: Tx, seen: EventFaces, decision: Decision, now: datetime, registered: Registered | None = None
    ) -> str | None:
        """After an event that this concerns was decided and written: ``waiting``, ``made``, ``learnt``, or None."""
        event = events.find(tx, seen.event.id)
        if event is None:
            return None
        if registered is not None and registered.outcome == "registered" and registered.person_id is not None:
            self._gather(tx, seen, registered.person_id, now)
        if event.person_id is not None:
            strangers.end_waiting(tx, [event.id])
            is_clear = event.person_id == decision.person_id and may_learn_from(decision)
            return LEARNT if is_clear and self._learn(tx, decision, seen, now) else None
        is_claimed = claimed_by(tx, [(event.identity_id, event.device_id)]) is not None
        if not self._rules.is_automatic or event.decision != Status.UNKNOWN or is_claimed:
            return None
        return self._meet(tx, event, seen, now)

    def _gather(self, tx: Tx, seen: EventFaces, person_id: int, now: datetime) -> None:
        """A device has registered a stranger: what waited to see that one again belongs there."""
        new = _waiting_of(seen)
        near = self._near(tx, new, seen.model, now)
        self._join(tx, near.waiting, person_id, seen.event.gate_id)

    def _meet(self, tx: Tx, event: Row, seen: EventFaces, now: datetime) -> str:
        """Somebody whom nobody knows: for the second time, or for the first one as far as we know."""
        strangers.end_waiting(tx, [event.id])
        new = _waiting_of(seen)
        near = self._near(tx, new, seen.model, now)
        found = second_sighting(new, near.waiting, near.limit)
        if found is None:
            strangers.wait(tx, _row(seen, now), MOST_WAITING)
            return WAITING
        person_id = add_stranger(tx, EVENT, now)
        _add_first(tx, person_id, near.rows[found.first.event_id], now)
        add_face(tx, person_id, seen.live[0], FaceOrigin.told(EVENT, event, now))
        self._join(tx, found.joined, person_id, event.gate_id)
        self._write(tx, event, seen.embeddings(), person_id)
        return MADE

    def _near(self, tx: Tx, new: Waiting, model: str, now: datetime) -> _Near:
        """The waiting faces that may be the same person's, and up to which distance they are."""
        rows = strangers.embeddings(tx, model, now - self._rules.waiting, MOST_WAITING)
        size = len(as_bytes(new.embedding))
        rows = [row for row in rows if len(row.embedding) == size]
        limit = self._decider.waiting_limit(tx, len(rows))
        if not rows:
            return _Near({}, [], limit)
        matrix = np.frombuffer(b"".join(row.embedding for row in rows), np.float32).reshape(len(rows), -1)
        near = np.flatnonzero(np.linalg.norm(matrix - new.embedding, axis=1) <= limit)
        found = strangers.still_unknown(tx, [rows[place].id for place in near])
        own = {row.event_id: row for row in found if row.event_id != new.event_id}
        return _Near(own, [_from_row(row) for row in own.values()], limit)

    def _join(self, tx: Tx, sightings: Sequence[Waiting], person_id: int, own_gate: int | None) -> None:
        """Those events are the stranger's from now on."""
        before = [events.find(tx, each.event_id) for each in sightings]
        # Whoever decides at those gates just now would write over what is changed here. Two who need several gates never
        # wait for each other: both have the library's lock.
        for gate_id in sorted({row.gate_id for row in before if row is not None} - {own_gate, None}):
            events.hold_gate(tx, gate_id)
        for each in sightings:
            event = events.find(tx, each.event_id)
            if event is not None and event.person_id is None:
                self._write(tx, event, [each.embedding], person_id)
        strangers.end_waiting(tx, [each.event_id for each in sightings])

    def _write(self, tx: Tx, event: Row, embeddings: Sequence[Embedding], person_id: int) -> None:
        """Decides anew, now that the library has the stranger; the event belongs to that one whatever comes of it."""
        detail = event.decision_detail or {}
        findings = judge(detail.get("quality") or {}, "recognise", self._limits)
        decision = self._decider.decide(tx, Probe(embeddings, findings))
        numbers = numbers_of(decision)
        told = {**detail, **numbers, "reasons": [*numbers["reasons"], SEEN_TWICE]}
        events.change(tx, event.id, decided_values(event, decision, people.find(tx, person_id), told))
        publish_decided(tx, event.id, datetime.now(UTC))

    def _learn(self, tx: Tx, decision: Decision, seen: EventFaces, now: datetime) -> bool:
        """Takes the picture where it makes the few by which the stranger is known better or more different."""
        person_id, face = decision.person_id or 0, seen.live[0]
        person, known = people.find(tx, person_id), faces.by_digest(tx, person_id)
        tried = [row for row in known.values() if row.source in AUTOMATIC_SOURCES]
        is_active = person is not None and person.state == PersonState.ACTIVE
        if not is_active or face.digest in known or len(tried) >= MOST_TRIED:
            return False
        present = self._present(tx, person_id, seen.model)
        new = Known(NEW, face.sighting.embedding_for(seen.model), _quality(measures_of(face.sighting)))
        kept = chosen([*present, new], self._rules.faces, self._reach(seen.model).same_shot)
        if NEW not in kept:
            return False
        replaced = [each.key for each in present if each.key not in kept]
        learn(tx, decision, face, FaceOrigin.told(EVENT, seen.event, now), replaced)
        return True

    def _present(self, tx: Tx, person_id: int, model: str) -> list[Known]:
        rows = {row.id: row for row in people.faces_of(tx, [person_id], people.CURRENT)}
        return [
            Known(
                each.id,
                np.frombuffer(each.embedding, np.float32),
                _quality(rows[each.id].quality),
                rows[each.id].source not in AUTOMATIC_SOURCES,
            )
            for each in people.embeddings_of(tx, person_id, model)
        ]


def _add_first(tx: Tx, person_id: int, row: Row, now: datetime) -> None:
    """The face of the earlier sighting, which was kept for this."""
    people.add_face(
        tx,
        {
            "person_id": person_id,
            "digest": row.digest,
            "box": row.box,
            "quality": row.quality,
            "source": EVENT,
            "state": people.CURRENT,
            "event_id": row.event_id,
            "created_at": now,
            "device_id": row.device_id,
            "occurred_at": row.occurred_at,
        },
        {row.model: row.embedding},
    )
    people.note_change(tx, person_id, now)


def _quality(measures: Any) -> float:
    return scores_of(measures).get(OVERALL, 0.0)


def _waiting_of(seen: EventFaces) -> Waiting:
    face = seen.live[0]
    quality = _quality(measures_of(face.sighting))
    event, embedding = seen.event, face.sighting.embedding_for(seen.model)
    return Waiting(event.id, face.digest, event.occurred_at, embedding, quality)


def _from_row(row: Row) -> Waiting:
    embedding = np.frombuffer(row.embedding, np.float32)
    return Waiting(row.event_id, row.digest, row.occurred_at, embedding, _quality(row.quality))


def _row(seen: EventFaces, now: datetime) -> dict[str, Any]:
    face, event = seen.live[0], seen.event
    return {
        "event_id": event.id,
        "device_id": event.device_id,
        "digest": face.digest,
        "box": box_of(face.sighting),
        "quality": measures_of(face.sighting),
        "embedding": as_bytes(face.sighting.embedding_for(seen.model)),
        "model": seen.model,
        "occurred_at": event.occurred_at,
        "created_at": now,
    }
