"""What was taken for one person is two: what goes, to whom, and the way back."""

import pytest

from receiver.domain.errors import Conflict, Invalid, NotFound
from receiver.domain.events import ListName
from receiver.domain.people import FaceState
from receiver.services.correcting.splitting import Split
from receiver.services.people.enrolling import Doubtful
from receiver.store import faces, holds, people
from receiver.store.store import Store
from tests.receiver.corrections import BY, NOW, Workshop
from tests.receiver.faces import face_of


@pytest.fixture
def shop(store: Store) -> Workshop:
    return Workshop(store)


@pytest.fixture
def ann(shop: Workshop) -> int:
    """With two faces of her own and two of somebody else."""
    return shop.enrol(ListName.STAFF, face_of(1), face_of(1, off=0.1), face_of(2), face_of(2, off=0.1), identity="E1")


def test_faces_go_to_somebody_new_with_the_events_that_were_decided_on_them(shop: Workshop, ann: int) -> None:
    kept, going = shop.faces(ann)[:2], shop.faces(ann)[2:]
    by_kept, by_going, by_none = shop.passed(ann, 1, kept[0]), shop.passed(ann, 2, going[1]), shop.passed(ann, 3)
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        faces.change(tx, going[1], {"state": FaceState.FORMER})
    made = shop.split(ann, going)
    other = shop.other(made)
    assert (shop.faces(ann), shop.faces(other)) == (kept, going)
    assert (shop.events(ann), shop.events(other)) == ([by_kept, by_none], [by_going])
    row = shop.person(other)
    assert (row.name, row.list, row.state, row.source) == (f"stranger {other}", "stranger", "active", "split")
    assert shop.ids(ann) == [("E1", 0, "")]
    with shop.store.read() as tx:
        assert [each.state for each in people.faces_of(tx, [other])] == ["current", "former"]


def test_an_event_goes_with_the_face_that_it_brought(shop: Workshop, ann: int) -> None:
    going = shop.faces(ann)[3]
    brought = shop.passed(ann, 1)
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        faces.change(tx, going, {"event_id": brought})
    assert shop.events(shop.other(shop.split(ann, [going]))) == [brought]


def test_chosen_events_go_without_any_face(shop: Workshop, ann: int) -> None:
    events = [shop.passed(ann, number) for number in range(3)]
    other = shop.other(shop.split(ann, [], events=frozenset(events[1:])))
    assert (shop.events(ann), shop.events(other)) == (events[:1], events[1:])
    assert shop.faces(other) == []


def test_the_new_person_may_have_a_name_and_a_list(shop: Workshop, ann: int) -> None:
    made = shop.split(ann, shop.faces(ann)[2:], name="Ben", list=ListName.VIP)
    row = shop.person(shop.other(made))
    assert (row.name, row.list) == ("Ben", "vip")
    unnamed = shop.split(ann, shop.faces(ann)[1:], list=ListName.STAFF)
    assert shop.person(shop.other(unnamed)).name == f"person {shop.other(unnamed)}"


def test_an_id_of_a_device_goes_where_all_its_events_go(shop: Workshop, ann: int) -> None:
    going = shop.faces(ann)[2]
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        for name in ("S1", "S2", "S3"):
            people.add_identity(tx, ann, name, 4)
    shop.passed(ann, 1, going, identity_id="S1", device_id=4)
    shop.passed(ann, 2, going, identity_id="S2", device_id=4)
    shop.passed(ann, 3, shop.faces(ann)[0], identity_id="S2", device_id=4)
    made = shop.split(ann, [going])
    assert shop.ids(shop.other(made)) == [("S1", 4, "")]
    assert shop.ids(ann) == [("E1", 0, ""), ("S2", 4, ""), ("S3", 4, "")]
    shop.undo(made)
    assert shop.ids(ann) == [("E1", 0, ""), ("S1", 4, ""), ("S2", 4, ""), ("S3", 4, "")]


def test_faces_go_to_somebody_who_is_there(shop: Workshop, ann: int) -> None:
    ben = shop.enrol(ListName.VIP, face_of(2, off=0.2))
    going = shop.faces(ann)[2:]
    own, passage = shop.faces(ben), shop.passed(ann, 1, going[0])
    before = shop.everything()
    made = shop.split(ann, going, to=ben)
    assert shop.faces(ben) == sorted([*own, *going])
    assert shop.events(ben) == [passage]
    shop.undo(made)
    assert shop.everything() == before


def test_faces_that_are_not_those_of_whom_they_are_to_be_go_only_if_somebody_insists(shop: Workshop, ann: int) -> None:
    ben = shop.enrol(ListName.VIP, face_of(3))
    going = shop.faces(ann)[2:]
    before = shop.everything()
    with pytest.raises(Doubtful) as refused:
        shop.split(ann, going, to=ben)
    assert refused.value.reason == "contradiction"
    assert shop.everything() == before
    made = shop.split(ann, going, to=ben, is_insisted=True)
    assert shop.shown.show(made)["insisted"] == ["contradiction"]


def test_what_is_not_the_persons_is_refused(shop: Workshop, ann: int) -> None:
    ben = shop.enrol(ListName.VIP, face_of(3))
    theirs, passage = shop.faces(ben)[0], shop.passed(ben)
    before = shop.everything()
    for wanted, reason in (
        (Split(), "nothing_chosen"),
        (Split(faces=frozenset(shop.faces(ann)), to=ann), "same_person"),
        (Split(faces=frozenset({theirs})), "not_the_persons"),
        (Split(faces=frozenset({theirs, 999})), "not_the_persons"),
        (Split(events=frozenset({passage})), "not_the_persons"),
        (Split(events=frozenset({999})), "not_the_persons"),
    ):
        with pytest.raises(Invalid) as refused:
            shop.splitting.split(ann, wanted, by=BY)
        assert refused.value.reason == reason
    with pytest.raises(NotFound):
        shop.split(99, [theirs])
    with pytest.raises(NotFound):
        shop.split(ann, shop.faces(ann), to=99)
    assert shop.everything() == before


def test_nobody_gets_faces_who_is_somebody_else_by_now(shop: Workshop, ann: int) -> None:
    ben, twice = shop.enrol(ListName.VIP, face_of(2)), shop.enrol(ListName.VIP, face_of(2, off=0.1))
    shop.merge(ben, twice)
    with pytest.raises(Conflict) as refused:
        shop.split(ann, shop.faces(ann)[2:], to=twice)
    assert refused.value.reason == "person_merged"


def test_an_undone_split_gives_back_all_that_came_since_and_the_new_one_is_the_first(shop: Workshop, ann: int) -> None:
    own, going = shop.faces(ann), shop.faces(ann)[2:]
    passages = [shop.passed(ann, 1, own[0]), shop.passed(ann, 2, going[0])]
    made = shop.split(ann, going)
    other = shop.other(made)
    passages.append(shop.passed(other, 3, going[1]))
    passages.append(shop.passed(other, 4))
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        people.add_identity(tx, other, "S9", 4)
    shop.undo(made)
    assert (shop.faces(ann), shop.events(ann)) == (own, passages)
    assert ("S9", 4, "") in shop.ids(ann)
    gone = shop.person(other)
    assert (gone.state, gone.merged_into) == ("merged", ann)


def test_what_came_since_to_somebody_who_was_there_goes_back_with_its_face(shop: Workshop, ann: int) -> None:
    ben = shop.enrol(ListName.VIP, face_of(2, off=0.2))
    (own,), going = shop.faces(ben), shop.faces(ann)[2:]
    made = shop.split(ann, going, to=ben)
    by_own, by_going = shop.passed(ben, 1, own), shop.passed(ben, 2, going[0])
    shop.undo(made)
    assert (shop.events(ann), shop.events(ben)) == ([by_going], [by_own])


def test_whoever_gets_events_of_somebody_held_is_held(shop: Workshop, ann: int) -> None:
    passage = shop.passed(ann, 1, shop.faces(ann)[2])
    with shop.store.write() as tx:
        holds.put(tx, holds.PERSON, ann, NOW)
    made = shop.split(ann, shop.faces(ann)[2:])
    other = shop.other(made)
    with shop.store.read() as tx:
        assert holds.held_events(tx, [passage]) == {passage}
        assert holds.held(tx, holds.PERSON, [ann, other]) == {ann, other}
    with shop.store.write() as tx:
        holds.lift(tx, holds.PERSON, ann)
    shop.undo(made)
    with shop.store.read() as tx:
        assert holds.held(tx, holds.PERSON, [ann, other]) == {ann}
        assert holds.held_events(tx, [passage]) == {passage}


def test_who_was_put_on_the_blacklist_since_does_not_come_off_it_unseen(shop: Workshop, ann: int) -> None:
    made = shop.split(ann, shop.faces(ann)[2:])
    other = shop.other(made)
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        people.change(tx, other, {"list": "blacklist"})
    before = shop.everything()
    with pytest.raises(Conflict) as refused:
        shop.undo(made)
    assert refused.value.reason == "lists_differ"
    assert shop.everything() == before
    shop.merge(ann, other, is_insisted=True, into_list=ListName.BLACKLIST)
    assert shop.person(ann).list == "blacklist"


def test_who_was_split_off_onto_the_blacklist_is_taken_back(shop: Workshop, ann: int) -> None:
    made = shop.split(ann, shop.faces(ann)[2:], name="Ben", list=ListName.BLACKLIST)
    shop.undo(made)
    assert shop.person(shop.other(made)).merged_into == ann
    assert shop.person(ann).list == "staff"
