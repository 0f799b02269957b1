"""Whom the boxes know comes into the library through the gate: once, with a reason, and without anybody being mixed up."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from receiver.domain.errors import Unavailable
from receiver.domain.events import ListName
from receiver.services.adopting.adoptions import Adoptions, NewAdoption
from receiver.store import devices, identities, people, tables
from receiver.store.identities import IdentityFilter
from receiver.store.store import Store
from tests.receiver.adopter import Adopter, library, picture
from tests.receiver.boxes import text_of
from tests.receiver.faces import PreparedEngine, enrol, face_of, sighting

OTHER_BOX = "ABCDEF000120240101000002"
STRANGER = {"ext_data": {"person_type": 4}, "identity_name": "stranger"}


@pytest.fixture
def adopter(store: Store, tmp_path: Path, engine: PreparedEngine) -> Adopter:
    """On each kind of database."""
    return Adopter(store, tmp_path, engine)


@pytest.fixture
def desk(sqlite_store: Store, tmp_path: Path, engine: PreparedEngine) -> Adopter:
    """Where one kind of database is enough."""
    return Adopter(sqlite_store, tmp_path, engine)


def states(adopter: Adopter, person: int) -> list[str]:
    with adopter.store.read() as tx:
        return [row.state for row in people.faces_of(tx, [person])]


def reviews_of(adopter: Adopter) -> list[Any]:
    with adopter.store.read() as tx:
        return list(
            tx.execute(select(tables.review).where(tables.review.c.state == "open").order_by(tables.review.c.id))
        )


def test_whom_a_device_speaks_of_is_kept_with_the_newest_it_said(adopter: Adopter) -> None:
    adopter.told(5, 1, identity_name="Ann", ext_data={"person_type": 5})
    newest = adopter.told(9, 2, identity_name="Anna", ext_data={"person_type": 2})
    adopter.told(7, 3, identity_name="late", ext_data={"person_type": 3})
    adopter.told(10, 4, identity="77.5", **STRANGER)
    row = adopter.identity()
    assert (row.name, row.list, row.event_id, row.state) == ("Anna", "visitor", newest, "known")
    assert (row.last_seen - row.first_seen).total_seconds() == pytest.approx(0.004)
    assert adopter.pictures.get(row.digest).data == picture(2)  # type: ignore[union-attr]
    with adopter.store.read() as tx:
        assert len(identities.listed(tx, IdentityFilter(), None, 9)) == 1
    assert library(adopter) == {}
    assert adopter.tasks() == 0


def test_the_next_event_of_an_adopted_id_is_known(adopter: Adopter) -> None:
    adopter.told(1, 1, identity_name="Ann", ext_data={"person_type": 5})
    before = adopter.told(2, 1, identity_name="Ann", ext_data={"recognize_face": text_of(1), "person_type": 5})
    assert adopter.desk.event(before).person_id is None
    assert adopter.adopt() == {"adopted": 1}
    assert library(adopter) == {"Ann": ("vip", "device", 1)}
    row = adopter.identity()
    assert (row.state, row.reason, row.adoption_id) == ("adopted", "new_person", None)
    # Beyond what a search would take, within what confirms a name that was given.
    adopter.engine.prepare(30, [sighting(face_of(1, off=0.57))])
    after = adopter.told(60_000, 1, identity_name="Ann", ext_data={"recognize_face": text_of(30), "person_type": 5})
    assert adopter.desk.event(after).person_id == row.person_id
    assert "claim_confirmed" in adopter.desk.event(after).decision_detail["reasons"]


def test_a_second_adoption_changes_nothing(adopter: Adopter) -> None:
    for number in range(1, 5):
        adopter.told(number, number, identity=f"E{number}", identity_name=f"Person {number}")
    assert adopter.adopt() == {"adopted": 4}
    before = library(adopter)
    with adopter.store.read() as tx:
        rows = list(tx.execute(select(tables.device_identity)))
        changes = people.last_change(tx)
    adopter.seen.clear()
    assert adopter.adopt() == {}
    assert adopter.adopt(is_again=True) == {}
    assert (library(adopter), adopter.seen) == (before, [])
    with adopter.store.read() as tx:
        assert list(tx.execute(select(tables.device_identity))) == rows
        assert people.last_change(tx) == changes


def test_the_face_remembers_the_device_so_that_a_late_1002_does_not_undo_it(desk: Adopter) -> None:
    told = desk.told(50, 1)
    desk.adopt()
    person = desk.identity().person_id
    with desk.store.read() as tx:
        (face,) = people.faces_of(tx, [person])
    assert (face.source, face.device_id, face.event_id) == ("device", 1, told)
    assert face.occurred_at == desk.identity().last_seen
    desk.engine.prepare(30, [sighting(face_of(1, off=0.3))])
    late = desk.told(10, 30, want_action="1002")
    assert desk.desk.event(late).registration_reason == "late_message"
    assert states(desk, person) == ["current"]


def test_only_those_of_a_filter_or_those_chosen_are_adopted(desk: Adopter) -> None:
    desk.told(1, 1, identity="E1", identity_name="Ann Staff")
    desk.told(2, 2, identity="E2", identity_name="Ben Guest", ext_data={"person_type": 2})
    desk.told(3, 3, identity="E3", identity_name="Cid Guest", ext_data={"person_type": 2}, box=OTHER_BOX)
    desk.told(4, 4, identity="E4", identity_name="Dan Staff")
    assert desk.adopt(list="visitor", device=OTHER_BOX) == {"adopted": 1}
    assert desk.adopt(text="ann") == {"adopted": 1}
    assert desk.adopt(chosen=[(1, "E2"), (1, "nobody")]) == {"adopted": 1}
    assert set(library(desk)) == {"Cid Guest", "Ann Staff", "Ben Guest"}
    assert desk.stands("E4") == ("known", None)


def test_a_stranger_of_a_box_is_never_adopted(desk: Adopter) -> None:
    desk.told(1, 1, identity="S1", want_action="1002", **STRANGER)
    assert desk.identity("S1").list == "stranger"
    assert desk.adopt() == desk.adopt(chosen=[(1, "S1")], is_again=True) == {}
    assert library(desk) == {}


def test_who_is_refused_is_told_why_and_not_tried_again_with_the_same_picture(adopter: Adopter) -> None:
    adopter.engine.prepare(30, [sighting(face_of(9), blur=0.99)])
    adopter.told(1, 30, identity="E1")
    adopter.told(2, 31, identity="E2")
    adopter.told(3, None, identity="E3")
    assert adopter.adopt() == {"refused": 3}
    assert [adopter.stands(f"E{number}") for number in (1, 2, 3)] == [
        ("refused", "too_blurred"), ("refused", "no_face"), ("refused", "no_library_picture"),
    ]  # fmt: skip
    asked = reviews_of(adopter)
    assert [(row.kind, row.reason, row.detail["external_id"]) for row in asked] == [
        ("failed_enrolment", "too_blurred", "E1"), ("failed_enrolment", "no_face", "E2"),
    ]  # fmt: skip
    adopter.seen.clear()
    assert adopter.adopt() == {}
    assert adopter.seen == []
    assert adopter.adopt(is_again=True) == {"refused": 3}
    adopter.told(9, 2, identity="E2")
    assert adopter.adopt() == {"adopted": 1}
    assert [row.detail["external_id"] for row in reviews_of(adopter)] == ["E1"]


def test_two_boxes_that_know_one_person_by_two_ids_know_one_person(adopter: Adopter) -> None:
    adopter.engine.prepare(30, [sighting(face_of(1, off=0.1))])
    adopter.told(1, 1, identity="E1", identity_name="Li Wei")
    adopter.told(2, 30, identity="77", identity_name="LI  WEI", box=OTHER_BOX)
    assert adopter.adopt() == {"adopted": 1, "linked": 1}
    assert library(adopter) == {"Li Wei": ("staff", "device", 1)}
    assert adopter.stands("77", 2) == ("adopted", "same_name_and_face")
    with adopter.store.read() as tx:
        assert people.person_with_identity(tx, "77", 2) == people.person_with_identity(tx, "E1", 1) is not None
        # Each box's id is its own.
        assert people.person_with_identity(tx, "77", 1) is None


def test_one_id_and_name_at_two_boxes_is_one_person_also_with_another_picture(desk: Adopter) -> None:
    # Too far for a search among everybody, near enough for one picture against one.
    desk.engine.prepare(30, [sighting(face_of(1, off=0.57))])
    desk.told(1, 1, identity_name="Li Wei")
    desk.told(2, 30, identity_name="Li Wei", box=OTHER_BOX)
    assert desk.adopt() == {"adopted": 1, "linked": 1}
    assert library(desk) == {"Li Wei": ("staff", "device", 1)}
    assert desk.stands("E1", 2) == ("adopted", "same_name_and_face")


def test_one_id_and_name_at_two_boxes_with_two_faces_are_two_people(desk: Adopter) -> None:
    desk.told(1, 1, identity_name="Li Wei")
    desk.told(2, 2, identity_name="Li Wei", box=OTHER_BOX)
    assert desk.adopt() == {"adopted": 2}
    assert desk.identity("E1", 1).person_id != desk.identity("E1", 2).person_id


def test_who_looks_like_somebody_of_another_name_is_refused_for_a_person_to_look_at(adopter: Adopter) -> None:
    adopter.engine.prepare(30, [sighting(face_of(1, off=0.1))])
    person = enrol(adopter.store, ListName.STAFF, face_of(1), name="Ann")
    adopter.told(2, 30, identity="77", identity_name="Ben")
    assert adopter.adopt() == {"refused": 1}
    assert adopter.stands("77") == ("refused", "look_alike")
    (asked,) = reviews_of(adopter)
    assert (asked.kind, asked.reason, asked.other_id) == ("failed_enrolment", "look_alike", person)
    with adopter.store.read() as tx:
        shown = list(tx.execute(select(tables.review_picture).order_by(tables.review_picture.c.position)))
    assert [(each.role, each.person_id) for each in shown] == [("new", None), ("other", person)]
    assert set(library(adopter)) == {"Ann"}


def test_an_id_of_a_group_of_devices_is_adopted_for_all_of_them(desk: Adopter) -> None:
    desk.told(1, 1, identity="17", identity_name="Ann")
    desk.told(2, 1, identity="17", identity_name="Ann", box=OTHER_BOX)
    with desk.store.write() as tx:
        for device in (1, 2):
            devices.change(tx, device, {"device_group": "factory"})
    assert desk.adopt() == {"adopted": 1, "linked": 1}
    with desk.store.read() as tx:
        (row,) = tx.execute(select(tables.person_identity)).all()
    assert (row.external_id, row.device_id, row.device_group) == ("17", 0, "factory")


def test_who_was_enrolled_by_hand_with_the_id_keeps_the_pictures_and_is_linked(adopter: Adopter) -> None:
    adopter.engine.prepare(30, [sighting(face_of(1, off=0.3))])
    person = enrol(adopter.store, ListName.STAFF, face_of(1), identity="E1", name="Ann")
    adopter.told(1, 30, identity_name="Ann from the box")
    assert adopter.adopt() == {"linked": 1}
    assert adopter.stands() == ("adopted", "known_id")
    assert adopter.identity().person_id == person
    assert states(adopter, person) == ["current"]


def test_a_device_that_means_somebody_else_by_the_id_is_shown_to_a_person(adopter: Adopter) -> None:
    person = enrol(adopter.store, ListName.STAFF, face_of(1), identity="E1", name="Ann")
    adopter.told(1, 2, identity_name="Ann")
    assert adopter.adopt() == {"refused": 1}
    assert adopter.stands() == ("refused", "identity_conflict")
    (asked,) = reviews_of(adopter)
    assert (asked.kind, asked.person_id) == ("identity_conflict", person)
    assert states(adopter, person) == ["current"]


def test_who_has_the_id_and_no_face_gets_the_devices(desk: Adopter) -> None:
    person = enrol(desk.store, ListName.STAFF, identity="E1", name="Ann")
    desk.told(1, 1)
    assert desk.adopt() == {"renewed": 1}
    assert states(desk, person) == ["current"]


def test_a_new_library_picture_of_an_adopted_person_goes_the_way_of_a_1002_by_itself(adopter: Adopter) -> None:
    adopter.told(1, 1, identity_name="Ann")
    adopter.adopt()
    person = adopter.identity().person_id
    adopter.engine.prepare(30, [sighting(face_of(1, off=0.3))])
    adopter.told(2, 30, identity_name="Ann")
    adopter.told(3, 30, identity_name="Ann")
    assert adopter.tasks() == 1
    adopter.begin_by_themselves()
    assert states(adopter, person) == ["former", "current"]
    assert adopter.stands() == ("adopted", "same_person")
    # Somebody else's picture: nothing is changed, and a person is asked.
    adopter.told(4, 2, identity_name="Ann")
    adopter.begin_by_themselves()
    assert adopter.stands() == ("adopted", "identity_conflict")
    assert states(adopter, person) == ["former", "current"]
    (asked,) = reviews_of(adopter)
    assert (asked.kind, asked.person_id) == ("identity_conflict", person)
    # The same again is no news.
    adopter.told(5, 2, identity_name="Ann")
    assert adopter.tasks() == 0
    assert adopter.adopt() == {}


def test_trusted_devices_people_come_in_by_themselves_where_the_site_wants_it(adopter: Adopter) -> None:
    adopter.desk.recogniser._identities._is_automatic = True
    adopter.told(1, 1, identity="E1", identity_name="Ann")
    adopter.told(2, 2, identity="E2", identity_name="Ben")
    adopter.told(3, 2, identity="E2", identity_name="Ben")
    adopter.told(4, None, identity="E3", identity_name="Cid")
    adopter.told(5, 4, identity="S4", want_action="1002", **STRANGER)
    assert adopter.tasks() == 1
    adopter.begin_by_themselves()
    assert set(library(adopter)) == {"Ann", "Ben"}
    assert adopter.tasks() == 0


def test_a_device_that_is_not_trusted_brings_nobody(desk: Adopter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "is_trusted", lambda _tx, _device_id: False)
    desk.desk.recogniser._identities._is_automatic = True
    desk.told(1, 1, identity_name="Ann")
    assert (desk.tasks(), desk.stands()) == (0, ("known", None))


def test_who_was_removed_by_hand_comes_back_only_when_asked_for(adopter: Adopter) -> None:
    adopter.desk.recogniser._identities._is_automatic = True
    adopter.told(1, 1, identity_name="Ann")
    adopter.begin_by_themselves()
    with adopter.store.write(lock=people.GALLERY_LOCK) as tx:
        people.remove(tx, adopter.identity().person_id)
    adopter.engine.prepare(30, [sighting(face_of(1, off=0.3))])
    adopter.told(2, 30, identity_name="Ann")
    assert (adopter.tasks(), adopter.stands()) == (0, ("refused", "removed"))
    assert library(adopter) == {}
    assert adopter.adopt(is_again=True) == {"adopted": 1}


def test_nobody_who_was_erased_comes_back_by_the_same_picture(desk: Adopter) -> None:
    desk.told(1, 1)
    desk.pictures.mark_erased([desk.identity().digest], datetime.now(UTC))
    assert desk.adopt() == desk.adopt(is_again=True) == {"refused": 1}
    assert desk.stands() == ("refused", "erased")
    assert reviews_of(desk) == []


def test_somebody_may_insist_on_one(desk: Adopter) -> None:
    desk.engine.prepare(30, [sighting(face_of(9), blur=0.99)])
    desk.told(1, 30, identity_name="Ann")
    desk.adopt()
    judged = desk.worker().adopt_one((1, "E1"), is_insisted=True)
    assert judged is not None
    assert judged.came == "adopted"
    assert desk.stands() == ("adopted", "new_person")
    assert reviews_of(desk) == []
    with desk.store.read() as tx:
        (face,) = people.faces_of(tx, [judged.person_id or 0])
    assert face.insisted == ["too_blurred"]
    assert desk.worker().adopt_one((1, "nobody")) is None


def test_nothing_is_begun_where_faces_cannot_be_read(desk: Adopter) -> None:
    with pytest.raises(Unavailable):
        Adoptions(desk.store, lambda: None, is_recognising=False).begin(NewAdoption(IdentityFilter(), "x"))
