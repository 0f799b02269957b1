"""Since when each subscription's oldest delivery waits, however long the backlog is."""

from datetime import datetime

from sqlalchemy import func, select

from receiver.store.database import Tx
from receiver.store.lanes import UNSETTLED
from receiver.store.tables import delivery, lane


def oldest(tx: Tx) -> dict[int, datetime]:
    """Subscription id -> when the oldest delivery that waits was made; looks at one row of each lane and state."""
    found: dict[int, datetime] = {}
    for state in UNSETTLED:
        first = select(func.min(delivery.c.id)).where(
            delivery.c.subscription_id == lane.c.subscription_id,
            delivery.c.device_id == lane.c.device_id,
            delivery.c.state == state,
        )
        heads = select(first.scalar_subquery().label("id")).where(lane.c.waiting > 0).subquery()
        statement = (
            select(delivery.c.subscription_id, func.min(delivery.c.created_at).label("since"))
            .join(heads, heads.c.id == delivery.c.id)
            .group_by(delivery.c.subscription_id)
        )
        for row in tx.execute(statement):
            found[row.subscription_id] = min(row.since, found.get(row.subscription_id, row.since))
    return found
