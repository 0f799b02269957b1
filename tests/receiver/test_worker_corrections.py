"""The worker moves events of large corrections, and begins again after a failure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from receiver import bootstrap
from receiver.assembly.house import House
from receiver.domain.events import ListName
from receiver.services.correcting import event_moves
from receiver.settings import Settings
from receiver.store import corrections, tables
from receiver.worker import Worker
from tests.made_stores import made_house
from tests.receiver.corrections import Workshop
from tests.receiver.faces import face_of

EVENTS = 9


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = made_house(Settings(data_dir=tmp_path, recognition="off"))
    yield opened
    opened.close()


@pytest.fixture
def worker(house: House) -> Worker:
    return bootstrap.make_worker(house)


def merged(house: House, monkeypatch: pytest.MonkeyPatch) -> tuple[Workshop, int]:
    monkeypatch.setattr(event_moves, "STEP", 2)
    shop = Workshop(house.store)
    ann, twice = shop.enrol(ListName.STAFF, face_of(1)), shop.enrol(ListName.STAFF, face_of(1, off=0.1))
    for number in range(EVENTS):
        shop.passed(twice, number)
    shop.merge(ann, twice)
    assert len(shop.events(ann)) == 2
    return shop, ann


def test_the_events_of_a_large_merge_are_moved(house: House, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, ann = merged(house, monkeypatch)
    worker._move_events()
    assert len(shop.events(ann)) == EVENTS
    worker._move_events()
    assert len(shop.events(ann)) == EVENTS


def test_a_move_that_fails_is_tried_again(house: House, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, ann = merged(house, monkeypatch)
    lease = corrections.lease

    def failing(*_args: object) -> None:
        raise RuntimeError("the power is gone")

    monkeypatch.setattr(corrections, "lease", failing)
    worker._move_events()
    assert len(shop.events(ann)) == 2
    monkeypatch.setattr(corrections, "lease", lease)
    with house.store.write() as tx:
        tx.execute(update(tables.task).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))
    worker._move_events()
    assert len(shop.events(ann)) == EVENTS
