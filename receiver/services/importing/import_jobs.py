"""Begins imports, shows how far they are, reports what came of each row, and ends them."""

import csv
import io
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from receiver.domain.errors import Conflict, Invalid, NotFound, Unavailable
from receiver.domain.imports import ENDED, JobState, RowState, percent
from receiver.services.asking.asking import Page
from receiver.services.importing.importing import end
from receiver.services.upkeep.room import Room
from receiver.store import imports, outbox, review_upkeep
from receiver.store.database import Row, Tx
from receiver.store.store import Store
from receiver.translation.import_files import open_source
from receiver.translation.import_names import kind_of

FOLDER = "imports"
# A file that no import names may be one that is coming in just now.
ORPHAN_AGE = timedelta(days=1)
REPORT_BATCH = 1000
COLUMNS = ("place", "external_id", "name", "list", "state", "reason", "sentence", "person", "pictures", "used")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class NewImport:
    """A file with people to enrol.

    Attributes:
        path: where the file is.
        name: as people know the file.
        list: of those for whom the file names none.
        is_dry_run: judge, and keep nothing.
        is_upload: the file is our own copy.
    """

    path: Path
    name: str
    list: str = "staff"
    is_dry_run: bool = False
    is_upload: bool = False


class ImportJobs:
    """What people do with imports; the work itself is a worker's."""

    def __init__(self, store: Store, room: Room, ring: Callable[[], None], *, is_recognising: bool = True) -> None:
        self._store = store
        self._room = room
        self._folder = room.data_dir / FOLDER
        self._ring = ring
        self._is_recognising = is_recognising

    def new_file(self) -> Path:
        """A place for an uploaded file.

        Raises:
            Unavailable: ``disk_full``.
        """
        self._room.check()
        self._folder.mkdir(parents=True, exist_ok=True)
        return (self._folder / f"{secrets.token_hex(12)}.zip").absolute()

    def begin_upload(self, new: NewImport) -> dict[str, Any]:
        """Takes over an uploaded file and has it imported; when this returns, neither is lost any more.

        Raises:
            Unavailable: ``recognition_off``.
            Invalid: the file is no archive that can be imported; it is deleted.
        """
        try:
            self._check(new)
            _make_durable(new.path)
            import_id = self.begin(new)
        except BaseException:
            new.path.unlink(missing_ok=True)
            raise
        self._ring()
        return self.show(import_id)

    def _check(self, new: NewImport) -> None:
        if not self._is_recognising:
            raise Unavailable("recognition_off", "faces cannot be read: recognition is switched off")
        if kind_of(new.name) == "table":
            raise Invalid("table_alone", "a table alone has no pictures; send a zip with the table and the pictures")
        open_source(new.path, _tidy(new.name)).close()

    def begin(self, new: NewImport, *, lease: timedelta = timedelta()) -> int:
        """Writes the import and its task; with a lease the task is the caller's own for that time."""
        now = datetime.now(UTC)
        with self._store.write() as tx:
            import_id = imports.add(
                tx,
                {
                    "state": JobState.WAITING,
                    "name": _tidy(new.name),
                    "path": str(new.path.absolute()),
                    "is_upload": new.is_upload,
                    "list": new.list,
                    "is_dry_run": new.is_dry_run,
                    "created_at": now,
                },
            )
            outbox.add(tx, imports.TOPIC, [import_id], now)
            if lease:
                imports.lease(tx, import_id, now + lease)
        return import_id

    def show(self, import_id: int) -> dict[str, Any]:
        """One import with how far it is.

        Raises:
            NotFound: there is none with that id.
        """
        with self._store.read() as tx:
            job = _required(imports.find(tx, import_id), import_id)
            return _shown(job, _counts(tx, [job])[job.id])

    def listed(self, before: int | None, limit: int) -> Page:
        """Imports, newest first."""
        with self._store.read() as tx:
            found = imports.listed(tx, before, limit + 1)
            counts = _counts(tx, found[:limit])
        items = [_shown(job, counts[job.id]) for job in found[:limit]]
        return Page(items, str(items[-1]["id"]) if len(found) > limit else None)

    def rows(self, import_id: int, state: str | None, after: int | None, limit: int) -> Page:
        """The rows of an import in the order of the file.

        Raises:
            NotFound: there is none with that id.
        """
        with self._store.read() as tx:
            _required(imports.find(tx, import_id), import_id)
            found = imports.rows(tx, import_id, state, -1 if after is None else after, limit + 1)
        items = [_row(each) for each in found[:limit]]
        return Page(items, str(items[-1]["number"]) if len(found) > limit else None)

    def all_rows(self, import_id: int) -> Iterator[dict[str, Any]]:
        """Every row, read piece by piece."""
        cursor: int | None = None
        while True:
            page = self.rows(import_id, None, cursor, REPORT_BATCH)
            yield from page.items
            if page.next is None:
                return
            cursor = int(page.next)

    def report(self, import_id: int) -> Iterator[str]:
        """Every row with its reason and a sentence, as CSV that spreadsheets open as UTF-8; piece by piece.

        Raises:
            NotFound: there is none with that id.
        """
        return self._report(import_id, self.show(import_id)["list"])

    def _report(self, import_id: int, otherwise: str) -> Iterator[str]:
        yield "\ufeff" + _line(COLUMNS)
        last = -1
        while True:
            with self._store.read() as tx:
                found = imports.rows(tx, import_id, None, last, REPORT_BATCH)
            if not found:
                return
            yield "".join(_line(_reported(row, otherwise)) for row in found)
            last = found[-1].number

    def cancel(self, import_id: int) -> dict[str, Any]:
        """Ends an import after the row under way; what is enrolled stays.

        Raises:
            NotFound: there is none with that id.
            Conflict: ``import_ended``.
        """
        with self._store.write() as tx:
            job = _required(imports.held(tx, import_id), import_id)
            if job.state in ENDED:
                raise Conflict("import_ended", f"import {import_id} has ended already: {job.state}")
            is_waiting = job.state == JobState.WAITING
            imports.change(tx, import_id, {"state": JobState.CANCELLING})
        if is_waiting:
            end(self._store, job, JobState.CANCELLED)
        self._ring()
        return self.show(import_id)

    def end_cancelled(self, import_id: int) -> None:
        """What a worker does when it sees that an import is being cancelled; for one that has no worker but the caller."""
        with self._store.read() as tx:
            job = _required(imports.find(tx, import_id), import_id)
        if job.state == JobState.CANCELLING:
            end(self._store, job, JobState.CANCELLED)

    def remove(self, import_id: int) -> None:
        """Forgets an import that has ended; the people stay.

        Raises:
            NotFound: there is none with that id.
            Conflict: ``import_running``.
        """
        with self._store.read() as tx:
            job = _required(imports.find(tx, import_id), import_id)
        if job.state not in ENDED:
            raise Conflict("import_running", f"import {import_id} has not ended; cancel it first")
        is_left = True
        while is_left:
            # In steps: deleting a hundred thousand rows at once would hold up the intake.
            with self._store.write() as tx:
                is_left = imports.drop_rows(tx, import_id) > 0
        with self._store.write() as tx:
            imports.remove(tx, import_id)
            review_upkeep.settle_import(tx, import_id, datetime.now(UTC))

    def sweep(self) -> int:
        """Deletes uploaded files that no import needs, after a day; returns how many."""
        with self._store.read() as tx:
            needed = imports.paths(tx)
        before = (datetime.now(UTC) - ORPHAN_AGE).timestamp()
        found = list(self._folder.glob("*")) if self._folder.is_dir() else []
        orphans = [path for path in found if str(path.absolute()) not in needed and path.stat().st_mtime < before]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)


def _tidy(name: str) -> str:
    """A file's name without the folders that some browsers send with it."""
    bare = name.replace("\\", "/").rpartition("/")[2] or "import"
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in bare)[-NAME_LENGTH:]


def _make_durable(path: Path) -> None:
    """Whatever happens to the power now, the file and its name are on the disk."""
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _required(job: Row | None, import_id: int) -> Row:
    if job is None:
        raise NotFound("no_such_import", f"there is no import {import_id}")
    return job


def _counts(tx: Tx, jobs: Sequence[Row]) -> dict[int, dict[str, int]]:
    """Rows by state; of those that have ended as they were counted then."""
    open_ones = imports.counts(tx, [job.id for job in jobs if job.counts is None])
    return {job.id: open_ones[job.id] if job.counts is None else job.counts for job in jobs}


def _shown(job: Row, counts: Mapping[str, int]) -> dict[str, Any]:
    names = ("id", "state", "reason", "detail", "name", "list", "is_dry_run", "total")
    times = ("created_at", "started_at", "ended_at")
    return {
        **{name: job._mapping[name] for name in (*names, *times)},
        "percent": percent(job.total, counts),
        "counts": {state.value: counts.get(state, 0) for state in RowState},
    }


def _row(row: Row) -> dict[str, Any]:
    names = ("number", "place", "external_id", "name", "list", "state", "reason", "detail")
    return {
        **{name: row._mapping[name] for name in names},
        "more": row.more,
        "person": row.person_id,
        "pictures": row.pictures if row.pictures is not None else [{"path": path} for path in row.paths],
    }


def _reported(row: Row, otherwise: str) -> list[object]:
    pictures = row.pictures if row.pictures is not None else row.paths
    used = sum(bool(each.get("is_used")) for each in row.pictures or ())
    named = [row.place, row.external_id, row.name or row.external_id, row.list or otherwise]
    return [*named, row.state, row.reason, row.detail, row.person_id, len(pictures), used]


def _line(cells: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(["" if cell is None else _harmless(str(cell)) for cell in cells])
    return out.getvalue()


def _harmless(text: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula, and names come from outside; a number stays one."""
    is_formula = text[:1] in {"=", "+", "-", "@", "\t", "\r"} and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text
