"""Who stood there, with prepared faces; and what becomes of tasks that fail or come too late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.domain.events import ListName
from receiver.services.deciding import library
from receiver.services.intake.intake import Intake
from receiver.store import events, outbox, people, tables
from receiver.worker import ATTEMPTS
from recognition.engine import RecognitionError
from tests.receiver.boxes import HISTORY, REAL_TIME, history, real_time, text_of
from tests.receiver.faces import LEASE, Desk, PreparedEngine, digest_of, enrol, face_of, sighting, strangers, told


def test_a_known_face_is_matched(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.VIP, face_of(1))
    event = desk.event(told(intake, 1))
    desk.work()
    event = desk.event(event.id)
    assert (event.recognition, event.decision, event.person_id, event.list) == ("done", "matched", person, "vip")
    assert event.decision_detail["reasons"] == ["within_threshold"]
    assert event.decision_detail["picture"] == "face"
    assert event.registration is None
    with desk.store.read() as tx:
        assert outbox.counts(tx) == {}
        (seen,) = events.sightings_of(tx, event.id)
    assert (seen.box, seen.model, len(seen.embedding)) == ([1, 2, 101, 102], "prepared", 512)


def test_an_unknown_face_keeps_what_the_device_reported(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, face_of(2))
    event_id = told(intake, 1, ext_data={"person_type": 2})
    desk.work()
    event = desk.event(event_id)
    assert (event.decision, event.person_id, event.list) == ("unknown", None, "visitor")
    assert event.decision_detail["distance"] == pytest.approx(1.98, abs=0.01)


def test_two_people_as_near_are_ambiguous(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, face_of(1, off=0.1))
    enrol(desk.store, ListName.STAFF, face_of(1, off=-0.11))
    event_id = told(intake, 1, want_action="1001")
    desk.work()
    event = desk.event(event_id)
    assert (event.decision, event.person_id) == ("ambiguous", None)
    assert (event.registration, event.registration_reason) == ("refused", "ambiguous")


def test_the_scene_serves_where_there_is_no_crop_and_its_best_face_counts(
    desk: Desk, intake: Intake, engine: PreparedEngine
) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(3))
    engine.prepare(
        30, [sighting(face_of(2), size=50), sighting(face_of(3), size=90), sighting(face_of(4), size=95, score=0.1)]
    )
    event_id = told(intake, ext_data={"spot_pic": text_of(30)}, reg_pic=text_of(4))
    desk.work()
    event = desk.event(event_id)
    assert (event.decision, event.person_id, event.decision_detail["picture"]) == ("matched", person, "scene")
    with desk.store.read() as tx:
        assert [row.kind for row in events.sightings_of(tx, event_id)] == ["scene"] * 3 + ["library"]


def test_the_scene_serves_where_the_crop_shows_no_face(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(3))
    engine.prepare(30, [])
    event_id = told(intake, 30, ext_data={"spot_pic": text_of(3)})
    desk.work()
    assert desk.event(event_id).person_id == person


def test_the_devices_library_picture_is_not_the_person_at_the_gate(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, face_of(1))
    event_id = told(intake, reg_pic=text_of(1))
    desk.work()
    event = desk.event(event_id)
    assert (event.decision, event.person_id) == ("no_face", None)


def test_no_picture_is_no_face(desk: Desk, intake: Intake) -> None:
    event_id = told(intake)
    desk.work()
    event = desk.event(event_id)
    assert (event.recognition, event.decision) == ("done", "no_face")
    assert event.decision_detail["reasons"] == ["no_face", "no_picture"]


def test_a_refused_a_broken_and_a_missing_picture_are_named(desk: Desk, intake: Intake) -> None:
    refused = told(intake, 1, 1, ext_data={"spot_pic": "bm90IGEgcGljdHVyZQ=="}, reg_pic="%%%")
    broken = told(intake, 404, 2)
    missing = told(intake, 5, 3)
    with desk.store.pictures.write() as tx:
        tx.execute(tables.picture.delete().where(tables.picture.c.digest == digest_of(desk.store, missing)))
    desk.work()
    assert desk.event(refused).decision_detail["reasons"][1:] == ["not_a_picture", "bad_base64"]
    assert desk.event(broken).decision_detail["reasons"] == ["no_face", "truncated"]
    assert desk.event(missing).decision_detail["reasons"] == ["no_face", "picture_gone"]


def test_a_poor_picture_of_nobody_known_is_poor_quality(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    engine.prepare(30, [sighting(face_of(1), luminance_mean=5.0)])
    event_id = told(intake, 30, want_action="1001")
    desk.work()
    event = desk.event(event_id)
    assert event.decision == "poor_quality"
    assert (event.registration, event.registration_reason) == ("refused", "too_dark")
    assert strangers(desk.store) == []


def test_a_poor_picture_of_a_known_face_is_still_matched(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    engine.prepare(30, [sighting(face_of(1), luminance_mean=5.0)])
    event_id = told(intake, 30)
    desk.work()
    assert desk.event(event_id).person_id == person
    assert desk.event(event_id).decision_detail["reasons"] == ["within_threshold", "too_dark"]


@pytest.mark.parametrize(
    ("person_type", "known_list", "said_by"),
    [
        (3, None, "device"),
        (1, ListName.BLACKLIST, "face"),
        (3, ListName.BLACKLIST, "device,face"),
        (1, ListName.STAFF, ""),
    ],
)
def test_who_says_that_somebody_is_on_the_blacklist(
    desk: Desk, intake: Intake, person_type: int, known_list: ListName | None, said_by: str
) -> None:
    if known_list is not None:
        enrol(desk.store, known_list, face_of(1))
    event_id = told(intake, 1, ext_data={"person_type": person_type})
    assert desk.event(event_id).blacklist_said_by == ("device" if person_type == 3 else "")
    desk.work()
    assert desk.event(event_id).blacklist_said_by == said_by


def test_the_history_report_that_comes_after_recognition_is_followed(desk: Desk, intake: Intake) -> None:
    (first,) = intake.record([real_time(ext_data={"recognize_face": text_of(1)})], REAL_TIME)
    desk.work()
    assert desk.event(first.event_id).registration is None
    intake.record([history(want_action="1001", ext_data={"recognize_face": text_of(1)})], HISTORY)
    desk.work()
    event = desk.event(first.event_id)
    assert (event.registration, event.recognition) == ("registered", "done")
    intake.record([real_time(ext_data={"spot_pic": text_of(2)})], REAL_TIME)
    desk.work()
    assert desk.event(first.event_id).registration == "registered"
    assert strangers(desk.store) == [event.person_id]


def test_a_later_report_takes_no_registered_person_away(desk: Desk, intake: Intake) -> None:
    """The stranger was registered by the device's own picture; what was seen at the gate matches nobody."""
    event_id = told(intake, None, want_action="1001", identity_id="S1", reg_pic=text_of(1))
    desk.work()
    (person,) = strangers(desk.store)
    intake.record([real_time(identity_id="S1", ext_data={"spot_pic": text_of(2)})], REAL_TIME)
    desk.work()
    event = desk.event(event_id)
    assert (event.decision, event.decision_detail["picture"]) == ("unknown", "scene")
    assert (event.registration, event.person_id, event.list) == ("registered", person, "stranger")


def test_a_look_at_what_has_changed_meanwhile_is_thrown_away(
    desk: Desk, intake: Intake, engine: PreparedEngine
) -> None:
    """A slow worker looked at the real-time report; the history report and its recognition overtook it."""
    (first,) = intake.record([real_time()], REAL_TIME)
    slow = desk.claim()
    assert slow is not None
    looked = desk.recogniser._looker.look(slow.subject)
    assert looked is not None
    intake.record([history(want_action="1001", ext_data={"recognize_face": text_of(1)})], HISTORY)
    Desk(desk.store, engine).work()
    assert desk.recogniser._decide_and_write(slow, looked, datetime.now(UTC)) is None
    event = desk.event(first.event_id)
    assert (event.decision, event.registration) == ("matched", "registered")
    with desk.store.read() as tx:
        assert outbox.counts(tx) == {}


def test_a_worker_whose_lease_was_over_changes_nothing_more(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    event_id = told(intake, 1, want_action="1001")
    slow = desk.claim()
    assert slow is not None
    looked = desk.recogniser._looker.look(slow.subject)
    assert looked is not None
    other = Desk(desk.store, engine)
    again = other.claim(datetime.now(UTC) + LEASE)
    assert again is not None
    other.recogniser.handle(again)
    assert desk.recogniser._decide_and_write(slow, looked, datetime.now(UTC)) is None
    assert desk.event(event_id).registration == "registered"
    assert len(strangers(desk.store)) == 1


def test_a_task_of_an_erased_event_ends(desk: Desk, intake: Intake) -> None:
    told(intake, 1)
    with desk.store.write() as tx:
        tx.execute(tables.event.delete())
    desk.work()
    with desk.store.read() as tx:
        assert outbox.counts(tx) == {}


def test_an_engine_that_fails_leaves_the_task_and_it_ends_later(
    desk: Desk, intake: Intake, engine: PreparedEngine
) -> None:
    event_id = told(intake, 1)
    engine.prepare(1, MemoryError("no room"))
    task = desk.claim()
    assert task is not None
    with pytest.raises(MemoryError):
        desk.recogniser.handle(task)
    assert desk.event(event_id).recognition == "pending"
    engine.prepare(1, [sighting(face_of(1))])
    later = desk.claim(datetime.now(UTC) + LEASE)
    assert later is not None
    assert later.attempts == 2
    desk.recogniser.handle(later)
    assert desk.event(event_id).decision == "unknown"


def test_what_the_engine_cannot_do_with_a_picture_is_a_reason(
    desk: Desk, intake: Intake, engine: PreparedEngine
) -> None:
    engine.prepare(30, RecognitionError("cannot_decode", "why"))
    event_id = told(intake, 30)
    desk.work()
    assert desk.event(event_id).decision_detail["reasons"] == ["no_face", "cannot_decode"]


def test_a_task_given_up_is_buried_and_the_event_says_failed(desk: Desk, intake: Intake) -> None:
    event_id = told(intake, 1)
    task = desk.claim()
    assert task is not None
    desk.recogniser.give_up(task, "gave_up")
    event = desk.event(event_id)
    assert (event.recognition, event.recognition_reason) == ("failed", "gave_up")
    with desk.store.write() as tx:
        assert outbox.counts(tx) == {("recognise", "buried"): 1}
        outbox.retry(tx, None, datetime.now(UTC))
    desk.work()
    assert desk.event(event_id).recognition == "done"
    assert ATTEMPTS >= 2


def test_somebody_whom_the_device_names_is_compared_one_to_one_first(
    desk: Desk, intake: Intake, engine: PreparedEngine
) -> None:
    """With many people a search must be stricter than a comparison with the one who is named."""
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1")
    for number in range(2, 80):
        enrol(desk.store, ListName.STAFF, face_of(number))
    engine.prepare(30, [sighting(face_of(1, off=0.55))])
    named = told(intake, 30, 1, identity_id="E1")
    nameless = told(intake, 30, 20_000, identity_id="")
    somebody_else = told(intake, 30, 40_000, identity_id="E2")
    desk.work()
    found = [desk.event(each) for each in (named, nameless, somebody_else)]
    assert [(row.decision, row.person_id) for row in found] == [
        ("matched", person),
        ("unknown", None),
        ("unknown", None),
    ]
    assert "claim_confirmed" in found[0].decision_detail["reasons"]


def test_a_name_counts_for_the_device_that_gave_it(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    for number in range(2, 80):
        enrol(desk.store, ListName.STAFF, face_of(number))
    engine.prepare(30, [sighting(face_of(1, off=0.55))])
    here = told(intake, 30, 1, identity_id="7")
    with desk.store.write() as tx:
        people.add_identity(tx, person, "7", desk.event(here).device_id)
    there = {
        "ep_id": "OTHER0000000000000000001__10.0.0.30",
        "dev_sno": "OTHER0000000000000000001",
        "device_ip": "10.0.0.30",
    }
    elsewhere = told(intake, 30, 2, identity_id="7", ext_data=there)
    assert desk.event(elsewhere).device_id != desk.event(here).device_id
    desk.work()
    assert [desk.event(each).person_id for each in (here, elsewhere)] == [person, None]


def test_which_face_an_event_was_decided_on_is_marked(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    engine.prepare(30, [sighting(face_of(2), size=50), sighting(face_of(3), size=90, left=200)])
    event_id = told(intake, ext_data={"spot_pic": text_of(30)}, reg_pic=text_of(4))
    desk.work()
    with desk.store.read() as tx:
        seen = events.sightings_of(tx, event_id)
    event = desk.event(event_id)
    expected = [("scene", 51, False), ("scene", 290, True), ("library", 101, False)]
    assert [(row.kind, row.box[2], row.is_live) for row in seen] == expected
    assert {(row.gate_id, row.occurred_at) for row in seen} == {(event.gate_id, event.occurred_at)}


def test_a_person_added_by_another_process_is_known_at_once(desk: Desk, intake: Intake) -> None:
    early = told(intake, 1, 1)
    desk.work()
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    late = told(intake, 1, 2)
    desk.work()
    assert [desk.event(each).person_id for each in (early, late)] == [None, person]
    with desk.store.write(lock=people.GALLERY_LOCK) as tx:
        people.remove(tx, person)
        people.note_change(tx, person, datetime.now(UTC))
    gone = told(intake, 1, 3)
    desk.work()
    assert desk.event(gone).person_id is None


def test_very_many_changes_are_caught_up_with(desk: Desk, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "MANY", 3)
    told(intake, 1, 1)
    desk.work()
    person, *_ = [enrol(desk.store, ListName.STAFF, face_of(number)) for number in range(1, 6)]
    event_id = told(intake, 1, 2)
    desk.work()
    assert desk.event(event_id).person_id == person


def test_what_was_rolled_back_is_forgotten(desk: Desk, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = told(intake, 1, want_action="1001")
    task = desk.claim()
    assert task is not None

    def fail(*_args: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(events, "replace_sightings", fail)
        with pytest.raises(ZeroDivisionError):
            desk.recogniser.handle(task)
    assert strangers(desk.store) == []
    again = desk.claim(datetime.now(UTC) + LEASE + timedelta(seconds=1))
    assert again is not None
    desk.recogniser.handle(again)
    assert desk.event(event_id).registration == "registered"
    assert len(strangers(desk.store)) == 1
