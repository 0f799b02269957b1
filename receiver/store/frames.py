"""Frames: pictures of alerts, and of devices' calm streams."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, func, or_, select

from receiver.domain.alerts import AlertState
from receiver.store import alert_upkeep, numbering
from receiver.store.batches import insert_rows
from receiver.store.database import Tx
from receiver.store.tables import alert, frame


def add(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Writes new frames; their ids."""
    if not rows:
        return []
    ids = list(numbering.take(tx, frame, len(rows)))
    insert_rows(tx, frame, [{"id": number, **row} for number, row in zip(ids, rows, strict=True)])
    return ids


def find(tx: Tx, frame_id: int) -> Row[Any] | None:
    """One frame, or None."""
    return tx.execute(select(frame).where(frame.c.id == frame_id)).one_or_none()


def newest_of_alert(tx: Tx, alert_id: int, before: int | None, limit: int) -> list[Row[Any]]:
    """An alert's frames, newest first."""
    statement = select(frame).where(frame.c.alert_id == alert_id).order_by(frame.c.id.desc())
    if before is not None:
        statement = statement.where(frame.c.id < before)
    return list(tx.execute(statement.limit(limit)))


def counts(tx: Tx, alert_ids: Sequence[int]) -> dict[int, int]:
    """How many frames each of the alerts has."""
    statement = select(frame.c.alert_id, func.count()).where(frame.c.alert_id.in_(list(alert_ids)))
    return {row[0]: row[1] for row in tx.execute(statement.group_by(frame.c.alert_id))}


def last_of(tx: Tx, device_id: int) -> Row[Any] | None:
    """The device's newest frame, calm or of an alert; None if it has sent none."""
    statement = select(frame).where(frame.c.device_id == device_id).order_by(frame.c.id.desc()).limit(1)
    return tx.execute(statement).one_or_none()


def known_alerts(tx: Tx, alert_ids: Sequence[int]) -> dict[int, Row[Any]]:
    """(id, device_id, ended_at, state) of those of the alerts that there are."""
    columns = (alert.c.id, alert.c.device_id, alert.c.ended_at, alert.c.state)
    found: list[Any] = list(tx.execute(select(*columns).where(alert.c.id.in_(list(alert_ids)))))
    return {row.id: row for row in found}


def referred(tx: Tx, digests: Sequence[bytes]) -> set[bytes]:
    """Those of the digests that a frame refers to."""
    return set(tx.execute(select(frame.c.digest).where(frame.c.digest.in_(list(digests))).distinct()).scalars())


def size(tx: Tx) -> int:
    """Bytes of all frames; a picture that was sent twice counts twice."""
    return int(tx.execute(select(func.coalesce(func.sum(frame.c.bytes), 0))).scalar_one())


def drop_before(tx: Tx, before: datetime, limit: int) -> int:
    """Deletes some frames from before a time; those of alerts that nobody has closed or that must be kept stay. How many."""
    gone = select(frame.c.id).where(frame.c.received_at < before, _is_free()).order_by(frame.c.received_at).limit(limit)
    return tx.execute(delete(frame).where(frame.c.id.in_(gone))).rowcount


def count_before(tx: Tx, before: datetime) -> int:
    """How many ``drop_before`` would delete."""
    statement = select(func.count()).select_from(frame).where(frame.c.received_at < before, _is_free())
    return int(tx.execute(statement).scalar_one())


def _is_free() -> ColumnElement[bool]:
    must_stay = or_(alert.c.state != AlertState.CLOSED, alert_upkeep.is_held())
    return ~exists().where(alert.c.id == frame.c.alert_id, must_stay)


def drop_oldest(tx: Tx, *, is_calm: bool, before: datetime, beyond: int, limit: int) -> list[Row[Any]]:
    """Deletes the oldest frames from before a time, calm ones or those of closed alerts that need not be kept, until so many
    bytes are free.

    (id, bytes, digest) of each.
    """
    where = frame.c.alert_id.is_(None) if is_calm else (frame.c.alert_id.is_not(None) & _is_free())
    statement = select(frame.c.id, frame.c.bytes, frame.c.digest).where(where, frame.c.received_at < before)
    freed = 0
    gone: list[Any] = []
    for row in tx.execute(statement.order_by(frame.c.id).limit(limit)):
        if freed >= beyond:
            break
        freed += row.bytes
        gone.append(row)
    tx.execute(delete(frame).where(frame.c.id.in_([row.id for row in gone])))
    return gone
