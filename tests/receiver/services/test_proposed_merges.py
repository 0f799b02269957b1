"""Strangers who may be one person: who is proposed to be merged, and who is known to be two."""

from typing import Any

import pytest
from sqlalchemy import update

from receiver.domain.people import PersonState
from receiver.domain.reviews import ReviewState
from receiver.services.checking import merges, snapshot, steps
from receiver.store import events, tables
from receiver.store.store import Store
from tests.receiver.faces import MODEL, face_of
from tests.receiver.night import NOW, Night, seen, stranger
from tests.receiver.past import Past


@pytest.fixture
def night(store: Store) -> Night:
    return Night(store)


def test_strangers_who_may_be_one_are_proposed_to_be_merged_and_nothing_is_merged(night: Night) -> None:
    one = stranger(night, face_of(1))
    more = stranger(night, face_of(1, off=0.3), face_of(1, off=0.32))
    stranger(night, face_of(2))
    before = night.rows()
    counts = night.check()
    assert counts["strangers"] == {"strangers": 3, "proposed": 1, "left_out": 0}
    (item,) = night.items()
    # Who has more faces is kept.
    assert (item.kind, item.state, item.person_id, item.other_id) == ("proposed_merge", "open", more, one)
    assert item.detail["faces"] == [2, 1]
    assert 0.3 < item.detail["distance"] <= item.detail["limit"]
    assert night.roles(item) == ["current", "other"]
    assert night.rows() == before


def test_a_group_of_one_person_is_merged_into_one(night: Night) -> None:
    people_of_one = [stranger(night, face_of(1, off=place / 100)) for place in range(4)]
    night.check()
    assert night.pairs("proposed_merge") == [(people_of_one[0], each) for each in people_of_one[1:]]
    assert {row.detail["group"] for row in night.items()} == {4}


def test_what_was_rejected_is_never_proposed_again(night: Night) -> None:
    one, other, third = (stranger(night, face_of(1, off=place / 100)) for place in range(3))
    night.check()
    assert night.pairs("proposed_merge") == [(one, other), (one, third)]
    with night.store.write() as tx:
        tx.execute(
            update(tables.review)
            .where(tables.review.c.id == night.items()[0].id)
            .values(state=ReviewState.REJECTED.value)
        )
    night.check()
    # The third may be either of them; the nearest pair of those that are allowed is left.
    assert (one, other) not in night.pairs("proposed_merge")
    assert [row.state for row in night.items() if (row.person_id, row.other_id) == (one, other)] == ["rejected"]
    assert len(night.pairs("proposed_merge")) == 1
    third_pair = night.pairs("proposed_merge")[0]
    assert third in third_pair
    night.check()
    assert night.pairs("proposed_merge") == [third_pair]


@pytest.mark.parametrize(("kind", "is_undone", "is_proposed"), [("split", False, False), ("merge", True, False), ("split", True, True)])  # fmt: skip
def test_whom_somebody_has_told_apart_is_not_proposed(
    night: Night, kind: str, *, is_undone: bool, is_proposed: bool
) -> None:
    one, other = (stranger(night, face_of(1, off=place / 100)) for place in range(2))
    with night.store.write() as tx:
        values = {"kind": kind, "person_id": other, "other_id": one, "before": {}, "made_at": NOW}
        tx.execute(tables.correction.insert(), values | {"undone_at": NOW if is_undone else None})
    night.check()
    assert bool(night.pairs("proposed_merge")) == is_proposed


@pytest.mark.parametrize("state", [PersonState.IGNORED, PersonState.SET_ASIDE])
def test_who_is_ignored_or_set_aside_is_not_proposed(night: Night, state: str) -> None:
    stranger(night, face_of(1))
    stranger(night, face_of(1, off=0.1), state=state)
    night.check()
    assert night.items() == []


def picture(night: Night, event_id: int, digest: bytes, kind: str = "scene") -> None:
    row = {"message_id": event_id, "position": 0, "event_id": event_id, "kind": kind, "slot": None, "digest": digest}
    with night.store.write() as tx:
        events.add(tx, [], [], [row | {"media_type": "image/jpeg", "width": 9, "height": 9, "refused": None}])


def side_by_side_in_one_scene(night: Night, past: Past, one: int, other: int) -> None:
    """Two events, each with its crop, and one picture of the whole view."""
    for person in (one, other):
        picture(night, seen(past, person, NOW, face_of(1)), b"s" * 32)


def one_beside_the_other(_night: Night, past: Past, one: int, _other: int) -> None:
    """One event of the one, on whose picture somebody stands who is the other rather than the one."""
    seen(past, one, NOW, face_of(1), face_of(1, off=0.2), digest=b"p" * 32)


def two_faces_of_one_picture(night: Night, _past: Past, one: int, other: int) -> None:
    """Both were enrolled from the same picture, from different places of it."""
    with night.store.write() as tx:
        for person, left in ((one, 0), (other, 200)):
            where = tables.face.c.person_id == person
            tx.execute(update(tables.face).where(where).values(digest=b"f" * 32, box=[left, 0, left + 90, 90]))


@pytest.mark.parametrize("arrange", [side_by_side_in_one_scene, one_beside_the_other, two_faces_of_one_picture])
@pytest.mark.parametrize("has_third", [False, True])
def test_two_faces_in_one_scene_are_two_people(night: Night, arrange: Any, *, has_third: bool) -> None:
    one = stranger(night, face_of(1))
    other = stranger(night, face_of(1, off=0.2))
    third = stranger(night, face_of(1, off=0.1)) if has_third else 0
    arrange(night, Past(night.store, MODEL), one, other)
    night.check()
    assert (one, other) not in night.pairs("proposed_merge")
    # Somebody alike beside whom neither stood may be one of them.
    assert [third in pair for pair in night.pairs("proposed_merge")] == [True] * has_third


def test_one_crop_told_of_twice_is_no_second_person(night: Night) -> None:
    one, other = stranger(night, face_of(1)), stranger(night, face_of(1, off=0.2))
    past = Past(night.store, MODEL)
    for person in (one, other):
        picture(night, seen(past, person, NOW, face_of(1), digest=b"c" * 32), b"s" * 32)
    night.check()
    assert night.pairs("proposed_merge") == [(one, other)]


def test_a_stranger_beside_one_of_two_does_not_part_them(night: Night) -> None:
    one, other = stranger(night, face_of(1)), stranger(night, face_of(1, off=0.2))
    seen(Past(night.store, MODEL), one, NOW, face_of(1), face_of(9), digest=b"p" * 32)
    night.check()
    assert night.pairs("proposed_merge") == [(one, other)]


def test_blocks_find_the_same_pairs(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [(stranger(night, face_of(number)), stranger(night, face_of(number, off=0.1))) for number in range(1, 8)]
    monkeypatch.setattr(snapshot, "ROOM", 3 * 14)
    night.check()
    assert sorted(night.pairs("proposed_merge")) == expected


def test_no_more_is_proposed_than_somebody_can_look_at(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (steps, merges):
        monkeypatch.setattr(module, "MOST", 2)
    for number in range(1, 5):
        stranger(night, face_of(number))
        stranger(night, face_of(number, off=number / 100))
    counts = night.check()
    assert counts["strangers"] == {"strangers": 8, "proposed": 2, "left_out": 2}
    assert [row.detail["distance"] for row in night.items()] == pytest.approx([0.01, 0.02], abs=1e-3)
