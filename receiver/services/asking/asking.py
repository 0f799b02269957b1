"""Answers questions of people: events, strangers, people, devices and quarantine as plain values, ready to show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.domain.errors import NotFound
from receiver.domain.people import standing
from receiver.domain.presence import Presence
from receiver.domain.visits import PAUSE
from receiver.services.asking.narrowing import narrowed
from receiver.services.devices.devices_shown import devices_in_full, shown_device, shown_gate
from receiver.store import alerts, devices, events, faces, holds, listing, people, quarantine, sight
from receiver.store.database import Row, Tx
from receiver.store.listing import EventFilter
from receiver.store.people import PeopleFilter
from receiver.store.presence import presences
from receiver.store.store import Store

# Templates of 512 numbers: shown with one event, too much for a list.
LONG_ATTRIBUTES = frozenset({"feature", "feature_binary", "feature_base64_str"})
# Gates at which somebody was seen that are shown: the latest ones.
PLACES = 100
NEVER_SEEN = {"visits": 0, "events": 0, "first_seen": None, "last_seen": None}


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows and the cursor of the next ones, None at the end."""

    items: list[dict[str, Any]]
    next: str | None


@dataclass(slots=True)
class _Around:
    """What is shown with events: looked up once for a whole page."""

    devices: dict[int, Row] = field(default_factory=dict)
    gates: dict[int, Row] = field(default_factory=dict)
    people: dict[int, Row] = field(default_factory=dict)
    faces: dict[int, Row] = field(default_factory=dict)
    pictures: dict[int, list[Row]] = field(default_factory=dict)


class Asking:
    """The read side; every answer is of one moment.

    Args:
        store: where everything is.
        pause: sightings that lie no further apart are one visit.
    """

    def __init__(self, store: Store, pause: timedelta = PAUSE) -> None:
        self._store = store
        self._pause = pause

    def events(self, wanted: EventFilter) -> Page:
        """Events newest first, by order of receipt."""
        with self._store.read() as tx:
            rows, cursor = _cut(listing.events(tx, replace(wanted, limit=wanted.limit + 1)), wanted.limit)
            around = _around(tx, rows)
        return Page([narrowed(_event(row, around, is_long=False), wanted.limits) for row in rows], cursor)

    def event(self, event_id: int, limits: Limits = NO_LIMITS) -> dict[str, Any]:
        """One event with everything about it.

        Raises:
            NotFound: there is none with that id within the limits.
        """
        with self._store.read() as tx:
            row = events.find(tx, event_id) if sight.sees_event(tx, limits, event_id) else None
            if row is None:
                raise NotFound("no_such_event", f"there is no event {event_id}")
            around = _around(tx, [row])
            sightings = events.sightings_of(tx, event_id)
            is_held = bool(holds.held(tx, holds.EVENT, [event_id]))
            alerted = alerts.of_event(tx, [event_id]).get(event_id, [])
            seen = alerts.in_sight(tx, alerted, limits)
        more = {
            "legal_hold": is_held,
            "alerts": [each for each in alerted if each in seen],
            "sightings": [_sighting(each) for each in sightings],
        }
        return narrowed(_event(row, around, is_long=True) | more, limits)

    def people(self, lists: Sequence[str] | None, text: str | None, before: int | None, limit: int) -> Page:
        """People newest first."""
        with self._store.read() as tx:
            rows, cursor = _cut(people.listed(tx, lists, text, before, limit + 1), limit)
            return Page(shown_people(tx, rows, self._pause), cursor)

    def people_as(self, wanted: PeopleFilter) -> Page:
        """The people of a filter, newest first."""
        with self._store.read() as tx:
            rows, cursor = _cut(people.listed_as(tx, replace(wanted, limit=wanted.limit + 1)), wanted.limit)
            return Page(shown_people(tx, rows, self._pause, wanted.limits), cursor)

    def faces(self, person_id: int, limits: Limits = NO_LIMITS) -> list[dict[str, Any]]:
        """All faces of a person, oldest first.

        Raises:
            NotFound: there is none with that id.
        """
        shown: list[dict[str, Any]] = self.person(person_id, limits)["faces"]
        return shown

    def face(self, face_id: int, limits: Limits = NO_LIMITS) -> dict[str, Any]:
        """One face, with whose it is.

        Raises:
            NotFound: there is none with that id within the limits.
        """
        with self._store.read() as tx:
            row = faces.find(tx, face_id)
            if row is None or not sight.sees_person(tx, limits, row.person_id):
                raise NotFound("no_such_face", f"there is no face {face_id}")
            person = people.found(tx, [row.person_id])[row.person_id]
            models = faces.models_of(tx, [row.id])
        return _face(row, models) | {"person": {"id": person.id, "name": person.name, "list": person.list}}

    def person(self, person_id: int, limits: Limits = NO_LIMITS) -> dict[str, Any]:
        """One person with all faces, current and former.

        Raises:
            NotFound: there is none with that id within the limits.
        """
        with self._store.read() as tx:
            row = people.find(tx, person_id) if sight.sees_person(tx, limits, person_id) else None
            if row is None:
                raise NotFound("no_such_person", f"there is no person {person_id}")
            presence = dict(presences(tx, [person_id], limits)).get(person_id)
            (shown,) = _people(tx, [row], {} if presence is None else {person_id: _seen(presence, self._pause)})
            rows = people.faces_of(tx, [person_id])
            models = faces.models_of(tx, [each.id for each in rows])
            is_held = bool(holds.held(tx, holds.PERSON, [person_id]))
            merged_into = people.became(tx, row)
            if merged_into is not None and not sight.sees_person(tx, limits, merged_into):
                merged_into = None
            seen_at = [] if presence is None else _places(tx, presence)
        shown |= {"legal_hold": is_held, "merged_into": merged_into, "seen_at": seen_at}
        return shown | {"faces": [_face(each, models) for each in rows]}

    def devices(self, after: int, limit: int, state: str | None = None, limits: Limits = NO_LIMITS) -> Page:
        """Devices in the order in which they first spoke, each with its gates; of one state, if it is named."""
        with self._store.read() as tx:
            rows, cursor = _cut(devices.listed(tx, after, limit + 1, state, limits), limit)
            return Page([_within(each, limits) for each in devices_in_full(tx, rows)], cursor)

    def device(self, device_id: int) -> dict[str, Any]:
        """One device with its gates.

        Raises:
            NotFound: there is none with that id.
        """
        with self._store.read() as tx:
            row = devices.found(tx, {device_id}).get(device_id)
            if row is None:
                raise NotFound("no_such_device", f"there is no device {device_id}")
            return devices_in_full(tx, [row])[0]

    def sees_picture(self, digest: bytes, limits: Limits) -> bool:
        """Whether a picture may be shown within the limits; without any, all may."""
        if not limits.is_limiting:
            return True
        with self._store.read() as tx:
            return sight.sees_picture(tx, limits, digest)

    def quarantined(self, state: str | None, before: int | None, limit: int) -> Page:
        """Unreadable items, newest first."""
        with self._store.read() as tx:
            rows, cursor = _cut(quarantine.listed(tx, state, before, limit + 1), limit)
        return Page([{**row._mapping, "digest": row.digest.hex()} for row in rows], cursor)


def _cut(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], str | None]:
    """The page of rows of which one more than wanted was asked for, and the cursor if there are more."""
    return rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None


def _around(tx: Tx, rows: Sequence[Row]) -> _Around:
    return _Around(
        devices=devices.found(tx, {row.device_id for row in rows}),
        gates=devices.gates_found(tx, {row.gate_id for row in rows if row.gate_id is not None}),
        people=people.found(tx, {row.person_id for row in rows if row.person_id is not None}),
        faces=faces.found(tx, {face_id for row in rows if (face_id := _matched(row)) is not None}),
        pictures=events.pictures_of(tx, [row.id for row in rows]),
    )


def _event(row: Row, around: _Around, *, is_long: bool) -> dict[str, Any]:
    pictures = around.pictures[row.id]
    hidden = frozenset() if is_long else LONG_ATTRIBUTES
    said_by = [who for who in row.blacklist_said_by.split(",") if who]
    return {
        "id": row.id,
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
        "has_device_time": row.has_device_time,
        "verified": row.unverified is None,
        "channel": row.channel,
        "generation": row.generation,
        "list": row.list,
        "device": shown_device(around.devices.get(row.device_id)),
        "gate": shown_gate(around.gates.get(row.gate_id)) if row.gate_id is not None else None,
        "reported": _reported(row),
        "recognition": row.recognition,
        "recognition_reason": row.recognition_reason,
        "decision": _decision(row, around),
        "second_opinion": _second_opinion(row),
        "registration": {"outcome": row.registration, "reason": row.registration_reason} if row.registration else None,
        "blacklist": {"is_hit": bool(said_by), "said_by": said_by},
        "review": row.review,
        "pictures": {each.kind: _picture(each) for each in reversed(pictures) if each.digest is not None},
        "refused_pictures": [{"kind": each.kind, "reason": each.refused} for each in pictures if each.refused],
        "attributes": {name: value for name, value in row.attributes.items() if name not in hidden},
    }


def _reported(row: Row) -> dict[str, Any]:
    return {
        "identity_id": row.identity_id,
        "identity_name": row.identity_name,
        "group": row.identity_group,
        "person_type": row.person_type or None,
        "list": row.reported_list,
        "want_action": row.want_action,
        "score": row.score,
        "score_raw": row.score_raw,
        "fiqa_result": row.fiqa_result,
        "entered_at": row.entered_at,
        "left_at": row.left_at,
        "api_version": row.api_version,
        **row.reported,
    }


def _matched(row: Row) -> int | None:
    """The face of the library that the decision rests upon."""
    return (row.decision_detail or {}).get("face")


def _decision(row: Row, around: _Around) -> dict[str, Any] | None:
    if row.decision is None:
        return None
    person = around.people.get(row.person_id) if row.person_id is not None else None
    named = None if person is None else {"id": person.id, "name": person.name, "list": person.list}
    # Whose picture matched is shown while it is that person's; it may be gone, or moved to another one.
    face = around.faces.get(_matched(row) or 0)
    link = shown_link(face.digest) if face is not None and face.person_id == row.person_id else None
    return {"status": row.decision, "person": named, **(row.decision_detail or {}), "face_picture": link}


def _second_opinion(row: Row) -> dict[str, Any] | None:
    if row.second_opinion is None:
        return None
    detail = row.second_opinion_detail
    pictures = [
        {**shown_link(bytes.fromhex(each["digest"])), "role": each["role"], "box": each["box"]}
        for each in detail["pictures"]
    ]
    return {"says": row.second_opinion, **detail, "pictures": pictures}


def _picture(row: Row) -> dict[str, Any]:
    return {**shown_link(row.digest), "media_type": row.media_type, "width": row.width, "height": row.height}


def shown_link(digest: bytes) -> dict[str, Any]:
    return {"digest": digest.hex(), "url": f"/v1/pictures/{digest.hex()}"}


def _within(device: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """A device as whoever is limited to gates sees it: without the others, which its status reports name too."""
    if not limits.gates:
        return device
    return device | {"status": None, "gates": [each for each in device["gates"] if each["id"] in limits.gates]}


def shown_people(tx: Tx, rows: Sequence[Row], pause: timedelta, limits: Limits = NO_LIMITS) -> list[dict[str, Any]]:
    """People with how often they came, in the order in which they are given."""
    seen = {number: _seen(each, pause) for number, each in presences(tx, [row.id for row in rows], limits)}
    return _people(tx, rows, seen)


def _seen(presence: Presence, pause: timedelta) -> dict[str, Any]:
    return {
        "visits": presence.visits(pause),
        "events": len(presence.moments),
        "first_seen": presence.first_seen,
        "last_seen": presence.last_seen,
    }


def _people(tx: Tx, rows: Sequence[Row], seen: Mapping[int, Mapping[str, Any]]) -> list[dict[str, Any]]:
    ids = [row.id for row in rows]
    identities = people.identities_of(tx, ids)
    groups = people.groups_of(tx, ids)
    now = datetime.now(UTC)
    best = listing.best_pictures(tx, ids)
    return [
        {
            "id": row.id,
            "name": row.name,
            "list": row.list,
            "state": row.state,
            "valid_from": row.valid_from,
            "valid_until": row.valid_until,
            "is_in_force": not standing(row.state, row.valid_from, row.valid_until, now),
            "groups": groups[row.id],
            "fields": row.fields,
            "note": row.note,
            "source": row.source,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "identities": [
                {
                    "external_id": each.external_id,
                    "device": each.device_id or None,
                    "device_group": each.device_group or None,
                }
                for each in identities[row.id]
            ],
            **seen.get(row.id, NEVER_SEEN),
            "picture": shown_link(best[row.id]) if row.id in best else None,
        }
        for row in rows
    ]


def _places(tx: Tx, seen: Presence) -> list[dict[str, Any]]:
    places = seen.by_place()[:PLACES]
    gates = devices.gates_found(tx, {each.gate_id for each in places if each.gate_id is not None})
    told_by = [gates[each.gate_id].device_id if each.gate_id in gates else each.device_id for each in places]
    known = devices.found(tx, {each for each in told_by if each is not None})
    return [
        {
            "device": shown_device(known.get(device_id or 0)),
            "gate": shown_gate(gates.get(each.gate_id or 0)),
            "events": each.events,
            "first_seen": each.first_seen,
            "last_seen": each.last_seen,
        }
        for each, device_id in zip(places, told_by, strict=True)
    ]


def _face(row: Row, models: Mapping[int, list[str]]) -> dict[str, Any]:
    names = ("id", "state", "source", "box", "quality", "event_id", "created_at", "insisted_at")
    return {
        **{name: row._mapping[name] for name in names},
        "models": models[row.id],
        "insisted": row.insisted or [],
        "picture": shown_link(row.digest),
    }


def _sighting(row: Row) -> dict[str, Any]:
    names = ("kind", "box", "landmarks", "score", "quality", "model", "is_live")
    return {name: row._mapping[name] for name in names} | {"picture": shown_link(row.digest)}
