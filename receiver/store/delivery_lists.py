"""Deliveries as lists for people: newest first, read lane by lane, so that those who look do not wait for a long backlog."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select, union_all

from receiver.store.database import Tx
from receiver.store.lanes import UNSETTLED, WAITING
from receiver.store.tables import delivery, lane

# Parts of one statement; SQLite takes at most 500.
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which ones.

    Attributes:
        before: only those with a lower id.
    """

    subscription: int | None = None
    device: int | None = None
    state: str | None = None
    event: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 50


def listed(tx: Tx, wanted: DeliveryFilter) -> list[Row[Any]]:
    """Those that fit, newest first."""
    if wanted.event is not None:
        return _of_event(tx, wanted)
    ids: list[int] = []
    parts = [select(part.subquery().c.id) for part in _parts(tx, wanted)]
    for start in range(0, len(parts), AT_ONCE):
        ids += tx.execute(union_all(*parts[start : start + AT_ONCE])).scalars()
    newest = sorted(ids, reverse=True)[: wanted.limit]
    return list(tx.execute(select(delivery).where(delivery.c.id.in_(newest)).order_by(delivery.c.id.desc())))


def find(tx: Tx, delivery_id: int) -> Row[Any] | None:
    """One; None if it is not there, or not any more."""
    return tx.execute(select(delivery).where(delivery.c.id == delivery_id)).one_or_none()


def _of_event(tx: Tx, wanted: DeliveryFilter) -> list[Row[Any]]:
    where = [delivery.c.event_id == wanted.event, *_bounds(wanted)]
    if wanted.subscription is not None:
        where.append(delivery.c.subscription_id == wanted.subscription)
    if wanted.device is not None:
        where.append(delivery.c.device_id == wanted.device)
    if wanted.state is not None:
        where.append(delivery.c.state.in_(_states(wanted.state)))
    return list(tx.execute(select(delivery).where(*where).order_by(delivery.c.id.desc()).limit(wanted.limit)))


def _parts(tx: Tx, wanted: DeliveryFilter) -> Iterator[Select[tuple[int]]]:
    """The newest ids of each lane and state that has any."""
    of_lanes = select(lane)
    if wanted.subscription is not None:
        of_lanes = of_lanes.where(lane.c.subscription_id == wanted.subscription)
    if wanted.device is not None:
        of_lanes = of_lanes.where(lane.c.device_id == wanted.device)
    bounds = _bounds(wanted)
    for found in tx.execute(of_lanes).all():
        for state in _states(wanted.state):
            if getattr(found, WAITING if state in UNSETTLED else state):
                where = (
                    delivery.c.subscription_id == found.subscription_id,
                    delivery.c.device_id == found.device_id,
                    delivery.c.state == state,
                )
                newest = delivery.c.id.desc()
                yield select(delivery.c.id).where(*where, *bounds).order_by(newest).limit(wanted.limit)


def _states(state: str | None) -> Sequence[str]:
    if state is None:
        return (*UNSETTLED, "delivered", "dead", "dropped")
    return UNSETTLED if state == WAITING else (state,)


def _bounds(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    bounds: list[ColumnElement[bool]] = []
    if wanted.before is not None:
        bounds.append(delivery.c.id < wanted.before)
    if wanted.since is not None:
        bounds.append(delivery.c.created_at >= wanted.since)
    if wanted.until is not None:
        bounds.append(delivery.c.created_at <= wanted.until)
    return bounds
