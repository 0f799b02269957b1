"""Takes corrections back: the last of the same people first, and as far as things still are as they were left."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from receiver.domain.corrections import CorrectionKind, given_back
from receiver.domain.errors import Conflict, NotFound
from receiver.domain.events import ListName
from receiver.domain.people import FaceState, PersonState
from receiver.services.correcting import event_moves
from receiver.services.people.correction_steps import (
    BY_LENGTH,
    columns_of,
    follow_reviews,
    move_reviews,
    must_be_there,
    plain,
    take_over_hold,
    typed,
)
from receiver.store import corrections, faces, holds, moving, people
from receiver.store.database import Row, Tx
from receiver.store.people import Identity
from receiver.store.store import Store


class Undoing:
    """The way back from every correction.

    Args:
        ring: wakes who moves the events that were too many for one transaction.
    """

    def __init__(self, store: Store, ring: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._ring = ring

    def undo(self, correction_id: int, *, by: str) -> None:
        """Takes a correction back.

        What was changed or taken away since stays so; what came since and rests on a face goes with the face.

        Raises:
            NotFound: ``no_such_correction``.
            Conflict: ``already_undone``; ``later_correction``: another one of the same people must be undone first;
                ``still_moving``; ``person_gone``: one of the people is not in the library any more; ``lists_differ``:
                whom a split made has been put on a list since. Nothing is changed.
        """
        now = datetime.now(UTC)
        with self._store.read() as tx:
            since = _since(tx, correction_id)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            row = _may_be_undone(tx, correction_id)
            rows = moving.hold_people(tx, _people_of(row))
            if len(rows) < len(_people_of(row)):
                raise Conflict("person_gone", "one of the people is not in the library any more; there is no way back")
            self._take_back(tx, row, rows, now)
            corrections.note_items(tx, correction_id, corrections.EVENT, since)
            corrections.change(tx, correction_id, {"undone_at": now, "undone_by": by[:BY_LENGTH]})
            if row.other_id is not None:
                event_moves.begin(tx, correction_id, now)
            for each in rows:
                people.note_change(tx, each, now)
        self._ring()

    def undo_last(self, person_id: int, *, by: str) -> int:
        """Takes the last correction back in which somebody takes part; its id.

        Raises:
            NotFound: ``no_such_person``; ``nothing_to_undo``.
            Conflict: see ``undo``.
        """
        with self._store.read() as tx:
            if people.find(tx, person_id) is None:
                raise NotFound("no_such_person", f"there is no person {person_id}")
            last = corrections.newest_of(tx, person_id)
        if last is None:
            raise NotFound("nothing_to_undo", f"no correction of person {person_id} is in force")
        self.undo(last, by=by)
        return last

    def _take_back(self, tx: Tx, row: Row, rows: Mapping[int, Row], now: datetime) -> None:
        person = rows[row.person_id]
        if row.kind == CorrectionKind.MERGE:
            _part_again(tx, row, person, now)
        elif row.kind == CorrectionKind.SPLIT:
            _check_list(row, person, rows[row.other_id])
            _unite_again(tx, row, rows[row.other_id], now)
        else:
            must_be_there(tx, person)
            _restore(tx, person, row.before, now)
            for each in _identities(row.before):
                moving.drop_identity(tx, each, person.id)


def _people_of(row: Row) -> list[int]:
    return [each for each in (row.person_id, row.other_id) if each is not None]


def _since(tx: Tx, correction_id: int) -> list[int]:
    """Events that came after the correction and rest on a face that goes back; they go with it."""
    row = corrections.find(tx, correction_id)
    if row is None or row.other_id is None or row.undone_at is not None or row.before.get("is_new"):
        return []
    holder = row.person_id if row.kind == CorrectionKind.MERGE else row.other_id
    moved = set(corrections.items(tx, correction_id, corrections.FACE))
    return event_moves.events_on(tx, holder, moved, row.before.get("last_event", 0))


def _may_be_undone(tx: Tx, correction_id: int) -> Row:
    row = corrections.find(tx, correction_id)
    if row is None:
        raise NotFound("no_such_correction", f"there is no correction {correction_id}")
    if row.undone_at is not None:
        raise Conflict("already_undone", f"correction {correction_id} was undone by {row.undone_by or 'somebody'}")
    later = corrections.later_than(tx, row)
    if later is not None:
        raise Conflict("later_correction", f"correction {later} of the same people came later; undo that one first")
    busy = corrections.moving_about(tx, _people_of(row), but=correction_id)
    if busy is not None:
        raise Conflict("still_moving", f"events of correction {busy} are still being moved; try again in a moment")
    return row


def _identities(kept: Mapping[str, Any]) -> Sequence[Identity]:
    return [Identity(*each) for each in kept.get("identities", ())]


def _restore(tx: Tx, person: Row, kept: Mapping[str, Any], now: datetime) -> None:
    """The person's own columns and groups as they were, but for what somebody has changed since."""
    values = given_back(kept.get("person", {}), plain(columns_of(person)))
    people.change(tx, person.id, typed(values) | {"updated_at": now})
    moving.leave_groups(tx, person.id, kept.get("groups", ()))


def _current_again(tx: Tx, row: Row) -> None:
    """Faces whose place was taken by what was the other one's; what somebody has said of a face since stays so."""
    retired = faces.found(tx, corrections.items(tx, row.id, corrections.RETIRED))
    for each in retired.values():
        if each.state == FaceState.FORMER and each.person_id in _people_of(row):
            faces.change(tx, each.id, {"state": FaceState.CURRENT})


def _part_again(tx: Tx, row: Row, person: Row, now: datetime) -> None:
    """A merge: whoever was taken for the person is there again, with faces, ids and groups."""
    back = (row.person_id, row.other_id)
    moving.move_faces(tx, corrections.items(tx, row.id, corrections.FACE), *back)
    _current_again(tx, row)
    moving.move_identities(tx, _identities(row.before), *back)
    kinds = (corrections.REVIEW, corrections.REVIEW_OTHER)
    move_reviews(tx, {kind: corrections.items(tx, row.id, kind) for kind in kinds}, *back)
    _restore(tx, person, row.before, now)
    take_over_hold(tx, *back, now)
    state = {"state": row.before.get("other_state", PersonState.ACTIVE), "merged_into": None}
    people.change(tx, row.other_id, state | {"updated_at": now})


def _check_list(row: Row, person: Row, other: Row) -> None:
    """Whoever was made by a split and has been put on a list since does not come off it unseen."""
    is_put = other.list not in {row.before.get("list"), person.list, ListName.STRANGER}
    if row.before.get("is_new") and is_put:
        raise Conflict(
            "lists_differ",
            f"person {other.id} has been put on the list {other.list} since; merge the two and say which list holds",
        )


def _unite_again(tx: Tx, row: Row, other: Row, now: datetime) -> None:
    """A split: what went comes back; a person who was made by it is the first one again, with all that came since."""
    back = (row.other_id, row.person_id)
    is_new = bool(row.before.get("is_new"))
    going = moving.faces_of(tx, other.id) if is_new else corrections.items(tx, row.id, corrections.FACE)
    moving.move_faces(tx, going, *back)
    moving.move_identities(tx, moving.identities_of(tx, other.id) if is_new else _identities(row.before), *back)
    take_over_hold(tx, *back, now)
    people.change(tx, row.person_id, {"updated_at": now})
    gone = {"state": PersonState.MERGED, "merged_into": row.person_id} if is_new else {}
    people.change(tx, other.id, gone | {"updated_at": now})
    if is_new:
        holds.lift(tx, holds.PERSON, other.id)
        follow_reviews(tx, *back, now)
    else:
        _current_again(tx, row)
