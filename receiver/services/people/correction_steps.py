"""What corrections and their undoing have in common: who may be corrected, and what follows a face to its new owner."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from receiver.domain.corrections import Terms
from receiver.domain.errors import Conflict, NotFound
from receiver.domain.events import ListName
from receiver.domain.people import PersonState
from receiver.store import corrections, holds, moving, people, reviews
from receiver.store.database import Row, Tx
from receiver.store.people import Identity

COLUMNS = ("name", "list", "state", "valid_from", "valid_until", "note", "fields")
TIMES = frozenset({"valid_from", "valid_until"})
BY_LENGTH = 255


def opened(tx: Tx, *ids: int, but: int = 0) -> list[Row]:
    """The people of a correction, who stay as they are until the transaction has ended.

    Args:
        tx: under the gallery's lock.
        ids: whose.
        but: a correction that may be under way.

    Raises:
        NotFound: ``no_such_person``.
        Conflict: ``person_merged``, ``still_moving``.
    """
    rows = moving.hold_people(tx, ids)
    for each in ids:
        if each not in rows:
            raise NotFound("no_such_person", f"there is no person {each}")
        must_be_there(tx, rows[each])
    busy = corrections.moving_about(tx, ids, but)
    if busy is not None:
        raise Conflict("still_moving", f"events of correction {busy} are still being moved; try again in a moment")
    return [rows[each] for each in ids]


def must_be_there(tx: Tx, row: Row) -> None:
    """Raises Conflict ``person_merged`` if the person has turned out to be somebody else."""
    if row.state == PersonState.MERGED:
        who = people.became(tx, row)
        raise Conflict(
            "person_merged", f"person {row.id} is person {who} by now; name that one, or undo the merge first"
        )


def columns_of(row: Row) -> dict[str, Any]:
    """What a correction may change of a person's row."""
    return {name: row._mapping[name] for name in COLUMNS}


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as they are kept with a correction."""
    return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in values.items()}


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that were kept with a correction, as a row takes them."""
    return {
        name: datetime.fromisoformat(each) if name in TIMES and each is not None else each
        for name, each in values.items()
    }


def terms_of(row: Row) -> Terms:
    """What the person is to the gate."""
    return Terms(ListName(row.list), row.state, row.valid_from, row.valid_until)


def add(tx: Tx, kind: str, ids: tuple[int, int | None], kept: Mapping[str, Any], made: tuple[str, datetime]) -> int:
    """Writes the correction and tells the galleries of its people; its id.

    Args:
        tx: under the gallery's lock.
        kind: of CorrectionKind.
        ids: the person, and the other one if there is one.
        kept: what was before.
        made: by whom, and when.
    """
    by, now = made
    for each in filter(None, ids):
        people.note_change(tx, each, now)
    row = {"kind": kind, "person_id": ids[0], "other_id": ids[1], "before": dict(kept)}
    return corrections.add(tx, row | {"made_by": by[:BY_LENGTH], "made_at": now})


def as_kept(identities: list[Identity]) -> list[list[Any]]:
    """Ids of devices, as they are kept with a correction."""
    return [[each.external_id, each.device_id, each.device_group] for each in identities]


def take_over_hold(tx: Tx, source: int, target: int, now: datetime) -> None:
    """Whoever gets events of somebody on legal hold is on legal hold too; no correction ever lifts one."""
    if holds.held(tx, holds.PERSON, [source]):
        holds.put(tx, holds.PERSON, target, now)


def follow_reviews(tx: Tx, source: int, target: int, now: datetime) -> dict[str, list[int]]:
    """What somebody should look at and concerned the source concerns the target now; what was moved, by kind of item.

    What was about the two of them, or found the source to be like somebody else, is settled: it is found anew as it holds.
    """
    moved: dict[str, list[int]] = {corrections.REVIEW: [], corrections.REVIEW_OTHER: []}
    for row in moving.open_reviews(tx, [source]):
        if row.kind in moving.PAIRS or {row.person_id, row.other_id} == {source, target}:
            reviews.settle(tx, row.id, now)
        else:
            is_other = row.other_id == source
            moved[corrections.REVIEW_OTHER if is_other else corrections.REVIEW].append(row.id)
    move_reviews(tx, moved, source, target)
    return moved


def move_reviews(tx: Tx, items: Mapping[str, list[int]], source: int, target: int) -> None:
    """Reviews by kind of item, from one person to the other."""
    for kind, ids in items.items():
        moving.move_reviews(tx, ids, (source, target), is_other=kind == corrections.REVIEW_OTHER)
