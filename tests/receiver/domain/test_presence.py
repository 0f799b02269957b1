"""Visits and places counted from columns of numbers agree with a reckoning event by event."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.presence import NO_GATE, Presence

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = 60_000_000
PAUSE = timedelta(minutes=10)
# Minutes after the start, gate, device.
EVENTS = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 3), st.integers(1, 2)), min_size=1, max_size=30)


def presence(seen: list[tuple[int, int, int]]) -> Presence:
    begun = int(START.timestamp()) * 1_000_000
    columns = np.array(seen, dtype=np.int64)
    return Presence(begun + columns[:, 0] * MINUTE, columns[:, 1], columns[:, 2])


@given(seen=EVENTS)
def test_visits_and_places_are_those_of_the_events_one_by_one(seen: list[tuple[int, int, int]]) -> None:
    found = presence(seen)
    minutes = sorted(each[0] for each in seen)
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    assert found.visits(PAUSE) == 1 + sum(gap > 10 for gap in gaps)
    first, last = (START + timedelta(minutes=each) for each in (minutes[0], minutes[-1]))
    assert (found.first_seen, found.last_seen) == (first, last)
    places = {(each.device_id, each.gate_id or NO_GATE): each for each in found.places()}
    assert set(places) == {(device, gate) for _, gate, device in seen}
    for (device_id, gate_id), place in places.items():
        there = [minute for minute, gate, device in seen if (device, gate) == (device_id, gate_id)]
        assert place.events == len(there)
        assert place.first_seen == START + timedelta(minutes=min(there))
        assert place.last_seen == START + timedelta(minutes=max(there))


def test_the_latest_place_comes_first_and_a_gate_that_nobody_named_is_none() -> None:
    found = presence([(0, 1, 1), (5, NO_GATE, 1), (3, 2, 1)]).places()
    assert [each.gate_id for each in found] == [None, 2, 1]


def test_a_pause_is_within_a_visit_and_more_than_a_pause_is_not() -> None:
    assert presence([(0, 1, 1), (10, 1, 1)]).visits(PAUSE) == 1
    assert presence([(0, 1, 1), (11, 1, 1)]).visits(PAUSE) == 2
