"""Where a face was seen before: as near as counting by hand says, whatever the page size; and how far was looked is told."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.domain.errors import Busy
from receiver.services.looking import retracing
from receiver.services.looking.retracing import Retraced, Wanted, retrace
from receiver.store import sightings
from receiver.store.sightings import PastFilter
from receiver.store.store import Store
from recognition.engine import Embedding
from tests.made_stores import made_store
from tests.receiver.past import HOUR, NOON, Past

MODEL = "one-model"
PAST = PastFilter(model=MODEL, size=16, since=NOON - 100 * HOUR, until=NOON + 100 * HOUR)
WANTED = Wanted(PAST, None, 10.0, 100)


def vector(*numbers: float) -> Embedding:
    return np.array([*numbers, 0, 0, 0, 0], np.float32)[:4]


@pytest.fixture
def past(sqlite_store: Store) -> Past:
    return Past(sqlite_store, MODEL)


def traced(past: Past, wanted: Wanted, *faces: Embedding) -> Retraced:
    with past.store.read() as tx:
        return retrace(tx, faces, wanted)


def test_an_event_is_found_once_by_the_nearest_of_its_faces(past: Past) -> None:
    near = past.event(NOON, vector(9), vector(1), vector(2))
    far = past.event(NOON + HOUR, vector(3))
    found = traced(past, WANTED, vector(0), vector(9))
    assert [[(hit.event_id, hit.distance) for hit in hits] for hits in found.hits] == [
        [(near, 1.0), (far, 3.0)],
        [(near, 0.0), (far, 6.0)],
    ]
    assert (found.compared, found.other_models, found.place) == (4, 0, None)


def test_what_is_too_far_away_is_no_hit(past: Past) -> None:
    near = past.event(NOON, vector(1))
    past.event(NOON, vector(1.001))
    (hits,) = traced(past, replace(WANTED, max_distance=1.0), vector(0)).hits
    assert [hit.event_id for hit in hits] == [near]


def test_the_nearest_are_kept_where_there_are_too_many(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retracing, "PAGE_ROWS", 3)
    ids = {number: past.event(NOON + number * HOUR, vector(number)) for number in (5, 1, 4, 2, 8, 7, 3, 6)}
    (hits,) = traced(past, replace(WANTED, limit=3), vector(0)).hits
    assert [hit.event_id for hit in hits] == [ids[1], ids[2], ids[3]]


def test_what_cannot_be_compared_is_counted(past: Past) -> None:
    past.event(NOON, vector(1), model="another-model")
    past.event(NOON, np.zeros(9, np.float32))
    past.event(NOON, vector(2))
    found = traced(past, WANTED, vector(0))
    assert (found.compared, found.other_models) == (1, 2)
    assert [hit.distance for hit in found.hits[0]] == [2.0]


def test_a_long_past_is_searched_in_parts_that_make_the_whole(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retracing, "PAGE_ROWS", 2)
    monkeypatch.setattr(retracing, "MOST_ROWS", 4)
    ids = [past.event(NOON - number // 2 * HOUR, vector(number)) for number in range(9)]
    wanted, parts = WANTED, []
    while True:
        found = traced(past, wanted, vector(0))
        parts.append(sorted(hit.event_id for hit in found.hits[0]))
        if found.place is None:
            break
        wanted = replace(wanted, after=found.place)
    assert len(parts) == 3
    assert sorted(event for part in parts for event in part) == ids


def test_a_crowd_is_searched_less_far_back_in_one_answer(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retracing, "PAGE_ROWS", 1)
    monkeypatch.setattr(retracing, "MOST_COMPARISONS", 6)
    for number in range(8):
        past.event(NOON - number * HOUR, vector(number))
    assert [traced(past, WANTED, *[vector(0)] * faces).compared for faces in (1, 2, 3, 7)] == [6, 3, 2, 1]


def test_without_a_face_nothing_is_read(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "page", lambda *_: pytest.fail("read"))
    assert traced(past, WANTED) == Retraced((), 0, 0, None)


def test_more_searches_than_there_are_seats_are_busy(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    seats = threading.BoundedSemaphore(1)
    monkeypatch.setattr(retracing, "SEATS", seats)
    monkeypatch.setattr(retracing, "SEAT_SECONDS", 0.0)
    with seats, pytest.raises(Busy) as caught:
        traced(past, WANTED, vector(0))
    assert caught.value.reason == "busy"
    assert traced(past, WANTED, vector(0)).place is None


NUMBERS = st.integers(-4, 4)
EVENTS = st.lists(st.tuples(st.integers(0, 3), st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3)), max_size=8)


@pytest.fixture(scope="module")
def long_past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """One for many examples, each of which has a time of its own."""
    store = made_store(tmp_path_factory.mktemp("past"))
    yield Past(store, MODEL)
    store.close()


STARTS = itertools.count()


@settings(max_examples=60, deadline=None)
@given(
    told=EVENTS,
    face=st.tuples(NUMBERS, NUMBERS),
    bounds=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 6)),
)
def test_it_finds_what_counting_by_hand_finds(
    long_past: Past, told: list[tuple[int, list[tuple[int, int]]]], face: tuple[int, int], bounds: tuple[int, int, int]
) -> None:
    rows, limit, reach = bounds
    start = NOON + next(STARTS) * 10 * HOUR
    expected = {}
    for hour, faces in told:
        event = long_past.event(start + hour * HOUR, *(vector(*each) for each in faces))
        nearest = min((float(np.hypot(x - face[0], y - face[1])) for x, y in faces), default=99.0)
        if nearest <= reach:
            expected[event] = nearest
    wanted = Wanted(replace(PAST, since=start, until=start + 3 * HOUR), None, reach, limit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retracing, "PAGE_ROWS", rows)
        (hits,) = traced(long_past, wanted, vector(*face)).hits
    assert len(hits) == min(limit, len(expected))
    assert [hit.distance for hit in hits] == pytest.approx(sorted(expected.values())[:limit])
    assert all(expected[hit.event_id] == pytest.approx(hit.distance) for hit in hits)
