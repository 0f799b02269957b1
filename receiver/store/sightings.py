"""Past sightings: read newest first in pages of bounded size, so that a search through years holds none of them in memory."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select

from receiver.store.database import Tx
from receiver.store.erasures import is_visible
from receiver.store.listing import is_device
from receiver.store.tables import event, gate, sighting

# A device's picture of the person whom it believes to see is nobody who stood there.
NOBODY_THERE = "library"
SHORT = 19  # digits that fit an id
# Ids in one statement; SQLite takes 32766, and a picture of a crowd finds more.
IDS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFilter:
    """Which past sightings are meant; None means any.

    Attributes:
        model: the embedding model; rows of others are given without their embedding.
        size: bytes of an embedding of that model.
        since: the events occurred then or later ...
        until: ... and then or earlier.
        gate: a gate's id, key, address or name.
        device: a device's id, key, licence or address.
    """

    model: str
    size: int
    since: datetime
    until: datetime
    gate: str | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reading stands: the last row that was read."""

    occurred_at: datetime
    sighting_id: int


def page(tx: Tx, wanted: PastFilter, after: Place | None, limit: int) -> list[Row[Any]]:
    """(id, event_id, occurred_at, embedding or None) of the next sightings, newest first.

    Sightings of one moment come by descending id, so that with ``after`` none is read twice and none is passed over.
    """
    is_wanted = and_(sighting.c.model == wanted.model, func.length(sighting.c.embedding) == wanted.size)
    statement = (
        select(
            sighting.c.id,
            sighting.c.event_id,
            sighting.c.occurred_at,
            case((is_wanted, sighting.c.embedding)).label("embedding"),
        )
        .where(*_conditions(wanted, after))
        .order_by(sighting.c.occurred_at.desc(), sighting.c.id.desc())
        .limit(limit)
    )
    return list(tx.execute(statement))


def _conditions(wanted: PastFilter, after: Place | None) -> list[ColumnElement[bool]]:
    until = wanted.until if after is None else min(after.occurred_at, wanted.until)
    conditions = [
        sighting.c.occurred_at.between(wanted.since, until),
        sighting.c.kind != NOBODY_THERE,
        is_visible(sighting.c.event_id),
    ]
    if after is not None:
        conditions.append(or_(sighting.c.occurred_at < after.occurred_at, sighting.c.id < after.sighting_id))
    if wanted.gate is not None:
        conditions.append(sighting.c.gate_id.in_(gates_named(wanted.gate)))
    if wanted.device is not None:
        told_by = select(event.c.id).where(event.c.id == sighting.c.event_id, is_device(wanted.device))
        conditions.append(told_by.exists())
    return conditions


def gates_named(name: str) -> Any:
    """The ids of the gates that people mean by a name."""
    if name.isdecimal() and len(name) < SHORT:
        return [int(name)]
    return select(gate.c.id).where(or_(gate.c.key == name, gate.c.address == name, gate.c.name == name))


def in_full(tx: Tx, ids: Collection[int]) -> dict[int, Row[Any]]:
    """Sightings with what their events say: (id, event_id, kind, box, quality, digest, occurred_at, gate_id, device_id,
    decision, person_id) by id.
    """
    statement = select(
        sighting.c.id,
        sighting.c.event_id,
        sighting.c.kind,
        sighting.c.box,
        sighting.c.quality,
        sighting.c.digest,
        event.c.occurred_at,
        event.c.gate_id,
        event.c.device_id,
        event.c.decision,
        event.c.person_id,
    ).join(event, event.c.id == sighting.c.event_id)
    wanted = sorted(ids)
    found: dict[int, Row[Any]] = {}
    for start in range(0, len(wanted), IDS):
        some = statement.where(sighting.c.id.in_(wanted[start : start + IDS]))
        found |= {row.id: row for row in tx.execute(some)}
    return found
