"""Visits put together from what was seen at each gate."""

from datetime import UTC, datetime, timedelta

from receiver.domain.visits import SeenAt, visits_of

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def seen(gate: int | None, first: float, last: float, events: int = 1, device: int = 1) -> SeenAt:
    begin, end = (NOON + timedelta(minutes=each) for each in (first, last))
    return SeenAt(device, gate, events, begin, end, (int(first),))


def test_a_visit_lasts_from_the_first_sighting_to_the_last_at_whatever_gate() -> None:
    later, earlier = visits_of({3: [seen(2, 5, 6, 2), seen(1, 1, 9, 4), seen(None, 5, 5)], 8: [seen(1, 60, 60)]})
    assert (later.start, later.end, later.events) == (NOON + timedelta(minutes=60), NOON + timedelta(minutes=60), 1)
    assert (earlier.start, earlier.end, earlier.events) == (
        NOON + timedelta(minutes=1),
        NOON + timedelta(minutes=9),
        7,
    )
    assert [each.gate_id for each in earlier.places] == [1, None, 2]


def test_of_gates_at_one_moment_the_order_is_always_the_same() -> None:
    places = [seen(2, 1, 1), seen(1, 1, 1), seen(1, 1, 1, device=2)]
    (one,), (other,) = visits_of({1: places}), visits_of({1: places[::-1]})
    assert one == other


def test_nothing_seen_is_no_visit() -> None:
    assert visits_of({}) == []
