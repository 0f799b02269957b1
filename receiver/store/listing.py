"""Lists for people: events by many filters, newest first by order of receipt; people's best pictures."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, false, func, literal, or_, select

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.store.database import Tx
from receiver.store.erasures import is_visible
from receiver.store.limiting import events_within
from receiver.store.tables import device, event, face, gate, person


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """What events to list; None means any. ``before`` is the cursor: only events with a smaller id."""

    list: str | None = None
    device: str | None = None
    person: int | None = None
    decision: str | None = None
    second_opinion: str | None = None
    want_action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    verified: bool | None = None
    is_blacklist_hit: bool = False
    limits: Limits = NO_LIMITS
    before: int | None = None
    limit: int = 50


def events(tx: Tx, wanted: EventFilter) -> list[Row[Any]]:
    """Events newest first."""
    statement = select(event).where(*_conditions(wanted)).order_by(event.c.id.desc()).limit(wanted.limit)
    return list(tx.execute(statement))


def _conditions(wanted: EventFilter) -> list[ColumnElement[bool]]:
    equal = {
        event.c.list: wanted.list,
        event.c.person_id: wanted.person,
        event.c.decision: wanted.decision,
        event.c.want_action: wanted.want_action,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    conditions += [is_visible(event.c.id), *events_within(wanted.limits)]
    conditions += _flags(wanted)
    if wanted.before is not None:
        conditions.append(event.c.id < wanted.before)
    if wanted.since is not None:
        conditions.append(event.c.occurred_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(event.c.occurred_at <= wanted.until)
    if wanted.device is not None:
        conditions.append(is_device(wanted.device))
    if wanted.text:
        conditions.append(_mentions(wanted.text, wanted.limits))
    return conditions


def _flags(wanted: EventFilter) -> list[ColumnElement[bool]]:
    """What is marked on an event; each has an index of its own."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.second_opinion is not None:
        if wanted.limits.limits_people:
            return [false()]
        # A value that is bound would not let the index over what is contradicted be used.
        conditions.append(event.c.second_opinion == literal(wanted.second_opinion, literal_execute=True))
    if wanted.is_blacklist_hit:
        conditions.append(event.c.blacklist_said_by != "")
    if wanted.verified is not None:
        conditions.append(event.c.unverified.is_(None) if wanted.verified else event.c.unverified.is_not(None))
    return conditions


def is_device(name: str) -> ColumnElement[bool]:
    """By our id, or by the key, licence or address that people know the device by."""
    if name.isdecimal() and len(name) < 19:  # noqa: PLR2004 - what fits an id
        return event.c.device_id == int(name)
    where = or_(device.c.key == name, device.c.licence == name, device.c.address == name)
    gates = or_(gate.c.key == name, gate.c.address == name)
    return or_(
        event.c.device_id.in_(select(device.c.id).where(where)),
        event.c.gate_id.in_(select(gate.c.id).where(gates)),
    )


def _mentions(text: str, limits: Limits) -> ColumnElement[bool]:
    named = select(person.c.id).where(person.c.name.icontains(text, autoescape=True))
    if limits.limits_people:
        # Whom the device took somebody for may be out of sight.
        return event.c.person_id.in_(named)
    return or_(
        event.c.identity_id.icontains(text, autoescape=True),
        event.c.identity_name.icontains(text, autoescape=True),
        event.c.person_id.in_(named),
    )


def best_pictures(tx: Tx, person_ids: list[int]) -> dict[int, bytes]:
    """The digest of each person's best current face: the one with the surest detection."""
    best: dict[int, tuple[float, bytes]] = {}
    statement = select(face.c.person_id, face.c.digest, face.c.quality).where(
        face.c.person_id.in_(person_ids), face.c.state == "current"
    )
    for row in tx.execute(statement):
        # Faces that were stored before the standard's words came in have the detector's score under another.
        sureness = float(row.quality.get("face_occlusion_prevention", row.quality.get("detector_score", 0.0)))
        if row.person_id not in best or sureness > best[row.person_id][0]:
            best[row.person_id] = (sureness, row.digest)
    return {person_id: digest for person_id, (_, digest) in best.items()}


def newest_event(tx: Tx) -> int:
    """The newest event's id, 0 if there is none."""
    return int(tx.execute(select(func.max(event.c.id))).scalar() or 0)
