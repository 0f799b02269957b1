"""Moves events after their faces: some in the transaction of the correction, the rest in small steps of a task."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from receiver.domain.corrections import CorrectionKind
from receiver.services.pacing import Pace
from receiver.store import corrections, moving, outbox, people
from receiver.store.database import Row, Tx
from receiver.store.store import Store

LEASE = timedelta(seconds=60)
# Events lie all over the file: what is moved at once holds up the intake for as long as their pages take to be written.
STEP = 250
READ = 1000


@dataclass(frozen=True, slots=True)
class Route:
    """From whom to whom.

    Attributes:
        is_everything: all events of the source, not only those that are noted.
        is_noting: what is moved is noted, so that it can go back.
    """

    source: int
    target: int
    is_everything: bool = False
    is_noting: bool = False


def route_of(row: Row) -> Route:
    """Where the events of a correction go, as it stands: there, or back."""
    there, back = (row.other_id, row.person_id), (row.person_id, row.other_id)
    if row.kind == CorrectionKind.SPLIT:
        there, back = back, there
    if row.undone_at is not None:
        return Route(*back, is_everything=bool(row.before.get("is_new")))
    is_merge = row.kind == CorrectionKind.MERGE
    return Route(*there, is_everything=is_merge, is_noting=is_merge)


def begin(tx: Tx, correction_id: int, now: datetime) -> None:
    """Moves the first events of a correction; where there are more, a task does it."""
    row = corrections.find(tx, correction_id)
    if row is not None and _step(tx, row, 0) is not None and not corrections.moving(tx, [correction_id]):
        outbox.add(tx, corrections.TOPIC, [correction_id], now)


def _step(tx: Tx, row: Row, after: int) -> int | None:
    """Moves some events; the last one's number, None if that were all."""
    route = route_of(row)
    if route.is_everything:
        ids = moving.next_events(tx, route.source, STEP)
    else:
        ids = corrections.items(tx, row.id, corrections.EVENT, after, STEP)
    moved = moving.move_events(tx, ids, route.source, route.target)
    if route.is_noting:
        corrections.note_items(tx, row.id, corrections.EVENT, moved)
    return ids[-1] if len(ids) == STEP else None


def events_on(tx: Tx, person_id: int, faces: set[int], after: int = 0) -> list[int]:
    """The person's events with a number above ``after`` that were decided on one of the faces."""
    found: list[int] = []
    while faces:
        rows = moving.events_of(tx, person_id, after, READ)
        found += [row.id for row in rows if (row.decision_detail or {}).get("face") in faces]
        if len(rows) < READ:
            break
        after = rows[-1].id
    return found


class EventMoves:
    """The handler of the topic ``correct``; on the command line called without a task."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def run(self, correction_id: int, pace: Pace | None = None, on_step: Callable[[], None] = lambda: None) -> None:
        """Moves until all events are where they belong, or somebody stops us; it goes on from there the next time.

        Raises:
            Unavailable: the storage cannot be had just now; call again later.
        """
        pace = pace or Pace()
        position, was_undone = 0, False
        while not pace.is_stopping():
            with pace.step(), self._store.write(lock=people.GALLERY_LOCK) as tx:
                row = corrections.find(tx, correction_id)
                if row is None or not corrections.moving(tx, [correction_id]):
                    return
                is_undone = row.undone_at is not None
                # Undone meanwhile: back from the beginning.
                last = _step(tx, row, position if is_undone == was_undone else 0)
                if last is None:
                    corrections.settle_task(tx, correction_id)
                    return
                corrections.lease(tx, correction_id, datetime.now(UTC) + LEASE)
            position, was_undone = last, is_undone
            on_step()
