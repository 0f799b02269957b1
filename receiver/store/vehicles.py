"""Vehicles, and alerts and frames as front ends of vehicles ask for them: by pages that are counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, insert, or_, select, update

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.domain.trust import State
from receiver.store.alerts import visible
from receiver.store.database import Tx
from receiver.store.tables import account, alert, device, frame, gate, vehicle

# What alerts of gates are called, which have no word of their own.
UNSAFE = "Unsafe"
VEHICLE = "vehicle"
# By what lists may be sorted.
ALERT_ORDER: Mapping[str, Any] = {
    "id": alert.c.id,
    "alert_init": alert.c.started_at,
    "alert_end": alert.c.ended_at,
    "behavior": alert.c.behavior,
    "truck_id": alert.c.gate_id,
}
GATE_ORDER: Mapping[str, Any] = {"id": gate.c.id, "name": gate.c.name}
ACCOUNT_ORDER: Mapping[str, Any] = {
    "id": account.c.id,
    "username": account.c.name,
    "email": account.c.email,
    "role": account.c.role,
}
_FACTS: tuple[Any, ...] = (vehicle, device.c.state, device.c.bound, device.c.mac, device.c.last_seen)


@dataclass(frozen=True, slots=True)
class Window:
    """A page of a list: its order, whether it is turned round, rows of a page, and which page, from 1."""

    order: str = "id"
    is_descending: bool = True
    size: int = 20
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleAlerts:
    """What alerts to list; None means any.

    Attributes:
        started, ended: from when to when; either end may be open.
        lasts: has not ended.
    """

    id: int | None = None
    gate: int | None = None
    gate_name: str | None = None
    behavior: str | None = None
    started: tuple[datetime | None, datetime | None] = (None, None)
    ended: tuple[datetime | None, datetime | None] = (None, None)
    lasts: bool | None = None
    limits: Limits = NO_LIMITS
    window: Window = field(default_factory=Window)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFilter:
    """What gates to list; None means any.

    Attributes:
        is_blocked: whether their device is.
        alerted: their last alert began in that time.
    """

    id: int | None = None
    name: str | None = None
    is_blocked: bool | None = None
    alerted: tuple[datetime | None, datetime | None] = (None, None)
    limits: Limits = NO_LIMITS
    window: Window = field(default_factory=lambda: Window(is_descending=False, size=10))


def add(tx: Tx, values: Mapping[str, Any]) -> None:
    """Writes a new vehicle."""
    tx.execute(insert(vehicle).values(**values))


def find(tx: Tx, device_id: int) -> Row[Any] | None:
    """One vehicle with what is thought of its device, or None."""
    statement = select(*_FACTS).join(device, device.c.id == vehicle.c.device_id)
    return tx.execute(statement.where(vehicle.c.device_id == device_id)).one_or_none()


def of_gate(tx: Tx, gate_id: int) -> Row[Any] | None:
    """The vehicle that is that gate."""
    return tx.execute(select(vehicle).where(vehicle.c.gate_id == gate_id)).one_or_none()


def has_name(tx: Tx, name: str) -> bool:
    """Whether there is a vehicle of that name."""
    joined = select(gate.c.id).join(vehicle, vehicle.c.gate_id == gate.c.id)
    return tx.execute(joined.where(gate.c.name == name).limit(1)).first() is not None


def renew(tx: Tx, device_id: int) -> int | None:
    """The vehicle's present token is worth nothing any more; the version of the next one, None if it is no vehicle."""
    statement = update(vehicle).where(vehicle.c.device_id == device_id).values(version=vehicle.c.version + 1)
    return tx.execute(statement.returning(vehicle.c.version)).scalar()


def kept_of(tx: Tx, device_id: int | None = None) -> tuple[int, int]:
    """How many alerts and frames are kept of a device, and their bytes; of all that are pending if none is named."""
    pending = select(device.c.id).where(device.c.state == "pending")
    alerts = alert.c.device_id == device_id if device_id else alert.c.device_id.in_(pending)
    frames = frame.c.device_id == device_id if device_id else frame.c.device_id.in_(pending)
    count = tx.execute(select(func.count()).select_from(alert).where(alerts)).scalar_one()
    row = tx.execute(select(func.count(), func.coalesce(func.sum(frame.c.bytes), 0)).where(frames)).one()
    return int(count + row[0]), int(row[1])


def alerts(tx: Tx, wanted: VehicleAlerts) -> tuple[int, list[Row[Any]]]:
    """How many there are, and those of the page."""
    statement = select(alert).where(*visible(wanted.limits), *_alert_conditions(wanted))
    return _page(tx, statement, ALERT_ORDER, wanted.window)


def frames_of(tx: Tx, alert_id: int, wanted: tuple[datetime | None, int | None], window: Window) -> list[Row[Any]]:
    """A page of an alert's frames, newest first; from a time and a number of the sender's on."""
    since, number = wanted
    statement = select(frame).where(frame.c.alert_id == alert_id).order_by(frame.c.id.desc())
    if since is not None:
        statement = statement.where(frame.c.taken_at >= since)
    if number is not None:
        statement = statement.where(frame.c.number >= number)
    return list(tx.execute(statement.limit(window.size).offset((window.page - 1) * window.size)))


def gates(tx: Tx, wanted: GateFilter) -> tuple[int, list[Row[Any]]]:
    """How many there are, and those of the page."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.limits.gates:
        conditions.append(gate.c.id.in_(sorted(wanted.limits.gates)))
    if wanted.id is not None:
        conditions.append(gate.c.id == wanted.id)
    if wanted.name is not None:
        conditions.append(gate.c.name == wanted.name)
    if wanted.is_blocked is not None:
        blocked = device.c.state == State.BLOCKED
        conditions.append(blocked if wanted.is_blocked else ~blocked)
    if wanted.alerted != (None, None):
        # Of the last one: one in the time, and none after it.
        newest = select(func.max(alert.c.started_at)).where(alert.c.gate_id == gate.c.id, *visible(wanted.limits))
        conditions += _between(newest.scalar_subquery(), wanted.alerted)
    statement = select(gate, device.c.state).join(device, device.c.id == gate.c.device_id).where(*conditions)
    return _page(tx, statement, GATE_ORDER, wanted.window)


def alert_counts(tx: Tx, gate_ids: Sequence[int], limits: Limits) -> dict[int, int]:
    """How many alerts each of the gates has."""
    statement = select(alert.c.gate_id, func.count()).where(alert.c.gate_id.in_(list(gate_ids)), *visible(limits))
    return {row[0]: row[1] for row in tx.execute(statement.group_by(alert.c.gate_id))}


def last_alerts(tx: Tx, gate_ids: Sequence[int], limits: Limits) -> dict[int, Row[Any]]:
    """The last alert of each of the gates that has one."""
    newest = select(func.max(alert.c.id)).where(alert.c.gate_id.in_(list(gate_ids)), *visible(limits))
    statement = select(alert).where(alert.c.id.in_(newest.group_by(alert.c.gate_id)))
    return {row.gate_id: row for row in tx.execute(statement)}


def users(tx: Tx, wanted: Mapping[str, Any], window: Window) -> tuple[int, list[Row[Any]]]:
    """How many accounts there are with those values in those columns, and those of the page."""
    statement = select(account).where(*(account.c[name] == value for name, value in wanted.items()))
    return _page(tx, statement, ACCOUNT_ORDER, window)


def _alert_conditions(wanted: VehicleAlerts) -> list[ColumnElement[bool]]:
    if wanted.id is not None:
        return [alert.c.id == wanted.id]
    conditions = _between(alert.c.started_at, wanted.started) + _between(alert.c.ended_at, wanted.ended)
    if wanted.gate is not None:
        conditions.append(alert.c.gate_id == wanted.gate)
    elif wanted.gate_name is not None:
        conditions.append(alert.c.gate_id.in_(select(gate.c.id).where(gate.c.name == wanted.gate_name)))
    if wanted.behavior is not None:
        own = alert.c.behavior == wanted.behavior
        conditions.append(or_(own, alert.c.behavior.is_(None)) if wanted.behavior == UNSAFE else own)
    if wanted.lasts is not None:
        conditions.append(alert.c.ended_at.is_(None) if wanted.lasts else alert.c.ended_at.is_not(None))
    return conditions


def _between(column: Any, ends: tuple[datetime | None, datetime | None]) -> list[ColumnElement[bool]]:
    first, last = ends
    found = [] if first is None else [column >= first]
    return found if last is None else [*found, column <= last]


def _page(tx: Tx, statement: Select[Any], order: Mapping[str, Any], window: Window) -> tuple[int, list[Row[Any]]]:
    total = tx.execute(select(func.count()).select_from(statement.subquery())).scalar_one()
    column = order[window.order]
    # Equal ones in a lasting order, or a row could stand on two pages.
    columns = [each.desc() if window.is_descending else each.asc() for each in dict.fromkeys((column, order["id"]))]
    rows = tx.execute(statement.order_by(*columns).limit(window.size).offset((window.page - 1) * window.size))
    return int(total), list(rows)
