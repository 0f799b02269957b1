"""The review list as plain values: each item with its reason in words, the people and pictures, and what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from receiver.domain.errors import NotFound
from receiver.domain.people import PersonState
from receiver.domain.review_words import WORDS
from receiver.domain.reviews import ReviewKind, ReviewState
from receiver.services.asking.asking import shown_link
from receiver.store import erasures, imports, outbox, people, quarantine, review_lists, reviews
from receiver.store.database import Row, Tx
from receiver.store.review_lists import ReviewFilter
from receiver.store.store import Store
from recognition.advice import ADVICE

# Of a picture beside others in a list.
THUMBNAIL_WIDTH = 200


@dataclass(frozen=True, slots=True)
class _Around:
    """What is shown with items: looked up once for a whole page."""

    people: Mapping[int, Row]
    pictures: Mapping[int, Sequence[Row]]
    quarantine: Mapping[int, Row]
    tasks: Mapping[int, Row]
    rows: Mapping[int, Row]


class ReviewList:
    """The read side."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(self, wanted: ReviewFilter) -> dict[str, Any]:
        """The items of a page, how many there are of each kind and state, and the cursor of the next page."""
        now = datetime.now(UTC)
        with self._store.read() as tx:
            rows, places = review_lists.listed(tx, wanted, now)
            around = _around(tx, rows)
            counts = review_lists.counts(tx, now)
        items = [_shown(row, around, now) for row in rows]
        return {"items": items, "counts": counts, "next": None if places is None else as_cursor(places)}

    def item(self, review_id: int) -> dict[str, Any]:
        """One item.

        Raises:
            NotFound: there is none with that id.
        """
        with self._store.read() as tx:
            row = reviews.find(tx, review_id)
            if row is None or (row.event_id is not None and erasures.is_hidden(tx, row.event_id)):
                raise NotFound("no_such_review", f"there is no review item {review_id}")
            around = _around(tx, [row])
        return _shown(row, around, datetime.now(UTC))


def as_cursor(places: Mapping[ReviewKind, int]) -> str:
    """Where the next page begins in each kind."""
    return ".".join(f"{kind}-{place}" for kind, place in sorted(places.items()))


def from_cursor(wanted: ReviewFilter, cursor: str | None) -> ReviewFilter:
    """The filter for the page that a cursor asks for.

    Raises:
        ValueError: it is none of ours.
    """
    if not cursor:
        return wanted
    places = {}
    for part in cursor.split("."):
        kind, _, place = part.partition("-")
        if not (place.isdecimal() and place.isascii() and len(place) < 19):  # noqa: PLR2004 - what fits an id
            raise ValueError("not a cursor of this list")
        places[ReviewKind(kind)] = int(place)
    return replace(wanted, places=places)


def _around(tx: Tx, rows: Sequence[Row]) -> _Around:
    def subjects(kind: ReviewKind) -> list[int]:
        return [row.subject for row in rows if row.kind == kind and row.subject is not None]

    pictures = reviews.pictures_of(tx, [row.id for row in rows])
    concerned = {each for row in rows for each in (row.person_id, row.other_id)}
    concerned |= {each.person_id for shown in pictures.values() for each in shown}
    refused = [row for row in rows if row.kind == ReviewKind.FAILED_ENROLMENT and row.detail.get("origin") == "import"]
    found = {row.id: imports.row_at(tx, row.subject, row.detail["row"]) for row in refused}
    return _Around(
        people=people.found(tx, concerned - {None}),
        pictures=pictures,
        quarantine=quarantine.found(tx, subjects(ReviewKind.QUARANTINED)),
        tasks=outbox.found(tx, subjects(ReviewKind.BURIED_TASK)),
        rows={review_id: row for review_id, row in found.items() if row is not None},
    )


def _shown(row: Row, around: _Around, now: datetime) -> dict[str, Any]:
    words = WORDS[ReviewKind(row.kind)]
    detail = {name: value for name, value in row.detail.items() if name != "outcome"}
    return {
        "id": row.id,
        "kind": row.kind,
        "state": _state(row, now),
        "reason": row.reason,
        "sentence": words.sentence,
        "on_accept": words.on_accept,
        "on_reject": words.on_reject,
        "advice": ADVICE.get(row.reason),
        "person": _person(around.people.get(row.person_id or 0)),
        "other": _person(around.people.get(row.other_id or 0)),
        "event": row.event_id,
        "about": _about(row, around),
        "detail": detail,
        "outcome": row.detail.get("outcome"),
        "pictures": [_picture(each, around) for each in around.pictures[row.id]],
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "due_at": row.due_at,
        "settled_at": row.settled_at,
        "settled_by": row.settled_by or None,
    }


def _state(row: Row, now: datetime) -> str:
    is_due = row.state == ReviewState.LATER and row.due_at is not None and row.due_at <= now
    return ReviewState.OPEN.value if is_due else str(row.state)


def _person(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    became = row.merged_into if row.state == PersonState.MERGED else None
    return {"id": row.id, "name": row.name, "list": row.list, "merged_into": became}


def _picture(row: Row, around: _Around) -> dict[str, Any]:
    link = shown_link(row.digest)
    return {
        "role": row.role,
        "person": _person(around.people.get(row.person_id or 0)),
        "box": row.box,
        **link,
        "thumbnail": f"{link['url']}?width={THUMBNAIL_WIDTH}",
    }


def _about(row: Row, around: _Around) -> dict[str, Any] | None:
    """What the item is about, where that is neither a person nor an event."""
    if row.kind == ReviewKind.QUARANTINED:
        return _named(around.quarantine.get(row.subject), ("channel", "peer", "path", "detail", "times", "state"), row)
    if row.kind == ReviewKind.BURIED_TASK:
        return _named(around.tasks.get(row.subject), ("topic", "state", "last_error", "created_at"), row)
    if row.id in around.rows:
        names = ("number", "place", "external_id", "name", "detail", "state")
        return _named(around.rows[row.id], names, row)
    return None


def _named(found: Row | None, names: Sequence[str], item: Row) -> dict[str, Any] | None:
    return None if found is None else {"id": item.subject, **{name: found._mapping[name] for name in names}}
