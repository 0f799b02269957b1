"""Faces, decisions, candidates and past events as plain values for an answer."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from receiver.domain.identity import Candidate, Decision
from receiver.domain.verification import Verification
from receiver.services.asking.asking import shown_link
from receiver.services.deciding.decided import numbers_of, standing_of
from receiver.services.devices.devices_shown import shown_device, shown_gate
from receiver.services.looking.retracing import Hit, Retraced
from receiver.services.people.registering import box_of, measures_of
from receiver.store import devices, faces, people, sightings
from receiver.store.database import Row, Tx
from receiver.store.sightings import PastFilter
from recognition.advice import ADVICE
from recognition.engine import Sighting
from recognition.gates import Finding, Gate, GateLimits, judge

DIGITS = 4


def face(seen: Sighting, gate: Gate, limits: GateLimits) -> dict[str, Any]:
    """A face as it was seen, judged for a gate."""
    findings = judge(seen.quality.measures, gate, limits)
    return {
        "box": box_of(seen),
        "landmarks": [list(point) for point in seen.landmarks],
        "score": round(float(seen.score), DIGITS),
        "quality": {
            "gate": gate,
            "is_good_enough": all(each.level != "refuse" for each in findings),
            "measures": measures_of(seen),
            "scores": {name: round(float(value), 1) for name, value in seen.quality.scores.items()},
            "findings": [_finding(each) for each in findings],
        },
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "reason": found.reason,
        "level": found.level,
        "measure": found.measure,
        "value": round(found.value, DIGITS),
        "limit": found.limit,
        "advice": ADVICE.get(found.reason),
    }


def person(row: Row | None) -> dict[str, Any] | None:
    """Somebody of the library, by name."""
    return None if row is None else {"id": row.id, "name": row.name, "list": row.list}


def matched_faces(tx: Tx, decided: Iterable[Decision]) -> dict[int, Row]:
    """The faces of the library that decisions rest upon."""
    return faces.found(tx, {each.face_id for each in decided if each.face_id is not None})


def decision(decided: Decision, model: str, known: Mapping[int, Row], matched: Mapping[int, Row]) -> dict[str, Any]:
    """What is said of a face, as it stands on an event; ``matched`` are the library's faces, by id."""
    picture = matched.get(decided.face_id or 0)
    row = known.get(decided.person_id) if decided.person_id is not None else None
    numbers = numbers_of(decided)
    words = standing_of(row, datetime.now(UTC))
    return {
        "status": decided.status,
        "person": person(row),
        **numbers,
        "reasons": [*numbers["reasons"], *words],
        "model": model,
        "face_picture": None if picture is None else shown_link(picture.digest),
    }


def verification(verified: Verification, model: str, face_id: int | None = None) -> dict[str, Any]:
    """What is said of two faces."""
    return {
        "status": verified.status,
        "distance": verified.distance,
        "threshold": verified.threshold,
        "reasons": list(verified.reasons),
        "model": model,
        "face": face_id,
    }


def candidates(near: Iterable[Candidate], known: Mapping[int, Row]) -> list[dict[str, Any]]:
    """Who is near, nearest first; somebody who was taken out of the library in between is left out."""
    return [
        {
            "person": person(known[each.person_id]),
            "distance": each.distance,
            "threshold": each.threshold,
            "face": each.face_id,
        }
        for each in near
        if each.person_id in known
    ]


def past_events(tx: Tx, hits: Sequence[Sequence[Hit]]) -> list[list[dict[str, Any]]]:
    """The events of each face's hits, in their order; one that was erased is left out."""
    rows = sightings.in_full(tx, {hit.sighting_id for each in hits for hit in each})
    gates = devices.gates_found(tx, {row.gate_id for row in rows.values() if row.gate_id is not None})
    boxes = devices.found(tx, {row.device_id for row in rows.values()})
    known = people.found(tx, {row.person_id for row in rows.values() if row.person_id is not None})
    return [
        [
            {
                "event": row.event_id,
                "occurred_at": row.occurred_at,
                "distance": hit.distance,
                "gate": shown_gate(gates.get(row.gate_id)),
                "device": shown_device(boxes.get(row.device_id)),
                "picture": shown_link(row.digest),
                "kind": row.kind,
                "box": row.box,
                "decision": row.decision,
                "person": person(known.get(row.person_id)),
            }
            for hit in each
            if (row := rows.get(hit.sighting_id)) is not None
        ]
        for each in hits
    ]


def past(searched: PastFilter, found: Retraced) -> dict[str, Any]:
    """How far the past was searched; ``next`` is where the next answer begins: a time and a number."""
    place = found.place
    return {
        "since": searched.since,
        "until": searched.until,
        "compared": found.compared,
        "other_models": found.other_models,
        "is_complete": place is None,
        "searched_back_to": searched.since if place is None else place.occurred_at,
        "next": None if place is None else (place.occurred_at, place.sighting_id),
    }
