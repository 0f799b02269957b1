"""What a limited account may see, as conditions of queries: what is out of its sight is not there for it."""

from sqlalchemy import ColumnElement, and_, or_, select

from receiver.domain.accounts import Limits
from receiver.store.tables import alert, device, event, gate, person, person_group


def people_within(limits: Limits) -> list[ColumnElement[bool]]:
    """Of the table ``person``."""
    conditions: list[ColumnElement[bool]] = []
    if limits.lists:
        conditions.append(person.c.list.in_(sorted(limits.lists)))
    if limits.groups:
        members = select(person_group.c.person_id).where(person_group.c.name.in_(sorted(limits.groups)))
        conditions.append(person.c.id.in_(members))
    return conditions


def events_within(limits: Limits) -> list[ColumnElement[bool]]:
    """Of the table ``event``: an event that names somebody is seen by whoever may see that person."""
    conditions: list[ColumnElement[bool]] = []
    if limits.gates:
        conditions.append(event.c.gate_id.in_(sorted(limits.gates)))
    if limits.lists:
        conditions.append(event.c.list.in_(sorted(limits.lists)))
    if limits.limits_people:
        is_seen = event.c.person_id.in_(select(person.c.id).where(*people_within(limits)))
        # Who is nobody in the library is in no group.
        conditions.append(is_seen if limits.groups else or_(event.c.person_id.is_(None), is_seen))
    return conditions


def devices_within(limits: Limits) -> list[ColumnElement[bool]]:
    """Of the table ``device``: those that speak for a gate of the limits."""
    if not limits.gates:
        return []
    return [device.c.id.in_(select(gate.c.device_id).where(gate.c.id.in_(sorted(limits.gates))))]


def alerts_within(limits: Limits) -> list[ColumnElement[bool]]:
    """Of the table ``alert``: one about an event is seen by whoever may see that event; others by what they name themselves."""
    conditions: list[ColumnElement[bool]] = []
    if limits.gates:
        devices = select(device.c.id).where(*devices_within(limits))
        is_device_alone = and_(alert.c.gate_id.is_(None), alert.c.event_id.is_(None), alert.c.device_id.in_(devices))
        conditions.append(or_(alert.c.gate_id.in_(sorted(limits.gates)), is_device_alone))
    if limits.limits_people:
        events = select(event.c.id).where(event.c.id == alert.c.event_id, *events_within(limits))
        people = select(person.c.id).where(*people_within(limits))
        is_about_nobody = and_(alert.c.event_id.is_(None), alert.c.person_id.is_(None))
        is_about_seen = and_(alert.c.event_id.is_(None), alert.c.person_id.in_(people))
        conditions.append(or_(is_about_nobody, is_about_seen, events.correlate(alert).exists()))
    return conditions
