"""A stranger is somebody, or nobody: what is kept, what is refused, and what a gate says of a poster on the wall."""

from typing import Any

import pytest

from receiver.domain.errors import Conflict, Invalid
from receiver.domain.events import ListName
from receiver.domain.reviews import ReviewKind
from receiver.services.correcting.correcting import Promotion
from receiver.services.intake.intake import Intake
from receiver.services.people.enrolling import Doubtful
from receiver.store import people, reviews, tables
from receiver.store.reviews import NewReview
from receiver.store.store import Store
from tests.receiver.boxes import count, text_of
from tests.receiver.corrections import BY, NOW, Workshop
from tests.receiver.faces import Desk, PreparedEngine, enrol, face_of, sighting, strangers, told


@pytest.fixture
def shop(store: Store) -> Workshop:
    return Workshop(store)


def promote(shop: Workshop, person: int, person_list: ListName = ListName.STAFF, **more: Any) -> int:
    return shop.correcting.promote(person, Promotion(person_list, **more), by=BY)


def test_a_promoted_stranger_keeps_the_history(shop: Workshop) -> None:
    stranger = shop.enrol(ListName.STRANGER, face_of(1), name="stranger 1")
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        people.add_identity(tx, stranger, "S1", 4)
        people.set_groups(tx, stranger, ["night"])
    passages, own = [shop.passed(stranger, number) for number in range(3)], shop.faces(stranger)
    before = shop.everything()
    made = promote(shop, stranger, name="Ann", external_id="E1", groups=("night", "press"))
    row = shop.person(stranger)
    assert (row.name, row.list, row.state) == ("Ann", "staff", "active")
    assert (shop.faces(stranger), shop.events(stranger)) == (own, passages)
    assert shop.ids(stranger) == [("E1", 0, ""), ("S1", 4, "")]
    assert shop.groups(stranger) == ["night", "press"]
    shop.undo(made)
    assert shop.everything() == before


@pytest.mark.parametrize("person_list", [each for each in ListName if each is not ListName.STRANGER])
def test_a_stranger_becomes_what_is_said(shop: Workshop, person_list: ListName) -> None:
    stranger = shop.enrol(ListName.STRANGER, face_of(1), name="stranger 1")
    made = promote(shop, stranger, person_list)
    assert (shop.person(stranger).list, shop.person(stranger).name) == (person_list, "stranger 1")
    shop.undo(made)
    assert shop.person(stranger).list == "stranger"


def test_only_strangers_are_promoted_and_ignored(shop: Workshop) -> None:
    ann = shop.enrol(ListName.STAFF, face_of(1))
    stranger = shop.enrol(ListName.STRANGER, face_of(2))
    with pytest.raises(Conflict) as known:
        promote(shop, ann)
    assert known.value.reason == "not_a_stranger"
    with pytest.raises(Conflict) as also:
        shop.correcting.ignore(ann, by=BY)
    assert also.value.reason == "not_a_stranger"
    with pytest.raises(Invalid) as nothing:
        promote(shop, stranger, ListName.STRANGER)
    assert nothing.value.reason == "list_of_neither"


def test_a_stranger_who_looks_like_somebody_named_is_promoted_only_if_somebody_insists(shop: Workshop) -> None:
    ann = shop.enrol(ListName.STAFF, face_of(1))
    stranger = shop.enrol(ListName.STRANGER, face_of(1, off=0.1))
    before = shop.everything()
    with pytest.raises(Doubtful) as refused:
        promote(shop, stranger)
    assert refused.value.reason == "look_alike"
    assert f"person {ann}" in refused.value.detail
    assert shop.everything() == before
    assert shop.shown.show(promote(shop, stranger, is_insisted=True))["insisted"] == ["look_alike"]


def test_an_id_that_is_somebody_elses_is_not_given(shop: Workshop) -> None:
    shop.enrol(ListName.STAFF, face_of(1), identity="E1")
    stranger = shop.enrol(ListName.STRANGER, face_of(2))
    before = shop.everything()
    with pytest.raises(Conflict) as refused:
        promote(shop, stranger, external_id="E1")
    assert refused.value.reason == "external_id_taken"
    assert shop.everything() == before


def test_an_id_that_the_stranger_has_already_stays_after_the_undo(shop: Workshop) -> None:
    stranger = shop.enrol(ListName.STRANGER, face_of(2), identity="E1")
    shop.undo(promote(shop, stranger, external_id="E1"))
    assert shop.ids(stranger) == [("E1", 0, "")]


def test_who_is_ignored_is_in_no_list_and_nothing_is_asked_any_more(shop: Workshop) -> None:
    poster = shop.enrol(ListName.STRANGER, face_of(1))
    with shop.store.write() as tx:
        asked = reviews.note(tx, NewReview(ReviewKind.PROPOSED_MERGE, "a", "near", 99, poster), NOW)
    made = shop.correcting.ignore(poster, by=BY)
    with shop.store.read() as tx:
        assert people.listed(tx, [ListName.STRANGER], None, None, 9) == []
        found = reviews.find(tx, asked)
        assert found is not None
        assert found.state == "settled"
    with pytest.raises(Conflict) as again:
        shop.correcting.ignore(poster, by=BY)
    assert again.value.reason == "already_ignored"
    shop.undo(made)
    with shop.store.read() as tx:
        assert [row.id for row in people.listed(tx, [ListName.STRANGER], None, None, 9)] == [poster]


def test_who_was_ignored_by_mistake_can_be_promoted(shop: Workshop) -> None:
    poster = shop.enrol(ListName.STRANGER, face_of(1))
    shop.correcting.ignore(poster, by=BY)
    made = promote(shop, poster)
    assert shop.person(poster).state == "active"
    shop.undo(made)
    assert shop.person(poster).state == "ignored"


def ignored(desk: Desk) -> int:
    """A poster of whom nothing more is to come."""
    poster = enrol(desk.store, ListName.STRANGER, face_of(1))
    Workshop(desk.store).correcting.ignore(poster, by=BY)
    return poster


def test_a_poster_is_recognised_and_said_to_be_one(desk: Desk, intake: Intake) -> None:
    poster = ignored(desk)
    event_id = told(intake, 1)
    desk.work()
    event = desk.event(event_id)
    assert (event.decision, event.person_id, event.list) == ("matched", poster, "stranger")
    assert "ignored" in event.decision_detail["reasons"]
    assert (event.blacklist_said_by, event.review) == ("", None)


def test_a_poster_registers_nobody_and_gets_no_id(desk: Desk, intake: Intake) -> None:
    poster = ignored(desk)
    event_id = told(intake, 1, want_action="1001", identity_id="S1", ext_data={"person_type": 4})
    desk.work()
    event = desk.event(event_id)
    assert (event.registration, event.registration_reason, event.review) == ("refused", "ignored", None)
    assert event.person_id == poster
    assert strangers(desk.store) == []
    with desk.store.read() as tx:
        assert people.identities_of(tx, [poster])[poster] == []
    assert count(desk.store, tables.review) == 0


def test_a_poster_learns_no_new_face(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    poster = enrol(desk.store, ListName.STRANGER, face_of(1), identity="E1007")
    shop = Workshop(desk.store)
    shop.correcting.ignore(poster, by=BY)
    engine.prepare(30, [sighting(face_of(1, off=0.4))])
    event_id = told(intake, 30, want_action="1002", reg_pic=text_of(30))
    desk.work()
    event = desk.event(event_id)
    assert (event.registration, event.registration_reason, event.review) == ("unchanged", "ignored", None)
    assert len(shop.faces(poster)) == 1


def test_a_poster_contradicts_no_device(desk: Desk, intake: Intake) -> None:
    """Somebody whom the box knows stands beside it."""
    enrol(desk.store, ListName.STAFF, face_of(2), identity="E1007")
    ignored(desk)
    event_id = told(intake, 1, reg_pic=text_of(2))
    desk.work()
    assert "ignored" in desk.event(event_id).decision_detail["reasons"]
    assert desk.event(event_id).second_opinion is None
    assert count(desk.store, tables.review) == 0


def test_a_poster_seen_again_and_again_becomes_no_stranger(desk: Desk, intake: Intake) -> None:
    ignored(desk)
    before = count(desk.store, tables.person)
    for number in range(3):
        told(intake, 1, number * 60_000)
    desk.work()
    assert count(desk.store, tables.person) == before


def test_a_box_may_still_call_the_blacklist(desk: Desk, intake: Intake) -> None:
    """A poster never hides the word of somebody else."""
    ignored(desk)
    event_id = told(intake, 1, ext_data={"person_type": 3})
    desk.work()
    event = desk.event(event_id)
    assert event.reported_list == "blacklist"
    assert event.blacklist_said_by == "device"
