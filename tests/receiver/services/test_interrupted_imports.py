"""Imports that are killed, stopped, cancelled or taken over go on, or end, without doubling or losing anybody."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver.domain.errors import Conflict
from receiver.services.importing import importing
from receiver.services.importing.importing import ROW_ATTEMPTS, WINDOW, Watch
from receiver.services.people.people import NewPerson, People
from receiver.store import imports, outbox
from receiver.store.store import Store
from tests.receiver.boxes import jpeg
from tests.receiver.importer import AGAIN, HEADER, Importer, many


@pytest.fixture
def importer(store: Store, tmp_path: Path) -> Importer:
    """On each kind of database."""
    return Importer(store, tmp_path)


@pytest.fixture
def desk(sqlite_store: Store, tmp_path: Path) -> Importer:
    """Where one kind of database is enough."""
    return Importer(sqlite_store, tmp_path)


class Killed(BaseException):
    """Stands for kill -9: nobody catches it, nothing is written after it."""


def test_an_import_that_was_killed_anywhere_goes_on_without_doubling_anybody(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 3 * WINDOW + 5
    import_id = importer.begin(importer.archive(many(number)))

    class Mortal(People):
        left = 0

        def add(self, new: NewPerson) -> tuple[int, list[dict[str, Any]]]:
            done = super().add(new)
            Mortal.left -= 1
            if Mortal.left == 0:
                raise Killed
            return done

    save = importing._Run._save

    def save_while_alive(run: importing._Run, *results: Any) -> None:
        if Mortal.left > 0:
            save(run, *results)

    monkeypatch.setattr(importing._Run, "_save", save_while_alive)
    for Mortal.left in (7, 20, 1):
        with pytest.raises(Killed):
            importer.worker(kind=Mortal).run(import_id)
    Mortal.left = number
    assert 0 < len(importer.everybody()) < number
    assert importer.tasks() == {("import", "waiting"): 1}
    importer.worker().run(import_id)
    assert sorted(row.name for row in importer.everybody()) == sorted(f"Person {each}" for each in range(number))
    assert [len(importer.faces(row.id)) for row in importer.everybody()] == [1] * number
    assert importer.counts(import_id) == {"enrolled": number}
    assert importer.tasks() == {}


def test_an_interrupted_row_of_somebody_enrolled_before_only_says_that_it_gave_more_pictures(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library had everything, the report nothing: each person is enrolled by one row, and by the first."""
    files = {"people.csv": (HEADER + "1,Ann,staff,first.jpg\n1,Ann,staff,more.jpg\n").encode()}
    import_id = importer.begin(importer.archive(files | {"first.jpg": jpeg(1), "more.jpg": jpeg(AGAIN)}))

    def never(_run: importing._Run, *_results: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(importing._Run, "_save", never)
        with pytest.raises(Killed):
            importer.worker().run(import_id)
    assert [len(importer.faces(each.id)) for each in importer.everybody()] == [2]
    importer.worker().run(import_id)
    told = [(row["state"], row["reason"]) for row in importer.rows(import_id)]
    assert told == [("enrolled", "new_person"), ("extended", "new_pictures")]


def test_reading_the_file_can_be_interrupted_too(desk: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PLAN_BATCH", 4)
    import_id = desk.begin(desk.archive(many(10)))
    add_rows = imports.add_rows
    calls: list[int] = []

    def die_at_the_second(tx: object, rows: object) -> None:
        add_rows(tx, rows)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(imports, "add_rows", die_at_the_second)
        with pytest.raises(Killed):
            desk.importing.run(import_id)
    assert desk.jobs.show(import_id)["total"] is None
    desk.importing.run(import_id)
    assert desk.counts(import_id) == {"enrolled": 10}


def test_a_row_that_ends_the_worker_each_time_is_refused_and_the_others_are_enrolled(desk: Importer) -> None:
    class Deadly(People):
        def add(self, new: NewPerson) -> tuple[int, list[dict[str, Any]]]:
            if new.external_id == "5":
                raise Killed
            return super().add(new)

    import_id = desk.begin(desk.archive(many(10)))
    worker = desk.worker(kind=Deadly)
    tries = 0
    while desk.jobs.show(import_id)["state"] != "done":
        tries += 1
        assert tries < 10
        try:
            worker.run(import_id)
        except Killed:
            continue
    assert tries == ROW_ATTEMPTS + 1
    assert desk.counts(import_id) == {"enrolled": 9, "refused": 1}
    assert desk.reasons(import_id)["5"] == ("refused", "engine_crashed")


def test_a_worker_that_is_asked_to_stop_leaves_the_rest_for_the_next(desk: Importer) -> None:
    import_id = desk.begin(desk.archive(many(20)))
    asked: list[int] = []

    def is_stopping() -> bool:
        asked.append(1)
        return len(asked) > 3

    for _ in range(4):
        asked.clear()
        desk.importing.run(import_id, Watch(is_stopping=is_stopping))
    shown = desk.jobs.show(import_id)
    assert (shown["state"], shown["counts"]["enrolled"], shown["percent"]) == ("running", 12, 60)
    with desk.store.read() as tx:
        assert {row.attempts for row in imports.rows(tx, import_id, "waiting", -1, 99)} == {0}
        due_at = outbox.next_due(tx, imports.TOPIC)
    assert due_at is not None
    assert due_at <= datetime.now(UTC)
    desk.importing.run(import_id)
    assert desk.counts(import_id) == {"enrolled": 20}


def test_an_import_can_be_cancelled_while_it_waits_or_runs(desk: Importer) -> None:
    waiting = desk.begin(desk.archive(many(3)))
    assert desk.jobs.cancel(waiting)["state"] == "cancelled"
    desk.importing.run(waiting)
    assert desk.everybody() == []
    running = desk.begin(desk.archive(many(WINDOW + 3)))
    desk.importing.run(running, Watch(settled=lambda _number: cancel(desk, running)))
    assert desk.jobs.show(running)["state"] == "cancelled"
    assert desk.counts(running) == {"enrolled": WINDOW, "waiting": 3}
    with pytest.raises(Conflict, match="has ended already"):
        desk.jobs.cancel(running)
    assert desk.tasks() == {}


def test_a_cancelled_import_whose_worker_is_gone_ends_at_the_next_one_even_without_its_file(desk: Importer) -> None:
    path = desk.archive(many(9))
    import_id = desk.begin(path)
    desk.importing.run(import_id, Watch(is_stopping=lambda: True))
    assert desk.jobs.cancel(import_id)["state"] == "cancelling"
    path.unlink()
    desk.worker().run(import_id)
    assert desk.jobs.show(import_id)["state"] == "cancelled"
    assert desk.tasks() == {}


def cancel(desk: Importer, import_id: int) -> None:
    desk.jobs.cancel(import_id)


def test_whoever_is_too_slow_leaves_the_import_to_who_took_over(desk: Importer) -> None:
    import_id = desk.begin(desk.archive(many(WINDOW + 4)))
    desk.importing.run(import_id, Watch(settled=lambda _number: desk.worker().run(import_id)))
    assert desk.counts(import_id) == {"enrolled": WINDOW + 4}
    assert len(desk.everybody()) == WINDOW + 4
