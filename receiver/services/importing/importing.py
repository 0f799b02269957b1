"""Works on an import: reads its file, enrols row by row in small transactions, and can be ended and resumed anywhere."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any

from receiver.domain.errors import Busy, GatehouseError, Invalid, Unavailable
from receiver.domain.imports import ENDED, JobState, RowState, Subject
from receiver.services.importing.import_details import with_zone
from receiver.services.importing.import_rows import Outcome, RowEnroller, RowOptions, RowPicture, read_pictures
from receiver.services.importing.looking_ahead import LookingAhead
from receiver.services.importing.noting_rows import keep_brought, note_row
from receiver.services.importing.rehearsing import Rehearse
from receiver.services.people.people import People, See
from receiver.store import imports
from receiver.store.database import Row, Tx
from receiver.store.pictures import Pictures
from receiver.store.rehearsal import RehearsalPictures, RehearsalStore
from receiver.store.reviews import ReviewPicture
from receiver.store.store import Store
from receiver.translation.import_files import Source, open_source
from receiver.translation.import_plans import read_plan

# How long a worker may be silent before another takes over, and how often it speaks.
LEASE = timedelta(seconds=30)
BEAT_SECONDS = 5.0
# Rows whose pictures are read and looked at together, and how many bytes these may have.
WINDOW = 16
WINDOW_BYTES = 64 * 1024 * 1024
PLAN_BATCH = 500
# A row that was under way each time a worker ended is not tried again.
ROW_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ImportingParts:
    """What imports work with.

    Attributes:
        see: looks at one encoded picture; called by several threads.
        make_people: the library over a store and its pictures, with whatever sees for it; a dry run has a store of its own.
        check_room: raises Unavailable where the disk is nearly full.
        threads: that look at pictures.
        pixel_limit: most pixels of a picture that is kept for the review list.
        rehearse: what a dry run works with; None: it compares the people of a file with the library only.
        zone: of times in tables.
    """

    store: Store
    pictures: Pictures
    see: See
    make_people: Callable[[Store, Pictures, See], People]
    check_room: Callable[[], None] = lambda: None
    threads: int = 2
    pixel_limit: int = 64_000_000
    rehearse: Rehearse | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on.

    Attributes:
        is_stopping: asked after each row; the import is left for later if so.
        planned: told how many rows there are, and how many of them wait.
        settled: told how many more rows have been settled.
    """

    is_stopping: Callable[[], bool] = lambda: False
    planned: Callable[[int, int], None] = lambda _total, _waiting: None
    settled: Callable[[int], None] = lambda _number: None


ALONE = Watch()


class _Left(Exception):
    """The import is somebody else's by now, or gone."""


class Importing:
    """The handler of the topic ``import``; on the command line called without a task."""

    def __init__(self, parts: ImportingParts) -> None:
        self._parts = parts

    def run(self, import_id: int, watch: Watch = ALONE) -> None:
        """Works until the import has ended, is cancelled, is taken over, or the watch stops it.

        Raises:
            Unavailable: the storage, the engine or the file cannot be had just now; call again later.
        """
        store = self._parts.store
        owner = secrets.token_hex(8)
        with store.write() as tx:
            job = _taken(tx, import_id, owner)
        if job is None:
            return
        if job.state == JobState.CANCELLING:
            end(store, job, JobState.CANCELLED)
            return
        try:
            with closing(open_source(Path(job.path), job.name)) as source:
                _Run(self._parts, job, source, watch).work()
        except _Left:
            pass
        except Invalid as error:
            if error.reason == "source_gone":
                raise Unavailable(error.reason, error.detail) from error
            end(store, job, JobState.FAILED, error)

    def give_up(self, import_id: int) -> None:
        """The import failed every time: it ends, and says why."""
        with self._parts.store.read() as tx:
            job = imports.find(tx, import_id)
            why = imports.last_error(tx, import_id) or "the worker ended each time"
        if job is not None and job.state not in ENDED:
            end(self._parts.store, job, JobState.FAILED, Invalid("gave_up", f"given up after several tries: {why}"))


def _taken(tx: Tx, import_id: int, owner: str) -> Row | None:
    """The import, ours from now on; None if there is nothing to do for it."""
    job = imports.held(tx, import_id)
    if job is None or job.state in ENDED:
        imports.drop_task(tx, import_id)
        return None
    values: dict[str, Any] = {"owner": owner, "started_at": job.started_at or datetime.now(UTC)}
    if job.state == JobState.WAITING:
        values["state"] = JobState.RUNNING
    imports.change(tx, import_id, values)
    return imports.find(tx, import_id)


def end(store: Store, job: Row, state: JobState, error: Invalid | None = None) -> None:
    """Writes how the import ended; its task goes, and the file if it is our copy."""
    with store.write() as tx:
        values = {
            "state": state,
            "reason": error.reason if error is not None else None,
            "detail": error.detail if error is not None else None,
            "counts": imports.counts(tx, [job.id])[job.id],
            "ended_at": datetime.now(UTC),
        }
        imports.change(tx, job.id, values)
        imports.drop_task(tx, job.id)
    if job.is_upload:
        Path(job.path).unlink(missing_ok=True)


class _Run:
    """One worker's work on one import."""

    def __init__(self, parts: ImportingParts, job: Row, source: Source, watch: Watch) -> None:
        self._parts = parts
        self._store = parts.store
        self._check_room = parts.check_room
        self._job = job
        self._source = source
        self._watch = watch
        self._ahead = LookingAhead(parts.see, parts.threads)
        store, pictures = parts.store, parts.pictures
        if job.is_dry_run:
            store, pictures = RehearsalStore(store), RehearsalPictures(store.pictures)
        rehearsal = parts.rehearse(store, pictures, self._ahead.see) if job.is_dry_run and parts.rehearse else None
        library = rehearsal.people if rehearsal else parts.make_people(store, pictures, self._ahead.see)
        options = RowOptions(rehearsal=rehearsal.gate if rehearsal else None)
        self._enroller = RowEnroller(parts.store, library, job, job.started_at, options)
        self._last = -1
        self._spoke_at = float("-inf")

    def work(self) -> None:
        with self._ahead:
            if self._job.total is None:
                self._plan()
            elif self._job.is_dry_run:
                self._begin_anew()
            with self._store.read() as tx:
                counts = imports.counts(tx, [self._job.id])[self._job.id]
            self._watch.planned(sum(counts.values()), counts.get(RowState.WAITING, 0))
            self._enrol_all()

    def _begin_anew(self) -> None:
        """Whom an interrupted dry run would have enrolled was in memory alone: everybody has another turn."""
        is_left = True
        while is_left:
            with self._store.write() as tx:
                self._held(tx, has_got_on=False)
                is_left = imports.unsettle(tx, self._job.id) > 0

    def _plan(self) -> None:
        """Writes the rows; what an interrupted reading has left is read anew, so that only a whole one gets the import on."""
        while self._drop_some():
            pass
        number = 0
        subjects = read_plan(self._source, self._job.name)
        while batch := list(islice(subjects, PLAN_BATCH)):
            with self._store.write() as tx:
                self._held(tx, has_got_on=False)
                imports.add_rows(
                    tx, [_as_row(self._job.id, number + at, each, self._parts.zone) for at, each in enumerate(batch)]
                )
                refused = [(number + at, _refused(each)) for at, each in enumerate(batch) if each.reason]
                self._ask(tx, refused, {})
            number += len(batch)
        if number == 0:
            raise Invalid("nothing_to_import", f"{self._job.name} tells of nobody")
        with self._store.write() as tx:
            self._held(tx)
            imports.change(tx, self._job.id, {"total": number})

    def _drop_some(self) -> int:
        with self._store.write() as tx:
            self._held(tx, has_got_on=False)
            return imports.drop_rows(tx, self._job.id)

    def _enrol_all(self) -> None:
        while window := self._next_window():
            if not self._job.is_dry_run:
                self._check_room()
            with self._store.write() as tx:
                is_cancelled = self._held(tx) == JobState.CANCELLING
                imports.mark_tried(tx, self._job.id, [] if is_cancelled else [row.number for row, _ in window])
            if is_cancelled:
                end(self._store, self._job, JobState.CANCELLED)
                return
            if not self._work_off(window):
                return
        end(self._store, self._job, JobState.DONE)

    def _work_off(self, window: Sequence[tuple[Row, list[RowPicture]]]) -> bool:
        """Settles the rows; False if somebody stopped us before the last one. What is settled is saved in any case."""
        settled: list[tuple[int, Outcome]] = []
        at_fault = 1
        try:
            settled.extend(self._enrol(window))
            at_fault = 0
        except GatehouseError:
            # The storage or the engine: no row is to blame. Whatever else comes, comes from the row under way.
            at_fault = 0
            raise
        finally:
            self._save(settled, [row.number for row, _ in window[len(settled) + at_fault :]])
        return len(settled) == len(window)

    def _save(self, settled: Sequence[tuple[int, Outcome]], untouched: Sequence[int]) -> None:
        shown = {} if self._job.is_dry_run else self._kept(settled)
        with self._store.write() as tx:
            # First, as whoever changes several rows does, or two would wait for each other.
            is_held = self._is_held(tx)
            saved = [each for each in settled if imports.save(tx, self._job.id, each[0], each[1].values())]
            self._ask(tx, [each for each in saved if each[1].state is RowState.REFUSED], shown)
            imports.mark_tried(tx, self._job.id, untouched, -1)
            if is_held:
                # Whoever comes next may begin at once.
                imports.lease(tx, self._job.id, datetime.now(UTC) + (timedelta() if untouched else LEASE))
        self._watch.settled(len(settled))

    def _kept(self, settled: Sequence[tuple[int, Outcome]]) -> dict[int, list[ReviewPicture]]:
        """The pictures of refused rows, stored for whoever is to look at them."""
        limit = self._parts.pixel_limit
        return {
            number: keep_brought(self._parts.pictures, each.brought, limit) for number, each in settled if each.brought
        }

    def _ask(
        self, tx: Tx, refused: Sequence[tuple[int, Outcome]], shown: Mapping[int, Sequence[ReviewPicture]]
    ) -> None:
        """Has somebody look at refused rows; nobody is asked about what a dry run says, or where there is nothing to look at:
        whoever insists could not be obeyed, and the report has the row.
        """
        if not self._job.is_dry_run:
            now = datetime.now(UTC)
            for number, outcome in refused:
                if shown.get(number):
                    note_row(tx, (self._job.id, number), outcome, shown[number], now)

    def _next_window(self) -> list[tuple[Row, list[RowPicture]]]:
        """The next rows with their pictures, which are begun to be looked at; a row that may be deadly comes alone."""
        with self._store.read() as tx:
            rows = imports.rows(tx, self._job.id, RowState.WAITING, self._last, WINDOW)
        self._ahead.forget()
        window: list[tuple[Row, list[RowPicture]]] = []
        size = 0
        for row in rows:
            if window and (row.attempts or window[-1][0].attempts or size > WINDOW_BYTES):
                break
            pictures = read_pictures(self._source, row.paths) if row.attempts < ROW_ATTEMPTS else []
            window.append((row, pictures))
            size += sum(len(each.data) for each in pictures)
            self._last = row.number
        return window

    def _enrol(self, window: Sequence[tuple[Row, list[RowPicture]]]) -> Iterator[tuple[int, Outcome]]:
        """What came of the rows, until somebody stops us."""
        for row, pictures in window:
            for each in self._enroller.fresh(row, pictures):
                self._ahead.begin(each.data)
        for row, pictures in window:
            if self._watch.is_stopping():
                return
            self._speak()
            yield row.number, self._settled(row, pictures)

    def _settled(self, row: Row, pictures: Sequence[RowPicture]) -> Outcome:
        if row.attempts >= ROW_ATTEMPTS:
            detail = f"the server ended {row.attempts} times while it worked on this row; look at its pictures"
            return Outcome(RowState.REFUSED, "engine_crashed", detail)
        try:
            return self._enroller.enrol(row, pictures)
        except Busy:
            # The library has moved to another model meanwhile: what was seen with the one before is of no use.
            self._ahead.forget()
            return self._enroller.enrol(row, pictures)

    def _speak(self) -> None:
        """Rows may take long: whoever waits to take over is told that we live."""
        if time.monotonic() - self._spoke_at > BEAT_SECONDS:
            with self._store.write() as tx:
                self._held(tx)

    def _held(self, tx: Tx, *, has_got_on: bool = True) -> str:
        """Makes sure that the import is still ours, and tells its state.

        Args:
            tx: a write transaction.
            has_got_on: whoever comes next goes on from here, so that earlier tries do not count any more.

        Raises:
            _Left: it is not.
        """
        if not self._is_held(tx):
            raise _Left
        imports.lease(tx, self._job.id, datetime.now(UTC) + LEASE, has_got_on=has_got_on)
        self._spoke_at = time.monotonic()
        job = imports.held(tx, self._job.id)
        return str(job.state) if job is not None else ""

    def _is_held(self, tx: Tx) -> bool:
        job = imports.held(tx, self._job.id)
        return job is not None and job.owner == self._job.owner and job.state not in ENDED


def _refused(subject: Subject) -> Outcome:
    """Of somebody who was refused without a look at any picture."""
    return Outcome(RowState.REFUSED, subject.reason, subject.detail)


def _as_row(import_id: int, number: int, subject: Subject, zone: tzinfo) -> dict[str, Any]:
    return {
        "import_id": import_id,
        "number": number,
        "place": subject.place,
        "external_id": subject.external_id,
        "name": subject.name,
        "list": subject.list,
        "note": subject.note,
        "paths": list(subject.pictures),
        "more": with_zone(subject.more, zone),
        "state": RowState.REFUSED if subject.reason else RowState.WAITING,
        "reason": subject.reason or None,
        "detail": subject.detail or None,
    }
