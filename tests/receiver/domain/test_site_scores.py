"""A site's own strangers tighten a threshold whatever their number, and loosen it only where they prove it."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from receiver.domain.intervals import upper_bound
from receiver.domain.site_scores import SiteScores, moved

FPIR = 0.01


def site(scores: list[float], strangers: int | None = None, people: int = 100) -> SiteScores:
    return SiteScores("plain", people, len(scores) if strangers is None else strangers, tuple(scores))


def evenly(number: int, start: float = 0.5) -> list[float]:
    return [start + place / 1000 for place in range(number)]


def test_a_few_strangers_tighten_so_that_all_but_one_of_them_are_kept_out() -> None:
    threshold = moved(0.52, 0.40, FPIR, site([0.47, 0.48, 0.70]))
    assert 0.47 < threshold < 0.48
    assert threshold == pytest.approx(0.48)
    assert moved(0.52, 0.40, FPIR, site([0.10])) == 0.52


def test_many_strangers_tighten_so_that_no_larger_share_of_them_is_accepted() -> None:
    scores = evenly(400, 0.40)
    threshold = moved(0.52, 0.40, FPIR, site(scores))
    assert sum(score <= threshold for score in scores) == 4


def test_a_few_strangers_never_loosen() -> None:
    assert moved(0.45, 0.40, FPIR, site(evenly(299, 0.6))) == 0.45


def test_three_hundred_strangers_loosen_up_to_the_nearest_of_them() -> None:
    """With none of 300 accepted the true rate is under 1 % with 95 % confidence; with one it is not."""
    threshold = moved(0.45, 0.40, FPIR, site(evenly(300)))
    assert threshold == pytest.approx(0.50)
    assert sum(score <= threshold for score in evenly(300)) == 0


def test_more_strangers_loosen_further_but_stay_under_the_rate() -> None:
    scores = evenly(2000)
    threshold = moved(0.45, 0.40, FPIR, site(scores))
    accepted = sum(score <= threshold for score in scores)
    assert 8 <= accepted < 20


@pytest.mark.parametrize("strangers", [300, 2995, 20_000])
@pytest.mark.parametrize("fpir", [0.01, 0.05])
def test_as_many_are_accepted_as_the_bound_allows_and_not_one_more(strangers: int, fpir: float) -> None:
    scores = evenly(strangers)
    threshold = site(scores).proven(fpir)
    accepted = sum(score <= threshold for score in scores)
    assert upper_bound(accepted, strangers) <= fpir < upper_bound(accepted + 1, strangers)


def test_strangers_who_can_never_be_matched_count_as_strangers() -> None:
    assert moved(0.45, 0.40, FPIR, site([0.55], strangers=300)) == pytest.approx(0.55)
    assert moved(0.45, 0.40, FPIR, site([0.55], strangers=299)) == 0.45


def test_strangers_who_are_enrolled_people_do_not_blind_the_gate() -> None:
    assert moved(0.45, 0.40, FPIR, site([0.10, 0.60])) == 0.45
    assert moved(0.45, 0.40, FPIR, site([0.10, 0.11, 0.60])) == 0.40


def test_a_lower_rate_asks_for_more_strangers() -> None:
    assert moved(0.40, 0.35, 0.001, site(evenly(2000))) == 0.40
    assert moved(0.40, 0.35, 0.001, site(evenly(3000))) == pytest.approx(0.50)


@pytest.mark.parametrize("strangers", [300, 500, 1000])
def test_the_promise_holds_nineteen_times_in_twenty(strangers: int) -> None:
    """Strangers drawn at random, so often that the share of broken promises shows: at most one in twenty."""
    random = np.random.default_rng(7)
    broken = 0
    for _ in range(400):
        scores = random.uniform(0, 1, strangers)  # a threshold t accepts a share t of all strangers
        broken += site(scores.tolist()).proven(FPIR) > FPIR
    assert broken / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(
    "wrong",
    [{"lowest": [0.1, math.nan]}, {"genuine": [math.inf]}, {"strangers": 1}, {"people": -1}, {"lowest": None}],
)
def test_scores_that_cannot_be_are_not_taken_over(wrong: dict[str, object]) -> None:
    stored = asdict(SiteScores("plain", 120, 400, (0.1, 0.2), (0.05,)))
    with pytest.raises((TypeError, ValueError)):
        SiteScores.from_json(stored | wrong)


def test_they_come_back_from_json_as_they_were() -> None:
    scores = SiteScores("cohort_3_0.5", 120, 400, (0.1, 0.2), (0.05,))
    assert SiteScores.from_json(json.loads(json.dumps(asdict(scores)))) == scores
