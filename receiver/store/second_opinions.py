"""Events in which our reading of a face contradicts what the device said."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, literal, select

from receiver.store.database import Tx
from receiver.store.erasures import is_visible
from receiver.store.tables import event

DISAGREES = "disagrees"


@dataclass(frozen=True, slots=True)
class Passages:
    """Somebody whom a device named, at one gate, within a time.

    Attributes:
        identity_id: what the device called the person by ...
        identity_name: ... and the name, which counts where there is no id.
        device_id: whose id it is.
        gate_id: where; None: where the device itself is.
        since: the first moment.
        until: after the last one.
    """

    identity_id: str
    identity_name: str
    device_id: int
    gate_id: int | None
    since: datetime
    until: datetime


def is_contradicted() -> ColumnElement[bool]:
    """As a condition, in the words of the indexes over it: a value that is bound would not let them be used."""
    return event.c.second_opinion == literal(DISAGREES, literal_execute=True)


def contradicted(tx: Tx, wanted: Passages, limit: int) -> tuple[int, list[Row[Any]]]:
    """How many of the passages we contradict, and (id, occurred_at, second_opinion_detail) of the newest."""
    where = [
        is_contradicted(),
        event.c.identity_id == wanted.identity_id,
        event.c.occurred_at >= wanted.since,
        event.c.occurred_at < wanted.until,
        event.c.device_id == wanted.device_id,
        event.c.gate_id.is_(None) if wanted.gate_id is None else event.c.gate_id == wanted.gate_id,
        is_visible(event.c.id),
    ]
    if not wanted.identity_id:
        where.append(event.c.identity_name == wanted.identity_name)
    number = int(tx.execute(select(func.count()).select_from(event).where(*where)).scalar_one())
    newest = (
        select(event.c.id, event.c.occurred_at, event.c.second_opinion_detail)
        .where(*where)
        .order_by(event.c.occurred_at.desc(), event.c.id.desc())
        .limit(limit)
    )
    return number, list(tx.execute(newest)) if number else []
