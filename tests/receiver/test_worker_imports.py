"""The worker works imports off, one at a time, tries them again, and gives up in the end."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from receiver.domain.errors import Unavailable
from receiver.domain.imports import Subject
from receiver.services.importing import importing
from receiver.services.upkeep.housekeeping import Housekeeping
from receiver.settings import Settings
from receiver.store import outbox, tables
from receiver.store.doorbell import Doorbell
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from receiver.translation.import_files import Source
from receiver.worker import ATTEMPTS, Worker, WorkerParts
from recognition.engine import Sighting
from tests.made_stores import made_store
from tests.receiver.forwarders import forwarder_of
from tests.receiver.importer import Importer, many


class Shop:
    """A worker over a store, driven claim by claim."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.desk = Importer(store, folder)
        self.doorbell = Doorbell(folder)
        pictures = Pictures(store.pictures)
        self.forwarding = forwarder_of(store, folder)
        self.worker = Worker(
            WorkerParts(
                settings=Settings(data_dir=folder),
                store=store,
                doorbell=self.doorbell,
                recogniser=None,
                forwarding=self.forwarding,
                housekeeping=Housekeeping(store, pictures),
                importing=self.desk.importing,
                import_jobs=self.desk.jobs,
            )
        )

    def tick(self) -> None:
        """One tick of the clock after all pauses."""
        with self.desk.store.write() as tx:
            tx.execute(update(tables.task).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))
        self.worker._import()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = made_store(tmp_path)
    made = Shop(opened, tmp_path)
    yield made
    made.forwarding.close()
    made.doorbell.close()
    opened.close()


def test_an_import_is_worked_off(shop: Shop) -> None:
    import_id = shop.desk.begin(shop.desk.archive(many(3)))
    shop.tick()
    assert shop.desk.counts(import_id) == {"enrolled": 3}
    assert shop.desk.tasks() == {}
    shop.tick()


def test_an_import_whose_file_never_comes_is_given_up_with_the_reason(shop: Shop, tmp_path: Path) -> None:
    import_id = shop.desk.begin(tmp_path / "gone.zip")
    for _ in range(ATTEMPTS):
        shop.tick()
        assert shop.desk.jobs.show(import_id)["state"] == "running"
        with shop.desk.store.read() as tx:
            due_at = outbox.next_due(tx, "import")
        assert due_at is not None
        assert due_at > datetime.now(UTC)
    shop.tick()
    shown = shop.desk.jobs.show(import_id)
    assert (shown["state"], shown["reason"]) == ("failed", "gave_up")
    assert "gone.zip" in shown["detail"]


@pytest.mark.parametrize("is_half_read", [True, False])
def test_a_table_at_which_reading_fails_each_time_is_given_up(
    shop: Shop,
    is_half_read: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows that every try writes anew are no progress."""

    def failing(_source: Source, _name: str) -> Iterator[Subject]:
        if is_half_read:
            yield Subject("line 2", "1")
        raise ZeroDivisionError

    monkeypatch.setattr(importing, "read_plan", failing)
    monkeypatch.setattr(importing, "PLAN_BATCH", 1)
    import_id = shop.desk.begin(shop.desk.archive(many(3)))
    for _ in range(ATTEMPTS + 1):
        assert shop.desk.jobs.show(import_id)["state"] in {"waiting", "running"}
        shop.tick()
    shown = shop.desk.jobs.show(import_id)
    assert (shown["state"], shown["reason"]) == ("failed", "gave_up")


def test_an_engine_that_comes_back_finishes_the_import(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_data: bytes) -> list[Sighting]:
        raise Unavailable("model_missing")

    import_id = shop.desk.begin(shop.desk.archive(many(3)))
    with monkeypatch.context() as patch:
        patch.setattr(shop.desk.importing, "_parts", shop.desk.worker(away)._parts)
        shop.tick()
    assert shop.desk.tasks() == {("import", "waiting"): 1}
    shop.tick()
    assert shop.desk.counts(import_id) == {"enrolled": 3}


def test_a_worker_that_is_stopping_begins_no_import(shop: Shop) -> None:
    import_id = shop.desk.begin(shop.desk.archive(many(3)))
    shop.worker.stop()
    shop.tick()
    assert shop.desk.jobs.show(import_id)["state"] == "waiting"


def test_files_that_no_import_needs_are_swept_after_a_day(shop: Shop) -> None:
    old, young, needed = (shop.desk.jobs.new_file() for _ in range(3))
    for path in (old, young, needed):
        path.write_bytes(b"")
    import_id = shop.desk.begin(needed, is_upload=True)
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for path in (old, needed):
        os.utime(path, (long_ago, long_ago))
    shop.worker._sweep()
    assert [path.exists() for path in (old, young, needed)] == [False, True, True]
    assert shop.desk.jobs.show(import_id)["state"] == "waiting"
