"""How often strangers would be called by a name and known people be missed, and what the numbers behind it can tell.

FPIR (false positive identification rate): the share of strangers who are called by somebody's name. FNIR (false
negative identification rate): the share of known people's pictures that are not called by their own name. Both hang on
the threshold: a looser one lowers the second and raises the first.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from receiver.domain.intervals import (
    CONFIDENCE,
    NOTHING_KNOWN,
    Flags,
    Owners,
    Share,
    beta_cdf,
    counted,
    share_of,
    strangers_needed,
)

Scores = npt.NDArray[np.float64]

ENOUGH_ALARMS = 30
"""From so many false alarms on the true rate lies within about a third of the counted one, nine times in ten.

Doddington's rule of thirty (G. Doddington et al., The NIST speaker recognition evaluation, 2000)."""

# Shares are sums of fractions: equal ones may differ in the last digit.
ROUNDING = 1e-12


class Told(StrEnum):
    """How well the strangers at hand can show a rate."""

    WELL = "well"
    ROUGHLY = "roughly"
    NOT = "not"


@dataclass(frozen=True, eq=False)
class Tries:
    """Many pictures held against the library.

    Attributes:
        scores: shape (n,), float64; a picture is called by the name that it was held against where the score is at or
            below the threshold; infinite where no threshold would do so.
        owners: shape (n,), int64, whose picture it is; pictures of one person are not independent.
    """

    scores: Scores
    owners: Owners

    def below(self, threshold: float) -> Share:
        """The share of people at or below a threshold: of strangers, FPIR."""
        return share_of(self._is_below(threshold), self.owners)

    def above(self, threshold: float) -> Share:
        """The share of people beyond a threshold: of known people, FNIR."""
        return share_of(~self._is_below(threshold), self.owners)

    def counted_below(self, threshold: float) -> tuple[float, float]:
        """As ``below``, as share and independent cases without an interval: for looking through many thresholds."""
        return counted(self._is_below(threshold), self._place)

    def _is_below(self, threshold: float) -> Flags:
        # What can never be matched is not matched at an infinite threshold either.
        return np.asarray((self.scores <= threshold) & np.isfinite(self.scores))

    @cached_property
    def people(self) -> int:
        """How many people the pictures show."""
        return int(self._place.max(initial=-1)) + 1

    @cached_property
    def steps(self) -> Scores:
        """The finite scores, each once, lowest first: between two of them no share changes."""
        return np.unique(self.scores[np.isfinite(self.scores)])

    @cached_property
    def _place(self) -> npt.NDArray[np.int64]:
        return np.unique(self.owners, return_inverse=True)[1]


@dataclass(frozen=True, slots=True)
class AtRate:
    """What is missed where a given share of strangers is accepted.

    Attributes:
        rate: that share, 0 to 1.
        threshold: the loosest score of a stranger at which no more are accepted; infinite if none ever is.
        fnir: known people's pictures missed there. Its 95 % interval is that of the rate, not of this threshold alone:
            where strangers are few it is wide, and where they cannot show the rate it reaches to 1.
        fpir: strangers accepted there.
        told: how well this many strangers can show the rate.
        needed: how many strangers it takes to show it at all.
    """

    rate: float
    threshold: float
    fnir: Share
    fpir: Share
    told: Told
    needed: int


def matched_scores(scores: Scores, gaps: Scores, margin: float) -> Scores:
    """The scores of those who can be matched; infinite where the answer would be ``ambiguous`` or somebody else's name.

    Args:
        scores: shape (n,), against the person in question.
        gaps: shape (n,), by how much the next person is further away; negative if nearer, infinite if there is nobody.
        margin: how much further the next must be, 0 or more.
    """
    return np.where(gaps >= margin, scores, math.inf)


def at_rate(genuine: Tries, strangers: Tries, rate: float) -> AtRate:
    """What is missed where ``rate`` of the strangers are accepted.

    The threshold is a stranger's own score: of n strangers the k-th nearest has, on the average, a true rate of
    k / (n + 1) below it, whatever the scores look like. Two things are uncertain, and independent of each other: which
    pictures known people happened to have, and where among so few strangers the threshold lies. FNIR's interval puts
    the distances to the ends of the two intervals together as the root of the sum of their squares (MOVER, Zou and
    Donner 2008).

    Args:
        genuine: known people's pictures, each held against its own person.
        strangers: at least one picture, each held against everybody.
        rate: above 0 and below 1.
    """
    threshold, needed = threshold_at(strangers, rate), strangers_needed(rate)
    fnir = _missed(genuine, strangers, rate, threshold) if genuine.people else NOTHING_KNOWN
    return AtRate(rate, threshold, fnir, strangers.below(threshold), _told(strangers.people, rate, needed), needed)


def _missed(genuine: Tries, strangers: Tries, rate: float, threshold: float) -> Share:
    found = genuine.above(threshold)
    strictest, loosest = _threshold_range(strangers, rate)
    low = found.value - math.hypot(found.value - found.low, found.value - genuine.above(loosest).value)
    high = found.value + math.hypot(found.high - found.value, genuine.above(strictest).value - found.value)
    return replace(found, low=max(low, 0.0), high=min(high, 1.0))


def _told(strangers: int, rate: float, needed: int) -> Told:
    if strangers < needed:
        return Told.NOT
    return Told.WELL if strangers * rate >= ENOUGH_ALARMS else Told.ROUGHLY


def threshold_at(strangers: Tries, rate: float) -> float:
    """The loosest of the strangers' scores at which no more than ``rate`` of them are accepted.

    Just below the lowest score where even that one would be too many; infinite where no stranger is ever accepted.
    """
    return _loosest(strangers, lambda value, _cases: value <= rate + ROUNDING)


def _threshold_range(strangers: Tries, rate: float) -> tuple[float, float]:
    """The strictest and the loosest threshold at which ``rate`` lies within the 95 % interval of FPIR."""
    tail = (1 - CONFIDENCE) / 2
    strictest, loosest = -math.inf, _loosest(strangers, lambda value, cases: _chance(value, cases, rate) > tail)
    if strangers.people >= strangers_needed(rate):
        strictest = _loosest(strangers, lambda value, cases: 1 - _chance(value + 1 / cases, cases, rate) <= tail)
    return strictest, loosest


def _just_below_all(strangers: Tries) -> float:
    return float(np.nextafter(strangers.steps[0], -math.inf)) if len(strangers.steps) else math.inf


def _loosest(strangers: Tries, is_allowed: Callable[[float, float], bool]) -> float:
    """The highest step that is allowed, by halving: what is forbidden at one step is so at all later ones."""
    low, high = 0, len(strangers.steps)
    while low < high:
        middle = (low + high) // 2
        if is_allowed(*strangers.counted_below(float(strangers.steps[middle]))):
            low = middle + 1
        else:
            high = middle
    return float(strangers.steps[low - 1]) if low else _just_below_all(strangers)


def _chance(value: float, cases: float, rate: float) -> float:
    """How likely a share of ``value`` or more of so many cases is, where the true one is ``rate``."""
    if value <= 0 or value > 1:
        return float(value <= 0)
    return beta_cdf(rate, value * cases, cases * (1 - value) + 1)


def curve(genuine: Tries, strangers: Tries, rates: Iterable[float]) -> list[AtRate]:
    """FNIR against FPIR: ``at_rate`` for each of the rates."""
    return [at_rate(genuine, strangers, rate) for rate in rates]


def rates_between(lowest: float, highest: float, steps: int) -> list[float]:
    """Rates at equal distances on a logarithmic scale, both ends included."""
    return [float(each) for each in np.geomspace(lowest, highest, steps)]


@dataclass(frozen=True, slots=True)
class GroupAlarms:
    """The false alarms of one group of strangers.

    Attributes:
        group: the group's number or label.
        fpir: the group's strangers accepted at the threshold in force.
        closest: the group's strangers among the closest ones of all, see ``alarms_by_group``.
        size: how much of all strangers are of this group, 0 to 1.
        portion: how much of all of the closest are of this group, 0 to 1; 0 where there are none.
        is_uneven: whether that is more than its size would give it by chance.
    """

    group: str
    fpir: Share
    closest: Share
    size: float
    portion: float
    is_uneven: bool

    @property
    def is_crowded(self) -> bool:
        """Whether this group carries most of the closest, and more than its size would by chance."""
        return self.is_uneven and self.portion > MOST


CLOSEST, MOST = 20, 0.5
CHANCE = 0.01


def alarms_by_group(strangers: Tries, groups: Sequence[str], threshold: float) -> list[GroupAlarms]:
    """False alarms of each group of strangers, the most crowded first.

    At one false alarm in a hundred there are too few of them to be shared out among groups. So the groups are also
    compared by the CLOSEST strangers of all (at most a tenth of all, at least the accepted ones): they would be the
    next. A group is uneven if one of its size would hold so many of those by chance in less than one case in a hundred
    (exact binomial, divided by the number of groups), and crowded if it holds more than half of them besides.

    Args:
        strangers: every stranger's pictures, held against everybody.
        groups: length n, the group of each picture's stranger.
        threshold: the threshold in force.
    """
    limit = _closest_limit(strangers, threshold)
    labels = np.array(groups, dtype=object)
    everyone = strangers.below(limit)
    total = everyone.value * everyone.people
    found = []
    for label in sorted(set(groups)):
        mine = labels == label
        own = Tries(strangers.scores[mine], strangers.owners[mine])
        closest = own.below(limit)
        portion = closest.value * closest.people / total if total else 0.0
        size = own.people / everyone.people
        is_uneven = portion > size and _chance(portion, total, size) * len(set(groups)) < CHANCE
        found.append(GroupAlarms(label, own.below(threshold), closest, size, portion, bool(is_uneven)))
    return sorted(found, key=lambda each: (-each.closest.value, each.group))


def _closest_limit(strangers: Tries, threshold: float) -> float:
    wanted = min(CLOSEST / strangers.people, 0.1)
    return max(threshold, threshold_at(strangers, wanted)) if len(strangers.steps) else threshold
