"""The look over the whole library: one at a time, taken up where it stood, and shown with what it found."""

from typing import Any

import pytest

from receiver.domain.scales import DLIB
from receiver.services.checking import ageing, steps
from receiver.services.checking.library_checks import LibraryChecks
from receiver.services.checking.run import STAGES, CheckingLibrary
from receiver.services.checking.steps import Tools
from receiver.services.deciding.library import Library
from receiver.services.pacing import Pace
from receiver.store import library_checks, outbox, people, tables
from receiver.store.store import Store
from recognition.gates import SHIPPED
from tests.receiver.boxes import count
from tests.receiver.faces import MODEL, face_of
from tests.receiver.night import DAY, NOW, Night, lately, restless, staff, stranger
from tests.receiver.past import Past


@pytest.fixture
def night(store: Store) -> Night:
    return Night(store)


def test_what_is_gone_settles_itself(night: Night) -> None:
    stranger(night, face_of(1))
    other = stranger(night, face_of(1, off=0.1))
    staff(night, face_of(3), face_of(4))
    night.check()
    assert [row.state for row in night.items()] == ["open", "open"]
    with night.store.write(lock=people.GALLERY_LOCK) as tx:
        people.remove(tx, other)
        people.note_change(tx, other, NOW)
    assert night.check()["settling"] == {"items": 1}
    assert {row.kind: row.state for row in night.items()} == {
        "proposed_merge": "settled",
        "contradicting_picture": "open",
    }


def test_again_the_same_is_found_once(night: Night) -> None:
    stranger(night, face_of(1))
    stranger(night, face_of(1, off=0.1))
    staff(night, face_of(3), face_of(4))
    first = night.check()
    items = [(row.id, row.key, row.state) for row in night.items()]
    assert night.check() == first
    assert [(row.id, row.key, row.state) for row in night.items()] == items


def test_it_is_taken_up_where_it_stood(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after each step, as by kill -9, and gone on with by a fresh process, it finds what one run finds."""
    monkeypatch.setattr(ageing, "PEOPLE", 1)
    monkeypatch.setattr(steps, "NOTED", 1)
    past = Past(night.store, MODEL)
    for number in range(1, 4):
        stranger(night, face_of(number))
        stranger(night, face_of(number, off=0.1))
        staff(night, face_of(10 + number), face_of(20 + number))
        lately(past, staff(night, face_of(1)), 5)
    check_id = night.checks.begin("a test")
    stages: list[tuple[str, int]] = []
    shown: dict[str, Any] = {}
    for _ in range(400):
        shown = night.checks.show()["newest"]
        if shown["state"] == "done":
            break
        stages.append((shown["stage"], shown["percent"]))
        night.checking.run(check_id, stopping_after(len(stages) % 7 + 2))
    assert shown["state"] == "done"
    assert [stage for stage in STAGES if stage in dict(stages)] == list(STAGES)
    assert [percent for _, percent in stages] == sorted(percent for _, percent in stages)
    interrupted = [(row.kind, row.key, row.state) for row in night.items()]
    assert len(interrupted) == 3 + 3 + 3 + 3
    assert shown["counts"]["ageing"] == {"people": 6, "found": 3}
    with night.store.read() as tx:
        assert outbox.counts(tx) == {}
    night.check()
    assert [(row.kind, row.key, row.state) for row in night.items()] == interrupted


def stopping_after(asked: int) -> Pace:
    """Stops when it has been asked so often whether it does."""
    left = iter([False] * asked)
    return restless(lambda: next(left, True))


def test_one_check_at_a_time_and_one_a_night(night: Night) -> None:
    first = night.checks.begin("somebody")
    assert night.checks.begin("somebody else") == first
    assert night.checks.begin_scheduled() == 0
    night.checking.run(first, restless())
    assert night.checks.begin_scheduled() == 1
    newest = night.checks.show()["newest"]
    night.checking.run(newest["id"], restless())
    # The clock of a second worker strikes a moment later.
    assert night.checks.begin_scheduled() == 0
    with night.store.write() as tx:
        library_checks.change(tx, newest["id"], {"started_at": NOW - DAY})
    assert night.checks.begin_scheduled() == 1


def test_it_is_shown_when_it_ran_and_what_it_found(night: Night) -> None:
    assert night.checks.show() == {"schedule": "0 3 * * *", "is_running": False, "newest": None, "last_done": None}
    staff(night, face_of(1), face_of(2))
    counts = night.check()
    check_id = night.checks.begin("somebody")
    shown = night.checks.show()
    assert (shown["is_running"], shown["newest"]["id"], shown["newest"]["percent"]) == (True, check_id, 0)
    assert (shown["last_done"]["counts"], shown["last_done"]["percent"]) == (counts, 100)
    assert list(counts) == list(STAGES)
    assert night.rung == 2


def test_without_figures_for_the_model_it_says_so(night: Night) -> None:
    staff(night, face_of(1))
    night.library = Library(MODEL, 0.01, scales={})
    check_id = night.checks.begin("somebody")
    night.checking.run(check_id, restless())
    shown = night.checks.one(check_id)
    assert shown is not None
    assert (shown["state"], shown["reason"]) == ("failed", "no_thresholds")
    with night.store.read() as tx:
        assert outbox.counts(tx) == {}


def test_an_empty_library_has_nothing_to_find(store: Store) -> None:
    """Recognition has never been on: there is not even a model."""
    checks = LibraryChecks(store, lambda: None, "off")
    check_id = checks.begin("somebody")
    CheckingLibrary(Tools(store, Library(MODEL, 0.01, scales={MODEL: DLIB}), SHIPPED)).run(check_id, restless())
    shown = checks.one(check_id)
    assert shown is not None
    assert shown["state"] == "done"
    night = Night(store)
    assert night.check()["strangers"]["strangers"] == 0
    assert night.items() == []


def test_old_checks_are_forgotten(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.services.checking.run.KEPT", 2)
    for _ in range(4):
        night.check()
    assert count(night.store, tables.library_check) == 2
