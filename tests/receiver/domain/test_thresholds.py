"""The threshold follows from the accepted false alarms, the people in the list, and the site's own scores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.scales import DLIB, MIRRORED, PAIRWISE_FALSE_MATCHES, VERIFICATION_THRESHOLD, Scale
from receiver.domain.scoring import Scoring
from receiver.domain.site_scores import SiteScores
from receiver.domain.thresholds import FARTHEST, Wanted, expected_miss, threshold, threshold_for

RATES = st.floats(1e-4, 0.5)
PEOPLE = st.integers(1, 10_000_000)
STRICTEST = PAIRWISE_FALSE_MATCHES[0][0] - FARTHEST
SCALES = st.sampled_from([DLIB, MIRRORED])
SCORINGS = [Scoring(scale, rule) for scale in (DLIB, MIRRORED) for rule in (None, *scale.rules)]


@pytest.mark.parametrize(("distance", "rate"), PAIRWISE_FALSE_MATCHES[:-1])
def test_for_one_person_the_measured_points_are_met(distance: float, rate: float) -> None:
    assert threshold_for(rate, 1) == pytest.approx(distance)


def test_one_percent_for_two_hundred_people_lies_where_the_product_rule_says() -> None:
    # 1 - 0.99^(1/200) is 5.0e-5, between 3.6e-5 at 0.45 and 2.3e-4 at 0.50: 18 % of the way on a logarithmic scale.
    assert threshold_for(0.01, 200) == pytest.approx(0.459, abs=0.001)


@pytest.mark.parametrize(
    ("people", "measured"), [(10, 0.504), (20, 0.487), (50, 0.456), (100, 0.439), (200, 0.423), (310, 0.414)]
)
def test_mirrored_thresholds_for_three_faces_a_person_are_those_measured(people: int, measured: float) -> None:
    found = threshold_for(0.01, people, MIRRORED)
    assert float(MIRRORED.alignment.raw(found, 3)) == pytest.approx(measured, abs=0.003)


@pytest.mark.parametrize("scale", [DLIB, MIRRORED])
def test_a_search_is_never_looser_than_a_comparison_with_one(scale: Scale) -> None:
    assert threshold_for(0.05, 1, scale) == threshold_for(0.05, 0, scale) == scale.verification


def test_a_million_people_are_matched_as_strictly_as_the_table_is_carried_on() -> None:
    assert threshold_for(0.01, 10_000) == pytest.approx(0.378, abs=0.001)
    assert threshold_for(0.0001, 1_000_000) == STRICTEST


@given(RATES, PEOPLE, st.integers(1, 1000), SCALES)
def test_more_people_never_loosen_it(fpir: float, people: int, more: int, scale: Scale) -> None:
    assert threshold_for(fpir, people + more, scale) <= threshold_for(fpir, people, scale) <= scale.verification


@given(RATES, st.floats(1.0, 1.9), PEOPLE, SCALES)
def test_more_false_alarms_never_tighten_it(fpir: float, factor: float, people: int, scale: Scale) -> None:
    assert threshold_for(fpir * factor, people, scale) >= threshold_for(fpir, people, scale)


@pytest.mark.parametrize(("fpir", "people"), [(0.0, 5), (1.0, 5), (-0.1, 5), (float("nan"), 5), (0.01, -1)])
def test_rates_and_numbers_that_make_no_sense_are_refused(fpir: float, people: int) -> None:
    with pytest.raises(ValueError, match="fpir"):
        threshold_for(fpir, people)
    with pytest.raises(ValueError, match="fpir"):
        Wanted(fpir, people)


@given(st.sampled_from(SCORINGS), st.floats(1e-4, 0.04), st.integers(1, 5000), st.integers(0, 5000))
def test_with_every_scoring_fewer_false_alarms_and_more_people_are_stricter(
    scoring: Scoring, fpir: float, people: int, others: int
) -> None:
    here = threshold(scoring, Wanted(fpir, people, people + others))
    assert threshold(scoring, Wanted(fpir / 2, people, people + others)) <= here
    assert threshold(scoring, Wanted(fpir, people + 1, people + 1 + others)) <= here + 1e-12


@pytest.mark.parametrize("scale", [DLIB, MIRRORED])
def test_with_a_cohort_the_measured_points_are_met_where_everybody_is_named(scale: Scale) -> None:
    for rule in scale.rules:
        for score, rate in rule.false_alarms:
            assert threshold(Scoring(scale, rule), Wanted(rate, 300, 300)) == pytest.approx(score)


def test_a_short_list_among_many_people_may_be_matched_more_loosely() -> None:
    scoring = Scoring(MIRRORED, MIRRORED.rules[0])
    assert threshold(scoring, Wanted(0.01, 100, 400)) == threshold(scoring, Wanted(0.02, 400, 400))


FEW = SiteScores("plain", 120, 3, (0.38, 0.39, 0.60))
MANY = SiteScores("plain", 120, 400, tuple(0.52 + place / 1000 for place in range(400)))
PLAIN = Scoring(DLIB, None)


def test_a_sites_own_strangers_tighten_the_threshold() -> None:
    prior = threshold(PLAIN, Wanted(0.01, 120))
    found = threshold(PLAIN, Wanted(0.01, 120), FEW)
    # as far as the shipped figures put it for a tenth of the rate
    assert threshold(PLAIN, Wanted(0.001, 120)) == pytest.approx(found)
    assert found < prior


def test_enough_of_them_loosen_it_but_not_for_a_list_that_they_were_not_measured_for() -> None:
    prior = threshold(PLAIN, Wanted(0.01, 120))
    assert threshold(PLAIN, Wanted(0.01, 120), MANY) == pytest.approx(0.52)
    assert threshold(PLAIN, Wanted(0.01, 120), MANY, may_loosen=False) == prior


def test_what_a_site_measured_moves_along_when_the_library_grows() -> None:
    grown = Wanted(0.01, 240)
    gain = threshold(PLAIN, Wanted(0.01, 120), MANY) - threshold(PLAIN, Wanted(0.01, 120))
    assert threshold(PLAIN, grown, MANY) == pytest.approx(threshold(PLAIN, grown) + gain)


def test_a_site_never_loosens_beyond_the_comparison_with_one() -> None:
    far = SiteScores("plain", 120, 400, tuple(0.9 + place / 1000 for place in range(400)))
    assert threshold(PLAIN, Wanted(0.01, 120), far) == VERIFICATION_THRESHOLD


def test_scores_of_another_scoring_say_nothing() -> None:
    other = SiteScores("cohort_3_0.5", 120, 3, (0.1, 0.2, 0.3))
    assert threshold(PLAIN, Wanted(0.01, 120), other) == threshold(PLAIN, Wanted(0.01, 120))


@pytest.mark.parametrize("scoring", SCORINGS)
def test_more_faces_a_person_and_a_looser_threshold_miss_less(scoring: Scoring) -> None:
    at = threshold(scoring, Wanted(0.01, 120, 120))
    one, three = expected_miss(scoring, at, {1: 120}), expected_miss(scoring, at, {3: 120})
    assert one is not None
    assert three is not None
    assert 0 < three < one < 1
    looser = expected_miss(scoring, at + 0.02, {3: 120})
    assert looser is not None
    assert looser < three
    mixed = expected_miss(scoring, at, {1: 60, 3: 60})
    assert mixed == pytest.approx((one + three) / 2)
    assert expected_miss(scoring, at, {9: 1}) == expected_miss(scoring, at, {4: 1})


def test_a_sites_own_pictures_say_what_is_missed_where_there_are_enough() -> None:
    genuine = tuple(0.30 + place / 100 for place in range(50))
    enough = SiteScores("plain", 120, 0, (), genuine)
    assert expected_miss(PLAIN, 0.395, {3: 9}, enough) == pytest.approx(0.8)
    too_few = SiteScores("plain", 120, 0, (), genuine[:49])
    assert expected_miss(PLAIN, 0.395, {3: 9}, too_few) == expected_miss(PLAIN, 0.395, {3: 9})


def test_nothing_is_expected_of_nobody_or_of_an_unknown_model() -> None:
    assert expected_miss(PLAIN, 0.45, {}) is None
    unknown = Scale(PAIRWISE_FALSE_MATCHES, 0.58, DLIB.alignment)
    assert expected_miss(Scoring(unknown, None), 0.45, {3: 10}) is None
