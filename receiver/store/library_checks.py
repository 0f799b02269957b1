"""Looks over the whole library: how far each is, what it found, and what it asks of the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, exists, func, insert, or_, select, update

from receiver.domain.corrections import CorrectionKind
from receiver.domain.reviews import UNDECIDED, ReviewKind, ReviewState
from receiver.store.database import Tx
from receiver.store.erasures import is_visible
from receiver.store.tables import correction, event, event_picture, face, library_check, person, review, sighting, task

TOPIC = "library_check"
RUNNING, DONE, FAILED = "running", "done", "failed"
# Whoever begins a check holds it, so that two clocks begin one.
LOCK = "library_check"


def add(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new check; returns its id."""
    return int(tx.execute(insert(library_check).values(**values).returning(library_check.c.id)).scalar_one())


def find(tx: Tx, check_id: int) -> Row[Any] | None:
    """One check, or None."""
    return tx.execute(select(library_check).where(library_check.c.id == check_id)).one_or_none()


def newest(tx: Tx, state: str | None = None) -> Row[Any] | None:
    """The newest check, or the newest of a state; None if there is none."""
    statement = select(library_check).order_by(library_check.c.id.desc()).limit(1)
    if state is not None:
        statement = statement.where(library_check.c.state == state)
    return tx.execute(statement).one_or_none()


def change(tx: Tx, check_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of one check."""
    tx.execute(update(library_check).where(library_check.c.id == check_id).values(**values))


def move_on(tx: Tx, row: Row[Any], values: Mapping[str, Any]) -> bool:
    """Sets columns of a check that still stands where it was read; False if somebody else has moved it on."""
    stands = (
        library_check.c.id == row.id,
        library_check.c.state == RUNNING,
        library_check.c.stage == row.stage,
        library_check.c.position == row.position,
    )
    return tx.execute(update(library_check).where(*stands).values(**values)).rowcount == 1


def drop_old(tx: Tx, kept: int) -> None:
    """Leaves the newest checks."""
    some = select(library_check.c.id).order_by(library_check.c.id.desc()).limit(kept)
    oldest = tx.execute(select(func.min(some.subquery().c.id))).scalar()
    if oldest is not None:
        tx.execute(delete(library_check).where(library_check.c.id < oldest))


def lease(tx: Tx, check_id: int, due_at: datetime) -> None:
    """Whoever works on it goes on until ``due_at``; what is done makes earlier claims good."""
    where = (task.c.topic == TOPIC, task.c.subject == check_id)
    tx.execute(update(task).where(*where).values(due_at=due_at, attempts=1))


def drop_task(tx: Tx, check_id: int) -> None:
    """Nothing is to be done any more."""
    tx.execute(delete(task).where(task.c.topic == TOPIC, task.c.subject == check_id))


def rejected_pairs(tx: Tx) -> set[tuple[int, int]]:
    """Pairs of people of whom somebody has said that they are two."""
    statement = select(review.c.person_id, review.c.other_id).where(
        review.c.kind == ReviewKind.PROPOSED_MERGE,
        review.c.state == ReviewState.REJECTED,
        review.c.person_id.is_not(None),
        review.c.other_id.is_not(None),
    )
    return {(row.person_id, row.other_id) for row in tx.execute(statement)}


def separated_pairs(tx: Tx) -> set[tuple[int, int]]:
    """Pairs of people whom somebody has split, or whose merge was undone."""
    is_split = and_(correction.c.kind == CorrectionKind.SPLIT, correction.c.undone_at.is_(None))
    is_undone = and_(correction.c.kind == CorrectionKind.MERGE, correction.c.undone_at.is_not(None))
    statement = select(correction.c.person_id, correction.c.other_id).where(
        or_(is_split, is_undone), correction.c.other_id.is_not(None)
    )
    return {(row.person_id, row.other_id) for row in tx.execute(statement)}


def outdated(tx: Tx, kinds: Collection[str], before: datetime, limit: int) -> list[int]:
    """Undecided items of the kinds that were not found again since a time."""
    statement = (
        select(review.c.id)
        .where(review.c.kind.in_(kinds), review.c.state.in_(UNDECIDED), review.c.updated_at < before)
        .order_by(review.c.id)
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())


def live_places(tx: Tx, person_id: int, limit: int) -> list[Row[Any]]:
    """(event_id, digest, box, is_live, embedding, model) of what was seen on the pictures of a person's newest events."""
    newest_events = (
        select(event.c.id)
        .where(event.c.person_id == person_id, is_visible(event.c.id))
        .order_by(event.c.id.desc())
        .limit(limit)
        .subquery()
    )
    statement = select(
        sighting.c.event_id,
        sighting.c.digest,
        sighting.c.box,
        sighting.c.is_live,
        sighting.c.embedding,
        sighting.c.model,
    ).join(newest_events, newest_events.c.id == sighting.c.event_id)
    return list(tx.execute(statement))


def scenes(tx: Tx, person_id: int, limit: int) -> set[tuple[int, bytes]]:
    """(event id, digest) of the scenes of a person's newest events."""
    newest_events = (
        select(event.c.id)
        .where(event.c.person_id == person_id, is_visible(event.c.id))
        .order_by(event.c.id.desc())
        .limit(limit)
        .subquery()
    )
    statement = (
        select(event_picture.c.event_id, event_picture.c.digest)
        .join(newest_events, newest_events.c.id == event_picture.c.event_id)
        .where(event_picture.c.kind == "scene", event_picture.c.digest.is_not(None))
    )
    return {(row.event_id, row.digest) for row in tx.execute(statement)}


def live_faces(tx: Tx, person_id: int, model: str, since: datetime, limit: int) -> list[Row[Any]]:
    """The faces of a person's matched events since a time, newest first: (event_id, occurred_at, digest, box, quality,
    embedding).
    """
    is_theirs = (event.c.person_id == person_id, event.c.decision == "matched")
    return _live(tx, is_theirs, (model, since, limit))


def reported_faces(tx: Tx, identity: tuple[str, int | None], model: str, since: datetime, limit: int) -> list[Row[Any]]:
    """As ``live_faces``, of events that we matched to nobody, and in which a device named the identity; with
    ``second_opinion_detail``.

    Args:
        tx: the transaction.
        identity: the id, and the device that uses it; None: any.
        model: of the embeddings.
        since: the events occurred then or later.
        limit: at most so many.
    """
    external_id, device_id = identity
    is_theirs = [
        event.c.identity_id == external_id,
        event.c.person_id.is_(None),
        event.c.second_opinion.is_not(None),
    ]
    if device_id is not None:
        is_theirs.append(event.c.device_id == device_id)
    return _live(tx, is_theirs, (model, since, limit))


def _live(tx: Tx, is_theirs: Sequence[Any], bounds: tuple[str, datetime, int]) -> list[Row[Any]]:
    model, since, limit = bounds
    statement = (
        select(
            event.c.id.label("event_id"),
            event.c.occurred_at,
            event.c.second_opinion_detail,
            sighting.c.digest,
            sighting.c.box,
            sighting.c.quality,
            sighting.c.embedding,
        )
        .join(sighting, sighting.c.event_id == event.c.id)
        .where(*is_theirs, event.c.occurred_at >= since, is_visible(event.c.id))
        .where(sighting.c.is_live, sighting.c.model == model)
        .order_by(event.c.occurred_at.desc(), event.c.id.desc(), sighting.c.id)
        .limit(limit)
    )
    return list(tx.execute(statement))


def enrolled_after(tx: Tx, after: int, limit: int) -> list[int]:
    """The next people with a current face who are no strangers, by their ids."""
    has_one = exists().where(face.c.person_id == person.c.id, face.c.state == "current")
    statement = (
        select(person.c.id)
        .where(person.c.id > after, person.c.list != "stranger", person.c.state == "active", has_one)
        .order_by(person.c.id)
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())


def enrolled(tx: Tx) -> int:
    """How many people ``enrolled_after`` gives in all."""
    has_one = exists().where(face.c.person_id == person.c.id, face.c.state == "current")
    where = (person.c.list != "stranger", person.c.state == "active", has_one)
    return int(tx.execute(select(func.count()).select_from(person).where(*where)).scalar_one())
