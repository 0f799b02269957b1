"""Strangers without a 1001: who is seen twice gets a lasting id."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from receiver.domain.events import ListName
from receiver.domain.strangers import Rules
from receiver.services.intake.intake import Intake
from receiver.services.intake.recording import RECOGNISE
from receiver.services.recognising import meeting_strangers
from receiver.services.upkeep.housekeeping import Housekeeping
from receiver.store import events, library, outbox, people, tables
from receiver.store import strangers as waiting
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from tests.receiver.boxes import count, open_intake, text_of
from tests.receiver.faces import (
    SECOND_MODEL,
    Desk,
    PreparedEngine,
    current_faces,
    digest_of,
    enrol,
    face_of,
    sighting,
    strangers,
    told,
)
from tests.receiver.passing import CALLED_STRANGER, MINUTE, NOBODY, candidates, face_ids, seen, states


@pytest.mark.parametrize("said", [NOBODY, CALLED_STRANGER, {"identity_id": "13028", "identity_name": "Stranger"}])
def test_who_is_seen_twice_is_a_stranger_and_both_events_are_that_ones(
    any_desk: Desk, any_intake: Intake, said: dict[str, Any]
) -> None:
    first = seen(any_desk, any_intake, 1, 0, **said)
    assert strangers(any_desk.store) == []
    assert any_desk.event(first).decision == "unknown"
    second = seen(any_desk, any_intake, 30, MINUTE, **said)
    (person,) = strangers(any_desk.store)
    assert states(any_desk, person) == {first: "current", second: "current"}
    for event in (any_desk.event(first), any_desk.event(second)):
        assert (event.person_id, event.decision, event.list) == (person, "matched", "stranger")
        assert event.decision_detail["reasons"][-1] == "seen_twice"
        assert event.decision_detail["face"] in face_ids(any_desk, person)
    with any_desk.store.read() as tx:
        row = people.find(tx, person)
        kept = people.faces_of(tx, [person])
    assert row is not None
    assert (row.name, row.source) == (f"stranger {person}", "event")
    assert {each.source for each in kept} == {"event"}
    assert [each.digest for each in kept] == [digest_of(any_desk.store, each) for each in (first, second)]
    assert candidates(any_desk) == []
    third = seen(any_desk, any_intake, 31, 2 * MINUTE, **said)
    assert any_desk.event(third).person_id == person
    assert strangers(any_desk.store) == [person]


def test_five_sightings_at_two_gates_are_one_stranger(any_desk: Desk, any_intake: Intake) -> None:
    places = ["10.0.0.21", "10.0.0.22"]
    ids = [
        told(
            any_intake,
            shade,
            number * MINUTE,
            **NOBODY,
            ext_data={"device_ip": places[number % 2], "ep_id": f"BOX__{places[number % 2]}"},
        )
        for number, shade in enumerate([1, 30, 31, 33, 35])
    ]
    any_desk.work()
    (person,) = strangers(any_desk.store)
    assert [any_desk.event(each).person_id for each in ids] == [person] * 5
    assert len({any_desk.event(each).gate_id for each in ids}) == 2


@pytest.mark.parametrize(
    ("face", "number", "why"),
    [
        (1, MINUTE, "the same picture again"),
        (30, 9_999, "another picture of the same moment"),
        (2, MINUTE, "somebody else"),
    ],
)
def test_what_is_no_second_sighting_makes_nobody(
    any_desk: Desk, any_intake: Intake, face: int, number: int, why: str
) -> None:
    seen(any_desk, any_intake, 1, 0)
    seen(any_desk, any_intake, face, number)
    assert strangers(any_desk.store) == [], why
    assert len(candidates(any_desk)) == 2


def test_ten_seconds_are_enough(any_desk: Desk, any_intake: Intake) -> None:
    later = seen(any_desk, any_intake, 1, 10_000)
    earlier = seen(any_desk, any_intake, 30, 0)
    (person,) = strangers(any_desk.store)
    assert {any_desk.event(each).person_id for each in (earlier, later)} == {person}


def test_a_third_report_of_the_first_moment_comes_along(any_desk: Desk, any_intake: Intake) -> None:
    ids = [seen(any_desk, any_intake, shade, number) for shade, number in ((1, 0), (30, 6_000), (31, MINUTE))]
    (person,) = strangers(any_desk.store)
    assert [any_desk.event(each).person_id for each in ids] == [person] * 3
    assert len(current_faces(any_desk.store, person)) == 2


def test_an_event_that_is_looked_at_again_is_no_second_sighting(any_desk: Desk, any_intake: Intake) -> None:
    event = seen(any_desk, any_intake, 1, 0)
    with any_desk.store.write() as tx:
        outbox.add(tx, RECOGNISE, [event], datetime.now(UTC))
    any_desk.work()
    assert strangers(any_desk.store) == []
    assert candidates(any_desk) == [event]


@pytest.mark.parametrize(
    "said",
    [
        {"identity_id": "E1", "identity_name": "Somebody"},
        {"identity_id": "", "identity_name": "Somebody"},
        {"identity_id": "E1", "identity_name": "", "ext_data": {"person_type": 2}},
        NOBODY | {"ext_data": {"fiqa_result": False}},
    ],
)
def test_who_is_named_by_the_device_or_found_too_bad_never_becomes_a_stranger(
    any_desk: Desk, any_intake: Intake, said: dict[str, Any]
) -> None:
    for number, shade in enumerate([1, 30, 31, 33]):
        seen(any_desk, any_intake, shade, number * MINUTE, **said)
    assert strangers(any_desk.store) == candidates(any_desk) == []


def test_an_id_without_a_scope_is_that_persons_on_every_device(any_desk: Desk, any_intake: Intake) -> None:
    """The face is not the one that the library has: the device's word still keeps it from becoming a stranger."""
    person = enrol(any_desk.store, ListName.STAFF, face_of(9), identity="S-77")
    for number, box in enumerate(["one-box", "another-box", "third-box"]):
        event = seen(any_desk, any_intake, 30 + number, number * MINUTE, **CALLED_STRANGER, box=box)
        with any_desk.store.read() as tx:
            assert people.person_with_identity(tx, "S-77", any_desk.event(event).device_id) == person
        assert "claim_unconfirmed" in any_desk.event(event).decision_detail["reasons"]
    assert strangers(any_desk.store) == candidates(any_desk) == []


def test_bad_pictures_and_scenes_do_not_wait(any_desk: Desk, any_intake: Intake, engine: PreparedEngine) -> None:
    engine.prepare(40, [sighting(face_of(1), inter_eye_distance=20)])
    engine.prepare(41, [sighting(face_of(1, off=0.3), blur=0.72)])
    seen(any_desk, any_intake, 40, 0)
    seen(any_desk, any_intake, 41, MINUTE)
    told(any_intake, None, 2 * MINUTE, **NOBODY, ext_data={"spot_pic": text_of(30)})
    told(any_intake, None, 3 * MINUTE, **NOBODY, ext_data={"spot_pic": text_of(31)})
    any_desk.work()
    assert strangers(any_desk.store) == candidates(any_desk) == []


def test_who_may_be_one_of_two_known_people_is_no_stranger(any_desk: Desk, any_intake: Intake) -> None:
    enrol(any_desk.store, ListName.STAFF, face_of(1, off=0.2))
    enrol(any_desk.store, ListName.STAFF, face_of(1, off=0.4))
    events_seen = [seen(any_desk, any_intake, shade, shade * MINUTE) for shade in (30, 31)]
    assert {any_desk.event(each).decision for each in events_seen} == {"ambiguous"}
    assert strangers(any_desk.store) == candidates(any_desk) == []


def test_faces_of_another_model_are_never_compared(any_desk: Desk, any_intake: Intake) -> None:
    first = seen(any_desk, any_intake, 1, 0)
    with any_desk.store.write(lock=people.GALLERY_LOCK) as tx:
        # As a network with numbers of the same length would leave it.
        embedding = {"model": SECOND_MODEL}
        tx.execute(update(tables.stranger_candidate).values(**embedding))
    second = seen(any_desk, any_intake, 30, MINUTE)
    assert strangers(any_desk.store) == []
    assert candidates(any_desk) == [first, second]


def test_what_waited_for_too_long_is_not_compared_and_goes(any_desk: Desk, any_intake: Intake) -> None:
    first = seen(any_desk, any_intake, 1, 0)
    with any_desk.store.write() as tx:
        tx.execute(update(tables.stranger_candidate).values(created_at=datetime.now(UTC) - timedelta(days=8)))
    second = seen(any_desk, any_intake, 30, MINUTE)
    assert strangers(any_desk.store) == []
    assert candidates(any_desk) == [first, second]
    keeping = Housekeeping(any_desk.store, Pictures(any_desk.store.pictures), timedelta(days=7))
    assert keeping.sweep_candidates() == 1
    assert candidates(any_desk) == [second]
    assert keeping.sweep_candidates() == 0


def test_no_more_than_so_many_wait(any_desk: Desk, any_intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting_strangers, "MOST_WAITING", 3)
    ids = [seen(any_desk, any_intake, number, number * MINUTE) for number in range(2, 8)]
    assert candidates(any_desk) == ids[-3:]


def test_it_can_be_switched_off(store: Store, any_intake: Intake, engine: PreparedEngine) -> None:
    desk = Desk(store, engine, rules=Rules(is_automatic=False))
    seen(desk, any_intake, 1, 0)
    seen(desk, any_intake, 2, MINUTE)
    assert strangers(store) == candidates(desk) == []
    registered = seen(desk, any_intake, 1, 2 * MINUTE, want_action="1001")
    assert [desk.event(registered).person_id] == strangers(store)


def test_a_stranger_that_a_device_registers_brings_along_what_waited(any_desk: Desk, any_intake: Intake) -> None:
    first = seen(any_desk, any_intake, 1, 0)
    second = seen(any_desk, any_intake, 30, MINUTE, want_action="1001", **CALLED_STRANGER)
    (person,) = strangers(any_desk.store)
    assert [any_desk.event(each).person_id for each in (first, second)] == [person, person]
    assert current_faces(any_desk.store, person) == [second]
    assert candidates(any_desk) == []


def test_who_turns_out_to_be_known_waits_no_longer(any_desk: Desk, any_intake: Intake) -> None:
    """The first event was given to somebody meanwhile: it does not vouch for a stranger any more."""
    first = seen(any_desk, any_intake, 1, 0)
    staff = enrol(any_desk.store, ListName.STAFF, face_of(9))
    with any_desk.store.write() as tx:
        events.change(tx, first, {"person_id": staff, "decision": "matched"})
    seen(any_desk, any_intake, 30, MINUTE)
    assert strangers(any_desk.store) == []


def test_what_is_rolled_back_makes_no_stranger(
    any_desk: Desk, any_intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = seen(any_desk, any_intake, 1, 0)
    second = told(any_intake, 30, MINUTE, **NOBODY)
    with monkeypatch.context() as broken:
        broken.setattr(waiting, "end_waiting", lambda *_: 1 / 0)
        task = any_desk.claim()
        assert task is not None
        with pytest.raises(ZeroDivisionError):
            any_desk.recogniser.handle(task)
    assert strangers(any_desk.store) == []
    assert candidates(any_desk) == [first]
    assert any_desk.event(second).decision is None
    again = any_desk.claim(datetime.now(UTC) + timedelta(minutes=5))
    assert again is not None
    any_desk.recogniser.handle(again)
    (person,) = strangers(any_desk.store)
    assert {any_desk.event(each).person_id for each in (first, second)} == {person}


def test_ten_reports_of_one_stranger_at_once_make_one(store: Store, tmp_path: Path, engine: PreparedEngine) -> None:
    """Each thread has a recogniser and a library of its own, as processes have."""
    for shade in range(50, 60):
        engine.prepare(shade, [sighting(face_of(1, off=0.02 * (shade - 50)))])
    with open_intake(store, tmp_path) as intake:
        ids = [
            told(
                intake,
                50 + number,
                number * MINUTE,
                **NOBODY,
                ext_data={"ep_id": f"B{number % 3}__10.0.0.2{number % 3}"},
            )
            for number in range(10)
        ]
    start = threading.Barrier(10)
    failed: list[BaseException] = []

    def work() -> None:
        desk = Desk(store, engine)
        task = desk.claim()
        assert task is not None
        start.wait(60)
        try:
            desk.recogniser.handle(task)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failed == []
    (person,) = strangers(store)
    desk = Desk(store, engine)
    assert {desk.event(each).person_id for each in ids} == {person}
    assert candidates(desk) == []


def test_a_library_that_moves_leaves_the_waiting_alone(any_desk: Desk, any_intake: Intake) -> None:
    seen(any_desk, any_intake, 1, 0)
    with any_desk.store.write(lock=people.GALLERY_LOCK) as tx:
        library.settle(tx, SECOND_MODEL, datetime.now(UTC))
    seen(any_desk, any_intake, 30, MINUTE)
    assert strangers(any_desk.store) == []
    third = seen(any_desk, any_intake, 31, 2 * MINUTE)
    (person,) = strangers(any_desk.store)
    assert any_desk.event(third).person_id == person
    assert count(any_desk.store, tables.stranger_candidate) == 1
