"""What a site has measured of its own faces, and how far that may move a threshold."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from receiver.domain.intervals import strangers_needed, upper_bound

ENOUGH_TO_LOOSEN = 300
"""Known strangers from which a threshold may be loosened: 299 of whom none is accepted show a rate under 1 %."""

# A rate times a number may come out a last digit short of a whole one.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class SiteScores:
    """Scores of a site's library, under one scoring.

    Attributes:
        scoring: the word of receiver.domain.scoring; under another word these scores say nothing.
        people: named people whom the strangers were compared with.
        strangers: known strangers, each another person.
        lowest: for each stranger the lowest score to any named person; those who can never be matched, because two
            people are equally near, are left out here but counted in ``strangers``.
        genuine: scores of known people's own pictures against the rest of their faces.
    """

    scoring: str
    people: int
    strangers: int
    lowest: tuple[float, ...]
    genuine: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "SiteScores":
        """From what dataclasses.asdict gave, after a way through JSON.

        Raises:
            KeyError, TypeError, ValueError: it is something else, or says what cannot be.
        """
        lowest, genuine = (tuple(float(score) for score in stored[name]) for name in ("lowest", "genuine"))
        people, strangers = int(stored["people"]), int(stored["strangers"])
        if people < 0 or strangers < len(lowest) or not all(map(math.isfinite, lowest + genuine)):
            raise ValueError("a score is no number, or there are more scores than strangers")
        return cls(str(stored["scoring"]), people, strangers, lowest, genuine)

    def tightest(self, fpir: float) -> float:
        """The loosest threshold at which no larger share of these strangers, or one of them, is accepted.

        One is forgiven: a single one says little of the rate, and is often somebody enrolled, under another name.

        Returns:
            Infinite where all may be accepted.
        """
        return self._accepting(max(math.floor(fpir * self.strangers + ROUNDING), 1))

    def proven(self, fpir: float) -> float:
        """The loosest threshold at which fewer than ``fpir`` of all strangers are accepted, shown with 95 % confidence.

        By the exact one-sided bound (Clopper and Pearson) on how many of these strangers it accepts; minus infinity where
        there are too few of them to show it.
        """
        if self.strangers < max(ENOUGH_TO_LOOSEN, strangers_needed(fpir)):
            return -math.inf
        return self._accepting(_provable(fpir, self.strangers))

    def _accepting(self, strangers: int) -> float:
        """The loosest threshold that accepts no more than so many."""
        ordered = sorted(self.lowest)
        return math.nextafter(ordered[strangers], -math.inf) if strangers < len(ordered) else math.inf


@lru_cache(maxsize=100)  # asked for each list whenever the library changes
def _provable(fpir: float, strangers: int) -> int:
    """How many of so many strangers may be accepted, at most, so that it shows that fewer than ``fpir`` of all are."""
    fitting = bisect_right(range(strangers), fpir, key=lambda accepted: upper_bound(accepted, strangers))
    return max(fitting - 1, 0)


def moved(threshold: float, strictest: float, fpir: float, site: SiteScores) -> float:
    """The prior's threshold as a site's own scores move it.

    Tightened whatever the number of strangers, see ``tightest``, but not beyond ``strictest``: strangers who are in truth
    enrolled people must not blind the gate. Loosened only as far as ``proven`` shows.

    Args:
        threshold: what the shipped figures say for the number of people at which the site measured.
        strictest: as far as it may be tightened.
        fpir: the accepted share, above 0 and below 1.
        site: the site's scores, under the same scoring.
    """
    return max(min(site.tightest(fpir), max(threshold, site.proven(fpir))), min(strictest, threshold))
