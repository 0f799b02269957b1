"""From distances to scores that one threshold can judge, whoever is compared: the same for decisions and for measuring."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from receiver.domain.alignment import Distances
from receiver.domain.scales import CohortRule, Scale

Counts = npt.NDArray[np.int64]

PLAIN_WORD = "plain"


@dataclass(frozen=True, slots=True)
class Scoring:
    """A model's scale with the cohort correction that a library of this size has, or none.

    Plain: the score is the aligned distance, see receiver.domain.alignment. With a cohort: the score is the distance
    minus ``beta`` times the mean of the probe's ``nearest`` smallest distances to other people, each as it would be if
    that person had as many faces as the one who is judged; averaging shortens both alike, so such scores need no
    further alignment (measured: the threshold for one false alarm in a hundred moves by less than 0.01 between one and
    three faces a person, and by less than 0.02 between 120 and 514 people).
    """

    scale: Scale
    rule: CohortRule | None

    @property
    def word(self) -> str:
        """``plain``, ``cohort_3_0.5`` or the like: scores of different words must not be compared."""
        return PLAIN_WORD if self.rule is None else self.rule.word

    def scores(self, distances: Distances, faces: Counts, probes: int = 1) -> Distances:
        """The scores of probes against people, lower for more alike.

        Args:
            distances: shape (n, m), Euclidean, each row one probe (the mean of ``probes`` pictures) against the mean of
                each person's faces; infinite for people who are left out.
            faces: shape (m,), how many faces each person has, 1 or more.
            probes: 1 or more.

        Returns:
            shape (n, m), float64; infinite where the distance is.
        """
        aligned = self.scale.alignment.aligned(distances, faces, probes)
        if self.rule is None:
            return aligned
        nearest = nearest_of(aligned, self.rule)
        # In pieces: the conversion of every neighbour to every person's number of faces takes room.
        rows = [
            self.shifts(nearest[row : row + 1], aligned[row : row + 1], faces, probes)[0] for row in range(len(aligned))
        ]
        return np.asarray(distances - np.reshape(rows, aligned.shape))

    def shifts(self, nearest: Distances, aligned: Distances, faces: Counts, probes: int = 1) -> Distances:
        """What the cohort takes from each distance; 0 without one.

        Args:
            nearest: shape (n, rule.nearest + 1), each probe's smallest aligned distances, rising; see nearest_of.
            aligned: shape (n, c), aligned distances to those who are judged; they are not their own cohort.
            faces: shape (c,), how many faces each of those has.
            probes: how many pictures a probe is the mean of.

        Returns:
            shape (n, c), float64.
        """
        if self.rule is None:
            return np.zeros(aligned.shape)
        count, alignment = self.rule.nearest, self.scale.alignment
        raw = alignment.raw(nearest[:, None, :], faces[None, :, None], probes)
        own = alignment.raw(aligned, faces, probes)
        total = raw.sum(axis=2)
        is_inside = aligned <= nearest[:, count - 1 : count]
        mean = (total - np.where(is_inside, own, raw[:, :, count])) / count
        return np.asarray(self.rule.beta * mean)


def nearest_of(aligned: Distances, rule: CohortRule) -> Distances:
    """Each row's ``rule.nearest`` + 1 smallest values, rising: the cohort of anybody, one more in case it is its own."""
    return np.sort(np.partition(aligned, rule.nearest, axis=1)[:, : rule.nearest + 1], axis=1)
