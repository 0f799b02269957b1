"""From the false alarms that a site accepts to the distance below which two faces are called the same."""

import math
from itertools import pairwise

STRICTEST, LOOSEST = 0.40, 0.60

PAIRWISE_FALSE_MATCHES = ((0.40, 3e-6), (0.45, 3.6e-5), (0.50, 2.3e-4), (0.55, 1.2e-3), (0.60, 5.6e-3))
"""Distance, and the share of pairs of different people that lie below it.

Measured with dlib's network on 4263 people, 9.1 million pairs, Labeled Faces in the Wild (press photographs)."""

VERIFICATION_THRESHOLD = 0.58
"""For comparing with one person whom somebody has named, where no crowd of others can be hit by chance.

Between 0.55 (0.12 % of other people pass, 8 % of pictures of the same person do not) and 0.60 (0.56 % and 2.4 %),
same measurement: about 0.3 % and 4 %. A miss costs a look by a person; a false pass hands over an identity."""


def threshold_for(fpir: float, people: int) -> float:
    """The threshold at which about ``fpir`` of unknown people are taken for one of ``people`` known ones.

    One unknown person is compared with each known one, so FPIR = 1 - (1 - FMR)^people; the pairwise rate (FMR) that
    this asks for is looked up in PAIRWISE_FALSE_MATCHES, straight between its points on a logarithmic scale.

    What it cannot know: false matches are not spread evenly (at 0.45 the worst twentieth of people hold 98 % of them),
    several faces a person raise the true rate, look-alikes and groups whom the network confuses raise it more, and a
    site's own camera may lower it. On the same photographs it gave 0.54 % at 200 people and 0.45, and 9 % at 1000 people
    and 0.50; asked for 1 % with 120 of those people enrolled and 400 unknown, 0.9 % with one face a person and 1.5 %
    with three. That is no independent check: where it matters, measure the site's own library.

    Args:
        fpir: accepted share of unknown people who are called by a name, above 0 and below 1.
        people: known people, 0 or more; 0 counts as 1.

    Returns:
        Euclidean distance between dlib embeddings, 0.40 to 0.60. At 0.40 and many people the true rate is above
        ``fpir``: the table does not reach further.

    Raises:
        ValueError: ``fpir`` or ``people`` out of range.
    """
    if not 0 < fpir < 1 or people < 0:
        raise ValueError("fpir must lie between 0 and 1, people must not be negative")
    pairwise_rate = -math.expm1(math.log1p(-fpir) / max(people, 1))  # 1 - (1 - fpir)^(1/people), exact when small
    return _distance_at(pairwise_rate)


def _distance_at(rate: float) -> float:
    if rate <= PAIRWISE_FALSE_MATCHES[0][1]:
        return STRICTEST
    for (low, low_rate), (high, high_rate) in pairwise(PAIRWISE_FALSE_MATCHES):
        if rate <= high_rate:
            share = math.log(rate / low_rate) / math.log(high_rate / low_rate)
            return low + share * (high - low)
    return LOOSEST
