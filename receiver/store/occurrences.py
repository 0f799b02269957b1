"""What has happened to people, devices and reviews: noted in its transaction if anybody wants to be told, told by the worker."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select

from receiver.store import subscriptions
from receiver.store.database import Tx
from receiver.store.tables import occurrence


def note(tx: Tx, topic: str, subject: int, kind: str, at: datetime) -> None:
    """Notes it, where a subscription has the topic."""
    if topic in subscriptions.wanted_topics(tx):
        values = {"topic": topic, "subject": subject, "kind": kind, "at": at}
        tx.execute(insert(occurrence), values)


def is_any(tx: Tx) -> bool:
    """Whether there is anything to tell."""
    return tx.execute(select(occurrence.c.id).limit(1)).first() is not None


def oldest(tx: Tx, limit: int) -> list[Row[Any]]:
    """The oldest ones, which nobody else tells of until this transaction has ended."""
    statement = select(occurrence).order_by(occurrence.c.id).limit(limit).with_for_update(skip_locked=True)
    return list(tx.execute(statement))


def drop(tx: Tx, ids: Sequence[int]) -> None:
    """They have been told of."""
    tx.execute(delete(occurrence).where(occurrence.c.id.in_(list(ids))))
