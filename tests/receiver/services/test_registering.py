"""What want_action asks of the library: every branch, with prepared faces."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from receiver.domain.events import ListName
from receiver.services import registering
from receiver.services.intake import Intake
from receiver.store import people, tables
from receiver.store.store import Store
from tests.receiver.boxes import open_intake, text_of
from tests.receiver.faces import (
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


def test_1001_registers_a_stranger_with_the_devices_id(desk: Desk, intake: Intake) -> None:
    event_id = told(intake, 1, want_action="1001", identity_id="S1", ext_data={"person_type": 4})
    desk.work()
    event = desk.event(event_id)
    (person,) = strangers(desk.store)
    assert (event.registration, event.registration_reason, event.person_id) == ("registered", "new_stranger", person)
    assert (event.list, event.review) == ("stranger", None)
    with desk.store.read() as tx:
        (identity,) = people.identities_of(tx, [person])[person]
        (face,) = people.faces_of(tx, [person])
        named = people.find(tx, person)
    assert (identity.external_id, identity.device_id) == ("S1", event.device_id)
    assert (face.event_id, face.digest, face.source) == (event_id, digest_of(desk.store, event_id), "device_1001")
    assert named is not None
    assert named.name == f"stranger {person}"


def test_1001_of_a_known_stranger_joins(desk: Desk, intake: Intake) -> None:
    told(intake, 1, 1, want_action="1001", identity_id="S1")
    second = told(intake, 1, 2, want_action="1001", identity_id="S2")
    desk.work()
    event = desk.event(second)
    assert [event.person_id] == strangers(desk.store)
    assert (event.registration, event.registration_reason) == ("joined", "known_stranger")
    with desk.store.read() as tx:
        assert {row.external_id for row in people.identities_of(tx, [event.person_id])[event.person_id]} == {"S1", "S2"}


def test_1001_with_the_devices_picture_alone_belongs_to_its_stranger_each_time(desk: Desk, intake: Intake) -> None:
    first = told(intake, None, 1, want_action="1001", identity_id="S1", reg_pic=text_of(1))
    second = told(intake, None, 2, want_action="1001", identity_id="S1", reg_pic=text_of(1))
    desk.work()
    (person,) = strangers(desk.store)
    assert [desk.event(each).person_id for each in (first, second)] == [person, person]
    assert [desk.event(each).registration for each in (first, second)] == ["registered", "joined"]


@pytest.mark.parametrize("inner", [{"fiqa_result": False}, {"box_fiqa_info": {"fiqa_result": False}}])
def test_1001_with_a_face_that_the_device_found_too_bad_is_never_registered(
    desk: Desk, intake: Intake, inner: dict[str, Any]
) -> None:
    event_id = told(intake, 1, want_action="1001", ext_data=inner)
    desk.work()
    event = desk.event(event_id)
    assert (event.registration, event.registration_reason) == ("refused", "fiqa_failed")
    assert strangers(desk.store) == []


def test_1001_of_a_known_person_registers_nobody(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    event_id = told(intake, 1, want_action="1001", identity_id="S1")
    desk.work()
    event = desk.event(event_id)
    assert (event.registration, event.registration_reason, event.person_id) == ("refused", "known_person", person)
    assert strangers(desk.store) == []


def test_1001_without_a_face_registers_nobody(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    engine.prepare(30, [sighting(face_of(1))])
    event_id = told(intake, None, want_action="1001", ext_data={"spot_pic": text_of(30)})
    desk.work()
    event = desk.event(event_id)
    # A scene may show others: it is never registered.
    assert (event.registration, event.registration_reason) == ("refused", "no_face")
    assert strangers(desk.store) == []


def test_1001_with_an_id_that_is_somebody_elses_is_for_review(desk: Desk, intake: Intake) -> None:
    owner = enrol(desk.store, ListName.STAFF, face_of(2), identity="S1")
    event_id = told(intake, 1, want_action="1001", identity_id="S1")
    desk.work()
    event = desk.event(event_id)
    assert (event.registration, event.review) == ("registered", "identity_taken")
    with desk.store.read() as tx:
        assert people.person_with_identity(tx, "S1", event.device_id) == owner


def test_1002_replaces_the_current_face_and_keeps_the_earlier_one(
    desk: Desk, intake: Intake, engine: PreparedEngine
) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1007")
    engine.prepare(30, [sighting(face_of(1, off=0.4))])
    event_id = told(intake, 2, want_action="1002", reg_pic=text_of(30))
    desk.work()
    event = desk.event(event_id)
    assert (event.registration, event.registration_reason, event.review) == ("replaced", "same_person", None)
    assert current_faces(desk.store, person) == [event_id]
    with desk.store.read() as tx:
        assert [row.state for row in people.faces_of(tx, [person])] == ["former", "current"]
    # Who stood there is another matter: the crop shows somebody whom nobody knows.
    assert (event.decision, event.person_id) == ("unknown", None)
    # From now on the new face is looked for, not the old one.
    desk.library.forget()
    again = told(intake, 30, 5)
    desk.work()
    assert desk.event(again).decision_detail["distance"] == pytest.approx(0)


def test_1002_of_somebody_elses_face_changes_nothing_and_is_for_review(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1007")
    event_id = told(intake, 2, want_action="1002")
    desk.work()
    event = desk.event(event_id)
    assert (event.registration, event.review) == ("review", "identity_conflict")
    assert current_faces(desk.store, person) == [None]


def test_1002_of_the_same_picture_changes_nothing(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1007")
    event_id = told(intake, 1, want_action="1002")
    desk.work()
    assert desk.event(event_id).registration == "unchanged"
    assert current_faces(desk.store, person) == [None]


def test_1002_gives_a_person_without_faces_the_first_one(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, identity="E1007")
    event_id = told(intake, 1, want_action="1002")
    desk.work()
    event = desk.event(event_id)
    assert (event.registration, event.registration_reason) == ("replaced", "first_face")
    assert (event.decision, event.person_id) == ("matched", person)


def test_1002_of_an_id_that_nobody_has_is_kept_as_the_devices_identity(desk: Desk, intake: Intake) -> None:
    for number, face in ((1, 1), (2, 2)):
        event_id = told(intake, face, number, want_action="1002", identity_id="X9", identity_name=f"name {number}")
        desk.work()
        assert desk.event(event_id).registration == "kept_identity"
    with desk.store.read() as tx:
        (kept,) = tx.execute(select(tables.device_identity)).all()
    assert (kept.external_id, kept.name, kept.event_id) == ("X9", "name 2", event_id)
    assert kept.digest == digest_of(desk.store, event_id)


def test_twenty_reports_of_one_stranger_at_once_make_one(store: Store, tmp_path: Path, engine: PreparedEngine) -> None:
    """Each thread has a recogniser and a library of its own, as processes have."""
    with open_intake(store, tmp_path) as intake:
        ids = [told(intake, 1, number, want_action="1001", identity_id=f"S{number}") for number in range(20)]
    start = threading.Barrier(20)
    failed: list[BaseException] = []

    def work() -> None:
        desk = Desk(store, engine)
        task = desk.claim()
        assert task is not None
        start.wait(30)
        try:
            desk.recogniser.handle(task)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failed == []
    (person,) = strangers(store)
    desk = Desk(store, engine)
    assert sorted(desk.event(each).registration for each in ids) == ["joined"] * 19 + ["registered"]
    assert {desk.event(each).person_id for each in ids} == {person}
    assert len(current_faces(store, person)) == 1
    assert registering.OUTCOMES
