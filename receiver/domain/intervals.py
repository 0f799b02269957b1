"""How far a counted share may lie from the true one: exact binomial intervals, also for people with several pictures."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
# Bisection on [0, 1] down to where doubles end.
HALVINGS = 60
# It takes about the root of the number of cases; this is never reached below a billion.
FRACTION_TERMS = 100_000
ENOUGH, TINY = 1e-15, 1e-300
# Cases counted by their effective number are not whole; their products are off by as much.
ROUNDING = 1e-9

Flags = npt.NDArray[np.bool_]
Owners = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Share:
    """A counted share with its two-sided interval, 95 % where nothing else is said.

    Attributes:
        value: 0 to 1, each person counting once however many pictures there are.
        low: lower end of the interval, 0 to 1.
        high: upper end of the interval, 0 to 1.
        cases: pictures that were counted.
        people: people whom they show.
    """

    value: float
    low: float
    high: float
    cases: int
    people: int


NOTHING_KNOWN = Share(math.nan, 0.0, 1.0, 0, 0)
"""The share of no cases at all."""


def share_of(hits: Flags, owners: Owners, confidence: float = CONFIDENCE) -> Share:
    """The share of people for whom something holds, with its interval.

    A person's pictures are not independent of each other, so the interval is Clopper's and Pearson's for the number of
    independent cases that would scatter as these people do (Korn and Graubard 1998): between the number of people, if
    each person's pictures all say the same, and the number of pictures, if they have nothing in common.

    Args:
        hits: shape (n,), bool, whether it holds for a picture.
        owners: shape (n,), int64, whose picture it is.
        confidence: of the two-sided interval, above 0 and below 1.

    Returns:
        The mean over people of each person's own share; NOTHING_KNOWN where n is 0.
    """
    if not len(hits):
        return NOTHING_KNOWN
    numbers, place = np.unique(owners, return_inverse=True)
    value, cases = counted(hits, place)
    low, high = clopper_pearson(value * cases, cases, confidence)
    return Share(value, low, high, len(hits), len(numbers))


def counted(hits: Flags, place: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The share of people for whom something holds, and how many independent cases would scatter as they do.

    Args:
        hits: shape (n,), bool, n at least 1.
        place: shape (n,), int64, whose picture it is: people are numbered from 0 on without a gap.
    """
    own = np.bincount(place, weights=hits) / np.bincount(place)
    people, value = len(own), float(own.mean())
    variance = float(own.var(ddof=1)) / people if people > 1 else 0.0
    # 0 or 1, or everybody alike: nothing scatters, and nobody's pictures say more than one would.
    cases = min(max(value * (1 - value) / variance, people), len(hits)) if variance > 0 else float(people)
    return value, cases


def clopper_pearson(hits: float, cases: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact two-sided interval of a binomial share: it holds the true one at least as often as it says.

    Args:
        hits: 0 to ``cases``; need not be whole, where cases are counted by their effective number.
        cases: more than 0.
        confidence: above 0 and below 1.

    Returns:
        Lower and upper end, 0 to 1.

    Raises:
        ValueError: an argument is out of range.
    """
    if not 0 < confidence < 1:
        raise ValueError("confidence must lie between 0 and 1")
    tail = (1 + confidence) / 2
    return 1 - upper_bound(cases - hits, cases, tail), upper_bound(hits, cases, tail)


def upper_bound(hits: float, cases: float, confidence: float = CONFIDENCE) -> float:
    """The one-sided exact bound: the true share is below it at least as often as ``confidence`` says.

    Args:
        hits: 0 to ``cases``, whole or not.
        cases: more than 0.
        confidence: above 0 and below 1.

    Returns:
        0 to 1: the share at which so few hits, or fewer, would be seen in 1 - ``confidence`` of all tries.

    Raises:
        ValueError: an argument is out of range.
    """
    if not 0 < cases < math.inf or not -ROUNDING <= hits <= cases + ROUNDING * cases or not 0 < confidence < 1:
        raise ValueError("hits must lie between 0 and cases, cases above 0, confidence between 0 and 1")
    if hits >= cases:
        return 1.0
    hits = max(hits, 0.0)
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if beta_cdf(middle, hits + 1, cases - hits) < confidence:
            low = middle
        else:
            high = middle
    return high


def strangers_needed(rate: float, confidence: float = CONFIDENCE) -> int:
    """How many strangers it takes before none of them being accepted shows that fewer than ``rate`` are.

    299 for 1 %, 2995 for 0.1 %.

    Raises:
        ValueError: an argument is out of range.
    """
    if not 0 < rate < 1 or not 0 < confidence < 1:
        raise ValueError("rate and confidence must lie between 0 and 1")
    return math.ceil(math.log1p(-confidence) / math.log1p(-rate))


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), the distribution behind every binomial interval.

    By its continued fraction (DLMF 8.17.22), evaluated with Lentz's method on the side where it converges fast.

    Args:
        x: 0 to 1.
        a: above 0.
        b: above 0.

    Returns:
        0 to 1; right to about twelve digits.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(scale) / a * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """1 / (1 + d1 / (1 + d2 / (1 + ...))) with the coefficients of DLMF 8.17.23."""
    whole = over = 1.0
    under = 0.0
    for term in range(1, FRACTION_TERMS):
        coefficient = _coefficient(term, x, a, b)
        under = 1 / _off_zero(1 + coefficient * under)
        over = _off_zero(1 + coefficient / over)
        whole *= over * under
        if abs(over * under - 1) < ENOUGH:
            break
    return 1 / whole


def _coefficient(term: int, x: float, a: float, b: float) -> float:
    half = term // 2
    if term % 2:
        return -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
    return half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))


def _off_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
