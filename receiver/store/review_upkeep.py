"""What becomes of review items whose person, event, picture or cause is taken away."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, or_, select, update

from receiver.domain.people import FaceState
from receiver.domain.reviews import DECIDED, UNDECIDED, ReviewKind, ReviewState
from receiver.store import holds
from receiver.store.database import Tx
from receiver.store.outbox import BURIED
from receiver.store.quarantine import HELD
from receiver.store.tables import face, legal_hold, person, quarantine, review, review_picture, task

MERGED = "merged"
OF_PEOPLE = (
    ReviewKind.PROPOSED_MERGE,
    ReviewKind.LOOK_ALIKE,
    ReviewKind.IDENTITY_CONFLICT,
    ReviewKind.IDENTITY_TAKEN,
    ReviewKind.STALE_PICTURE,
    ReviewKind.CONTRADICTING_PICTURE,
)
OF_FACES = (ReviewKind.STALE_PICTURE, ReviewKind.CONTRADICTING_PICTURE)


def referred(tx: Tx, digests: Sequence[bytes]) -> set[bytes]:
    """Those of the digests that an item shows."""
    statement = select(review_picture.c.digest).where(review_picture.c.digest.in_(list(digests)))
    return set(tx.execute(statement.distinct()).scalars())


def of_person(tx: Tx, person_id: int) -> list[Row[Any]]:
    """The items that concern a person, or show the person's face, oldest first."""
    shown = select(review_picture.c.review_id).where(review_picture.c.person_id == person_id)
    where = or_(review.c.person_id == person_id, review.c.other_id == person_id, review.c.id.in_(shown))
    return list(tx.execute(select(review).where(where).order_by(review.c.id)))


def pictures_of_person(tx: Tx, person_id: int) -> list[Row[Any]]:
    """(digest, box) of the pictures that items keep of a person: with the person's face, or sent as such."""
    unnamed = and_(review_picture.c.person_id.is_(None), review.c.person_id == person_id, review.c.other_id.is_(None))
    statement = (
        select(review_picture.c.digest, review_picture.c.box)
        .join(review, review.c.id == review_picture.c.review_id)
        .where(or_(review_picture.c.person_id == person_id, unnamed))
    )
    return list(tx.execute(statement))


def pictures_of_keys(tx: Tx, keys: Sequence[str]) -> list[bytes]:
    """The pictures that the items of some keys keep."""
    statement = (
        select(review_picture.c.digest)
        .join(review, review.c.id == review_picture.c.review_id)
        .where(review.c.key.in_(list(keys)))
    )
    return list(tx.execute(statement).scalars())


def drop_of_person(tx: Tx, person_id: int) -> int:
    """Deletes the items that concern a person, or show the person's face; how many."""
    return drop(tx, [row.id for row in of_person(tx, person_id)])


def drop_of_events(tx: Tx, event_ids: Sequence[int]) -> int:
    """Deletes the items that come from those events; how many."""
    return _drop_where(tx, review.c.event_id.in_(list(event_ids)))


def drop_of_subjects(tx: Tx, kind: ReviewKind, subjects: Sequence[int]) -> int:
    """Deletes the items of a kind that are about those subjects; how many."""
    return _drop_where(tx, and_(review.c.kind == kind, review.c.subject.in_(list(subjects))))


def drop_of_keys(tx: Tx, keys: Sequence[str]) -> int:
    """Deletes the items of some keys; how many."""
    return _drop_where(tx, review.c.key.in_(list(keys)))


def _drop_where(tx: Tx, where: ColumnElement[bool]) -> int:
    return drop(tx, tx.execute(select(review.c.id).where(where)).scalars())


def drop(tx: Tx, ids: Iterable[int]) -> int:
    """Deletes items with what they show; how many."""
    some = list(ids)
    if not some:
        return 0
    tx.execute(delete(review_picture).where(review_picture.c.review_id.in_(some)))
    return tx.execute(delete(review).where(review.c.id.in_(some))).rowcount


def leave_person(tx: Tx, person_id: int, now: datetime) -> None:
    """Somebody was taken out of the library: nothing is asked any more, and the pictures of that one are not kept."""
    is_theirs = or_(review.c.person_id == person_id, review.c.other_id == person_id)
    _settle(tx, is_theirs, now)
    tx.execute(delete(review_picture).where(review_picture.c.person_id == person_id))
    unnamed = select(review.c.id).where(is_theirs)
    tx.execute(
        delete(review_picture).where(review_picture.c.person_id.is_(None), review_picture.c.review_id.in_(unnamed))
    )


def settle_import(tx: Tx, import_id: int, now: datetime) -> None:
    """An import was forgotten: nothing more can be done for its rows."""
    _settle(tx, _of_import(import_id), now)


def of_rows(tx: Tx, import_id: int, numbers: Iterable[int]) -> list[int]:
    """The items that ask about some rows of an import."""
    wanted = set(numbers)
    rows = tx.execute(select(review.c.id, review.c.detail).where(_of_import(import_id)))
    return [row.id for row in rows if row.detail.get("row") in wanted]


def _of_import(import_id: int) -> ColumnElement[bool]:
    """Items of this kind that have a subject are of imports."""
    return and_(review.c.kind == ReviewKind.FAILED_ENROLMENT, review.c.subject == import_id)


def settle_gone(tx: Tx, now: datetime) -> int:
    """Settles what has no cause any more, however it went; how many."""
    return sum(_settle(tx, each, now) for each in _causeless())


def _causeless() -> Sequence[ColumnElement[bool]]:
    there = person.c.state != MERGED
    first = ~exists().where(person.c.id == review.c.person_id, there)
    second = and_(review.c.other_id.is_not(None), ~exists().where(person.c.id == review.c.other_id, there))
    used = exists().where(face.c.id == review.c.subject, face.c.state == FaceState.CURRENT)
    held = exists().where(quarantine.c.id == review.c.subject, quarantine.c.state == HELD)
    buried = exists().where(task.c.id == review.c.subject, task.c.state == BURIED)
    return (
        and_(review.c.kind.in_(OF_PEOPLE), or_(first, second)),
        and_(review.c.kind.in_(OF_FACES), ~used),
        and_(review.c.kind == ReviewKind.QUARANTINED, ~held),
        and_(review.c.kind == ReviewKind.BURIED_TASK, ~buried),
    )


def _settle(tx: Tx, where: ColumnElement[bool], now: datetime) -> int:
    statement = update(review).where(where, review.c.state.in_(UNDECIDED))
    settled = {"state": ReviewState.SETTLED.value, "settled_at": now, "updated_at": now, "due_at": None}
    return tx.execute(statement.values(**settled)).rowcount


def ended_before(tx: Tx, before: datetime, after: int, limit: int) -> list[int]:
    """Items with an id above ``after`` that were decided or settled before a time, in their order.

    Without those of which only the answer is left, and of people and events on legal hold.
    """
    ended = review.c.state.in_((*DECIDED, ReviewState.SETTLED))
    is_more = or_(review.c.state != ReviewState.REJECTED, exists().where(review_picture.c.review_id == review.c.id))
    statement = select(review.c.id).where(review.c.id > after, ended, is_more, review.c.settled_at < before)
    free = statement.where(~_is_held(holds.PERSON, review.c.person_id, review.c.other_id))
    free = free.where(~_is_held(holds.EVENT, review.c.event_id))
    return list(tx.execute(free.order_by(review.c.id).limit(limit)).scalars())


def _is_held(kind: str, *subjects: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(legal_hold.c.kind == kind, or_(*(legal_hold.c.subject == each for each in subjects)))


def forget(tx: Tx, ids: Sequence[int]) -> int:
    """Deletes ended items; of those that were rejected the pictures only, or the same would be asked again. How many."""
    some = list(ids)
    tx.execute(delete(review_picture).where(review_picture.c.review_id.in_(some)))
    gone = delete(review).where(review.c.id.in_(some), review.c.state != ReviewState.REJECTED)
    tx.execute(gone)
    return len(some)
