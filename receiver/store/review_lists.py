"""The review list, page by page: each kind by its own place, so that a flood of one does not drown the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select

from receiver.domain.reviews import ReviewKind, ReviewState, fair_shares
from receiver.store.database import Tx
from receiver.store.erasures import is_visible
from receiver.store.tables import review


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFilter:
    """Which items to list.

    Attributes:
        kinds: of these kinds; empty: of all.
        state: in this state; None: in any.
        person: that concern this person.
        since: noted then or later.
        is_oldest_first: else the newest first.
        places: by kind, the id behind which to go on.
        limit: at most so many.
    """

    kinds: Sequence[ReviewKind] = ()
    state: ReviewState | None = None
    person: int | None = None
    since: datetime | None = None
    is_oldest_first: bool = False
    places: Mapping[ReviewKind, int] = field(default_factory=dict)
    limit: int = 50


def listed(tx: Tx, wanted: ReviewFilter, now: datetime) -> tuple[list[Row[Any]], dict[ReviewKind, int] | None]:
    """The items of a page in their order, and the places of the next page; None at the end."""
    found = {kind: _of_kind(tx, wanted, kind, now) for kind in wanted.kinds or tuple(ReviewKind)}
    shares = fair_shares({kind: len(rows) for kind, rows in found.items()}, wanted.limit)
    places = dict(wanted.places)
    page: list[Row[Any]] = []
    for kind, rows in found.items():
        shown = rows[: shares[kind]]
        page += shown
        if shown:
            places[kind] = shown[-1].id
    is_more = any(len(rows) > shares[kind] for kind, rows in found.items())
    page.sort(key=lambda row: row.id, reverse=not wanted.is_oldest_first)
    return page, places if is_more else None


def _of_kind(tx: Tx, wanted: ReviewFilter, kind: ReviewKind, now: datetime) -> list[Row[Any]]:
    """One more than a page holds, if there are so many; state by state, each of which an index has in its order."""
    conditions = _conditions(wanted, kind)
    order = review.c.id.asc() if wanted.is_oldest_first else review.c.id.desc()
    found: list[Row[Any]] = []
    for state in _states(wanted.state, now):
        statement = select(review).where(*conditions, *state).order_by(order).limit(wanted.limit + 1)
        found += tx.execute(statement)
    found.sort(key=lambda row: row.id, reverse=not wanted.is_oldest_first)
    return found[: wanted.limit + 1]


def _conditions(wanted: ReviewFilter, kind: ReviewKind) -> list[ColumnElement[bool]]:
    conditions = [review.c.kind == kind, or_(review.c.event_id.is_(None), is_visible(review.c.event_id))]
    if wanted.person is not None:
        conditions.append(or_(review.c.person_id == wanted.person, review.c.other_id == wanted.person))
    if wanted.since is not None:
        conditions.append(review.c.created_at >= wanted.since)
    place = wanted.places.get(kind)
    if place is not None:
        conditions.append(review.c.id > place if wanted.is_oldest_first else review.c.id < place)
    return conditions


def _states(wanted: ReviewState | None, now: datetime) -> list[tuple[ColumnElement[bool], ...]]:
    """What is asked of the state, one after another; what was put off is open again as soon as it is due."""
    if wanted is None:
        return [(review.c.state == state.value,) for state in ReviewState]
    plain = (review.c.state == wanted.value,)
    if wanted is ReviewState.OPEN:
        return [plain, (review.c.state == ReviewState.LATER.value, review.c.due_at <= now)]
    return [(*plain, review.c.due_at > now)] if wanted is ReviewState.LATER else [plain]


def counts(tx: Tx, now: datetime) -> dict[str, dict[str, int]]:
    """All items by kind and state."""
    found: dict[str, dict[str, int]] = {}
    statement = select(review.c.kind, review.c.state, func.count()).group_by(review.c.kind, review.c.state)
    for kind, state, number in tx.execute(statement):
        found.setdefault(kind, {})[state] = number
    due = select(review.c.kind, func.count()).where(review.c.state == ReviewState.LATER, review.c.due_at <= now)
    for kind, number in tx.execute(due.group_by(review.c.kind)):
        of_kind = found[kind]
        of_kind[ReviewState.OPEN] = of_kind.get(ReviewState.OPEN, 0) + number
        of_kind[ReviewState.LATER] -= number
    return {kind: {state: number for state, number in states.items() if number} for kind, states in found.items()}
