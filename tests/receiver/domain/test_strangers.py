"""Who becomes a stranger by being seen twice, and by which pictures a stranger is known."""

import itertools
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from receiver.domain.events import ListName
from receiver.domain.identity import Decision, Status
from receiver.domain.strangers import (
    CLEARLY,
    PAUSE,
    Known,
    Waiting,
    chosen,
    is_another_sighting,
    is_fit,
    may_be_stranger,
    may_learn_from,
    second_sighting,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SAME_SHOT = 0.2


@dataclass(frozen=True)
class Finding:
    reason: str
    level: str


def spot(place: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A face on a line, where distances are easy to see."""
    return np.array([place, 0], np.float32)


def waits(event_id: int, place: float, seconds: float = 0, quality: float = 50, digest: bytes = b"") -> Waiting:
    moment = NOON + timedelta(seconds=seconds)
    return Waiting(event_id, digest or b"%d" % event_id, moment, spot(place), quality)


places = some.floats(0, 2, allow_nan=False, width=16)
reports = some.lists(
    some.builds(
        lambda place, seconds, quality, digest: (place, seconds, quality, digest),
        places,
        some.floats(0, 60),
        some.floats(0, 100),
        some.sampled_from([b"a", b"b", b"c", b"d"]),
    ),
    max_size=8,
).map(lambda told: [waits(number, *each) for number, each in enumerate(told, start=1)])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((ListName.STRANGER, "S-1", "stranger"), True),
        ((ListName.STRANGER, "", ""), True),
        ((ListName.STAFF, "", ""), True),
        ((ListName.STAFF, "13028", "stranger"), True),
        ((ListName.STAFF, "13028", " Stranger "), True),
        ((ListName.STAFF, "13028", "\u964c\u751f\u4eba"), True),
        ((ListName.STAFF, "13028", ""), False),
        ((ListName.STAFF, "", "Somebody"), False),
        ((ListName.VISITOR, "7", "Somebody"), False),
        ((ListName.BLACKLIST, "7", "Somebody"), False),
    ],
)
def test_only_whom_the_device_calls_a_stranger_or_does_not_name_may_become_one(
    said: tuple[ListName, str, str], expected: object
) -> None:
    assert may_be_stranger(*said) is expected


def test_a_warning_keeps_nobody_out_and_a_refusal_or_the_devices_word_does() -> None:
    assert is_fit([], fiqa_result=None)
    assert is_fit([Finding("too_dark", "warn")], fiqa_result=True)
    assert not is_fit([Finding("too_dark", "warn"), Finding("too_blurred", "refuse")], fiqa_result=True)
    assert not is_fit([], fiqa_result=False)


def test_the_best_picture_of_the_earlier_ones_is_the_other_sighting() -> None:
    waiting = [waits(1, 0.1, 0, 40), waits(2, 0.2, 1, 80), waits(3, 0.15, 25, 99), waits(4, 1.5, 0, 99)]
    found = second_sighting(waits(9, 0, 30), waiting, 0.5)
    assert found is not None
    assert found.first.event_id == 2
    assert [each.event_id for each in found.joined] == [1, 2, 3]


def test_who_is_near_to_the_new_face_alone_goes_on_waiting() -> None:
    """On one side of it stands one, on the other side another."""
    found = second_sighting(waits(9, 0, 60), [waits(1, -0.4), waits(2, 0.4, quality=90)], 0.5)
    assert found is not None
    assert [each.event_id for each in found.joined] == [2]


@given(reports, places, some.floats(0, 60), some.floats(0.05, 1))
def test_a_second_sighting_is_another_picture_another_event_and_another_moment(
    waiting: list[Waiting], place: float, seconds: float, limit: float
) -> None:
    new = waits(99, place, seconds, digest=b"a")
    found = second_sighting(new, waiting, limit)
    fitting = [
        each
        for each in waiting
        if abs(float(each.embedding[0]) - place) <= limit - 1e-6
        and each.digest != new.digest
        and abs(each.occurred_at - new.occurred_at) >= PAUSE
    ]
    assert found is not None or not fitting
    if found is None:
        return
    assert is_another_sighting(new, found.first)
    assert found.first in found.joined
    for each in found.joined:
        assert each in waiting
        assert abs(float(each.embedding[0]) - place) <= limit + 1e-6
        assert abs(float(each.embedding[0] - found.first.embedding[0])) <= limit + 1e-6


@given(reports, places, some.floats(0, 60), some.floats(0.05, 1), some.randoms(use_true_random=False))
def test_in_which_order_faces_wait_does_not_matter(
    waiting: list[Waiting], place: float, seconds: float, limit: float, order: random.Random
) -> None:
    new = waits(99, place, seconds)
    shuffled = list(waiting)
    order.shuffle(shuffled)
    one, other = second_sighting(new, waiting, limit), second_sighting(new, shuffled, limit)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert [each.event_id for each in one.joined] == [each.event_id for each in other.joined]
        assert one.first is other.first


@given(reports, some.floats(0.05, 1))
def test_one_alone_is_never_a_second_sighting_of_itself(waiting: list[Waiting], limit: float) -> None:
    for each in waiting:
        assert second_sighting(each, [each], limit) is None
        again = replace(each, event_id=1000)
        # The same picture in another event, however much later.
        assert second_sighting(replace(again, occurred_at=NOON + timedelta(days=3)), [each], limit) is None


MATCHED = Decision(Status.MATCHED, 7, 3, ListName.STRANGER, 0.3, 0.45, 0.2, ("within_threshold",))


def test_a_clear_match_of_a_stranger_is_learnt_from() -> None:
    assert may_learn_from(MATCHED)
    assert may_learn_from(replace(MATCHED, margin=None))
    assert may_learn_from(replace(MATCHED, reasons=("within_threshold", "too_dark")))


@pytest.mark.parametrize(
    "changes",
    [
        {"distance": 0.45 - CLEARLY + 0.001},
        {"margin": 2 * CLEARLY - 0.001},
        {"margin": -0.01},
        {"list": ListName.STAFF},
        {"list": ListName.BLACKLIST},
        {"status": Status.AMBIGUOUS},
        {"status": Status.UNKNOWN},
        {"reasons": ("claim_confirmed",)},
        {"distance": None},
    ],
)
def test_what_is_not_clearly_a_stranger_is_not_learnt_from(changes: dict[str, object]) -> None:
    assert not may_learn_from(replace(MATCHED, **changes))  # type: ignore[arg-type]


pictures = some.lists(
    some.tuples(
        some.tuples(some.floats(-1, 1, width=16), some.floats(-1, 1, width=16)),
        some.floats(0, 100),
        some.booleans(),
    ),
    max_size=9,
).map(
    lambda told: [
        Known(key, np.array(spot, np.float32), quality, is_fixed)
        for key, (spot, quality, is_fixed) in enumerate(told, start=1)
    ]
)
numbers = some.integers(1, 6)


def apart(one: Known, other: Known) -> float:
    return float(np.linalg.norm(one.embedding - other.embedding))


@given(pictures, numbers)
def test_no_more_than_so_many_are_kept_and_what_is_fixed_stays(known: list[Known], most: int) -> None:
    kept = chosen(known, most, SAME_SHOT)
    fixed = [each.key for each in known if each.is_fixed]
    assert set(fixed) <= set(kept) <= {each.key for each in known}
    assert len(kept) <= max(most, len(fixed))
    assert kept == sorted(set(kept))
    assert bool(kept) == bool(known)


@given(pictures, numbers)
def test_the_best_picture_is_among_those_that_are_kept(known: list[Known], most: int) -> None:
    free = [replace(each, is_fixed=False) for each in known]
    if free:
        best = max(free, key=lambda each: (each.quality, -each.key))
        assert best.key in chosen(free, most, SAME_SHOT)


@given(pictures, numbers)
def test_no_shot_is_kept_twice(known: list[Known], most: int) -> None:
    kept = chosen(known, most, SAME_SHOT)
    chosen_ones = [each for each in known if each.key in kept]
    for one, other in itertools.combinations(chosen_ones, 2):
        assert apart(one, other) >= SAME_SHOT or (one.is_fixed and other.is_fixed)


@given(pictures, numbers)
def test_choosing_among_the_chosen_changes_nothing(known: list[Known], most: int) -> None:
    kept = chosen(known, most, SAME_SHOT)
    assert chosen([each for each in known if each.key in kept], most, SAME_SHOT) == kept


@given(pictures, numbers, some.permutations(range(9)))
def test_in_which_order_pictures_are_given_does_not_matter(known: list[Known], most: int, order: list[int]) -> None:
    shuffled = [known[place] for place in order if place < len(known)]
    assert chosen(shuffled, most, SAME_SHOT) == chosen(known, most, SAME_SHOT)


@given(pictures, numbers, numbers)
def test_who_may_keep_more_keeps_those_too(known: list[Known], most: int, more: int) -> None:
    assert set(chosen(known, most, SAME_SHOT)) <= set(chosen(known, most + more, SAME_SHOT))


def test_of_equally_good_pictures_the_most_different_ones_are_kept() -> None:
    spots = {1: (0.0, 0.0), 2: (0.25, 0.0), 3: (0.5, 0.0), 4: (1.0, 0.0), 5: (0.0, 0.9)}
    known = [Known(key, np.array(spot, np.float32), 60) for key, spot in spots.items()]
    assert chosen(known, 3, SAME_SHOT) == [1, 4, 5]


def test_a_better_picture_takes_the_place_of_one_like_it() -> None:
    worse, better = Known(1, spot(0), 30), Known(2, spot(0.1), 80)
    assert chosen([worse, better], 5, SAME_SHOT) == [2]
