"""Announcements of changes, in the order in which they become visible: live streams go on behind the last they have seen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, text

from receiver.store.database import Tx
from receiver.store.tables import announcement

# On which PostgreSQL wakes the web processes at the commit.
CHANNEL = "gatehouse_announcements"


def note(tx: Tx, kind: str, alert_id: int, facts: Mapping[str, Any], now: datetime) -> int:
    """Announces a change in the transaction of the change; returns the announcement's number.

    On PostgreSQL whoever announces is alone until the commit, so that numbers become visible in their order, and a reader
    that has seen one misses none below it; looking at the oldest running transaction instead would let a long one of
    anybody's, in any database of the server, hold up everything that is live. Announce last in a transaction: what is locked
    afterwards could be held by somebody who waits to announce.
    """
    if tx.dialect.name != "sqlite":
        tx.execute(text("SELECT pg_advisory_xact_lock(hashtext('gatehouse.announcements'))"))
        tx.execute(text("SELECT pg_notify('gatehouse_announcements', '')"))
        tx.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})
    row: dict[str, Any] = {"kind": kind, "alert_id": alert_id, "at": now, "facts": dict(facts)}
    return int(tx.execute(insert(announcement).values(**row).returning(announcement.c.id)).scalar_one())


def after(tx: Tx, last_id: int, limit: int) -> list[Row[Any]]:
    """(id, kind, alert_id, at, facts) of the next announcements, in their order."""
    statement = select(announcement).where(announcement.c.id > last_id).order_by(announcement.c.id).limit(limit)
    return list(tx.execute(statement))


def bounds(tx: Tx) -> tuple[int, int]:
    """The oldest and the newest number that are kept; (0, 0) if there is none.

    Whoever has last seen a number below the oldest one may have missed some.
    """
    oldest, newest = tx.execute(select(func.min(announcement.c.id), func.max(announcement.c.id))).one()
    return int(oldest or 0), int(newest or 0)


def drop_before(tx: Tx, before: datetime, limit: int) -> int:
    """Deletes some announcements from before a time; how many. The newest stays, so that the numbers go on behind it."""
    newest = select(func.max(announcement.c.id)).scalar_subquery()
    old = (
        select(announcement.c.id)
        .where(announcement.c.at < before, announcement.c.id < newest)
        .order_by(announcement.c.id)
        .limit(limit)
    )
    return tx.execute(delete(announcement).where(announcement.c.id.in_(old))).rowcount
