"""The worker's clock begins the check of the library at night; the worker does it, tries again, and gives up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import update

from receiver.domain.errors import Unavailable
from receiver.domain.events import ListName
from receiver.domain.scales import DLIB
from receiver.services.checking.library_checks import LibraryChecks
from receiver.services.checking.run import CheckingLibrary
from receiver.services.checking.steps import Tools
from receiver.services.deciding.library import Library
from receiver.services.upkeep.housekeeping import Housekeeping
from receiver.settings import SettingError, Settings, load
from receiver.store import library, library_checks, outbox, tables
from receiver.store.database import Row
from receiver.store.doorbell import Doorbell
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from receiver.worker import ATTEMPTS, Worker, WorkerParts, night_of
from recognition.gates import SHIPPED
from tests.made_stores import made_store
from tests.receiver.faces import MODEL, enrol, face_of
from tests.receiver.forwarders import forwarder_of


class Shop:
    """A worker over a store, driven tick by tick."""

    def __init__(self, store: Store, folder: Path, settings: Settings | None = None) -> None:
        self.store = store
        with store.write() as tx:
            library.settle(tx, MODEL, datetime.now(UTC))
        self.doorbell = Doorbell(folder)
        pictures = Pictures(store.pictures)
        self.forwarding = forwarder_of(store, folder)
        self.checks = LibraryChecks(store, self.doorbell.ring, "0 3 * * *")
        self.worker = Worker(
            WorkerParts(
                settings=settings or Settings(data_dir=folder),
                store=store,
                doorbell=self.doorbell,
                recogniser=None,
                forwarding=self.forwarding,
                housekeeping=Housekeeping(store, pictures),
                library_checks=self.checks,
                checking=CheckingLibrary(Tools(store, Library(MODEL, 0.01, scales={MODEL: DLIB}), SHIPPED)),
            )
        )

    def tick(self) -> None:
        """One tick of the clock after all pauses."""
        with self.store.write() as tx:
            tx.execute(update(tables.task).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))
        self.worker._check()

    def newest(self) -> Row:
        with self.store.read() as tx:
            found = library_checks.newest(tx)
        assert found is not None
        return found

    def tasks(self) -> dict[tuple[str, str], int]:
        with self.store.read() as tx:
            return dict(outbox.counts(tx))

    def jobs(self) -> set[str]:
        self.worker._schedule()
        return {job.id for job in self.worker._scheduler.get_jobs()}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = made_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> Iterator[Shop]:
    made = Shop(store, tmp_path)
    yield made
    made.forwarding.close()
    made.doorbell.close()


def test_the_clock_begins_it_and_the_worker_does_it(shop: Shop) -> None:
    enrol(shop.store, ListName.STRANGER, face_of(1))
    enrol(shop.store, ListName.STRANGER, face_of(1, off=0.1))
    shop.worker._begin_check()
    assert (shop.newest().state, shop.newest().asked_by) == ("running", "schedule")
    assert shop.tasks() == {("library_check", "waiting"): 1}
    shop.tick()
    assert shop.newest().state == "done"
    assert shop.newest().counts["strangers"]["proposed"] == 1
    assert shop.tasks() == {}
    shop.tick()
    shop.worker._begin_check()
    assert shop.tasks() == {}


def test_what_fails_is_tried_again_and_given_up_in_the_end(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_all: object, **_named: object) -> None:
        raise Unavailable("storage_unavailable", "the disk is away")

    shop.checks.begin("a test")
    monkeypatch.setattr(CheckingLibrary, "run", fail)
    for _ in range(ATTEMPTS):
        shop.tick()
        assert shop.newest().state == "running"
    shop.tick()
    assert (shop.newest().state, shop.newest().reason) == ("failed", "gave_up")
    assert shop.tasks() == {}


def test_a_worker_that_is_stopping_begins_nothing(shop: Shop) -> None:
    shop.checks.begin("a test")
    shop.worker.stop()
    shop.tick()
    assert (shop.newest().state, shop.newest().stage) == ("running", "strangers")


@pytest.mark.parametrize(("text", "is_nightly"), [("0 3 * * *", True), ("off", False)])
def test_the_setting_says_when(store: Store, tmp_path: Path, text: str, *, is_nightly: bool) -> None:
    shop = Shop(store, tmp_path, Settings(data_dir=tmp_path, library_check=text))
    assert ("begin-check" in shop.jobs()) == is_nightly
    assert "check" in shop.jobs()
    shop.forwarding.close()
    shop.doorbell.close()


def test_the_night_is_the_sites(tmp_path: Path) -> None:
    settings = load({"GATEHOUSE_LIBRARY_CHECK": "30 2 * * 1", "GATEHOUSE_TIMEZONE": "Asia/Shanghai"}, folder=tmp_path)
    night = night_of(settings)
    assert isinstance(night, CronTrigger)
    assert str(night.timezone) == "Asia/Shanghai"
    struck = night.get_next_fire_time(None, datetime(2026, 5, 1, tzinfo=UTC))
    assert (struck.hour, struck.minute) == (2, 30)
    assert night_of(load({"GATEHOUSE_LIBRARY_CHECK": "OFF"}, folder=tmp_path)) is None


@pytest.mark.parametrize("text", ["3", "nightly", "61 3 * * *", "* * *", ""])
def test_what_is_no_schedule_is_told_so(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingError, match=r"GATEHOUSE_LIBRARY_CHECK.*must be"):
        load({"GATEHOUSE_LIBRARY_CHECK": text}, folder=tmp_path)
