"""The worker ends tasks, tries them again, buries them, and outlives them all."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from receiver.assembly.subscriptions import schedule_of
from receiver.domain.errors import SetupError, Unavailable
from receiver.domain.schedules import Schedule, ScheduleKind
from receiver.services.recognising.recognising import Recogniser
from receiver.services.upkeep.clock_steps import ClockSteps
from receiver.services.upkeep.housekeeping import Housekeeping
from receiver.settings import SettingError, Settings, load
from receiver.store import outbox, tables
from receiver.store.doorbell import Doorbell
from receiver.store.outbox import Task
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from receiver.worker import ATTEMPTS, FORWARD_TICK_SECONDS, Worker, WorkerParts
from tests.made_stores import made_store
from tests.receiver.boxes import HISTORY, history, open_intake, text_of
from tests.receiver.faces import Desk, PreparedEngine, face_of, sighting
from tests.receiver.forwarders import forwarder_of


class Shop:
    """A worker over a store, driven claim by claim."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.engine = PreparedEngine()
        self.desk = Desk(store, self.engine)
        self.doorbell = Doorbell(folder)
        pictures = Pictures(store.pictures)
        self.forwarding = forwarder_of(store, folder)
        self.made = 0
        self.worker = Worker(
            WorkerParts(
                settings=Settings(data_dir=folder),
                store=store,
                doorbell=self.doorbell,
                recogniser=self.make_recogniser,
                forwarding=self.forwarding,
                housekeeping=Housekeeping(store, pictures),
            )
        )
        with open_intake(store, folder) as intake:
            (recorded,) = intake.record([history(ext_data={"recognize_face": text_of(1)})], HISTORY)
        self.event_id = recorded.event_id or 0

    def make_recogniser(self) -> Recogniser:
        self.made += 1
        return self.desk.recogniser

    def turn(self) -> int:
        """One claim after all pauses; how many tasks there were."""
        with self.store.write() as tx:
            tx.execute(update(tables.task).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))
        return self.worker._recognise_some()

    def tasks(self) -> dict[tuple[str, str], int]:
        with self.store.read() as tx:
            return dict(outbox.counts(tx))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = made_store(tmp_path)
    made = Shop(opened, tmp_path)
    yield made
    made.forwarding.close()
    made.doorbell.close()
    opened.close()


def test_a_task_is_worked_off(shop: Shop) -> None:
    shop.engine.prepare(1, [sighting(face_of(1))])
    assert shop.turn() == 1
    assert shop.desk.event(shop.event_id).decision == "unknown"
    assert shop.turn() == 0


def test_the_recogniser_is_made_once_and_for_the_first_event_that_waits(shop: Shop) -> None:
    with shop.store.write() as tx:
        tx.execute(update(tables.task).values(due_at=datetime.now(UTC) + timedelta(hours=1)))
    assert (shop.worker._recognise_some(), shop.made) == (0, 0)
    shop.engine.prepare(1, RuntimeError("no"))
    assert [shop.turn(), shop.turn()] == [1, 1]
    assert shop.made == 1


def test_a_recogniser_that_cannot_be_made_costs_no_try(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Recogniser:
        raise SetupError("model_missing", "no model")

    with monkeypatch.context() as patch:
        patch.setattr(shop, "worker", Worker(replace(shop.worker._parts, recogniser=missing)))
        with pytest.raises(SetupError):
            shop.turn()
    with shop.store.read() as tx:
        assert [row.attempts for row in outbox.listed(tx, None, 9)] == [0]


def test_a_task_that_fails_every_time_is_buried_and_its_event_says_failed(shop: Shop) -> None:
    shop.engine.prepare(1, RuntimeError("nul \x00 and \ud800"))
    for _ in range(ATTEMPTS):
        assert shop.turn() == 1
        assert shop.tasks() == {("recognise", "waiting"): 1}
    assert shop.desk.event(shop.event_id).recognition == "pending"
    assert shop.turn() == 1
    assert shop.tasks() == {("recognise", "buried"): 1}
    assert shop.desk.event(shop.event_id).recognition == "failed"


def test_a_failed_task_waits_before_it_is_tried_again(shop: Shop) -> None:
    shop.engine.prepare(1, RuntimeError("no"))
    assert shop.turn() == 1
    with shop.store.read() as tx:
        due_at = outbox.next_due(tx, "recognise")
    assert due_at is not None
    assert due_at > datetime.now(UTC)
    assert shop.worker._recognise_some() == 0


def test_a_store_that_is_away_while_a_task_is_given_up_does_not_end_the_worker(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_task: Task, _reason: str) -> None:
        raise Unavailable("storage_unavailable")

    with shop.store.write() as tx:
        tx.execute(update(tables.task).values(attempts=ATTEMPTS))
    with monkeypatch.context() as patch:
        patch.setattr(shop.desk.recogniser, "give_up", away)
        assert shop.turn() == 1
    assert shop.tasks() == {("recognise", "waiting"): 1}
    assert shop.turn() == 1
    assert shop.tasks() == {("recognise", "buried"): 1}


def test_a_job_that_finds_the_store_away_is_tried_at_the_next_tick(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> int:
        raise Unavailable("storage_unavailable")

    shop.worker._guarded("forward", away)
    monkeypatch.setattr(shop.store, "write", away)
    assert shop.worker._recognise_some() == 0


def test_a_clock_that_is_put_back_holds_up_no_job(shop: Shop) -> None:
    worker, seconds = shop.worker, iter(range(9))
    clock = iter(datetime.now(UTC) + ahead for ahead in (timedelta(hours=8), timedelta(), timedelta()))
    worker._clock_steps = ClockSteps(shop.store, lambda: next(clock), lambda: next(seconds))
    worker._look_at_clock()
    worker._scheduler.start(paused=True)
    worker._schedule()
    for job in worker._scheduler.get_jobs():
        job.modify(next_run_time=datetime.now(UTC) + timedelta(hours=8))
    worker._look_at_clock()
    due = {job.id: job.next_run_time - datetime.now(UTC) for job in worker._scheduler.get_jobs()}
    worker._scheduler.shutdown()
    assert due["forward"] <= timedelta(seconds=FORWARD_TICK_SECONDS)
    assert due["sweep"] <= timedelta(hours=1, minutes=5)


def test_what_a_clock_ahead_has_put_off_is_due_when_the_worker_starts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> int:
        shop.worker.stop()
        return 0

    with shop.store.write() as tx:
        tx.execute(update(tables.task).values(due_at=datetime.now(UTC) + timedelta(hours=8)))
    shop.engine.prepare(1, [sighting(face_of(1))])
    monkeypatch.setattr("signal.signal", lambda _number, _handler: None)
    monkeypatch.setattr(shop.worker, "_judge_some", stop)
    shop.worker.run()
    assert shop.desk.event(shop.event_id).decision == "unknown"


def test_the_schedule_is_seconds_or_a_cron_expression(tmp_path: Path) -> None:
    assert schedule_of(Settings(upstream_every="2.5")) == Schedule(ScheduleKind.EVERY, seconds=2.5)
    nightly = schedule_of(Settings(upstream_every="*/10 0-5,22-23 * * *", timezone=ZoneInfo("Asia/Shanghai")))
    assert nightly == Schedule(ScheduleKind.CRON, cron="*/10 0-5,22-23 * * *", timezone="Asia/Shanghai")
    with pytest.raises(SettingError, match="GATEHOUSE_UPSTREAM_EVERY"):
        load({"GATEHOUSE_UPSTREAM_EVERY": "*/10 22-5 * * *"}, folder=tmp_path)


def test_a_job_that_comes_when_the_worker_has_ended_keeps_its_process_from_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda _number, _handler: None)
    shop.worker.stop()
    shop.worker.run()
    late = [threading.Thread(target=job, daemon=True) for job in (shop.worker._check, shop.worker._erase)]
    for each in late:
        each.start()
        each.join(30)
    assert not any(each.is_alive() for each in late)
