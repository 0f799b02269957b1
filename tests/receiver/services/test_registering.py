"""What want_action asks of the library: every branch, with prepared faces."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from receiver.domain.events import ListName
from receiver.domain.people import FaceState
from receiver.services.intake.intake import Intake
from receiver.services.people import registering
from receiver.services.people.keeping_faces import FaceChange, KeepingFaces
from receiver.store import identities, people, tables
from receiver.store.store import Store
from tests.receiver.boxes import open_intake, text_of
from tests.receiver.faces import (
    Desk,
    PreparedEngine,
    current_faces,
    digest_of,
    enrol,
    face_of,
    gate_of,
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


@pytest.mark.parametrize("person_type", [2, 3, 5])
def test_1001_of_whom_the_device_names_makes_no_stranger_with_that_id(
    any_desk: Desk, any_intake: Intake, person_type: int
) -> None:
    called: dict[str, Any] = {
        "identity_id": "E1007",
        "identity_name": "Li Wei",
        "ext_data": {"person_type": person_type},
    }
    event_id = told(any_intake, 1, want_action="1001", **called)
    any_desk.work()
    event = any_desk.event(event_id)
    assert (event.registration, event.registration_reason) == ("refused", "named_by_device")
    assert strangers(any_desk.store) == []
    with any_desk.store.read() as tx:
        assert people.person_with_identity(tx, "E1007", event.device_id) is None
        # Who it is, is kept for adoption.
        kept = identities.find(tx, (event.device_id, "E1007"))
    assert kept is not None
    assert kept.name == "Li Wei"


@pytest.mark.parametrize(
    ("person_type", "name"), [(4, "Li Wei"), (1, "Li Wei"), (None, "Li Wei"), (3, "stranger"), (3, "")]
)
def test_1001_of_whom_the_device_may_mean_a_stranger_makes_one(
    desk: Desk, intake: Intake, person_type: int | None, name: str
) -> None:
    called: dict[str, Any] = {
        "identity_id": "S1" if name else "",
        "identity_name": name,
        "ext_data": {"person_type": person_type},
    }
    event_id = told(intake, 1, want_action="1001", **called)
    desk.work()
    assert strangers(desk.store) == [desk.event(event_id).person_id]


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


def test_1002_compares_with_the_mean_of_the_persons_faces(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    """Near to one of two faces that are far apart, and far from what they have in common."""
    person = enrol(desk.store, ListName.STAFF, face_of(1, off=0.5), face_of(1, off=-0.5), identity="E1007")
    engine.prepare(30, [sighting(face_of(1, off=0.6))])
    engine.prepare(31, [sighting(face_of(1, off=0.3))])
    far = told(intake, 30, 1, want_action="1002")
    desk.work()
    assert (desk.event(far).registration, desk.event(far).review) == ("review", "identity_conflict")
    near = told(intake, 31, 2, want_action="1002")
    desk.work()
    assert desk.event(near).registration == "replaced"
    assert current_faces(desk.store, person) == [near]


def test_1002_of_one_of_several_pictures_that_are_there_changes_nothing(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), face_of(1, off=0.5), identity="E1007")
    event_id = told(intake, 1, want_action="1002")
    desk.work()
    event = desk.event(event_id)
    assert (event.registration, event.registration_reason) == ("unchanged", "already_there")
    assert current_faces(desk.store, person) == [None, None]


def test_a_1002_after_the_plain_event_of_the_same_passage_is_heard(
    desk: Desk, intake: Intake, engine: PreparedEngine
) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1007")
    engine.prepare(30, [sighting(face_of(1, off=0.3))])
    plain = told(intake, 30, 1)
    desk.work()
    update = told(intake, 30, 1, want_action="1002")
    desk.work()
    assert plain != update
    assert desk.event(update).registration == "replaced"
    assert current_faces(desk.store, person) == [update]


def test_a_late_1002_changes_nothing(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    """Both wait; the newer one is worked on first."""
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1007")
    for number in (30, 31):
        engine.prepare(number, [sighting(face_of(1, off=number / 100))])
    newer = told(intake, 31, 9, want_action="1002")
    desk.work()
    older = told(intake, 30, 8, want_action="1002")
    desk.work()
    event = desk.event(older)
    assert (event.registration, event.registration_reason, event.review) == ("unchanged", "late_message", None)
    assert current_faces(desk.store, person) == [newer]


def test_a_1002_of_a_clock_that_ran_ahead_does_not_make_all_later_ones_late(
    desk: Desk, intake: Intake, engine: PreparedEngine
) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1007")
    for number in (30, 31):
        engine.prepare(number, [sighting(face_of(1, off=number / 100))])
    in_a_hundred_days = int((datetime.now(UTC) + timedelta(days=100)).timestamp() * 1000)
    told(intake, 30, 1, want_action="1002", timestamp=in_a_hundred_days)
    desk.work()
    right = told(intake, 31, 2, want_action="1002")
    desk.work()
    assert desk.event(right).registration == "replaced"
    assert current_faces(desk.store, person) == [right]


def test_what_another_device_has_told_makes_no_message_late(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1007")
    for number in (30, 31):
        engine.prepare(number, [sighting(face_of(1, off=number / 100))])
    told(intake, 31, 9, want_action="1002", box="another-box")
    older = told(intake, 30, 8, want_action="1002")
    desk.work()
    assert desk.event(older).registration == "replaced"
    assert current_faces(desk.store, person) == [older]


def test_a_late_1002_changes_nothing_after_a_face_was_restored_by_hand(
    desk: Desk, intake: Intake, engine: PreparedEngine
) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1007")
    engine.prepare(30, [sighting(face_of(1, off=0.3))])
    engine.prepare(31, [sighting(face_of(1, off=0.31))])
    told(intake, 31, 9, want_action="1002")
    desk.work()
    with desk.store.read() as tx:
        first = people.faces_of(tx, [person])[0].id
    KeepingFaces(desk.store, gate_of()).change(first, FaceChange(FaceState.CURRENT, is_alone=True))
    older = told(intake, 30, 8, want_action="1002")
    desk.work()
    assert desk.event(older).registration_reason == "late_message"
    assert current_faces(desk.store, person) == [None]


def test_1002_brings_a_former_picture_back_and_not_twice(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    person = enrol(desk.store, ListName.STAFF, identity="E1007")
    engine.prepare(30, [sighting(face_of(1, off=0.3))])
    first = told(intake, 1, 1, want_action="1002")
    told(intake, 30, 2, want_action="1002")
    desk.work()
    again = told(intake, 1, 3, want_action="1002")
    desk.work()
    assert desk.event(again).registration == "replaced"
    with desk.store.read() as tx:
        rows = people.faces_of(tx, [person])
    assert [(row.event_id, row.state) for row in rows] == [(first, "current"), (first + 1, "former")]
    late = told(intake, 30, 0, want_action="1002")
    desk.work()
    assert desk.event(late).registration_reason == "late_message"


def test_1002_does_not_bring_back_what_a_person_set_aside(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1007")
    engine.prepare(30, [sighting(face_of(1, off=0.3))])
    told(intake, 30, 1, want_action="1002")
    desk.work()
    with desk.store.read() as tx:
        first, second = (row.id for row in people.faces_of(tx, [person]))
    keeping = KeepingFaces(desk.store, gate_of())
    keeping.change(first, FaceChange(FaceState.CURRENT))
    keeping.change(second, FaceChange(FaceState.SET_ASIDE))
    again = told(intake, 30, 2, want_action="1002")
    desk.work()
    event = desk.event(again)
    assert (event.registration, event.registration_reason) == ("unchanged", "picture_set_aside")
    assert current_faces(desk.store, person) == [None]


def test_the_older_of_two_1002_of_a_device_identity_does_not_undo_the_newer(desk: Desk, intake: Intake) -> None:
    told(intake, 1, 5, want_action="1002", identity_id="X9", identity_name="newer")
    desk.work()
    older = told(intake, 2, 4, want_action="1002", identity_id="X9", identity_name="older")
    desk.work()
    assert desk.event(older).registration_reason == "late_message"
    with desk.store.read() as tx:
        (kept,) = tx.execute(select(tables.device_identity)).all()
    assert kept.name == "newer"


def test_a_stranger_of_1001_is_known_by_the_boxes_id_from_then_on(
    desk: Desk, intake: Intake, engine: PreparedEngine
) -> None:
    told(intake, 1, 1, want_action="1001", identity_id="S1")
    desk.work()
    (person,) = strangers(desk.store)
    # Beyond what a search would take, within what confirms a name that was given.
    desk.library.forget()
    engine.prepare(30, [sighting(face_of(1, off=0.57))])
    named = told(intake, 30, 60_001, identity_id="S1")
    unnamed = told(intake, 30, 120_002, identity_id="S7")
    desk.work()
    assert desk.event(named).person_id == person
    assert "claim_confirmed" in desk.event(named).decision_detail["reasons"]
    assert "claim_confirmed" not in desk.event(unnamed).decision_detail["reasons"]


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
