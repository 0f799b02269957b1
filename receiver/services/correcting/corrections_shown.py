"""Shows what was put right in the library: who, what moved, and whether it can be undone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from receiver.domain.errors import NotFound
from receiver.services.asking.asking import Page
from receiver.store import corrections, people
from receiver.store.corrections import CorrectionFilter
from receiver.store.database import Row, Tx
from receiver.store.store import Store


@dataclass(frozen=True, slots=True)
class _Around:
    """What is shown with corrections: looked up once for a whole page."""

    people: Mapping[int, Row]
    counts: Mapping[int, Mapping[str, int]]
    moving: frozenset[int]


class CorrectionsShown:
    """The read side of corrections."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listed(self, wanted: CorrectionFilter) -> Page:
        """The corrections of a filter, newest first."""
        with self._store.read() as tx:
            found = corrections.listed(tx, replace(wanted, limit=wanted.limit + 1))
            rows = found[: wanted.limit]
            items = _shown(tx, rows)
        return Page(items, str(rows[-1].id) if len(found) > wanted.limit else None)

    def show(self, correction_id: int) -> dict[str, Any]:
        """One correction.

        Raises:
            NotFound: ``no_such_correction``.
        """
        with self._store.read() as tx:
            row = corrections.find(tx, correction_id)
            if row is None:
                raise NotFound("no_such_correction", f"there is no correction {correction_id}")
            return _shown(tx, [row])[0]


def _shown(tx: Tx, rows: Sequence[Row]) -> list[dict[str, Any]]:
    ids = [row.id for row in rows]
    named = {each for row in rows for each in (row.person_id, row.other_id) if each is not None}
    around = _Around(people.found(tx, named), corrections.counts(tx, ids), frozenset(corrections.moving(tx, ids)))
    return [_one(tx, row, around) for row in rows]


def _one(tx: Tx, row: Row, around: _Around) -> dict[str, Any]:
    moved = around.counts[row.id]
    names = ("id", "kind", "made_at", "made_by", "undone_at", "undone_by")
    return {name: row._mapping[name] for name in names} | {
        "person": _named(row.person_id, around),
        "other": _named(row.other_id, around),
        "moved": {
            "faces": moved.get(corrections.FACE, 0),
            "events": moved.get(corrections.EVENT, 0),
            "identities": len(row.before.get("identities", ())),
            "groups": len(row.before.get("groups", ())),
        },
        "insisted": row.before.get("insisted", []),
        "is_moving": row.id in around.moving,
        "blocked_by": corrections.later_than(tx, row) if row.undone_at is None else None,
    }


def _named(person_id: int | None, around: _Around) -> dict[str, Any] | None:
    if person_id is None:
        return None
    row = around.people.get(person_id)
    # Who was deleted or erased is a number only.
    gone = {"id": person_id, "name": None, "list": None, "state": None}
    return gone if row is None else {"id": row.id, "name": row.name, "list": row.list, "state": row.state}
