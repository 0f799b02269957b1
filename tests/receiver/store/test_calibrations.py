"""Calibrations by model, and what they are made from."""

from datetime import UTC, datetime, timedelta

import numpy as np

from receiver.domain.events import ListName
from receiver.store import calibrations, library, people
from receiver.store.store import Store
from tests.receiver.faces import MODEL, enrol, face_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_newest_of_a_model_counts(store: Store) -> None:
    with store.write() as tx:
        assert calibrations.newest(tx, "a") is None
        assert calibrations.newest_id(tx, "a") == 0
        first = calibrations.add(tx, "a", {"scores": {"lowest": [0.25, 0.5]}}, NOW)
        second = calibrations.add(tx, "a", {"n": 2}, NOW - timedelta(days=1))
        other = calibrations.add(tx, "b", {"n": 3}, NOW)
    assert first < second < other
    with store.read() as tx:
        newest = calibrations.newest(tx, "a")
        assert newest is not None
        assert (newest.id, newest.result, newest.created_at) == (second, {"n": 2}, NOW - timedelta(days=1))
        assert (calibrations.newest_id(tx, "a"), calibrations.newest_id(tx, "b")) == (second, other)


def test_only_current_faces_of_the_model_are_measured(store: Store) -> None:
    with store.write() as tx:
        library.settle(tx, MODEL, NOW)
    one = enrol(store, ListName.STAFF, face_of(1), face_of(1, off=0.2), name="one")
    two = enrol(store, ListName.STRANGER, face_of(2), name="two")
    gone = enrol(store, ListName.VIP, face_of(3), name="gone")
    with store.write(lock=people.GALLERY_LOCK) as tx:
        people.retire_faces(tx, gone)
        rows = calibrations.faces(tx, MODEL)
        assert calibrations.faces(tx, "another") == []
        assert calibrations.names(tx, [one, two, 999]) == {one: "one", two: "two"}
        assert calibrations.names(tx, []) == {}
    assert [(row.person_id, row.list) for row in rows] == [(one, "staff"), (one, "staff"), (two, "stranger")]
    assert np.array_equal(np.frombuffer(rows[1].embedding, np.float32), face_of(1, off=0.2))
    assert (len(rows[0].digest), len(rows[0].box)) == (32, 4)


def test_more_names_are_found_than_one_statement_takes(store: Store) -> None:
    rows = [
        {"name": f"n{number}", "list": "staff", "source": "test", "created_at": NOW, "updated_at": NOW}
        for number in range(12)
    ]
    with store.write() as tx:
        ids = [people.add(tx, row) for row in rows]
        wanted = [*ids, *range(10_000_000, 10_040_000)]
        assert calibrations.names(tx, wanted) == {person: f"n{number}" for number, person in enumerate(ids)}
