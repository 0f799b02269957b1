"""The threshold follows from the accepted false alarms and the number of people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.thresholds import LOOSEST, PAIRWISE_FALSE_MATCHES, STRICTEST, threshold_for

RATES = st.floats(1e-4, 0.5)
PEOPLE = st.integers(1, 10_000_000)


@pytest.mark.parametrize(("distance", "rate"), PAIRWISE_FALSE_MATCHES)
def test_for_one_person_the_measured_points_are_met(distance: float, rate: float) -> None:
    assert threshold_for(rate, 1) == pytest.approx(distance)


def test_one_percent_for_two_hundred_people_lies_where_the_product_rule_says() -> None:
    # 1 - 0.99^(1/200) is 5.0e-5, between 3.6e-5 at 0.45 and 2.3e-4 at 0.50: 18 % of the way on a logarithmic scale.
    assert threshold_for(0.01, 200) == pytest.approx(0.459, abs=0.001)


def test_a_few_people_at_one_percent_may_be_matched_loosely() -> None:
    assert threshold_for(0.01, 1) == LOOSEST
    assert threshold_for(0.01, 0) == LOOSEST


def test_a_million_people_are_matched_as_strictly_as_the_table_reaches() -> None:
    assert threshold_for(0.01, 1_000_000) == STRICTEST


@given(RATES, PEOPLE, st.integers(1, 1000))
def test_more_people_never_loosen_it(fpir: float, people: int, more: int) -> None:
    assert STRICTEST <= threshold_for(fpir, people + more) <= threshold_for(fpir, people) <= LOOSEST


@given(RATES, st.floats(1.0, 1.9), PEOPLE)
def test_more_false_alarms_never_tighten_it(fpir: float, factor: float, people: int) -> None:
    assert threshold_for(fpir * factor, people) >= threshold_for(fpir, people)


@pytest.mark.parametrize(("fpir", "people"), [(0.0, 5), (1.0, 5), (-0.1, 5), (float("nan"), 5), (0.01, -1)])
def test_rates_and_numbers_that_make_no_sense_are_refused(fpir: float, people: int) -> None:
    with pytest.raises(ValueError, match="fpir"):
        threshold_for(fpir, people)
