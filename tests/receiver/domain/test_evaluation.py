"""FNIR and FPIR against counting by hand, thresholds at a rate, how often the intervals hold, and crowded groups."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.evaluation import (
    CLOSEST,
    Told,
    Tries,
    alarms_by_group,
    at_rate,
    curve,
    matched_scores,
    rates_between,
    threshold_at,
)

SCORES = st.lists(
    st.tuples(st.one_of(st.integers(0, 12).map(lambda tenths: tenths / 10), st.just(math.inf)), st.integers(0, 9)),
    min_size=1,
    max_size=60,
)


def tries(rows: list[tuple[float, int]]) -> Tries:
    return Tries(np.array([score for score, _ in rows], np.float64), np.array([owner for _, owner in rows], np.int64))


def alone(*scores: float) -> Tries:
    """Every score is another person's."""
    return tries([(score, place) for place, score in enumerate(scores)])


def share_below(rows: list[tuple[float, int]], threshold: float) -> float:
    """Counted by hand: the mean over people of each person's own share."""
    own: dict[int, list[bool]] = {}
    for score, owner in rows:
        own.setdefault(owner, []).append(score <= threshold)
    return math.fsum(sum(hits) / len(hits) for hits in own.values()) / len(own)


@given(SCORES, st.floats(-0.1, 1.3))
def test_shares_are_what_counting_gives(rows: list[tuple[float, int]], threshold: float) -> None:
    held = tries(rows)
    assert held.below(threshold).value == pytest.approx(share_below(rows, threshold))
    assert held.above(threshold).value == pytest.approx(1 - share_below(rows, threshold))
    assert held.below(threshold).people == held.people == len({owner for _, owner in rows})


@given(SCORES, st.floats(0.001, 0.999))
def test_the_threshold_at_a_rate_is_the_loosest_score_that_keeps_to_it(
    rows: list[tuple[float, int]], rate: float
) -> None:
    found = threshold_at(tries(rows), rate)
    finite = sorted({score for score, _ in rows if math.isfinite(score)})
    allowed = [score for score in finite if share_below(rows, score) <= rate + 1e-12]
    if allowed:
        assert found == allowed[-1]
    elif finite:
        assert share_below(rows, found) == 0
        assert found == np.nextafter(finite[0], -math.inf)
    else:
        assert found == math.inf


def test_the_threshold_accepts_on_the_average_no_more_than_the_rate() -> None:
    random, truly = np.random.default_rng(8), []
    for _ in range(300):
        strangers = Tries(random.random(400), np.arange(400))
        truly.append(threshold_at(strangers, 0.01))  # evenly spread: the score is the share of all people below it
    assert np.mean(truly) == pytest.approx(0.01, abs=0.001)


@given(SCORES, SCORES)
def test_fewer_are_missed_where_more_strangers_are_accepted(
    known: list[tuple[float, int]], strange: list[tuple[float, int]]
) -> None:
    points = curve(tries(known), tries(strange), [0.01, 0.1, 0.3, 0.8])
    missed = [point.fnir.value for point in points]
    assert missed == sorted(missed, reverse=True)
    assert all(0 <= point.fnir.low <= point.fnir.value + 1e-9 for point in points)
    assert all(point.fnir.value - 1e-9 <= point.fnir.high <= 1 for point in points)
    assert all(point.fpir.value <= point.rate + 1e-9 for point in points)


def test_four_hundred_strangers_cannot_tell_one_in_a_thousand() -> None:
    strangers = alone(*np.linspace(0.4, 0.9, 400))
    known = alone(*np.linspace(0.2, 0.6, 100))
    point = at_rate(known, strangers, 0.001)
    assert (point.told, point.needed, point.fnir.high) == (Told.NOT, 2995, 1.0)
    assert point.fpir.value == 0
    assert at_rate(known, strangers, 0.01).told is Told.ROUGHLY
    assert at_rate(known, alone(*np.linspace(0.4, 0.9, 3000)), 0.01).told is Told.WELL


def test_one_stranger_too_few_tells_nothing_and_one_more_tells_something() -> None:
    known = alone(*np.linspace(0.2, 0.6, 100))
    too_few, enough = (at_rate(known, alone(*np.linspace(0.5, 0.9, number)), 0.01) for number in (298, 299))
    assert (too_few.told, too_few.fnir.high) == (Told.NOT, 1.0)
    assert enough.told is Told.ROUGHLY
    assert enough.fnir.high < 0.5


@pytest.mark.parametrize(("strangers", "rate"), [(320, 0.01), (1000, 0.01), (300, 0.05)])
def test_the_interval_of_fnir_holds_the_truth_as_often_as_it_says(strangers: int, rate: float) -> None:
    normal, random, held, rounds = NormalDist(), np.random.default_rng(21), 0, 200
    true = 1 - normal.cdf(normal.inv_cdf(rate) + 3)
    owners = np.repeat(np.arange(80), 3)
    for _ in range(rounds):
        strange = Tries(random.normal(size=strangers), np.arange(strangers))
        known = -3 + np.sqrt(0.5) * random.normal(size=80)[owners] + np.sqrt(0.5) * random.normal(size=240)
        point = at_rate(Tries(known, owners), strange, rate)
        held += point.fnir.low <= true <= point.fnir.high
    assert held >= 0.92 * rounds


def test_without_known_pictures_only_the_strangers_are_told_of() -> None:
    point = at_rate(Tries(np.empty(0), np.empty(0, np.int64)), alone(0.3, 0.5, 0.7), 0.4)
    assert math.isnan(point.fnir.value)
    assert (point.fnir.low, point.fnir.high) == (0, 1)
    assert point.threshold == 0.3
    assert point.fpir.value == pytest.approx(1 / 3)


def test_strangers_who_are_never_matched_allow_any_threshold() -> None:
    point = at_rate(alone(0.3, math.inf), alone(math.inf, math.inf), 0.01)
    assert point.threshold == math.inf
    assert point.fpir.value == 0


def test_a_score_counts_only_with_the_margin_to_the_next_person() -> None:
    found = matched_scores(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.029, 0.03, math.inf, -0.5]), 0.03)
    assert found.tolist() == [math.inf, 0.2, 0.3, math.inf]


def test_rates_go_evenly_from_end_to_end() -> None:
    rates = rates_between(0.001, 0.1, 5)
    assert rates == pytest.approx([0.001, 0.00316228, 0.01, 0.0316228, 0.1])


def grouped(near: dict[str, int], far: dict[str, int]) -> tuple[Tries, list[str]]:
    """Strangers near to somebody (0.3, 0.301, ...) and far from everybody (0.8), by group."""
    labels = [group for counts in (near, far) for group, number in counts.items() for _ in range(number)]
    total = sum(near.values())
    scores = [0.3 + place / 1000 for place in range(total)] + [0.8] * (len(labels) - total)
    return alone(*scores), labels


def test_a_group_that_carries_most_of_the_closest_is_named() -> None:
    strangers, labels = grouped({"few": 18, "many": 2}, {"few": 22, "many": 358})
    few, many = alarms_by_group(strangers, labels, 0.3015)
    assert (few.group, few.is_crowded) == ("few", True)
    assert [few.size, few.portion] == pytest.approx([0.1, 18 / CLOSEST])
    assert [few.fpir.value, few.closest.value] == pytest.approx([2 / 40, 18 / 40])
    assert (many.is_crowded, many.is_uneven, many.fpir.value) == (False, False, 0)


def test_a_group_far_above_its_size_is_uneven_though_it_does_not_carry_most() -> None:
    strangers, labels = grouped({"few": 8, "many": 12}, {"few": 22, "many": 358})
    few, many = alarms_by_group(strangers, labels, 0.2)
    assert (few.is_uneven, few.is_crowded, many.is_uneven) == (True, False, False)


def test_large_groups_and_even_ones_are_no_alarm() -> None:
    strangers, labels = grouped({"large": 16, "small": 4}, {"large": 284, "small": 96})
    assert not any(each.is_uneven for each in alarms_by_group(strangers, labels, 0.31))
    strangers, labels = grouped({"one": 1}, {"one": 199, "other": 200})
    assert not any(each.is_crowded for each in alarms_by_group(strangers, labels, 0.3))


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from("abc")), min_size=10, max_size=80), st.floats(0, 1))
def test_the_groups_together_are_everybody(rows: list[tuple[float, str]], threshold: float) -> None:
    strangers = alone(*(score for score, _ in rows))
    found = alarms_by_group(strangers, [group for _, group in rows], threshold)
    assert sum(each.size for each in found) == pytest.approx(1)
    assert sum(each.fpir.value * each.size for each in found) == pytest.approx(strangers.below(threshold).value)
    assert sum(each.portion for each in found) in (pytest.approx(1), 0)


def test_of_a_few_strangers_a_tenth_counts_as_closest() -> None:
    found = alarms_by_group(alone(*np.linspace(0.4, 0.8, 50)), ["a", "b"] * 25, 0.1)
    assert sum(each.closest.value * each.closest.people for each in found) == pytest.approx(5)
