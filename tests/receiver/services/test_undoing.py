"""The way back: the last first, never by half, and what there is when somebody is gone."""

import pytest

from receiver.domain.errors import Conflict, NotFound
from receiver.domain.events import ListName
from receiver.services.correcting.correcting import Promotion
from receiver.store import corrections, erasures, people
from receiver.store.corrections import CorrectionFilter
from receiver.store.store import Store
from tests.receiver.corrections import BY, Workshop
from tests.receiver.faces import face_of


@pytest.fixture
def shop(store: Store) -> Workshop:
    return Workshop(store)


def refused(shop: Workshop, correction: int) -> Conflict:
    before = shop.everything()
    with pytest.raises(Conflict) as error:
        shop.undo(correction)
    assert shop.everything() == before
    return error.value


def three(shop: Workshop) -> tuple[int, int, int]:
    first, second, third = (shop.enrol(ListName.STRANGER, face_of(1, off=each / 10)) for each in range(3))
    for number, person in enumerate((first, second, third)):
        shop.passed(person, number)
    return first, second, third


def test_the_last_correction_of_the_same_people_is_undone_first(shop: Workshop) -> None:
    first, second, third = three(shop)
    before = shop.everything()
    made = shop.merge(second, first)
    later = shop.merge(third, second)
    error = refused(shop, made)
    assert error.reason == "later_correction"
    assert f"correction {later}" in error.detail
    assert shop.shown.show(made)["blocked_by"] == later
    shop.undo(later)
    shop.undo(made)
    assert shop.everything() == before


def test_corrections_of_others_are_in_nobodys_way(shop: Workshop) -> None:
    first, second, third = three(shop)
    made = shop.merge(second, first)
    shop.correcting.ignore(third, by=BY)
    shop.undo(made)
    assert shop.person(first).state == "active"


def test_the_last_of_one_person_is_undone_without_its_number(shop: Workshop) -> None:
    first, second, third = three(shop)
    before = shop.everything()
    made = [shop.merge(second, first), shop.correcting.promote(second, Promotion(ListName.VIP), by=BY)]
    ignored = shop.correcting.ignore(third, by=BY)
    assert [shop.undoing.undo_last(second, by=BY) for _ in made] == made[::-1]
    assert shop.undoing.undo_last(third, by=BY) == ignored
    assert shop.everything() == before
    for person, reason in ((second, "nothing_to_undo"), (99, "no_such_person")):
        with pytest.raises(NotFound) as error:
            shop.undoing.undo_last(person, by=BY)
        assert error.value.reason == reason


def test_nothing_is_undone_twice(shop: Workshop) -> None:
    first, second, _ = three(shop)
    made = shop.merge(second, first)
    shop.undo(made)
    assert refused(shop, made).reason == "already_undone"
    with pytest.raises(NotFound) as error:
        shop.undo(99)
    assert error.value.reason == "no_such_correction"


def test_what_was_undone_may_be_done_again(shop: Workshop) -> None:
    first, second, _ = three(shop)
    shop.undo(shop.merge(second, first))
    again = shop.merge(first, second)
    assert shop.person(second).merged_into == first
    shop.undo(again)
    assert shop.person(second).merged_into is None


def test_there_is_no_way_back_to_somebody_who_was_deleted(shop: Workshop) -> None:
    first, second, third = three(shop)
    merged, split = shop.merge(second, first), shop.split(third, shop.faces(third))
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        people.remove(tx, second)
        people.remove(tx, shop.other(split))
        # Whoever had been merged into that one goes too.
        assert people.find(tx, first) is None
    for made in (merged, split):
        assert refused(shop, made).reason == "person_gone"
        shown = shop.shown.show(made)
        assert {each["name"] for each in (shown["person"], shown["other"])} - {"known"} == {None}
        assert shown["moved"] == {"faces": 0, "events": 0, "identities": 0, "groups": 0}


def test_nothing_personal_is_left_of_the_corrections_of_who_was_erased(shop: Workshop) -> None:
    first, second, _ = three(shop)
    made = shop.merge(second, first)
    shop.correcting.promote(second, Promotion(ListName.VIP, "Ann", "E1"), by=BY)
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        assert erasures.take_person(tx, second)["corrections"] == 2
    with shop.store.read() as tx:
        rows = corrections.listed(tx, CorrectionFilter(second))
        assert [row.before for row in rows] == [{}, {}]
        assert corrections.items(tx, made, corrections.FACE) == []


def test_corrections_are_listed_newest_first_in_pages(shop: Workshop) -> None:
    first, second, third = three(shop)
    made = [
        shop.merge(second, first),
        shop.correcting.ignore(third, by=BY),
        shop.correcting.ignore(second, by=BY),
    ]
    page = shop.shown.listed(CorrectionFilter(None, None, 2))
    assert [each["id"] for each in page.items] == made[:0:-1]
    assert page.next is not None
    assert [each["id"] for each in shop.shown.listed(CorrectionFilter(None, int(page.next), 2)).items] == made[:1]
    assert [each["id"] for each in shop.shown.listed(CorrectionFilter(first)).items] == made[:1]
    assert [each["id"] for each in shop.shown.listed(CorrectionFilter(second)).items] == [made[2], made[0]]


def test_what_can_never_be_undone_is_in_nobodys_way(shop: Workshop) -> None:
    first, second, _ = three(shop)
    promoted = shop.correcting.promote(first, Promotion(ListName.VIP), by=BY)
    split = shop.split(first, shop.faces(first), to=second)
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        people.remove(tx, second)
    assert refused(shop, split).reason == "person_gone"
    assert shop.shown.show(promoted)["blocked_by"] is None
    assert shop.undoing.undo_last(first, by=BY) == promoted
    assert shop.person(first).list == "stranger"
