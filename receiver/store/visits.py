"""Visits, reckoned from events: how often somebody came, when, and where; each query reads one index and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    Interval,
    Row,
    Select,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.store.database import Tx
from receiver.store.limiting import events_within
from receiver.store.tables import event, event_picture, sighting
from receiver.store.types import MICROSECOND

# Ids in one statement; SQLite takes 32766.
IDS = 10_000
# Events that a page of a timeline reads at first.
NEWEST = 500


def counted(tx: Tx, where: ColumnElement[bool], pause: timedelta) -> Select[Any]:
    """(person_id, visits, events, first_seen, last_seen) of the events that fulfil a condition, as a query.

    Args:
        tx: any.
        where: which events.
        pause: sightings that lie no further apart are one visit.
    """
    seen = select(event.c.person_id, event.c.occurred_at, _previous()).where(where).subquery()
    return select(
        seen.c.person_id,
        func.sum(case((_begins(tx, seen.c.occurred_at, seen.c.previous, pause), 1), else_=0)).label("visits"),
        func.count().label("events"),
        func.min(seen.c.occurred_at).label("first_seen"),
        func.max(seen.c.occurred_at).label("last_seen"),
    ).group_by(seen.c.person_id)


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose visits, as somebody with those limits sees them."""

    person_id: int
    limits: Limits = NO_LIMITS

    def conditions(self) -> list[ColumnElement[bool]]:
        """Of the table ``event``."""
        return [event.c.person_id == self.person_id, *events_within(self.limits)]


def starts(tx: Tx, whose: Whose, pause: timedelta, before: datetime | None, limit: int) -> list[datetime]:
    """When somebody's visits began, the latest first; only those that began earlier than ``before``.

    The latest events are enough for nearly everybody; of a poster, whose visits have thousands of them, more are read.
    """
    where = whose.conditions()
    if before is not None:
        where.append(event.c.occurred_at < before)
    reach = NEWEST
    while True:
        found = _starts_among(tx, select(event.c.occurred_at).where(*where), pause, (reach, limit + 1))
        # What comes before the oldest event that was read was not seen: it may belong to the same visit.
        if len(found) > limit or not found or not _is_anything(tx, [*where, event.c.occurred_at < found[-1]]):
            return found[:limit]
        reach *= 8


def _starts_among(tx: Tx, moments: Select[Any], pause: timedelta, most: tuple[int, int]) -> list[datetime]:
    """Of the newest events, so many at most; and so many starts at most."""
    reach, limit = most
    newest = moments.order_by(event.c.occurred_at.desc()).limit(reach).subquery()
    previous = func.lag(newest.c.occurred_at).over(order_by=newest.c.occurred_at).label("previous")
    seen = select(newest.c.occurred_at, previous).subquery()
    begins = _begins(tx, seen.c.occurred_at, seen.c.previous, pause)
    statement = select(seen.c.occurred_at).where(begins).order_by(seen.c.occurred_at.desc()).limit(limit)
    return list(tx.execute(statement).scalars())


def _is_anything(tx: Tx, where: Sequence[ColumnElement[bool]]) -> bool:
    return tx.execute(select(event.c.id).where(*where).limit(1)).first() is not None


def during(tx: Tx, whose: Whose, pause: timedelta, since: datetime, before: datetime | None) -> list[Row[Any]]:
    """(visit, device_id, gate_id, events, first_seen, last_seen, first_event, last_event) of the visits that began
    between two moments, by gate; ``visit`` is a number that is the same for the rows of one.

    Args:
        tx: any.
        whose: see Whose.
        pause: see ``counted``.
        since: the beginning of a visit.
        before: the beginning of another one, which is left out; None: up to now.
    """
    numbered = _numbered(tx, whose, pause, since, before)
    statement = select(
        numbered.c.visit,
        numbered.c.device_id,
        numbered.c.gate_id,
        func.count().label("events"),
        func.min(numbered.c.occurred_at).label("first_seen"),
        func.max(numbered.c.occurred_at).label("last_seen"),
        func.min(numbered.c.id).label("first_event"),
        func.max(numbered.c.id).label("last_event"),
    ).group_by(numbered.c.visit, numbered.c.device_id, numbered.c.gate_id)
    return list(tx.execute(statement))


def _numbered(tx: Tx, whose: Whose, pause: timedelta, since: datetime, before: datetime | None) -> CTE:
    where = [*whose.conditions(), event.c.occurred_at >= since]
    if before is not None:
        where.append(event.c.occurred_at < before)
    columns = (event.c.id, event.c.occurred_at, event.c.gate_id, event.c.device_id)
    seen = select(*columns, _previous()).where(*where).subquery()
    is_start = case((_begins(tx, seen.c.occurred_at, seen.c.previous, pause), 1), else_=0)
    visit = func.sum(is_start).over(order_by=seen.c.occurred_at).label("visit")
    return select(seen.c.id, seen.c.occurred_at, seen.c.gate_id, seen.c.device_id, visit).cte("numbered")


def _previous() -> ColumnElement[Any]:
    """When the same person was seen the time before."""
    previous = func.lag(event.c.occurred_at)
    return previous.over(partition_by=event.c.person_id, order_by=event.c.occurred_at).label("previous")


def _begins(tx: Tx, moment: ColumnElement[Any], previous: ColumnElement[Any], pause: timedelta) -> ColumnElement[bool]:
    """Whether a visit begins with a sighting."""
    if tx.dialect.name == "sqlite":
        apart = type_coerce(moment, BigInteger) - type_coerce(previous, BigInteger)
        return or_(previous.is_(None), apart > pause // MICROSECOND)
    zoned = DateTime(timezone=True)
    return or_(previous.is_(None), type_coerce(moment, zoned) - type_coerce(previous, zoned) > literal(pause, Interval))


# Built once: a hundred ids, each looked at as a statement is built, take longer than finding their pictures.
PICTURES = (
    select(event_picture.c.event_id, event_picture.c.kind, event_picture.c.digest, sighting.c.quality)
    .outerjoin(
        sighting,
        (sighting.c.event_id == event_picture.c.event_id)
        & (sighting.c.digest == event_picture.c.digest)
        & sighting.c.is_live,
    )
    .where(
        event_picture.c.event_id.in_(bindparam("ids", expanding=True)),
        event_picture.c.digest.is_not(None),
        event_picture.c.kind.in_(("face", "scene")),
    )
)


def pictures(tx: Tx, event_ids: Sequence[int]) -> list[Row[Any]]:
    """(event_id, kind, digest, quality) of what is kept of the faces and scenes of those events; quality None where no
    face was read on the picture.
    """
    found: list[Row[Any]] = []
    for start in range(0, len(event_ids), IDS):
        found += tx.execute(PICTURES, {"ids": list(event_ids[start : start + IDS])})
    return found
