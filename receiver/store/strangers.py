"""Faces that nobody knows and that wait to be seen a second time; and strangers as they are listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Row, Select, and_, delete, func, insert, or_, select, type_coerce

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.domain.events import ListName
from receiver.domain.people import PersonState
from receiver.store import visits
from receiver.store.database import Tx
from receiver.store.erasures import is_visible
from receiver.store.limiting import events_within, people_within
from receiver.store.listing import is_device
from receiver.store.sightings import gates_named
from receiver.store.tables import event, person, person_identity, stranger_candidate

UNKNOWN = "unknown"


def wait(tx: Tx, values: Mapping[str, Any], most: int) -> None:
    """From now on the face waits, and no more than ``most`` do; within a write(lock=GALLERY_LOCK) only."""
    tx.execute(insert(stranger_candidate), values)
    beyond = select(stranger_candidate.c.id).order_by(stranger_candidate.c.id.desc()).offset(most).limit(1)
    last = tx.execute(beyond).scalar()
    if last is not None:
        tx.execute(delete(stranger_candidate).where(stranger_candidate.c.id <= last))


def embeddings(tx: Tx, model: str, since: datetime, limit: int) -> list[Row[Any]]:
    """(id, embedding) of the faces of one model that began to wait since then, the newest if there are more."""
    statement = (
        select(stranger_candidate.c.id, stranger_candidate.c.embedding)
        .where(stranger_candidate.c.model == model, stranger_candidate.c.created_at >= since)
        .order_by(stranger_candidate.c.created_at.desc())
        .limit(limit)
    )
    return list(tx.execute(statement))


def still_unknown(tx: Tx, ids: Sequence[int]) -> list[Row[Any]]:
    """Those waiting faces whose events still are nobody's, and of nobody who is being erased."""
    statement = (
        select(stranger_candidate)
        .join(event, event.c.id == stranger_candidate.c.event_id)
        .where(stranger_candidate.c.id.in_(list(ids)))
        .where(event.c.person_id.is_(None), event.c.decision == UNKNOWN, is_visible(event.c.id))
        .order_by(stranger_candidate.c.id)
    )
    return list(tx.execute(statement))


def end_waiting(tx: Tx, event_ids: Sequence[int]) -> int:
    """The faces of those events wait no longer; how many."""
    return tx.execute(delete(stranger_candidate).where(stranger_candidate.c.event_id.in_(list(event_ids)))).rowcount


def drop_waiting(tx: Tx, before: datetime, limit: int) -> int:
    """Deletes some of the faces that began to wait before then; how many."""
    old = select(stranger_candidate.c.id).where(stranger_candidate.c.created_at < before).limit(limit)
    return tx.execute(delete(stranger_candidate).where(stranger_candidate.c.id.in_(old))).rowcount


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangerFilter:
    """Which strangers to list; None means any.

    Attributes:
        state: of PersonState; None: all but ignored and merged.
        text: in the name, an external id or the note.
        since: seen then or later ...
        until: ... and then or earlier.
        device: seen by that device: its id, key, licence or address.
        gate: seen at that gate: its id, key, address or name.
        min_visits: came at least so often.
        order: ``last_seen`` or ``visits``; the latest or the most frequent first.
        after: (time of the last sighting, or number of visits; id) of the last one that was listed.
        limit: at most so many.
        limits: of whoever asks.
    """

    state: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    device: str | None = None
    gate: str | None = None
    min_visits: int = 0
    order: Literal["last_seen", "visits"] = "last_seen"
    after: tuple[datetime | int, int] | None = None
    limit: int = 50
    limits: Limits = NO_LIMITS


def listed(tx: Tx, wanted: StrangerFilter, pause: timedelta) -> list[Row[Any]]:
    """(id, place_in_order) of strangers; whoever was never seen counts as seen when made.

    By the last sighting each stranger costs one look into an index; by visits all their events are counted.
    """
    if wanted.order == "visits" or wanted.min_visits > 1:
        return _listed_by_visits(tx, wanted, pause)
    theirs = (event.c.person_id == person.c.id, *events_within(wanted.limits))
    seen = select(func.max(event.c.occurred_at)).where(*theirs).correlate(person)
    last_seen = func.coalesce(seen.scalar_subquery(), person.c.created_at)
    statement = select(person.c.id, last_seen.label("place_in_order")).where(*_conditions(wanted))
    return _page(tx, statement, last_seen, wanted)


def _listed_by_visits(tx: Tx, wanted: StrangerFilter, pause: timedelta) -> list[Row[Any]]:
    theirs = event.c.person_id.in_(select(person.c.id).where(person.c.list == ListName.STRANGER))
    seen = visits.counted(tx, and_(theirs, *events_within(wanted.limits)), pause).subquery("seen")
    last_seen = func.coalesce(seen.c.last_seen, person.c.created_at)
    times = type_coerce(func.coalesce(seen.c.visits, 0), BigInteger)
    key = times if wanted.order == "visits" else last_seen
    statement = (
        select(person.c.id, key.label("place_in_order"))
        .outerjoin_from(person, seen, seen.c.person_id == person.c.id)
        .where(*_conditions(wanted), times >= wanted.min_visits)
    )
    return _page(tx, statement, key, wanted)


def _page(tx: Tx, statement: Select[Any], key: ColumnElement[Any], wanted: StrangerFilter) -> list[Row[Any]]:
    if wanted.after is not None:
        value, last = wanted.after
        statement = statement.where(or_(key < value, and_(key == value, person.c.id < last)))
    return list(tx.execute(statement.order_by(key.desc(), person.c.id.desc()).limit(wanted.limit)))


def _conditions(wanted: StrangerFilter) -> list[ColumnElement[bool]]:
    conditions = [person.c.list == ListName.STRANGER, *people_within(wanted.limits)]
    if wanted.state is None:
        conditions.append(person.c.state.not_in((PersonState.IGNORED, PersonState.MERGED)))
    else:
        conditions.append(person.c.state == wanted.state)
    if wanted.text:
        named = person_identity.c.external_id.icontains(wanted.text, autoescape=True)
        owners = select(person_identity.c.person_id).where(named)
        texts = (each.icontains(wanted.text, autoescape=True) for each in (person.c.name, person.c.note))
        conditions.append(or_(*texts, person.c.id.in_(owners)))
    seen = [event.c.person_id == person.c.id]
    if wanted.since is not None:
        seen.append(event.c.occurred_at >= wanted.since)
    if wanted.until is not None:
        seen.append(event.c.occurred_at <= wanted.until)
    if wanted.device is not None:
        seen.append(is_device(wanted.device))
    if wanted.gate is not None:
        seen.append(event.c.gate_id.in_(gates_named(wanted.gate)))
    if len(seen) > 1:
        seen += events_within(wanted.limits)
        conditions.append(select(event.c.id).where(*seen).correlate(person).exists())
    return conditions
