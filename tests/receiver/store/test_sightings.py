"""Past sightings, page by page, on both kinds of database: none twice, none left out, and only those that were asked for."""

from typing import Any

import numpy as np
import pytest

from receiver.domain.events import ListName
from receiver.store import library, people, sightings
from receiver.store.database import Row
from receiver.store.sightings import PastFilter, Place
from receiver.store.store import Store
from tests.receiver.faces import MODEL as PREPARED
from tests.receiver.faces import enrol, face_of
from tests.receiver.past import HOUR, NOON, Past

MODEL = "one-model"
FACE = np.ones(2, np.float32)
ALL = {"model": MODEL, "size": FACE.nbytes, "since": NOON - 100 * HOUR, "until": NOON + 100 * HOUR}


@pytest.fixture
def past(store: Store) -> Past:
    return Past(store, MODEL)


def read(store: Store, limit: int = 100, **changes: Any) -> list[Row]:
    """All pages, one after another."""
    wanted, found = PastFilter(**{**ALL, **changes}), []
    place = None
    with store.read() as tx:
        while rows := sightings.page(tx, wanted, place, limit):
            found += rows
            place = Place(rows[-1].occurred_at, rows[-1].id)
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_of_any_size_give_every_sighting_once_and_the_newest_first(past: Past, limit: int) -> None:
    hours = [3, 1, 2, 2, 2, 2, 0]
    ids = [past.event(NOON + hour * HOUR, *([FACE] * 2)) for hour in hours]
    rows = read(past.store, limit)
    keys = [(row.occurred_at, row.id) for row in rows]
    assert keys == sorted(keys, reverse=True)
    assert len(set(keys)) == 2 * len(ids)
    assert {row.event_id for row in rows} == set(ids)
    assert bytes(rows[0].embedding) == FACE.tobytes()


def test_the_bounds_of_a_period_belong_to_it(past: Past) -> None:
    ids = [past.event(NOON + hour * HOUR, FACE) for hour in range(5)]
    found = read(past.store, since=NOON + HOUR, until=NOON + 3 * HOUR)
    assert [row.event_id for row in found] == ids[3:0:-1]
    assert read(past.store, since=NOON + HOUR, until=NOON) == []


def test_what_cannot_be_compared_is_given_without_its_embedding(past: Past) -> None:
    past.event(NOON, FACE, model="another-model")
    past.event(NOON + HOUR, np.ones(3, np.float32))
    past.event(NOON + 2 * HOUR, FACE)
    assert [row.embedding is None for row in read(past.store)] == [False, True, True]


def test_a_devices_picture_of_its_library_is_nobody_who_stood_there(past: Past) -> None:
    past.event(NOON, FACE, kind="library")
    scene = past.event(NOON, FACE, kind="scene")
    assert [row.event_id for row in read(past.store)] == [scene]


def test_a_gate_is_found_by_each_of_its_names(past: Past) -> None:
    north, south = past.gate("north"), past.gate("south")
    there = past.event(NOON, FACE, at=north)
    past.event(NOON, FACE, at=south)
    past.event(NOON, FACE)
    for name in (str(north[1]), "north__gate", "north.example", "the north gate"):
        assert [row.event_id for row in read(past.store, gate=name)] == [there]
    for name in ("", "nowhere", "9" * 18, "9" * 40, "²"):
        assert read(past.store, gate=name) == []


def test_a_device_is_found_by_each_of_its_names(past: Past) -> None:
    north, south = past.gate("north"), past.gate("south")
    there = past.event(NOON, FACE, at=north)
    past.event(NOON, FACE, at=south)
    for name in (str(north[0]), "licence:north", "NORTH", "north.example"):
        assert [row.event_id for row in read(past.store, device=name)] == [there]
    assert read(past.store, device="nobody") == []


def test_a_sighting_is_told_with_what_its_event_says_now(past: Past) -> None:
    north = past.gate("north")
    event = past.event(NOON, FACE, FACE, at=north, decision="matched", person_id=7)
    rows = read(past.store)
    with past.store.read() as tx:
        found = sightings.in_full(tx, [row.id for row in rows])
        assert sightings.in_full(tx, []) == {}
    assert found.keys() == {row.id for row in rows}
    for row in found.values():
        said = (row.event_id, row.occurred_at, row.device_id, row.gate_id, row.decision, row.person_id, row.kind)
        assert said == (event, NOON, *north, "matched", 7, "face")
    assert {row.digest for row in found.values()} != {None}
    assert sorted(row.box for row in found.values()) == [[0, 0, 10, 10], [1, 0, 10, 10]]


def test_more_rows_than_one_statement_takes_are_told_of(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """Databases have limits of their own, 32766 ids and 65535; people are asked for in the same way."""
    event = past.event(NOON, FACE, FACE)
    with past.store.write(lock=people.GALLERY_LOCK) as tx:
        library.settle(tx, PREPARED, NOON)
    enrolled = enrol(past.store, ListName.STAFF, face_of(1))
    with past.store.read() as tx:
        assert {row.event_id for row in sightings.in_full(tx, range(70_000)).values()} == {event}
        assert people.found(tx, range(70_000)).keys() == {enrolled}
    monkeypatch.setattr(sightings, "IDS", 1)
    monkeypatch.setattr(people, "IDS", 1)
    ids = {row.id for row in read(past.store)}
    assert len(ids) == 2
    with past.store.read() as tx:
        assert set(sightings.in_full(tx, ids)) == ids
        assert people.found(tx, [enrolled, enrolled + 1]).keys() == {enrolled}
