"""Which deliveries give way where the backlog is larger than it may be."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, select, update

from receiver.store import lanes
from receiver.store.database import Tx
from receiver.store.lanes import UNSETTLED
from receiver.store.tables import delivery, message


def with_pictures(tx: Tx, after: int, limit: int) -> tuple[list[Row[Any]], int | None]:
    """Of the next deliveries above an id, those of events that still are to go with their pictures; the last id looked at
    (None at the end).
    """
    columns = (
        delivery.c.id, delivery.c.subscription_id, delivery.c.device_id, delivery.c.message_id, delivery.c.size,
    )  # fmt: skip
    seen = select(delivery.c.id).where(delivery.c.id > after).order_by(delivery.c.id).limit(limit).subquery()
    last = tx.execute(select(func.max(seen.c.id))).scalar()
    if last is None:
        return [], None
    where = (
        delivery.c.id.between(after + 1, last),
        delivery.c.state.in_(UNSETTLED),
        delivery.c.is_bare.is_(False),
        delivery.c.message_id.is_not(None),
    )
    return list(tx.execute(select(*columns).where(*where).order_by(delivery.c.id))), int(last)


def bare_sizes(tx: Tx, rows: Sequence[Row[Any]]) -> dict[int, int]:
    """Delivery id -> bytes of its message without pictures."""
    ids = [row.message_id for row in rows]
    found = tx.execute(select(message.c.id, func.length(message.c.raw).label("size")).where(message.c.id.in_(ids)))
    of_message = {row.id: int(row.size) for row in found}
    return {row.id: min(row.size, of_message.get(row.message_id, 0)) for row in rows}


def until_saved(rows: Sequence[Row[Any]], sizes: Mapping[int, int], surplus: int) -> list[Row[Any]]:
    """As many of the rows, from the first, as it takes to save so many bytes; ``sizes``: what is left of each, by id."""
    found = []
    for row in rows:
        if surplus <= 0:
            break
        found.append(row)
        surplus -= row.size - sizes.get(row.id, 0)
    return found


def bare(tx: Tx, rows: Sequence[Row[Any]], sizes: Mapping[int, int]) -> int:
    """Deliveries go without their pictures from now on, and take so many bytes each, by id; the bytes that are saved."""
    saved = 0
    groups: dict[tuple[int, int], list[Row[Any]]] = {}
    for row in sorted(rows, key=lambda row: (row.subscription_id, row.device_id, row.id)):
        groups.setdefault((row.subscription_id, row.device_id), []).append(row)
    for key, group in groups.items():
        gone = sum(row.size - sizes[row.id] for row in group)
        for row in group:
            tx.execute(update(delivery).where(delivery.c.id == row.id).values(is_bare=True, size=sizes[row.id]))
        lanes.bare(tx, key, len(group), gone)
        saved += gone
    return saved


def oldest_of(tx: Tx, subscription_ids: Sequence[int], limit: int) -> list[Row[Any]]:
    """The oldest deliveries of subscriptions that wait: id and size."""
    where = (delivery.c.subscription_id.in_(list(subscription_ids)), delivery.c.state.in_(UNSETTLED))
    return list(tx.execute(select(delivery.c.id, delivery.c.size).where(*where).order_by(delivery.c.id).limit(limit)))
