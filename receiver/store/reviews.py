"""What a person should look at, each thing once by its key, with the pictures by which it can be judged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.domain.reviews import DECIDED, UNDECIDED, ReviewState
from receiver.store import occurrences
from receiver.store.database import Tx
from receiver.store.tables import review, review_picture

# Of one item; more than anybody compares by eye.
PICTURES = 12


@dataclass(frozen=True, slots=True)
class ReviewPicture:
    """A picture to judge by.

    Attributes:
        digest: of a stored picture; the item keeps it from being cleared.
        role: what it shows: new, current, other, reported, live, scene.
        person_id: whose face it shows, as far as known.
        box: left, top, right, bottom in pixels; None: the whole picture.
    """

    digest: bytes
    role: str
    person_id: int | None = None
    box: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class NewReview:
    """Something that was found.

    Attributes:
        kind: a ReviewKind.
        key: of what it is about, so that what is found again is no second item; see ``pair_key`` and ``picture_key``.
        reason: machine word.
        person_id: whom it concerns first.
        other_id: the other person, where there are two.
        event_id: the event that showed it.
        subject: a row of another kind: a face, a task, a quarantined item, an import.
        detail: numbers and words for the sentence; no names, which must go with their person.
        pictures: in the order in which they are shown.
    """

    kind: str
    key: str
    reason: str
    person_id: int | None = None
    other_id: int | None = None
    event_id: int | None = None
    subject: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    pictures: Sequence[ReviewPicture] = ()


def note(tx: Tx, new: NewReview, now: datetime) -> int:
    """Notes an item and returns its id.

    One item per key: an undecided one is brought up to date, a settled one is open again, a decided one stays as it is.
    """
    make = sqlite.insert(review) if tx.dialect.name == "sqlite" else postgresql.insert(review)
    values = {name: getattr(new, name) for name in ("reason", "person_id", "other_id", "event_id", "subject")}
    values |= {"detail": dict(new.detail), "updated_at": now}
    was_settled = review.c.state == ReviewState.SETTLED
    again = {
        "state": case((was_settled, ReviewState.OPEN.value), else_=review.c.state),
        "settled_at": None,
        "settled_by": "",
    }
    statement = (
        make.values(kind=new.kind, key=new.key, state=ReviewState.OPEN.value, created_at=now, **values)
        .on_conflict_do_update(index_elements=["key"], set_=values | again, where=review.c.state.not_in(DECIDED))
        .returning(review.c.id)
    )
    noted = tx.execute(statement).scalar()
    if noted is None:
        return int(tx.execute(select(review.c.id).where(review.c.key == new.key)).scalar_one())
    _show(tx, noted, new.pictures)
    occurrences.note(tx, "review", int(noted), "noted", now)
    return int(noted)


def _show(tx: Tx, review_id: int, pictures: Sequence[ReviewPicture]) -> None:
    tx.execute(delete(review_picture).where(review_picture.c.review_id == review_id))
    rows = [
        {
            "review_id": review_id,
            "position": position,
            "digest": each.digest,
            "role": each.role,
            "person_id": each.person_id,
            "box": None if each.box is None else list(each.box),
        }
        for position, each in enumerate(pictures[:PICTURES])
    ]
    if rows:
        tx.execute(insert(review_picture), rows)


def settle(tx: Tx, key_or_id: str | int, now: datetime) -> bool:
    """It went away by itself; False if there is no such undecided item."""
    which = review.c.id == key_or_id if isinstance(key_or_id, int) else review.c.key == key_or_id
    statement = update(review).where(which, review.c.state.in_(UNDECIDED))
    settled = {"state": ReviewState.SETTLED.value, "settled_at": now, "updated_at": now, "due_at": None}
    return tx.execute(statement.values(**settled)).rowcount == 1


def settle_about(tx: Tx, kind: str, subjects: Sequence[int], now: datetime) -> None:
    """What was found of those subjects went away by itself."""
    where = (review.c.kind == kind, review.c.subject.in_(list(subjects)), review.c.state.in_(UNDECIDED))
    settled = {"state": ReviewState.SETTLED.value, "settled_at": now, "updated_at": now, "due_at": None}
    tx.execute(update(review).where(*where).values(**settled))


def find(tx: Tx, review_id: int) -> Row[Any] | None:
    """One item, or None."""
    return tx.execute(select(review).where(review.c.id == review_id)).one_or_none()


def held(tx: Tx, review_id: int) -> Row[Any] | None:
    """One item, that stays as it is until this write transaction has ended; None if there is none."""
    return tx.execute(select(review).where(review.c.id == review_id).with_for_update()).one_or_none()


def decide(tx: Tx, item: Row[Any], state: ReviewState, who: tuple[str, datetime], outcome: Mapping[str, Any]) -> None:
    """Somebody (by, when) has accepted or rejected it; what came of that is kept with it."""
    by, now = who
    values = {"state": state.value, "settled_at": now, "settled_by": by[:255], "updated_at": now, "due_at": None}
    detail = {**item.detail, "outcome": dict(outcome)}
    tx.execute(update(review).where(review.c.id == item.id).values(**values, detail=detail))
    occurrences.note(tx, "review", item.id, "decided", now)


def postpone(tx: Tx, review_id: int, due_at: datetime, now: datetime) -> None:
    """Nobody is to be asked before ``due_at``."""
    values = {"state": ReviewState.LATER.value, "due_at": due_at, "updated_at": now}
    tx.execute(update(review).where(review.c.id == review_id).values(**values))


def pictures_of(tx: Tx, ids: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """The pictures of each item, in their order."""
    found: dict[int, list[Row[Any]]] = {review_id: [] for review_id in ids}
    statement = (
        select(review_picture)
        .where(review_picture.c.review_id.in_(list(found)))
        .order_by(review_picture.c.review_id, review_picture.c.position)
    )
    for row in tx.execute(statement):
        found[row.review_id].append(row)
    return found
