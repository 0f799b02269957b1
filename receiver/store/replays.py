"""Ranges of past events that are passed on once more, step by step; and which events of a range come next."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from receiver.domain.events import Channel
from receiver.store import erasures
from receiver.store.database import Tx
from receiver.store.tables import event, replay

RUNNING, DONE = "running", "done"


def add(tx: Tx, subscription_id: int, wanted: Mapping[str, Any], by: str, now: datetime) -> int:
    """Begins one, of what is there now; its id."""
    newest = int(tx.execute(select(func.max(event.c.id))).scalar() or 0)
    values = {
        "subscription_id": subscription_id,
        "wanted": dict(wanted),
        "up_to": newest,
        "state": RUNNING,
        "created_at": now,
        "created_by": by[:255],
    }
    return int(tx.execute(insert(replay).values(**values).returning(replay.c.id)).scalar_one())


def running(tx: Tx) -> list[int]:
    """Those that are not done, in their order."""
    return list(tx.execute(select(replay.c.id).where(replay.c.state == RUNNING).order_by(replay.c.id)).scalars())


def held(tx: Tx, replay_id: int) -> Row[Any] | None:
    """One that is not done, which nobody else works on until this transaction has ended; None if there is none, or somebody does."""
    where = (replay.c.id == replay_id, replay.c.state == RUNNING)
    return tx.execute(select(replay).where(*where).with_for_update(skip_locked=True)).one_or_none()


def go_on(tx: Tx, replay_id: int, position: int, added: int, *, is_done: bool) -> None:
    """After a step."""
    values = {"position": position, "added": replay.c.added + added, "state": DONE if is_done else RUNNING}
    tx.execute(update(replay).where(replay.c.id == replay_id).values(**values))


def listed(tx: Tx, subscription_id: int, before: int | None, limit: int) -> list[Row[Any]]:
    """Those of a subscription, newest first."""
    where = [replay.c.subscription_id == subscription_id]
    if before is not None:
        where.append(replay.c.id < before)
    return list(tx.execute(select(replay).where(*where).order_by(replay.c.id.desc()).limit(limit)))


def drop(tx: Tx, subscription_id: int) -> None:
    """Those of a subscription that goes."""
    tx.execute(delete(replay).where(replay.c.subscription_id == subscription_id))


def events_between(tx: Tx, after: int, up_to: int, wanted: Mapping[str, Any], span: int) -> tuple[list[Row[Any]], int]:
    """The history events among the next ``span`` ids that fit and may be told of; and the last id looked at."""
    last = min(up_to, after + span)
    where = [
        event.c.id > after,
        event.c.id <= last,
        event.c.channel == Channel.HISTORY,
        event.c.unverified.is_(None),
        erasures.is_visible(event.c.id),
    ]
    if wanted.get("device") is not None:
        where.append(event.c.device_id == wanted["device"])
    if wanted.get("list") is not None:
        where.append(event.c.list == wanted["list"])
    if wanted.get("since") is not None:
        where.append(event.c.occurred_at >= datetime.fromisoformat(wanted["since"]))
    if wanted.get("until") is not None:
        where.append(event.c.occurred_at <= datetime.fromisoformat(wanted["until"]))
    return list(tx.execute(select(event).where(*where).order_by(event.c.id))), last
