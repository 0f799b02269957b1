"""Notes what a person should look at, with the pictures of the people concerned; within the transaction of its cause."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receiver.domain.reviews import ReviewKind, pair_key, picture_key
from receiver.store import faces, people, reviews
from receiver.store.database import Row, Tx
from receiver.store.reviews import NewReview, ReviewPicture

# What an item shows.
NEW, CURRENT, OTHER = "new", "current", "other"
# Of each person's faces, the newest.
SHOWN_FACES = 3


def faces_shown(tx: Tx, person_id: int, role: str = CURRENT) -> list[ReviewPicture]:
    """The newest current faces of a person."""
    rows = people.faces_of(tx, [person_id], people.CURRENT)[-SHOWN_FACES:]
    return [ReviewPicture(row.digest, role, person_id, row.box) for row in reversed(rows)]


def face_shown(tx: Tx, face_id: int | None, role: str = CURRENT) -> list[ReviewPicture]:
    """One face of the library, if it is there."""
    row = faces.find(tx, face_id) if face_id is not None else None
    return [] if row is None else [ReviewPicture(row.digest, role, row.person_id, row.box)]


@dataclass(frozen=True, slots=True)
class Conflicting:
    """A picture that was sent for somebody whom it does not show.

    Attributes:
        person_id: for whom.
        new: the face.
        detail: distance and limit.
        event_id: the event that brought it; None: somebody did.
    """

    person_id: int
    new: ReviewPicture
    detail: Mapping[str, Any]
    event_id: int | None = None


def note_conflict(tx: Tx, found: Conflicting, now: datetime) -> int:
    """Asks whether it is the person after all; the item's id."""
    kind = ReviewKind.IDENTITY_CONFLICT
    new = NewReview(
        kind,
        picture_key(kind, found.person_id, found.new.digest),
        kind.value,
        person_id=found.person_id,
        event_id=found.event_id,
        detail=found.detail,
        pictures=[found.new, *faces_shown(tx, found.person_id)],
    )
    return reviews.note(tx, new, now)


def settle_conflicts(tx: Tx, person_id: int, digests: Iterable[bytes], now: datetime) -> None:
    """The pictures were taken for the person after all."""
    for digest in digests:
        reviews.settle(tx, picture_key(ReviewKind.IDENTITY_CONFLICT, person_id, digest), now)


def note_taken(tx: Tx, event: Row, people_ids: tuple[int, int], new: ReviewPicture | None, now: datetime) -> int:
    """A device named the first person by an id that is the second one's; the item's id."""
    person_id, owner = people_ids
    kind = ReviewKind.IDENTITY_TAKEN
    found = NewReview(
        kind,
        f"{kind}:{event.device_id}:{person_id}:{owner}",
        kind.value,
        person_id=person_id,
        other_id=owner,
        event_id=event.id,
        pictures=[*([] if new is None else [new]), *faces_shown(tx, owner, OTHER)],
    )
    return reviews.note(tx, found, now)


def note_look_alike(
    tx: Tx, person_id: int, new: ReviewPicture, doubt: tuple[int, int | None, Mapping[str, Any]], now: datetime
) -> int:
    """Somebody was enrolled in spite of a look-alike; the item's id.

    Args:
        tx: a write transaction.
        person_id: who was enrolled.
        new: the face.
        doubt: whom it looks like, which face of that one is the nearest, and the numbers.
        now: when.
    """
    other_id, face_id, detail = doubt
    kind = ReviewKind.LOOK_ALIKE
    found = NewReview(
        kind,
        pair_key(kind, person_id, other_id),
        kind.value,
        person_id=person_id,
        other_id=other_id,
        detail=detail,
        pictures=[new, *(face_shown(tx, face_id, OTHER) or faces_shown(tx, other_id, OTHER))],
    )
    return reviews.note(tx, found, now)
