"""Two people are one: what the one who stays has then, and what must be said before."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from receiver.domain.errors import Conflict, Invalid, NotFound
from receiver.domain.events import ListName
from receiver.domain.people import FaceState
from receiver.domain.reviews import ReviewKind, ReviewState
from receiver.domain.scales import DLIB
from receiver.services.deciding.deciding import Decider, Probe
from receiver.services.deciding.library import Library
from receiver.services.people.enrolling import Doubtful
from receiver.store import events, faces, holds, people, reviews, tables
from receiver.store.people import Identity
from receiver.store.reviews import NewReview
from receiver.store.store import Store
from tests.receiver.corrections import NOW, Workshop
from tests.receiver.faces import MODEL, face_of

DAY = timedelta(days=1)


@pytest.fixture
def shop(store: Store) -> Workshop:
    return Workshop(store)


def set_person(shop: Workshop, person: int, **values: object) -> None:
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        people.change(tx, person, values)


def test_whoever_stays_has_faces_events_ids_and_groups_of_both(shop: Workshop) -> None:
    ann = shop.enrol(ListName.STAFF, face_of(1), identity="E1")
    twice = shop.enrol(ListName.STAFF, face_of(1, off=0.1), face_of(1, off=0.2))
    own = [*shop.faces(ann), *shop.faces(twice)]
    passages = [shop.passed(ann, 1), shop.passed(twice, 2), shop.passed(twice, 3)]
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        people.add_identity(tx, twice, "S7", 4)
        people.add_identity(tx, twice, "S8", 0, "north")
        people.set_groups(tx, ann, ["night"])
        people.set_groups(tx, twice, ["night", "press"])
        faces.change(tx, own[2], {"state": FaceState.SET_ASIDE})
    made = shop.merge(ann, twice)
    assert shop.faces(ann) == own
    assert shop.events(ann) == passages
    assert shop.ids(ann) == [("E1", 0, ""), ("S7", 4, ""), ("S8", 0, "north")]
    assert shop.groups(ann) == ["night", "press"]
    with shop.store.read() as tx:
        assert [row.state for row in people.faces_of(tx, [ann])] == ["current", "current", "set_aside"]
    gone = shop.person(twice)
    assert (gone.state, gone.merged_into) == ("merged", ann)
    assert shop.shown.show(made)["moved"] == {"faces": 2, "events": 2, "identities": 2, "groups": 1}


def test_a_gallery_knows_who_was_merged_by_the_one_who_stays(shop: Workshop) -> None:
    decider = Decider(Library(MODEL, 0.01, scales={MODEL: DLIB}))
    ann, twice = shop.enrol(ListName.STAFF, face_of(1)), shop.enrol(ListName.STAFF, face_of(1, off=0.3))

    def who(off: float) -> int | None:
        with shop.store.read() as tx:
            return decider.decide(tx, Probe([face_of(1, off=off)])).person_id

    shop.enrol(ListName.STAFF, face_of(5))
    assert who(0.3) == twice
    shop.merge(ann, twice)
    assert who(0.3) == ann


def test_who_was_merged_is_in_no_list_and_says_who_it_is(shop: Workshop) -> None:
    first, second, third = (shop.enrol(ListName.STRANGER, face_of(1, off=each / 10)) for each in range(3))
    shop.merge(second, first)
    shop.merge(third, second)
    with shop.store.read() as tx:
        assert [row.id for row in people.listed(tx, None, None, None, 9)] == [third]
        row = people.find(tx, first)
        assert row is not None
        assert people.became(tx, row) == third
        assert people.became(tx, shop.person(third)) is None


def test_notes_and_fields_come_together_and_the_name_stays(shop: Workshop) -> None:
    ann = shop.enrol(name="Ann", note="left-handed", fields={"room": 7})
    twice = shop.enrol(ListName.STAFF, face_of(1, off=0.1), name="A.", note="limps", fields={"room": 8, "car": "red"})
    shop.merge(ann, twice)
    row = shop.person(ann)
    assert (row.name, row.note, row.fields) == ("Ann", "left-handed\n\nlimps", {"room": 7, "car": "red"})


def test_a_stranger_who_stays_gets_name_list_and_validity_of_who_was_named(shop: Workshop) -> None:
    stranger = shop.enrol(ListName.STRANGER, face_of(1), name="stranger 1")
    ann = shop.enrol(ListName.VIP, face_of(1, off=0.1), name="Ann", valid_until=NOW, state="set_aside")
    shop.merge(stranger, ann)
    row = shop.person(stranger)
    assert (row.name, row.list, row.valid_until, row.state) == ("Ann", "vip", NOW, "set_aside")


def test_nobody_is_off_the_blacklist_unseen(shop: Workshop) -> None:
    ann = shop.enrol(ListName.STAFF, face_of(1))
    banned = shop.enrol(ListName.BLACKLIST, face_of(1, off=0.1), valid_until=NOW + DAY)
    before = shop.everything()
    with pytest.raises(Conflict) as refused:
        shop.merge(ann, banned)
    assert refused.value.reason == "lists_differ"
    with pytest.raises(Invalid) as wrong:
        shop.merge(ann, banned, into_list=ListName.VIP)
    assert wrong.value.reason == "list_of_neither"
    assert shop.everything() == before
    made = shop.merge(ann, banned, into_list=ListName.BLACKLIST)
    row = shop.person(ann)
    assert (row.list, row.valid_until) == ("blacklist", NOW + DAY)
    shop.undo(made)
    assert shop.everything() == before
    shop.merge(ann, banned, into_list=ListName.STAFF)
    assert (shop.person(ann).list, shop.person(ann).valid_until) == ("staff", None)


def test_a_stranger_who_is_on_the_blacklist_is_on_it_whoever_stays(shop: Workshop) -> None:
    stranger = shop.enrol(ListName.STRANGER, face_of(1))
    banned = shop.enrol(ListName.BLACKLIST, face_of(1, off=0.1))
    shop.undo(shop.merge(stranger, banned))
    shop.merge(banned, stranger)
    assert shop.person(banned).list == "blacklist"


def test_people_whose_faces_are_far_apart_are_merged_only_if_somebody_insists(shop: Workshop) -> None:
    ann, ben = shop.enrol(ListName.STAFF, face_of(1)), shop.enrol(ListName.STAFF, face_of(2))
    before = shop.everything()
    with pytest.raises(Doubtful) as refused:
        shop.merge(ann, ben)
    assert refused.value.reason == "contradiction"
    (finding,) = refused.value.pictures[0]["findings"]
    assert finding["value"] > finding["limit"]
    assert shop.everything() == before
    made = shop.merge(ann, ben, is_insisted=True)
    assert shop.shown.show(made)["insisted"] == ["contradiction"]


def test_whoever_has_no_face_contradicts_nobody(shop: Workshop) -> None:
    ann = shop.enrol(ListName.STAFF, face_of(1))
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        values = {"name": "A.", "list": "staff", "source": "test", "created_at": NOW, "updated_at": NOW}
        faceless = people.add(tx, values)
    shop.merge(ann, faceless)
    assert shop.person(faceless).merged_into == ann


def test_what_does_not_make_sense_is_refused(shop: Workshop) -> None:
    ann = shop.enrol()
    with pytest.raises(Invalid) as same:
        shop.merge(ann, ann)
    assert same.value.reason == "same_person"
    with pytest.raises(NotFound) as nobody:
        shop.merge(ann, 99)
    assert nobody.value.reason == "no_such_person"
    twice = shop.enrol(ListName.STAFF, face_of(1, off=0.1))
    shop.merge(ann, twice)
    third = shop.enrol(ListName.STAFF, face_of(1, off=0.2))
    for one, other in ((twice, third), (third, twice)):
        with pytest.raises(Conflict) as gone:
            shop.merge(one, other)
        assert gone.value.reason == "person_merged"
        assert f"person {ann}" in gone.value.detail


def test_what_is_held_stays_held(shop: Workshop) -> None:
    ann, twice = shop.enrol(ListName.STAFF, face_of(1)), shop.enrol(ListName.STAFF, face_of(1, off=0.1))
    passage = shop.passed(twice)
    with shop.store.write() as tx:
        holds.put(tx, holds.PERSON, twice, NOW)
    made = shop.merge(ann, twice)
    with shop.store.read() as tx:
        assert holds.held(tx, holds.PERSON, [ann, twice]) == {ann}
        assert holds.held_events(tx, [passage]) == {passage}
    shop.undo(made)
    with shop.store.read() as tx:
        # In doubt both: a hold is lifted by hand only.
        assert holds.held(tx, holds.PERSON, [ann, twice]) == {ann, twice}
        assert holds.held_events(tx, [passage]) == {passage}


def test_what_somebody_should_look_at_follows_and_what_was_about_the_two_is_settled(shop: Workshop) -> None:
    ann, twice = shop.enrol(ListName.STAFF, face_of(1)), shop.enrol(ListName.STAFF, face_of(1, off=0.1))
    third = shop.enrol(ListName.STAFF, face_of(3))
    with shop.store.write() as tx:
        both = reviews.note(tx, NewReview(ReviewKind.PROPOSED_MERGE, "a", "near", ann, twice), NOW)
        alike = reviews.note(tx, NewReview(ReviewKind.LOOK_ALIKE, "b", "near", third, twice), NOW)
        seen = reviews.note(tx, NewReview(ReviewKind.SECOND_OPINION, "c", "far", ann, twice), NOW)
        conflict = reviews.note(tx, NewReview(ReviewKind.IDENTITY_CONFLICT, "d", "far", twice), NOW)
        taken = reviews.note(tx, NewReview(ReviewKind.IDENTITY_TAKEN, "e", "taken", third, twice), NOW)

    def shown() -> dict[int, tuple[str, int, int | None]]:
        with shop.store.read() as tx:
            rows = tx.execute(select(tables.review))
            return {row.id: (row.state, row.person_id, row.other_id) for row in rows}

    made = shop.merge(ann, twice)
    assert {each: shown()[each][0] for each in (both, alike, seen)} == dict.fromkeys(
        (both, alike, seen), ReviewState.SETTLED
    )
    assert shown()[conflict] == ("open", ann, None)
    assert shown()[taken] == ("open", third, ann)
    shop.undo(made)
    assert shown()[conflict] == ("open", twice, None)
    assert shown()[taken] == ("open", third, twice)


def test_what_boxes_keep_under_an_id_follows_the_id(shop: Workshop) -> None:
    ann, twice = shop.enrol(ListName.STAFF, face_of(1)), shop.enrol(ListName.STAFF, face_of(1, off=0.1))
    box = {"name": "A.", "list": "staff", "last_seen": NOW, "event_id": 1, "state": "adopted"}
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        people.add_identity(tx, twice, "S7", 4)
        tx.execute(insert(tables.device_identity), {"device_id": 4, "external_id": "S7", "person_id": twice, **box})

    def owner() -> int | None:
        with shop.store.read() as tx:
            found: int | None = tx.execute(select(tables.device_identity.c.person_id)).scalar_one()
        return found

    made = shop.merge(ann, twice)
    assert owner() == ann
    shop.undo(made)
    assert owner() == twice


def test_events_of_who_was_merged_while_they_were_looked_at_are_the_ones_who_stays(shop: Workshop) -> None:
    ann, twice = shop.enrol(ListName.STAFF, face_of(1)), shop.enrol(ListName.STAFF, face_of(1, off=0.1))
    shop.merge(ann, twice)
    with shop.store.write() as tx:
        held = people.held(tx, twice)
        assert held is not None
        assert held.id == ann
        assert people.held(tx, 99) is None


def test_an_undone_merge_leaves_everything_as_it_was(shop: Workshop) -> None:
    ann = shop.enrol(name="Ann", note="one", fields={"room": 7}, identity="E1", valid_from=NOW)
    twice = shop.enrol(
        ListName.STRANGER, face_of(1, off=0.1), face_of(1, off=0.2), name="stranger 2", note="two", fields={"car": 1}
    )
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        people.set_groups(tx, twice, ["press"])
        people.add_identity(tx, twice, "S7", 4)
    for number in range(4):
        shop.passed((ann, twice)[number % 2], number)
    before = shop.everything()
    made = shop.merge(ann, twice)
    assert shop.everything() != before
    shop.undo(made)
    assert shop.everything() == before


def test_what_came_since_goes_with_its_face(shop: Workshop) -> None:
    ann, twice = shop.enrol(ListName.STAFF, face_of(1)), shop.enrol(ListName.STAFF, face_of(1, off=0.1))
    (own,), (joined,) = shop.faces(ann), shop.faces(twice)
    made = shop.merge(ann, twice)
    by_own, by_joined, by_none = shop.passed(ann, 1, own), shop.passed(ann, 2, joined), shop.passed(ann, 3)
    shop.undo(made)
    assert shop.events(twice) == [by_joined]
    assert shop.events(ann) == [by_own, by_none]


def test_what_somebody_changed_since_stays(shop: Workshop) -> None:
    ann = shop.enrol(name="Ann", note="one", fields={"room": 7})
    twice = shop.enrol(ListName.STRANGER, face_of(1, off=0.1), note="two", fields={"car": "red", "seat": 4})
    made = shop.merge(ann, twice)
    set_person(shop, ann, note="by hand", fields={"room": 7, "car": "blue", "seat": 4}, list="vip")
    shop.undo(made)
    row = shop.person(ann)
    assert (row.note, row.fields, row.list) == ("by hand", {"room": 7, "car": "blue"}, "vip")


def test_a_face_that_was_taken_out_since_stays_out(shop: Workshop) -> None:
    ann, twice = (
        shop.enrol(ListName.STAFF, face_of(1)),
        shop.enrol(ListName.STAFF, face_of(1, off=0.1), face_of(1, off=0.2)),
    )
    first, second = shop.faces(twice)
    made = shop.merge(ann, twice)
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        faces.remove(tx, first)
        people.set_identities(tx, ann, [Identity("new")])
        tx.execute(update(tables.face).where(tables.face.c.id == second).values(state="former"))
    shop.undo(made)
    assert shop.faces(twice) == [second]
    assert shop.ids(ann) == [("new", 0, "")]


def test_ids_that_were_written_anew_since_go_back_too(shop: Workshop) -> None:
    """As a change by hand does: all ids in place of all."""
    ann, twice = shop.enrol(identity="E1"), shop.enrol(ListName.STAFF, face_of(1, off=0.1), identity="E2")
    made = shop.merge(ann, twice)
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        people.set_identities(tx, ann, [Identity("E2"), Identity("E1"), Identity("E3")])
    shop.undo(made)
    assert shop.ids(twice) == [("E2", 0, "")]
    assert shop.ids(ann) == [("E1", 0, ""), ("E3", 0, "")]


def test_who_insisted_and_when_is_known(shop: Workshop) -> None:
    ann, twice = shop.enrol(), shop.enrol(ListName.STAFF, face_of(1, off=0.1))
    since = datetime.now(UTC)
    shown = shop.shown.show(shop.merge(ann, twice))
    assert shown["made_by"] == "a test"
    assert shown["made_at"] >= since
    assert shown["undone_at"] is None


def test_a_decision_under_way_keeps_a_merge_waiting_and_its_event_goes_along(shop: Workshop) -> None:
    ann, twice = shop.enrol(ListName.STAFF, face_of(1)), shop.enrol(ListName.STAFF, face_of(1, off=0.1))
    passage = shop.passed(None)
    merging = threading.Thread(target=shop.merge, args=(ann, twice))
    with shop.store.write() as tx:
        held = people.held(tx, twice)
        assert held is not None
        assert held.id == twice
        merging.start()
        # As long as this transaction takes: it would be over long before.
        merging.join(0.5)
        assert merging.is_alive()
        events.change(tx, passage, {"person_id": held.id})
    merging.join()
    assert shop.events(ann) == [passage]
