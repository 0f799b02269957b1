"""What becomes of alerts whose person, events or time are over."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, or_, select, update

from receiver.domain.alerts import AlertState, Source
from receiver.store.database import Tx
from receiver.store.tables import (
    alert,
    alert_event,
    alert_key,
    alert_step,
    announcement,
    event,
    frame,
    legal_hold,
)


def of_person(tx: Tx, person_id: int) -> list[Row[Any]]:
    """The alerts about a person, oldest first."""
    shown = select(event.c.id).where(event.c.id == alert.c.event_id, event.c.person_id == person_id).correlate(alert)
    where = or_(alert.c.person_id == person_id, shown.exists())
    return list(tx.execute(select(alert).where(where).order_by(alert.c.id)))


def steps_of(tx: Tx, alert_ids: Collection[int]) -> list[Row[Any]]:
    """What was done to those alerts, and said about them."""
    statement = select(alert_step).where(alert_step.c.alert_id.in_(list(alert_ids))).order_by(alert_step.c.id)
    return list(tx.execute(statement))


def frame_pictures(tx: Tx, alert_ids: Collection[int]) -> list[bytes]:
    """The pictures of those alerts' frames."""
    return list(tx.execute(select(frame.c.digest).where(frame.c.alert_id.in_(list(alert_ids))).distinct()).scalars())


def forget_person(tx: Tx, alert_ids: Sequence[int]) -> int:
    """Leaves of those alerts only that they were: when, where, of what kind, how they were answered; how many."""
    some = list(alert_ids)
    tx.execute(delete(alert_event).where(alert_event.c.alert_id.in_(some)))
    tx.execute(delete(alert_key).where(alert_key.c.alert_id.in_(some)))
    tx.execute(delete(announcement).where(announcement.c.alert_id.in_(some)))
    tx.execute(delete(frame).where(frame.c.alert_id.in_(some)))
    tx.execute(update(alert_step).where(alert_step.c.alert_id.in_(some)).values(text=""))
    gone: dict[str, Any] = {"person_id": None, "event_id": None, "key": None, "list": None, "note": "", "detail": {}}
    number = tx.execute(update(alert).where(alert.c.id.in_(some)).values(**gone)).rowcount
    # A rule's name is the site's own; what a program said may name somebody.
    said = and_(alert.c.id.in_(some), alert.c.source != Source.RULE)
    tx.execute(update(alert).where(said).values(title=""))
    return number


def forget_events(tx: Tx, event_ids: Sequence[int]) -> int:
    """Those events are erased: alerts that began with one of them are emptied, others lose it; how many of the first."""
    some = list(event_ids)
    began = list(tx.execute(select(alert.c.id).where(alert.c.event_id.in_(some))).scalars())
    tx.execute(delete(alert_event).where(alert_event.c.event_id.in_(some)))
    return forget_person(tx, began) if began else 0


def unlink_events(tx: Tx, event_ids: Sequence[int]) -> None:
    """Those events are gone, and their alerts stay."""
    some = list(event_ids)
    tx.execute(delete(alert_event).where(alert_event.c.event_id.in_(some)))
    tx.execute(update(alert).where(alert.c.event_id.in_(some)).values(event_id=None))


def unlink_person(tx: Tx, person_id: int) -> None:
    """The person was taken out of the library, and the alerts stay."""
    tx.execute(update(alert).where(alert.c.person_id == person_id).values(person_id=None))


def is_held() -> ColumnElement[bool]:
    """As a condition on alerts: the event must be kept, or whom it or the alert is about."""
    shown = exists().where(
        event.c.id == alert.c.event_id, legal_hold.c.kind == "person", legal_hold.c.subject == event.c.person_id
    )
    themselves = (("event", alert.c.event_id), ("person", alert.c.person_id))
    return or_(
        shown, *(exists().where(legal_hold.c.kind == kind, legal_hold.c.subject == about) for kind, about in themselves)
    )


def closed_before(tx: Tx, before: datetime, after: int, limit: int) -> list[int]:
    """Alerts with an id above ``after`` that were closed before a time and need not be kept, in their order."""
    where = (
        alert.c.state == AlertState.CLOSED,
        alert.c.closed_at < before,
        alert.c.id > after,
        ~is_held(),
    )
    return list(tx.execute(select(alert.c.id).where(*where).order_by(alert.c.id).limit(limit)).scalars())


def drop(tx: Tx, alert_ids: Sequence[int]) -> int:
    """Deletes alerts with everything of theirs; how many. The pictures of frames follow with the sweep of orphans."""
    some = list(alert_ids)
    for table in (alert_event, alert_step, alert_key, frame):
        tx.execute(delete(table).where(table.c.alert_id.in_(some)))
    return tx.execute(delete(alert).where(alert.c.id.in_(some))).rowcount


def drop_keys(tx: Tx, before: datetime) -> int:
    """Deletes what is remembered of repetitions that are over since long, and whose alerts are closed; how many."""
    is_open = exists().where(alert.c.id == alert_key.c.alert_id, alert.c.state != AlertState.CLOSED)
    return tx.execute(delete(alert_key).where(alert_key.c.last_at < before, ~is_open)).rowcount
