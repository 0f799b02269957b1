"""The past as rules see it: events in the order in which they occurred, with no more of each than rules ask for."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select

from receiver.store.database import Tx
from receiver.store.erasures import is_visible
from receiver.store.tables import event

_FACTS = (
    event.c.id, event.c.occurred_at, event.c.device_id, event.c.gate_id, event.c.person_id, event.c.list, event.c.decision,
    event.c.decision_detail, event.c.blacklist_said_by, event.c.second_opinion, event.c.identity_id,
)  # fmt: skip


def page(tx: Tx, period: tuple[datetime, datetime], place: tuple[datetime, int] | None, limit: int) -> list[Row[Any]]:
    """The next events of a period behind a place; those of devices that nobody has trusted would have opened nothing."""
    since, until = period
    where = [
        event.c.occurred_at >= since,
        event.c.occurred_at < until,
        event.c.unverified.is_(None),
        is_visible(event.c.id),
    ]
    if place is not None:
        moment, last_id = place
        where += [event.c.occurred_at >= moment, or_(event.c.occurred_at > moment, event.c.id > last_id)]
    statement = select(*_FACTS).where(*where).order_by(event.c.occurred_at, event.c.id).limit(limit)
    return list(tx.execute(statement))
