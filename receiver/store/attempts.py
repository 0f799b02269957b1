"""Every try to pass a delivery on, for a while."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select

from receiver.store.batches import insert_rows
from receiver.store.database import Tx
from receiver.store.tables import attempt

# Of one delivery the newest are kept: a destination that is away for months is probed once a minute.
OF_ONE = 50


def add(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes tries."""
    insert_rows(tx, attempt, rows)


def of_delivery(tx: Tx, delivery_id: int) -> list[Row[Any]]:
    """The tries of one delivery, oldest first."""
    return list(tx.execute(select(attempt).where(attempt.c.delivery_id == delivery_id).order_by(attempt.c.id)))


def trim(tx: Tx, delivery_ids: Sequence[int]) -> None:
    """Of each only the newest stay."""
    for delivery_id in delivery_ids:
        own = attempt.c.delivery_id == delivery_id
        oldest = select(attempt.c.id).where(own).order_by(attempt.c.id.desc()).offset(OF_ONE).limit(1)
        tx.execute(delete(attempt).where(own, attempt.c.id <= oldest.scalar_subquery()))


def drop(tx: Tx, delivery_ids: Sequence[int]) -> None:
    """Those of deliveries that go."""
    tx.execute(delete(attempt).where(attempt.c.delivery_id.in_(list(delivery_ids))))


def newest_at(tx: Tx, delivery_ids: Sequence[int]) -> dict[int, datetime]:
    """When each was last tried."""
    where = attempt.c.delivery_id.in_(list(delivery_ids))
    rows = tx.execute(
        select(attempt.c.delivery_id, func.max(attempt.c.at).label("at")).where(where).group_by(attempt.c.delivery_id)
    )
    return {row.delivery_id: row.at for row in rows}
