"""What each measure of a face picture means: its unit and range, and how it becomes a score of 0 to 100."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of a face picture.

    Attributes:
        unit: what the raw value counts.
        low: the least value that it can take.
        high: the greatest value that it can take.
        curve: (raw, score) in rising order of raw; straight lines between them, level beyond them.
        is_wide: the raw value has a sign, and only how far it lies from zero matters.
    """

    unit: str
    low: float
    high: float
    curve: Points
    is_wide: bool = False

    def score(self, raw: float) -> float:
        """The score of a raw value: 0 is the worst, 100 as good as the best of ordinary photographs.

        Args:
            raw: any finite number; beyond the curve's ends it counts as the end.
        """
        value = abs(raw) if self.is_wide else raw
        after = bisect_right([x for x, _ in self.curve], value)
        if after in {0, len(self.curve)}:
            return self.curve[max(after - 1, 0)][1]
        (x0, y0), (x1, y1) = self.curve[after - 1 : after + 1]
        return y0 + (y1 - y0) * ((value - x0) / (x1 - x0))


# The knots are percentiles of 943 press photographs (see docs/explanation/quality.md): 100 is the best twentieth, 75 the
# middle, 50 the poorest twentieth, 25 the poorest hundredth; 0 is where copies spoiled on purpose are no longer found or
# known. Where both sides are bad, the middle half has 100. Those photographs are all of one size and turned upright, so
# inter_eye_distance and head_pose_roll follow the gates' limits instead, and so does single_face_present.
MEASURES: Mapping[str, Measure] = {
    "sharpness": Measure("grey levels", 0, 255, ((0.35, 0), (0.75, 25), (0.95, 50), (1.4, 75), (2.2, 100))),
    "blur": Measure("share", 0, 1, ((0.45, 100), (0.54, 75), (0.63, 50), (0.67, 25), (0.77, 0))),
    "luminance_mean": Measure(
        "grey levels", 0, 255, ((15, 0), (72, 25), (89, 50), (112, 100), (144, 100), (166, 50), (186, 25), (240, 0))
    ),
    "luminance_variance": Measure(
        "grey levels squared", 0, 16_257, ((20, 0), (400, 25), (550, 50), (1270, 75), (2600, 100))
    ),
    "dynamic_range": Measure("bits", 0, 8, ((4, 0), (6.2, 25), (6.45, 50), (7.0, 75), (7.5, 100))),
    "under_exposure_prevention": Measure(
        "share below 25", 0, 1, ((0, 100), (0.003, 75), (0.058, 50), (0.12, 25), (0.5, 0))
    ),
    "over_exposure_prevention": Measure("share above 240", 0, 1, ((0, 100), (0.0045, 50), (0.034, 25), (0.5, 0))),
    "illumination_uniformity": Measure("share", 0, 1, ((0.1, 0), (0.4, 25), (0.57, 50), (0.88, 75), (0.99, 100))),
    "inter_eye_distance": Measure("pixels", 0, 20_000, ((12, 0), (24, 25), (32, 50), (40, 75), (90, 100))),
    "head_pose_yaw": Measure(
        "inter-eye distances", 0, 100, ((0.007, 100), (0.07, 75), (0.24, 50), (0.37, 25), (0.7, 0))
    ),
    "head_pose_pitch": Measure(
        "inter-eye distances",
        -100,
        100,
        ((0.2, 0), (0.51, 25), (0.60, 50), (0.70, 100), (0.83, 100), (0.92, 50), (1.04, 25), (1.3, 0)),
    ),
    "head_pose_roll": Measure("degrees", -180, 180, ((5, 100), (20, 50), (45, 0)), is_wide=True),
    "face_occlusion_prevention": Measure(
        "detector's score", 0, 10, ((0, 0), (0.26, 25), (0.67, 50), (1.76, 75), (2.73, 100))
    ),
    "single_face_present": Measure("share", 0, 1000, ((0, 100), (0.10, 75), (0.25, 50), (1, 0))),
    "mirror_distance": Measure("distance", 0, 4, ((0.14, 100), (0.19, 75), (0.247, 50), (0.28, 25), (0.40, 0))),
}
"""Word of a measure -> what it means; recognition.quality takes the measures."""

OVERALL = "quality"
"""Word of the score over all."""

# What best predicts a missed match, and what must not be too bad beside it: see overall().
_TELLING = ("face_occlusion_prevention", "mirror_distance")
_GUARDS = ("blur", "under_exposure_prevention", "over_exposure_prevention")


def scores_of(measures: Mapping[str, float]) -> dict[str, float]:
    """The score of each measure, and ``quality`` over all.

    Args:
        measures: raw measures by word, as in ``Sighting.quality.measures``; unknown words and values that are no finite
            number have no score.

    Returns:
        By the same words 0 to 100, and ``quality`` as ``overall`` says; absent where it cannot be said.
    """
    scores = {
        word: MEASURES[word].score(value)
        for word, value in measures.items()
        if word in MEASURES and math.isfinite(value)
    }
    best = overall(scores)
    return scores if best is None else scores | {OVERALL: best}


def overall(scores: Mapping[str, float]) -> float | None:
    """One number to choose the best of several pictures of one person by: 0 to 100, None without the detector's score.

    It is our own, no component of the standard: the geometric mean of the scores of detector and mirror distance
    (the first alone, where there is no other), but never above twice the score of blur, under- or over-exposure. The
    first two predict best which pairs of one person are missed; the others hold back pictures that resemble those of
    other people (see docs/explanation/quality.md).
    """
    if _TELLING[0] not in scores:
        return None
    telling = [scores[word] for word in _TELLING if word in scores]
    mean = math.prod(telling) ** (1 / len(telling))
    return min(mean, *(2 * scores[word] for word in _GUARDS if word in scores), 100.0)
