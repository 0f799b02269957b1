"""What imports keep of a person: rows that tell of him or her, by id or by name, and what others' rows say."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Text, func, or_, select, type_coerce, update

from receiver.domain.adoption import same_name
from receiver.domain.imports import ENDED, RowState
from receiver.store.database import Tx
from receiver.store.erasures import ERASED, Identities
from receiver.store.people import ANY_DEVICE
from receiver.store.tables import import_job, import_row

# Rows read or changed at once; SQLite takes 32766 values in one statement.
AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom rows may tell of.

    Attributes:
        person_id: of the library.
        name: as the library has it; empty: rows are not searched by it.
        ids: that every device knows the person by, as rows mean theirs.
        all_ids: those and the ones of single devices.
    """

    person_id: int
    name: str
    ids: frozenset[str]
    all_ids: frozenset[str]

    @classmethod
    def of(cls, person_id: int, name: str, identities: Identities) -> "Sought":
        """The name of a stranger, which is our own number, is part of other strangers' and tells nothing."""
        ids = frozenset(external_id for external_id, device_id in identities if device_id == ANY_DEVICE)
        all_ids = frozenset(external_id for external_id, _ in identities)
        return cls(person_id, "" if name == f"stranger {person_id}" else name, ids, all_ids)

    def is_to_go(self, row: Row[Any]) -> bool:
        """Whether the row goes with the person: rather one of a namesake too many than one too few.

        Only one that waits with another id is left: it would be missed.
        """
        if row.person_id == self.person_id or row.external_id in self.ids:
            return True
        return self._has_name(row) and not (row.state == RowState.WAITING and self._has_other_id(row))

    def is_own(self, row: Row[Any]) -> bool:
        """Whether the row may be given out as the person's: none with another id, or that led to somebody else."""
        if row.person_id is not None:
            return bool(row.person_id == self.person_id)
        return row.external_id in self.ids or (self._has_name(row) and not self._has_other_id(row))

    def _has_name(self, row: Row[Any]) -> bool:
        return row.person_id is None and same_name(row.name or row.external_id, self.name)

    def _has_other_id(self, row: Row[Any]) -> bool:
        return bool(self.all_ids and row.name and row.external_id and row.external_id not in self.all_ids)


def open_imports(tx: Tx) -> list[int]:
    """Imports that have not ended, which stay as they are until this write transaction has ended."""
    statement = select(import_job.c.id).where(import_job.c.state.not_in(ENDED)).order_by(import_job.c.id)
    return list(tx.execute(statement.with_for_update()).scalars())


def open_at(tx: Tx, moment: datetime) -> list[Row[Any]]:
    """(id, ended_at) of the imports that had begun by then, and had not ended."""
    is_open = or_(import_job.c.ended_at.is_(None), import_job.c.ended_at >= moment)
    return list(
        tx.execute(select(import_job.c.id, import_job.c.ended_at).where(import_job.c.created_at <= moment, is_open))
    )


def next_import(tx: Tx, after: int) -> int | None:
    """The next import that has rows; None after the last."""
    return tx.execute(select(func.min(import_row.c.import_id)).where(import_row.c.import_id > after)).scalar()


def rows_to_go(tx: Tx, import_id: int, sought: Sought, state: RowState | None = None) -> list[int]:
    """The rows of one import that go with the person, by number; optionally of those of one state."""
    columns = [import_row.c[name] for name in ("number", "external_id", "name", "state", "person_id")]
    statement = select(*columns).where(import_row.c.import_id == import_id, _may_be(sought))
    if state is not None:
        statement = statement.where(import_row.c.state == state)
    found: list[int] = []
    last = -1
    while some := list(
        tx.execute(statement.where(import_row.c.number > last).order_by(import_row.c.number).limit(AT_ONCE))
    ):
        found += [row.number for row in some if sought.is_to_go(row)]
        last = some[-1].number
    return found


def own_rows(tx: Tx, sought: Sought) -> list[Row[Any]]:
    """The rows of all imports that may be given out as the person's, in order."""
    columns = [column for column in import_row.c if column.name != "attempts"]
    statement = select(*columns).where(_may_be(sought)).order_by(import_row.c.import_id, import_row.c.number)
    return [row for row in tx.execute(statement) if sought.is_own(row)]


def _may_be(sought: Sought) -> Any:
    """What the names of the rest are compared for: capitals of all alphabets are no business of databases."""
    ids = (import_row.c.person_id == sought.person_id, import_row.c.external_id.in_(sought.ids))
    return or_(*ids, *((import_row.c.person_id.is_(None),) if sought.name else ()))


def clear_rows(tx: Tx, import_id: int, numbers: Sequence[int], sought: Sought) -> int:
    """Leaves of those rows of one import only that they were there, but of none that has become somebody else's; how many."""
    empty: dict[str, Any] = {
        "place": ERASED,
        "external_id": "",
        "name": "",
        "note": "",
        "paths": [],
        "more": {},
        "detail": None,
    }
    # A row that has not had its turn would enrol the person anew.
    gone = empty | {"pictures": [], "person_id": None, "state": RowState.REFUSED, "reason": ERASED}
    statement = update(import_row).where(import_row.c.import_id == import_id, _may_be(sought)).values(**gone)
    changed = 0
    for start in range(0, len(numbers), AT_ONCE):
        some = numbers[start : start + AT_ONCE]
        changed += tx.execute(statement.where(import_row.c.number.in_(some))).rowcount
    return changed


def mentions(tx: Tx, import_id: int, name: str) -> list[Row[Any]]:
    """The rows of one import in which the name stands: whom a face looked like, whose an id was, where pictures lay."""
    places = (
        import_row.c.detail,
        import_row.c.place,
        type_coerce(import_row.c.pictures, Text),
        type_coerce(import_row.c.paths, Text),
    )
    is_named = or_(*(place.icontains(name, autoescape=True) for place in places))
    return list(tx.execute(select(import_row).where(import_row.c.import_id == import_id, is_named)))


def change_rows(tx: Tx, import_id: int, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Sets columns of rows, by number."""
    for number, values in changes.items():
        where = (import_row.c.import_id == import_id, import_row.c.number == number)
        tx.execute(update(import_row).where(*where).values(**values))


def ended_imports(tx: Tx) -> list[Row[Any]]:
    """(id, name, path, detail) of the imports that have ended."""
    columns = (import_job.c.id, import_job.c.name, import_job.c.path, import_job.c.detail)
    return list(tx.execute(select(*columns).where(import_job.c.state.in_(ENDED))))


def unname(tx: Tx, import_ids: Collection[int]) -> None:
    """Takes away what the files of those imports were called."""
    statement = update(import_job).where(import_job.c.id.in_(list(import_ids)))
    tx.execute(statement.values(name=ERASED, path="", detail=None))
