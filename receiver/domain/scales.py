"""What is known of each embedding model's distances: how often strangers are near, and how far one's own pictures lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from receiver.domain import impostor_scores
from receiver.domain.alignment import MIRRORED as MIRRORED_ALIGNMENT
from receiver.domain.alignment import PLAIN, Alignment
from receiver.domain.errors import SetupError

DLIB_MODEL, MIRRORED_MODEL = "dlib-resnet-v1", "dlib-resnet-v1+mirror"

Points = tuple[tuple[float, float], ...]
Quantiles = Mapping[int, tuple[float, ...]]
"""By number of averaged pictures: the scores below which impostor_scores.SHARES of a person's own pictures lie."""

PAIRWISE_FALSE_MATCHES: Points = (
    (0.40, 3e-6),
    (0.45, 3.6e-5),
    (0.50, 2.3e-4),
    (0.55, 1.2e-3),
    (0.60, 5.6e-3),
)
"""Distance of two pictures, and the share of pairs of different people that lie below it.

Measured with dlib's network on 4263 people, 9.1 million pairs, Labeled Faces in the Wild (press photographs)."""

MIRRORED_FALSE_MATCHES: Points = (
    (0.395, 3.2e-6),
    (0.445, 3.2e-5),
    (0.454, 5e-5),
    (0.470, 1e-4),
    (0.487, 2e-4),
    (0.518, 5e-4),
    (0.536, 1e-3),
    (0.585, 5.6e-3),
)
"""The same for means of a chip and its mirror image.

From the thresholds that gave one false alarm in a hundred with 10, 20, 50, 100, 200 and 310 people enrolled by three
pictures (0.504, 0.487, 0.456, 0.439, 0.423, 0.414; one in a thousand with 310: 0.364; 4051 unknown people of the same
photographs), carried over to single pictures; the last from the pairs of the development photographs."""

VERIFICATION_THRESHOLD = 0.58
"""For comparing with one person whom somebody has named, where no crowd of others can be hit by chance.

Between 0.55 (0.12 % of other people pass, 8 % of pictures of the same person do not) and 0.60 (0.56 % and 2.4 %),
same measurement: about 0.3 % and 4 %. A miss costs a look by a person; a false pass hands over an identity."""

MIRRORED_VERIFICATION_THRESHOLD = 0.565
"""The same share of other people passes with means of a chip and its mirror image (6000 pairs: 0.01 to 0.02 lower)."""

REFERENCE_RATE = 1e-3
"""The rate at which another network's distances are held against dlib's to carry the alignment over."""


@dataclass(frozen=True, slots=True)
class CohortRule:
    """How a distance is corrected by how near the probe is to everybody else.

    The score is the distance minus ``beta`` times the mean of the ``nearest`` smallest distances to other people: a face
    of a kind that the network tells apart badly is near to many, and must come nearer before it is called by a name.

    Attributes:
        people: from so many other people on it is used.
        beta: 0 to 1.
        nearest: how many of the nearest others are averaged.
        false_alarms: score, rising, and the share of unknown people whose score to the nearest of all is at or below.
        genuine: by number of faces, the quantiles of a person's own scores.
    """

    people: int
    beta: float
    nearest: int
    false_alarms: Points
    genuine: Quantiles | None = None

    @property
    def word(self) -> str:
        """``cohort_3_0.5`` and the like."""
        return f"cohort_{self.nearest}_{self.beta:g}"


@dataclass(frozen=True, slots=True)
class Scale:
    """One model's distances.

    Attributes:
        false_matches: distance of two pictures, rising, and the share of pairs of different people at or below it.
        verification: distance up to which two pictures pass as one person where somebody has named that person.
        alignment: what averaging does to distances.
        rules: cohort corrections with thresholds of their own, the one for fewest people first.
        genuine: by number of faces, the quantiles of a person's own aligned distances.
    """

    false_matches: Points
    verification: float
    alignment: Alignment
    rules: tuple[CohortRule, ...] = ()
    genuine: Quantiles | None = None

    def rule_for(self, others: int) -> CohortRule | None:
        """The correction for a library with so many other people, named or not; None where there are too few."""
        fitting = [rule for rule in self.rules if others >= rule.people]
        return fitting[-1] if fitting else None


def scale_from(false_matches: Sequence[Sequence[float]], verification: float) -> Scale:
    """The scale of another embedder, from what stands beside its file.

    How averaging shortens its distances is taken from dlib's network, in proportion. No cohort correction: that needs
    figures of the model itself.

    Args:
        false_matches: two or more pairs (Euclidean distance above 0, share of pairs of different people at or below it,
            above 0 and below 1), both rising.
        verification: see Scale; above 0.

    Raises:
        SetupError: ``bad_thresholds``: the figures are no such table.
    """
    points = tuple((float(distance), float(rate)) for distance, rate in false_matches)
    rising = all(a < b and low < high for (a, low), (b, high) in pairwise(points))
    if len(points) <= 1 or not rising or points[0][0] <= 0 or points[0][1] <= 0 or points[-1][1] >= 1:
        raise SetupError("bad_thresholds", "false_matches must be two or more [distance, rate] pairs, both rising")
    if not verification > 0:
        raise SetupError("bad_thresholds", "verification_threshold must be above 0")
    at_reference = min(points, key=lambda point: abs(point[1] - REFERENCE_RATE))[0]
    of_dlib = min(PAIRWISE_FALSE_MATCHES, key=lambda point: abs(point[1] - REFERENCE_RATE))[0]
    return Scale(points, verification, PLAIN.scaled(at_reference / of_dlib))


FAR: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        DLIB_MODEL: {"cohort_3_0.5": 0.09, "cohort_10_0.7": -0.015},
        MIRRORED_MODEL: {"cohort_3_0.5": 0.09, "cohort_10_0.7": -0.005},
    }
)
"""The score at one false alarm in a thousand, where the development photographs cannot tell.

With 310 people enrolled by three pictures and 4051 unknown ones, one in a thousand missed 17.5 % by the cohort of 3 and
15.9 % by that of 10 (mirrored 14.3 and 13.3 %); at the scores here the development photographs miss more."""

FEW, MANY = 100, 500
"""From so many other people on the cohorts of 3 and of 10 are used: with fewer than 50 others a correction does harm."""


def _rules(model: str) -> tuple[CohortRule, ...]:
    return tuple(
        CohortRule(
            people,
            beta,
            nearest,
            ((FAR[model][word], 0.001), *impostor_scores.FALSE_ALARMS[model][word]),
            impostor_scores.GENUINE[model][word],
        )
        for people, beta, nearest, word in ((FEW, 0.5, 3, "cohort_3_0.5"), (MANY, 0.7, 10, "cohort_10_0.7"))
    )


DLIB = Scale(
    PAIRWISE_FALSE_MATCHES,
    VERIFICATION_THRESHOLD,
    PLAIN,
    _rules(DLIB_MODEL),
    impostor_scores.GENUINE[DLIB_MODEL]["plain"],
)
"""dlib's network, one embedding a picture."""

MIRRORED = Scale(
    MIRRORED_FALSE_MATCHES,
    MIRRORED_VERIFICATION_THRESHOLD,
    MIRRORED_ALIGNMENT,
    _rules(MIRRORED_MODEL),
    impostor_scores.GENUINE[MIRRORED_MODEL]["plain"],
)
"""dlib's network, the mean of the embeddings of a chip and of its mirror image."""

SHIPPED: Mapping[str, Scale] = MappingProxyType({DLIB_MODEL: DLIB, MIRRORED_MODEL: MIRRORED})
"""By model id."""
