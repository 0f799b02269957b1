"""Decides items of the review list: once, with the effect in the transaction of the decision or safely before it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from receiver.domain.errors import Conflict, Invalid, NotFound
from receiver.domain.events import ListName
from receiver.domain.reviews import DECIDED, ReviewKind, ReviewState
from receiver.services.reviewing.review_answers import Answer, Decided, Gone
from receiver.store import people, reviews
from receiver.store.database import Row, Tx
from receiver.store.store import Store

TOMORROW = timedelta(days=1)


class Reviewing:
    """What people do with items.

    Args:
        answers: what each kind's answers do.
    """

    def __init__(self, store: Store, answers: Mapping[ReviewKind, Answer]) -> None:
        self._store = store
        self._answers = answers

    def accept(self, review_id: int, by: str, into_list: ListName | None = None) -> None:
        """Does what the item proposes.

        Raises:
            NotFound: there is no such item.
            Conflict: ``already_decided``; ``review_settled``: its cause went away; or why it cannot be done.
            Invalid, Busy, Unavailable: it cannot be done, or not just now; the item stays.
        """
        who = Decided(by, datetime.now(UTC), into_list)
        item = self._open(review_id)
        answer = self._answer(item)
        with self._settling(review_id):
            prepared = answer.prepare(item, who)
            with self._store.write(lock=people.GALLERY_LOCK) as tx:
                present = _still_undecided(tx, item, answer)
                done = answer.accept(tx, present, prepared, who)
                reviews.decide(tx, present, ReviewState.ACCEPTED, (by, who.now), done)
        answer.finish()

    def reject(self, review_id: int, by: str) -> None:
        """Leaves everything as it is, and remembers that.

        Raises:
            NotFound, Conflict: see ``accept``.
        """
        who = Decided(by, datetime.now(UTC))
        answer = self._answer(self._open(review_id))
        with self._settling(review_id), self._store.write(lock=people.GALLERY_LOCK) as tx:
            present = _undecided(reviews.held(tx, review_id), review_id)
            done = answer.reject(tx, present, who)
            reviews.decide(tx, present, ReviewState.REJECTED, (by, who.now), done)

    def later(self, review_id: int, until: datetime | None = None) -> None:
        """Nobody is asked before that time; tomorrow, if it is not given.

        Raises:
            NotFound, Conflict: see ``accept``.
            Invalid: ``not_in_the_future``.
        """
        now = datetime.now(UTC)
        due_at = until or now + TOMORROW
        if due_at <= now:
            raise Invalid("not_in_the_future", f"{due_at:%Y-%m-%d %H:%M %Z} is past; name a time that is still to come")
        with self._store.write() as tx:
            _undecided(reviews.held(tx, review_id), review_id)
            reviews.postpone(tx, review_id, due_at, now)

    @contextmanager
    def _settling(self, review_id: int) -> Iterator[None]:
        """Settles the item if its answer finds that the cause has gone."""
        try:
            yield
        except Gone:
            with self._store.write() as tx:
                reviews.settle(tx, review_id, datetime.now(UTC))
            raise

    def _open(self, review_id: int) -> Row:
        with self._store.read() as tx:
            return _undecided(reviews.find(tx, review_id), review_id)

    def _answer(self, item: Row) -> Answer:
        return self._answers[ReviewKind(item.kind)]


def _still_undecided(tx: Tx, item: Row, answer: Answer) -> Row:
    """The item after its answer was prepared, which may have settled it by itself."""
    present = reviews.held(tx, item.id)
    if present is not None and present.state == ReviewState.SETTLED:
        return present
    try:
        return _undecided(present, item.id)
    except Conflict as error:
        if answer.done_before:
            raise Conflict(error.reason, f"{error.detail}; {answer.done_before}") from error
        raise


def _undecided(item: Row | None, review_id: int) -> Row:
    """The item, if somebody may still decide it."""
    if item is None:
        raise NotFound("no_such_review", f"there is no review item {review_id}")
    if item.state in DECIDED:
        raise Conflict(
            "already_decided",
            f"review item {review_id} was {item.state} by {item.settled_by or 'somebody'} at {item.settled_at:%Y-%m-%d %H:%M:%S %Z}",
        )
    if item.state == ReviewState.SETTLED:
        raise Conflict(
            "review_settled",
            f"what review item {review_id} asks about went away by itself at {item.settled_at:%Y-%m-%d %H:%M:%S %Z};"
            " there is nothing left to decide",
        )
    return item
