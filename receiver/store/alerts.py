"""Alerts: opened once however often they are repeated, changed by people and devices, each change with its step."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.domain.accounts import Limits
from receiver.domain.alerts import AlertState
from receiver.store.batches import insert_rows
from receiver.store.database import Tx
from receiver.store.erasures import is_visible
from receiver.store.limiting import alerts_within
from receiver.store.tables import alert, alert_event, alert_key, alert_step

# The task that judges an event by what its device says, where nobody reads faces.
TOPIC = "judge"


def add(tx: Tx, values: Mapping[str, Any]) -> Row[Any]:
    """Writes a new alert; returns it."""
    return tx.execute(insert(alert).values(**values).returning(alert)).one()


def change(tx: Tx, alert_id: int, values: Mapping[str, Any]) -> Row[Any]:
    """Sets columns of one alert; returns it as it is then."""
    return tx.execute(update(alert).where(alert.c.id == alert_id).values(**values).returning(alert)).one()


def find(tx: Tx, alert_id: int) -> Row[Any] | None:
    """One alert, or None."""
    return tx.execute(select(alert).where(alert.c.id == alert_id)).one_or_none()


def in_sight(tx: Tx, ids: Collection[int], limits: Limits) -> set[int]:
    """Those of the alerts that an account with these limits may see, and whose people are not being erased."""
    if not ids:
        return set()
    statement = select(alert.c.id).where(alert.c.id.in_(list(ids)), *visible(limits))
    return set(tx.execute(statement).scalars())


def visible(limits: Limits) -> list[ColumnElement[bool]]:
    """Of the table ``alert``: what somebody with those limits is shown."""
    return [or_(alert.c.event_id.is_(None), is_visible(alert.c.event_id)), *alerts_within(limits)]


def held(tx: Tx, alert_id: int) -> Row[Any] | None:
    """One alert, that stays as it is until this write transaction has ended; None if there is none."""
    return tx.execute(select(alert).where(alert.c.id == alert_id).with_for_update()).one_or_none()


def claim_key(tx: Tx, key: str, now: datetime) -> Row[Any]:
    """(alert_id, last_at) of the alert with that key that occurred last; alert_id is None if there was none.

    The key is this transaction's alone until its end, so that two workers who meet one person open one alert.
    """
    make = sqlite.insert(alert_key) if tx.dialect.name == "sqlite" else postgresql.insert(alert_key)
    statement = make.values(key=key, alert_id=None, last_at=now)
    statement = statement.on_conflict_do_update(index_elements=["key"], set_={"key": key})
    return tx.execute(statement.returning(alert_key.c.alert_id, alert_key.c.last_at)).one()


def keep_key(tx: Tx, key: str, alert_id: int, last_at: datetime) -> None:
    """The key has an alert that occurred then; one that occurred later stays its newest."""
    is_newest = or_(alert_key.c.alert_id.is_(None), alert_key.c.last_at <= last_at)
    tx.execute(update(alert_key).where(alert_key.c.key == key, is_newest).values(alert_id=alert_id, last_at=last_at))


def last_begun(tx: Tx, key: str, until: datetime) -> Row[Any] | None:
    """Of the alerts with that key that nobody has closed, the one that began last before a time; held like ``held``."""
    # As its index has it: a parameter would hide from the database that they are the same.
    is_lasting = alert.c.state != literal_column(f"'{AlertState.CLOSED}'")
    statement = select(alert).where(alert.c.key == key, is_lasting, alert.c.started_at <= until)
    return tx.execute(statement.order_by(alert.c.started_at.desc()).limit(1).with_for_update()).one_or_none()


def known_keys(tx: Tx, keys: Collection[str]) -> dict[str, Row[Any]]:
    """(alert_id, last_at) of those of the keys that there are."""
    found: list[Any] = list(tx.execute(select(alert_key).where(alert_key.c.key.in_(list(keys)))))
    return {row.key: row for row in found}


def add_event(tx: Tx, alert_id: int, event_id: int) -> None:
    """The event is one of the alert's."""
    insert_rows(tx, alert_event, [{"alert_id": alert_id, "event_id": event_id}], may_exist=True)


def rules_told_of(tx: Tx, event_id: int) -> set[int]:
    """The rules whose alerts have that event already."""
    statement = (
        select(alert.c.rule_id)
        .join(alert_event, alert_event.c.alert_id == alert.c.id)
        .where(alert_event.c.event_id == event_id, alert.c.rule_id.is_not(None))
    )
    return set(tx.execute(statement).scalars())


def add_step(tx: Tx, alert_id: int, kind: str, who: tuple[str, datetime], said: str = "") -> None:
    """Notes what was done to an alert: by whom, when, and what was said."""
    by, at = who
    tx.execute(insert(alert_step).values(alert_id=alert_id, kind=kind, at=at, by=by[:255], text=said))


def steps_of(tx: Tx, alert_id: int) -> list[Row[Any]]:
    """What was done to an alert, oldest first."""
    return list(tx.execute(select(alert_step).where(alert_step.c.alert_id == alert_id).order_by(alert_step.c.id)))


def events_of(tx: Tx, alert_id: int, limit: int) -> list[int]:
    """The newest of an alert's events, by their ids."""
    statement = select(alert_event.c.event_id).where(alert_event.c.alert_id == alert_id)
    return list(tx.execute(statement.order_by(alert_event.c.event_id.desc()).limit(limit)).scalars())


def of_event(tx: Tx, event_ids: Iterable[int]) -> dict[int, list[int]]:
    """The alerts that have those events, by event."""
    found: dict[int, list[int]] = {}
    statement = select(alert_event).where(alert_event.c.event_id.in_(list(event_ids))).order_by(alert_event.c.alert_id)
    for row in tx.execute(statement):
        found.setdefault(row.event_id, []).append(row.alert_id)
    return found


def to_escalate(tx: Tx, now: datetime, limit: int) -> Sequence[int]:
    """Open alerts whose time to be answered is over."""
    statement = (
        select(alert.c.id)
        .where(alert.c.escalate_at <= now, alert.c.state == AlertState.OPEN)
        .order_by(alert.c.escalate_at)
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())
