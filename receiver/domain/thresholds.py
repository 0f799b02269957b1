"""From the false alarms that a site accepts to the score below which two faces are called the same."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from receiver.domain.impostor_scores import SHARES
from receiver.domain.scales import DLIB, Points, Quantiles, Scale
from receiver.domain.scoring import Scoring
from receiver.domain.site_scores import SiteScores, moved

FARTHEST = 0.05
"""Below its first point a table is carried on straight, on a logarithmic scale, by no more than this.

Nothing is measured there; tails fall faster and faster, so that a straight line stays on the strict side."""

MEASURED_PEOPLE, DRIFT = 500, 0.005
"""Up to 514 people the threshold of a cohort was measured not to move; beyond, it is tightened so much a doubling.

Twice as many people bring the nearest of them about 0.016 nearer to a stranger, and the nearest others about as much."""

STRICTEST_SHARE = 0.1
"""A site's own strangers tighten a threshold as far as the shipped figures put it for a tenth of the accepted rate."""

AUTOMATIC_SHARE = 0.5
"""By faces that nobody vouched for, only this part of the accepted share of unknown people may be called.

Such a face may be a bad one, or somebody else's, and then calls others too. Half costs little: among a hundred strangers
with two faces each 14 instead of 10 % of their pictures are missed, with mirror averaging; a tenth would cost 27 %, and
who is missed comes to be a second stranger."""

AUTOMATIC_STEP = 0.03
"""At least so much nearer must a face come that nobody vouched for, as a share of the verification threshold.

0.017 for dlib's network: what half the rate amounts to between ten and a thousand people. In a smaller library the rate
alone asks for nothing, since no threshold is looser than that for two pictures."""

ENOUGH_GENUINE = 50
"""From so many of a site's own pictures on they, not the shipped ones, say what share will be missed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a threshold is for.

    Attributes:
        fpir: accepted share of unknown people who are called by a name of this list, above 0 and below 1.
        people: people on the list, 0 or more; 0 counts as 1.
        everybody: people in the whole library, strangers included; the cohort is taken from them.
    """

    fpir: float
    people: int
    everybody: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.fpir < 1 or self.people < 0 or self.everybody < 0:
            raise ValueError("fpir must lie between 0 and 1, numbers of people must not be negative")


def threshold(scoring: Scoring, wanted: Wanted, site: SiteScores | None = None, *, may_loosen: bool = True) -> float:
    """The highest score at which a face is called by a name.

    Args:
        scoring: how scores are made.
        wanted: for which rate and how many people.
        site: the site's own scores; ignored if they were made by another scoring.
        may_loosen: whether they may also loosen it; not for a list that they were not measured for.

    Returns:
        A score on the scale of ``scoring``: plain, an aligned Euclidean distance, never beyond the model's verification
        threshold; with a cohort, mostly -0.1 to 0.3.
    """
    prior = _prior(scoring, wanted)
    if site is None or site.scoring != scoring.word:
        return prior
    measured = Wanted(wanted.fpir, site.people, max(wanted.everybody, site.people))
    strict = Wanted(wanted.fpir * STRICTEST_SHARE, site.people, measured.everybody)
    there = _prior(scoring, measured)
    shift = moved(there, _prior(scoring, strict), wanted.fpir, site) - there
    found = prior + (shift if may_loosen else min(shift, 0))
    return min(found, scoring.scale.verification) if scoring.rule is None else found


def _prior(scoring: Scoring, wanted: Wanted) -> float:
    if scoring.rule is None:
        return threshold_for(wanted.fpir, wanted.people, scoring.scale)
    # Measured: among 514 people of whom 120 are named, the threshold lies where that for 120 lies at 2 to 5 times the
    # rate; the root of the ratio, here 2.07, is the strict end.
    everybody, named = max(wanted.everybody, wanted.people, 1), max(wanted.people, 1)
    drift = DRIFT * math.log2(max(everybody / MEASURED_PEOPLE, 1))
    return _at_rate(scoring.rule.false_alarms, wanted.fpir * math.sqrt(everybody / named)) - drift


def threshold_for(fpir: float, people: int, scale: Scale = DLIB) -> float:
    """The aligned distance at which about ``fpir`` of unknown people are taken for one of ``people`` known ones.

    One unknown person is compared with each known one, so FPIR = 1 - (1 - FMR)^people; the pairwise rate (FMR) that
    this asks for is looked up in the scale's false matches, straight between its points on a logarithmic scale.

    What it cannot know: false matches are not spread evenly (at 0.45 the worst twentieth of people hold 98 % of them),
    look-alikes and groups whom the network confuses raise the rate, and a site's own camera may lower it. On the
    photographs that the table comes from it gave 0.54 % where 1 % was meant at 200 people, and 9 % at 1000 and 0.50.

    Args:
        fpir: accepted share of unknown people who are called by a name, above 0 and below 1.
        people: known people, 0 or more; 0 counts as 1.
        scale: the model's.

    Returns:
        Euclidean distance as between single pictures, never beyond the scale's verification threshold.

    Raises:
        ValueError: ``fpir`` or ``people`` out of range.
    """
    if not 0 < fpir < 1 or people < 0:
        raise ValueError("fpir must lie between 0 and 1, people must not be negative")
    pairwise_rate = -math.expm1(math.log1p(-fpir) / max(people, 1))  # 1 - (1 - fpir)^(1/people), exact when small
    return min(_at_rate(scale.false_matches, pairwise_rate), scale.verification)


def _at_rate(points: Points, rate: float) -> float:
    """Where a table of rising rates reaches ``rate``, between its points on a logarithmic scale."""
    for (low, low_rate), (high, high_rate) in pairwise(points):
        if rate <= high_rate:
            found = low + math.log(rate / low_rate) / math.log(high_rate / low_rate) * (high - low)
            return max(found, points[0][0] - FARTHEST)
    return points[-1][0]


def expected_miss(
    scoring: Scoring, threshold: float, people_by_faces: Mapping[int, int], site: SiteScores | None = None
) -> float | None:
    """What share of the enrolled people's pictures will lie beyond a threshold, one picture at a time.

    Args:
        scoring: how scores are made.
        threshold: on its scale.
        people_by_faces: how many people have 1, 2, ... faces; who has more faces than was measured counts as missed as
            often as who has the most that was.
        site: the site's own scores; they count, if there are enough under this scoring, before the shipped ones.

    Returns:
        0 to 1; None where nothing is known of the model or nobody is enrolled.
    """
    if site is not None and site.scoring == scoring.word and len(site.genuine) >= ENOUGH_GENUINE:
        return sum(score > threshold for score in site.genuine) / len(site.genuine)
    genuine = scoring.scale.genuine if scoring.rule is None else scoring.rule.genuine
    people = sum(people_by_faces.values())
    if not genuine or not people:
        return None
    most = max(genuine)
    return (
        sum(number * _beyond(genuine, min(faces, most), threshold) for faces, number in people_by_faces.items())
        / people
    )


def _beyond(genuine: Quantiles, faces: int, threshold: float) -> float:
    """The share of pictures that score above ``threshold``, straight between the quantiles."""
    scores = genuine[faces]
    if threshold < scores[0]:
        return 1.0
    for (low, low_share), (high, high_share) in pairwise(zip(scores, SHARES, strict=False)):
        if threshold < high:
            return 1 - low_share - (threshold - low) / (high - low) * (high_share - low_share)
    return 1 - SHARES[len(scores) - 1]
