"""Exact intervals against sums of binomial terms, and how often they hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.intervals import (
    NOTHING_KNOWN,
    beta_cdf,
    clopper_pearson,
    share_of,
    strangers_needed,
    upper_bound,
)


def at_most(hits: int, cases: int, share: float) -> float:
    """The chance of so many hits or fewer, term by term."""
    return math.fsum(math.comb(cases, each) * share**each * (1 - share) ** (cases - each) for each in range(hits + 1))


@given(
    st.integers(1, 200).flatmap(lambda cases: st.tuples(st.integers(1, cases), st.just(cases))), st.floats(0.001, 0.999)
)
def test_the_beta_distribution_is_the_sum_of_binomial_terms(counts: tuple[int, int], share: float) -> None:
    hits, cases = counts
    exact = 1 - at_most(hits - 1, cases, share)
    assert beta_cdf(share, hits, cases - hits + 1) == pytest.approx(exact, abs=1e-11)


# of 1024ths, so that 1 - x is exact
@given(st.floats(0.05, 5000), st.floats(0.05, 5000), st.integers(0, 1024).map(lambda part: part / 1024))
def test_the_beta_distribution_mirrors_and_stays_within_bounds(a: float, b: float, x: float) -> None:
    value = beta_cdf(x, a, b)
    assert -1e-12 <= value <= 1 + 1e-12
    assert value == pytest.approx(1 - beta_cdf(1 - x, b, a), abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "cases", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (4, 400, 0.00273, 0.0254),
        (1, 20, 0.00127, 0.2487),
    ],
)
def test_published_intervals_are_met(hits: int, cases: int, low: float, high: float) -> None:
    assert clopper_pearson(hits, cases) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 300).flatmap(lambda cases: st.tuples(st.integers(0, cases - 1), st.just(cases))))
def test_at_the_upper_bound_so_few_hits_are_seen_in_one_case_of_twenty(counts: tuple[int, int]) -> None:
    assert at_most(*counts, upper_bound(*counts)) == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize("cases", [5, 20, 73])
def test_the_interval_holds_the_true_share_at_least_as_often_as_it_says(cases: int) -> None:
    ends = [clopper_pearson(hits, cases) for hits in range(cases + 1)]
    for share in np.linspace(0.01, 0.99, 50):
        terms = [math.comb(cases, hits) * share**hits * (1 - share) ** (cases - hits) for hits in range(cases + 1)]
        held = sum(term for term, (low, high) in zip(terms, ends, strict=True) if low <= share <= high)
        assert held >= 0.95


@given(st.floats(0, 1), st.floats(1, 1e6))
def test_the_interval_lies_around_the_share_for_numbers_that_are_not_whole(share: float, cases: float) -> None:
    low, high = clopper_pearson(share * cases, cases)
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1


@pytest.mark.parametrize(
    "arguments",
    [(-1, 10, 0.95), (11, 10, 0.95), (0, 0, 0.95), (1, 10, 0.0), (1, 10, 1.0), (1, math.inf, 0.9), (math.nan, 9, 0.9)],
)
def test_what_cannot_be_is_refused(arguments: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        clopper_pearson(*arguments)
    with pytest.raises(ValueError, match="must lie between"):
        upper_bound(*arguments)


@pytest.mark.parametrize(("rate", "needed"), [(0.01, 299), (0.001, 2995), (0.05, 59)])
def test_so_many_strangers_are_needed_and_one_fewer_is_too_few(rate: float, needed: int) -> None:
    assert strangers_needed(rate) == needed
    assert upper_bound(0, needed) <= rate < upper_bound(0, needed - 1)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1])
def test_a_rate_is_a_share(rate: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        strangers_needed(rate)


def test_of_nothing_nothing_is_known() -> None:
    share = share_of(np.array([], bool), np.array([], np.int64))
    assert share is NOTHING_KNOWN
    assert math.isnan(share.value)
    assert (share.low, share.high) == (0, 1)


def test_a_person_with_many_pictures_counts_once() -> None:
    share = share_of(np.array([True] * 98 + [False, False]), np.array([7] * 98 + [8, 9]))
    assert share.value == pytest.approx(1 / 3)
    assert (share.cases, share.people) == (100, 3)


def test_pictures_that_all_say_the_same_are_worth_one_a_person() -> None:
    owners = np.repeat(np.arange(40), 5)
    share = share_of(owners < 10, owners)
    assert (share.low, share.high) == pytest.approx(clopper_pearson(10, 40), abs=0.005)
    alone = share_of(owners < 0, owners)
    assert (alone.low, alone.high) == clopper_pearson(0, 40)


def test_pictures_that_have_nothing_in_common_are_worth_nearly_as_many_as_they_are() -> None:
    owners = np.repeat(np.arange(200), 5)
    hits = np.random.default_rng(3).random(1000) < 0.3
    share = share_of(hits, owners)
    low, high = clopper_pearson(share.value * 1000, 1000)
    assert share.high - share.low == pytest.approx(high - low, rel=0.12)
    assert share.high - share.low < 0.6 * (clopper_pearson(60, 200)[1] - clopper_pearson(60, 200)[0])


def test_the_share_of_people_holds_the_true_one_although_their_pictures_resemble_each_other() -> None:
    random, held = np.random.default_rng(11), 0
    owners = np.repeat(np.arange(60), 3)
    for _ in range(400):
        # a person's pictures share four fifths of what makes them near or far; 10 % of all are beyond 1.2816 deviations
        spread = np.sqrt(0.8) * random.normal(size=60)[owners] + np.sqrt(0.2) * random.normal(size=180)
        share = share_of(spread > 1.2815515655446004, owners)
        held += share.low <= 0.1 <= share.high
    assert held >= 0.94 * 400
