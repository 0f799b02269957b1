"""Visits and places counted from columns of numbers agree with a reckoning event by event."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.presence import Presence

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = 60_000_000
PAUSE = timedelta(minutes=10)
# Minutes after the start, and a gate, or a device with a minus.
EVENTS = st.lists(st.tuples(st.integers(0, 90), st.sampled_from([-70_000, -2, -1, 1, 2, 3])), min_size=1, max_size=30)


def presence(seen: list[tuple[int, int]]) -> Presence:
    begun = int(START.timestamp()) * 1_000_000
    columns = np.array(seen, dtype=np.int64)
    return Presence(begun + columns[:, 0] * MINUTE, columns[:, 1])


@given(seen=EVENTS)
def test_visits_and_places_are_those_of_the_events_one_by_one(seen: list[tuple[int, int]]) -> None:
    found = presence(seen)
    minutes = sorted(each[0] for each in seen)
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    assert found.visits(PAUSE) == 1 + sum(gap > 10 for gap in gaps)
    first, last = (START + timedelta(minutes=each) for each in (minutes[0], minutes[-1]))
    assert (found.first_seen, found.last_seen) == (first, last)
    places = {each.gate_id or -(each.device_id or 0): each for each in found.by_place()}
    assert set(places) == {place for _, place in seen}
    for which, place in places.items():
        there = [minute for minute, at in seen if at == which]
        assert place.events == len(there)
        assert place.first_seen == START + timedelta(minutes=min(there))
        assert place.last_seen == START + timedelta(minutes=max(there))


def test_the_latest_place_comes_first_and_without_a_gate_it_is_the_device() -> None:
    found = presence([(0, 1), (5, -7), (3, 2)]).by_place()
    assert [(each.gate_id, each.device_id) for each in found] == [(None, 7), (2, None), (1, None)]


def test_a_pause_is_within_a_visit_and_more_than_a_pause_is_not() -> None:
    assert presence([(0, 1), (10, 1)]).visits(PAUSE) == 1
    assert presence([(0, 1), (11, 1)]).visits(PAUSE) == 2
