"""Somebody with more events than one transaction moves: all arrive, whatever ends in between, and nothing overtakes."""

from itertools import count as numbers

import pytest

from receiver.domain.errors import Conflict
from receiver.domain.events import ListName
from receiver.services.correcting import event_moves
from receiver.store import corrections, erasures, outbox, people
from receiver.store.store import Store
from tests.receiver.corrections import Workshop
from tests.receiver.erasing import stopped_after
from tests.receiver.faces import face_of

STEP, EVENTS = 3, 10


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_moves, "STEP", STEP)
    monkeypatch.setattr(event_moves, "READ", 2)


@pytest.fixture
def shop(store: Store) -> Workshop:
    return Workshop(store)


@pytest.fixture
def two(shop: Workshop) -> tuple[int, int]:
    """Ann, and who has the events."""
    ann, twice = shop.enrol(ListName.STAFF, face_of(1)), shop.enrol(ListName.STAFF, face_of(1, off=0.1))
    shop.passed(ann, 0)
    for number in range(EVENTS):
        shop.passed(twice, number, shop.faces(twice)[0])
    return ann, twice


def tasks(shop: Workshop) -> list[int]:
    with shop.store.read() as tx:
        return [row.subject for row in outbox.listed(tx, None, 9) if row.topic == corrections.TOPIC]


def test_the_events_follow_in_steps(shop: Workshop, two: tuple[int, int]) -> None:
    ann, twice = two
    before = shop.everything()
    made = shop.merge(ann, twice)
    assert (len(shop.events(twice)), tasks(shop)) == (EVENTS - STEP, [made])
    assert shop.shown.show(made)["is_moving"]
    shop.settle(made)
    assert (len(shop.events(ann)), shop.events(twice), tasks(shop)) == (EVENTS + 1, [], [])
    shown = shop.shown.show(made)
    assert (shown["is_moving"], shown["moved"]["events"]) == (False, EVENTS)
    shop.undo(made)
    assert len(shop.events(twice)) == STEP
    shop.settle(made)
    assert shop.everything() == before


def test_whoever_ends_in_the_middle_is_gone_on_from_there(shop: Workshop, two: tuple[int, int]) -> None:
    ann, twice = two
    made = shop.merge(ann, twice)
    shop.moves.run(made, stopped_after(1))
    assert len(shop.events(twice)) == EVENTS - 2 * STEP
    assert tasks(shop) == [made]
    Workshop(shop.store).settle(made)
    assert (len(shop.events(ann)), shop.events(twice)) == (EVENTS + 1, [])
    # Once more does no harm: a slow worker's lease was over.
    shop.settle(made)
    assert len(shop.events(ann)) == EVENTS + 1


def test_a_step_that_fails_has_moved_nothing(
    shop: Workshop, two: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, twice = two
    made = shop.merge(ann, twice)
    asked = numbers()
    lease = corrections.lease

    def failing(*args: object) -> None:
        if next(asked) == 1:
            raise RuntimeError("the power is gone")
        lease(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(corrections, "lease", failing)
    with pytest.raises(RuntimeError):
        shop.settle(made)
    assert len(shop.events(twice)) == EVENTS - 2 * STEP
    assert shop.shown.show(made)["moved"]["events"] == 2 * STEP
    shop.settle(made)
    assert len(shop.events(ann)) == EVENTS + 1


def test_nothing_else_is_corrected_of_them_before_all_have_arrived(shop: Workshop, two: tuple[int, int]) -> None:
    ann, twice = two
    third = shop.enrol(ListName.STAFF, face_of(1, off=0.2))
    earlier = shop.merge(ann, shop.enrol(ListName.STAFF, face_of(1, off=0.3)))
    made = shop.merge(ann, twice)
    refusals = []
    with pytest.raises(Conflict) as refused:
        shop.merge(third, ann)
    refusals.append(refused.value)
    with pytest.raises(Conflict) as refused:
        shop.split(ann, shop.faces(ann)[:1])
    refusals.append(refused.value)
    assert [each.reason for each in refusals] == ["still_moving"] * 2
    assert all(f"correction {made}" in each.detail for each in refusals)
    with pytest.raises(Conflict) as first:
        shop.undo(earlier)
    assert first.value.reason == "later_correction"
    shop.undo(made)
    with pytest.raises(Conflict) as also:
        shop.undo(earlier)
    assert also.value.reason == "still_moving"
    shop.settle(made)
    shop.undo(earlier)


def test_a_merge_is_undone_while_its_events_are_still_on_their_way(shop: Workshop, two: tuple[int, int]) -> None:
    ann, twice = two
    before = shop.everything()
    made = shop.merge(ann, twice)
    shop.moves.run(made, stopped_after(1))
    shop.undo(made)
    assert tasks(shop) == [made]
    shop.settle(made)
    assert shop.everything() == before
    assert tasks(shop) == []


def test_an_undo_in_the_middle_of_a_step_turns_the_rest_round(shop: Workshop, two: tuple[int, int]) -> None:
    ann, twice = two
    before = shop.everything()
    made = shop.merge(ann, twice)
    steps = numbers()
    shop.moves.run(made, on_step=lambda: None if next(steps) else shop.undo(made))
    assert shop.everything() == before


def test_a_large_split_and_its_undo(shop: Workshop, two: tuple[int, int]) -> None:
    _, twice = two
    before = shop.events(twice)
    made = shop.split(twice, shop.faces(twice))
    assert len(shop.events(twice)) == EVENTS - STEP
    shop.settle(made)
    assert (shop.events(twice), shop.events(shop.other(made))) == ([], before)
    shop.undo(made)
    shop.settle(made)
    assert (shop.events(twice), shop.events(shop.other(made))) == (before, [])


def test_a_large_split_to_somebody_who_is_there_and_its_undo(shop: Workshop, two: tuple[int, int]) -> None:
    ann, twice = two
    before = shop.everything()
    made = shop.split(twice, shop.faces(twice), to=ann)
    shop.settle(made)
    assert (shop.events(twice), len(shop.events(ann))) == ([], EVENTS + 1)
    shop.undo(made)
    shop.settle(made)
    assert shop.everything() == before


def test_who_is_erased_meanwhile_gets_no_more_events(shop: Workshop, two: tuple[int, int]) -> None:
    ann, twice = two
    made = shop.merge(ann, twice)
    with shop.store.write(lock=people.GALLERY_LOCK) as tx:
        erasures.take_person(tx, ann)
    shop.settle(made)
    assert len(shop.events(twice)) == EVENTS - STEP
    assert tasks(shop) == []


def test_a_step_makes_earlier_claims_good(shop: Workshop, two: tuple[int, int]) -> None:
    made = shop.merge(*two)
    now = shop.shown.show(made)["made_at"]
    with shop.store.write() as tx:
        for number in (0, 1):
            (task,) = outbox.claim(tx, corrections.TOPIC, 1, now + number * event_moves.LEASE, event_moves.LEASE)
    assert (task.subject, task.attempts) == (made, 2)
    shop.moves.run(made, stopped_after(1))
    with shop.store.read() as tx:
        (row,) = outbox.listed(tx, None, 9)
    assert row.attempts == 1
