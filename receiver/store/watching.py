"""How things stand, for rules that look at them every few seconds: silent devices, what grows in quarantine and in the backlog."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, String, cast, exists, func, literal, select

from receiver.domain.alerts import AlertState
from receiver.domain.rules import Conditions, Trigger
from receiver.domain.trust import State
from receiver.store.database import Tx
from receiver.store.outbox import WAITING
from receiver.store.tables import alert, alert_key, delivery, device, gate, quarantine, task

# Silent devices that one look finds: when the network is gone all are, and the next look finds the others.
MOST_DEVICES = 500


def silent_devices(tx: Tx, asked: Conditions, before: datetime, prefix: str) -> list[Row[Any]]:
    """(id, last_seen) of trusted devices that were last heard before a time, and of whose silence nobody was told yet.

    Where the conditions name none, those that report their status: others are heard when somebody passes, and at night
    nobody does. ``prefix``: what the keys of alerts about a silence begin with; the device's id follows.
    """
    key = literal(prefix, String).concat(cast(device.c.id, String))
    told = exists().where(alert_key.c.key == key, alert_key.c.last_at >= device.c.last_seen)
    where: list[ColumnElement[bool]] = [device.c.state == State.TRUSTED, device.c.last_seen < before, ~told]
    named = _named(asked)
    where += named or [device.c.status_at.is_not(None)]
    statement = select(device.c.id, device.c.last_seen).where(*where).order_by(device.c.id).limit(MOST_DEVICES)
    return list(tx.execute(statement))


def _named(asked: Conditions) -> list[ColumnElement[bool]]:
    named: list[ColumnElement[bool]] = []
    if asked.devices:
        named.append(device.c.id.in_(sorted(asked.devices)))
    if asked.device_groups:
        named.append(device.c.device_group.in_(sorted(asked.device_groups)))
    if asked.gates:
        named.append(device.c.id.in_(select(gate.c.device_id).where(gate.c.id.in_(sorted(asked.gates)))))
    return named


def last_heard(tx: Tx, device_ids: Collection[int]) -> dict[int, datetime]:
    """When each of the devices was last heard."""
    statement = select(device.c.id, device.c.last_seen).where(device.c.id.in_(list(device_ids)))
    return {row.id: row.last_seen for row in tx.execute(statement)}


def quarantined_since(tx: Tx, since: datetime, most: int) -> int:
    """How many items of devices that somebody trusts came into quarantine since then; counted up to ``most``."""
    newest = select(quarantine.c.received_at).where(quarantine.c.unverified_peer.is_(None))
    some = newest.order_by(quarantine.c.id.desc()).limit(most).subquery()
    counted = select(func.count()).select_from(some).where(some.c.received_at >= since)
    return int(tx.execute(counted).scalar_one())


def backlog(tx: Tx, now: datetime, most: int) -> tuple[int, datetime | None]:
    """How many tasks and deliveries wait, each counted up to ``most``, and since when the oldest does; None: nothing."""
    due = select(task.c.created_at).where(task.c.state == WAITING, task.c.due_at <= now)
    sent = select(delivery.c.created_at).where(delivery.c.state == WAITING)
    number, oldest = 0, None
    for each in (due, sent):
        some = each.limit(most).subquery()
        counted, began = tx.execute(select(func.count(), func.min(some.c.created_at))).one()
        number += int(counted)
        oldest = min((moment for moment in (oldest, began) if moment is not None), default=None)
    return number, oldest


def lasting(tx: Tx, trigger: Trigger) -> list[Row[Any]]:
    """The alerts of a tick's rules that are not closed."""
    where = (alert.c.kind == trigger.value, alert.c.state != AlertState.CLOSED, alert.c.rule_id.is_not(None))
    return list(tx.execute(select(alert).where(*where).order_by(alert.c.id)))
