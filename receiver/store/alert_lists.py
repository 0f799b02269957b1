"""Lists and figures of alerts for people, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, func, literal_column, or_, select, type_coerce

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.store.alerts import visible
from receiver.store.database import Tx
from receiver.store.tables import account, alert, alert_event, event
from receiver.store.types import EPOCH


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """What alerts to list; None means any. ``before`` is the cursor: only alerts with a smaller id."""

    state: str | None = None
    severity: str | None = None
    kind: str | None = None
    source: str | None = None
    rule: int | None = None
    device: int | None = None
    gate: int | None = None
    person: int | None = None
    event: int | None = None
    assigned_to: int | None = None
    verified: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    limits: Limits = NO_LIMITS
    before: int | None = None
    limit: int = 50


def listed(tx: Tx, wanted: AlertFilter) -> list[Row[Any]]:
    """Alerts newest first."""
    statement = select(alert).where(*_conditions(wanted)).order_by(alert.c.id.desc()).limit(wanted.limit)
    return list(tx.execute(statement))


def found(tx: Tx, alert_id: int, limits: Limits) -> Row[Any] | None:
    """One alert, if somebody with those limits may see it."""
    return tx.execute(select(alert).where(alert.c.id == alert_id, *visible(limits))).one_or_none()


def _conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    equal = {
        alert.c.state: wanted.state,
        alert.c.severity: wanted.severity,
        alert.c.kind: wanted.kind,
        alert.c.source: wanted.source,
        alert.c.rule_id: wanted.rule,
        alert.c.device_id: wanted.device,
        alert.c.gate_id: wanted.gate,
        alert.c.assigned_to: wanted.assigned_to,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    conditions += visible(wanted.limits)
    if wanted.verified is not None:
        conditions.append(alert.c.is_unverified.is_(not wanted.verified))
    if wanted.before is not None:
        conditions.append(alert.c.id < wanted.before)
    if wanted.since is not None:
        conditions.append(alert.c.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(alert.c.started_at <= wanted.until)
    return conditions + _about(wanted)


def _about(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    """By what an alert's events say now: a correction may have given them to somebody else since."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.person is not None:
        theirs = select(event.c.id).where(event.c.id == alert.c.event_id, event.c.person_id == wanted.person)
        own = alert.c.event_id.is_(None) & (alert.c.person_id == wanted.person)
        conditions.append(or_(own, theirs.correlate(alert).exists()))
    if wanted.event is not None:
        with_it = select(alert_event.c.alert_id).where(alert_event.c.event_id == wanted.event)
        conditions.append(alert.c.id.in_(with_it))
    return conditions


def people_of(tx: Tx, rows: Sequence[Row[Any]]) -> dict[int, int]:
    """Whom each alert is about: whom its first event shows by now, else whom the alert names."""
    events = [row.event_id for row in rows if row.event_id is not None]
    found: list[Any] = list(tx.execute(select(event.c.id, event.c.person_id).where(event.c.id.in_(events))))
    shown = {row.id: row.person_id for row in found}
    about = {
        row.id: shown.get(row.event_id, row.person_id) if row.event_id is not None else row.person_id for row in rows
    }
    return {alert_id: person_id for alert_id, person_id in about.items() if person_id is not None}


def account_names(tx: Tx, ids: set[int]) -> dict[int, str]:
    """The names of accounts."""
    found: list[Any] = (
        list(tx.execute(select(account.c.id, account.c.name).where(account.c.id.in_(ids)))) if ids else []
    )
    return {row.id: row.name for row in found}


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened in a period.

    Attributes:
        by: (kind, severity, state, outcome, rule or None, device or None) -> number of alerts opened.
        answered: how many of them were acknowledged, and how many seconds that took on the whole.
        closed: the same of closing.
    """

    by: dict[tuple[str, str, str, str, int | None, int | None], int]
    answered: tuple[int, float]
    closed: tuple[int, float]


# In microseconds, which is how SQLite has times.
HOUR = 3_600_000_000
GROUPED_BY = ("kind", "severity", "state", "outcome", "rule", "device")
# More groups than a page shows; the rest is counted together nowhere, since no site has so many.
GROUPS = 5000


def figures(tx: Tx, since: datetime, until: datetime, limits: Limits) -> Figures:
    """Of the alerts opened in a period."""
    where = [alert.c.opened_at >= since, alert.c.opened_at < until, *visible(limits)]
    groups = (alert.c.kind, alert.c.severity, alert.c.state, alert.c.outcome, alert.c.rule_id, alert.c.device_id)
    statement = select(*groups, func.count()).where(*where).group_by(*groups).limit(GROUPS)
    by = {tuple(row[:-1]): int(row[-1]) for row in tx.execute(statement)}
    return Figures(by, _took(tx, where, alert.c.acknowledged_at), _took(tx, where, alert.c.closed_at))


def by_hour(tx: Tx, since: datetime, until: datetime, limits: Limits) -> list[tuple[datetime, int]]:
    """How many alerts were opened in each hour (UTC) of a period in which there were any."""
    where = [alert.c.opened_at >= since, alert.c.opened_at < until, *visible(limits)]
    hour: ColumnElement[Any] = type_coerce(alert.c.opened_at, BigInteger) // literal_column(str(HOUR), BigInteger)
    if tx.dialect.name != "sqlite":
        hour = func.floor(func.extract("epoch", alert.c.opened_at) / literal_column("3600"))
    hour = hour.label("hour")
    rows = tx.execute(select(hour, func.count()).where(*where).group_by(hour).order_by(hour))
    return [(EPOCH + int(row[0]) * timedelta(hours=1), int(row[1])) for row in rows]


def _took(tx: Tx, where: list[ColumnElement[bool]], column: Any) -> tuple[int, float]:
    """How many alerts have that time, and how many seconds lie between their opening and it."""
    # Microseconds on SQLite, an interval on PostgreSQL; neither is a time any more.
    took = type_coerce(column, BigInteger) - type_coerce(alert.c.opened_at, BigInteger)
    if tx.dialect.name != "sqlite":
        took = func.extract("epoch", column - alert.c.opened_at) * 1_000_000
    number, total = tx.execute(select(func.count(), func.sum(took)).where(*where, column.is_not(None))).one()
    return int(number), float(total or 0) / 1_000_000
