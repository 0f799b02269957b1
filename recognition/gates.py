"""What is asked of a face picture at each gate: to be recognised, to be registered, to be enrolled by hand.

The limits were set on 943 press photographs of 250x250 pixels (face about 110 wide) and on spoiled copies of them:
Gaussian blur of 2 to 3 pixels, motion over 9, a third of the light, twice the light. Bad pictures must not be enrolled:
two people's equally blurred or dark faces are taken for one another in 10 to 47 of 100 cases, since bad pictures
collapse to one region. Infra-red and grey cameras need limits of their own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Gate = Literal["recognise", "register", "enrol"]
Level = Literal["warn", "refuse"]


@dataclass(frozen=True, slots=True)
class Limit:
    """From where on a measure is warned of or refused.

    Attributes:
        reason: machine word of the finding.
        measure: the measure's word, see recognition.quality.
        bad: whether ``low`` or ``high`` values are bad; ``wide`` means far from zero on either side.
        warn: bound of the warning; None: never.
        refuse: bound of the refusal, at or beyond the warning; None: never.
    """

    reason: str
    measure: str
    bad: Literal["low", "high", "wide"]
    warn: float | None
    refuse: float | None = None

    def crosses(self, value: float, bound: float) -> bool:
        """Whether ``value`` lies on the bad side of ``bound``."""
        if self.bad == "low":
            return value < bound
        return (abs(value) if self.bad == "wide" else value) > bound


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a face picture.

    Attributes:
        reason: machine word: ``too_blurred``, ``too_dark``, ``too_bright``, ``face_too_small``, ``face_unclear``,
            ``several_faces``, ``low_contrast``, ``uneven_light``, ``noisy``, ``tilted``, ``turned``, ``nodding``.
        level: ``refuse`` or ``warn``.
        measure: which measure said so.
        value: what was measured.
        limit: the bound that was crossed.
    """

    reason: str
    level: Level
    measure: str
    value: float
    limit: float


# Only these words may refuse. Limits of pose, contrast and noise taken together would refuse most ordinary photographs.
_ALWAYS_WARN = (
    Limit("low_contrast", "luminance_variance", "low", 225),
    Limit("low_contrast", "dynamic_range", "low", 5.8),
    Limit("uneven_light", "illumination_uniformity", "low", 0.4),
    Limit("noisy", "sharpness", "high", 8),
    Limit("tilted", "roll", "wide", 20),
    Limit("turned", "yaw", "high", 0.35),
    Limit("nodding", "pitch", "low", 0.5),
    Limit("nodding", "pitch", "high", 1.05),
)

GATES: Mapping[Gate, tuple[Limit, ...]] = {
    "recognise": (
        Limit("face_too_small", "inter_eye_distance", "low", 18, 12),
        Limit("face_unclear", "detector_score", "low", 0.5, 0.2),
        Limit("too_blurred", "blur", "high", 0.70, 0.74),
        Limit("too_blurred", "sharpness", "low", 0.50, 0.42),
        Limit("too_dark", "luminance_mean", "low", 40, 30),
        Limit("too_dark", "under_exposure", "high", 0.30, 0.50),
        Limit("too_bright", "luminance_mean", "high", 205, 225),
        Limit("too_bright", "over_exposure", "high", 0.30, 0.50),
        *_ALWAYS_WARN,
    ),
    "register": (
        Limit("several_faces", "other_face", "high", 0.10, 0.25),
        Limit("face_too_small", "inter_eye_distance", "low", 40, 24),
        Limit("face_unclear", "detector_score", "low", 1.0, 0.5),
        Limit("too_blurred", "blur", "high", 0.65, 0.70),
        Limit("too_blurred", "sharpness", "low", 0.80, 0.50),
        Limit("too_dark", "luminance_mean", "low", 60, 40),
        Limit("too_dark", "under_exposure", "high", 0.15, 0.50),
        Limit("too_bright", "luminance_mean", "high", 190, 205),
        Limit("too_bright", "over_exposure", "high", 0.10, 0.30),
        *_ALWAYS_WARN,
    ),
    "enrol": (
        Limit("several_faces", "other_face", "high", 0.10, 0.25),
        Limit("face_too_small", "inter_eye_distance", "low", 40, 32),
        Limit("face_unclear", "detector_score", "low", 1.0, 0.5),
        Limit("too_blurred", "blur", "high", 0.62, 0.68),
        Limit("too_blurred", "sharpness", "low", 0.80, 0.55),
        Limit("too_dark", "luminance_mean", "low", 70, 45),
        Limit("too_dark", "under_exposure", "high", 0.15, 0.40),
        Limit("too_bright", "luminance_mean", "high", 190, 200),
        Limit("too_bright", "over_exposure", "high", 0.10, 0.25),
        *_ALWAYS_WARN,
    ),
}


def judge(measures: Mapping[str, float], gate: Gate, limits: Iterable[Limit] | None = None) -> list[Finding]:
    """What is wrong with a face for this gate: refusals first, each reason once; empty where all is well.

    The gate ``recognise`` explains why a face was not matched and never vetoes a match.

    Args:
        measures: raw measures by word, as in ``Sighting.quality.measures``; one that is missing is not judged.
        gate: which limits apply.
        limits: others than the shipped ones.
    """
    chosen = GATES[gate] if limits is None else limits
    found = [finding for limit in chosen if (finding := _finding(limit, measures.get(limit.measure))) is not None]
    once: dict[str, Finding] = {}
    for finding in sorted(found, key=lambda finding: finding.level):  # "refuse" sorts before "warn"
        once.setdefault(finding.reason, finding)
    return list(once.values())


def _finding(limit: Limit, value: float | None) -> Finding | None:
    bounds: tuple[tuple[Level, float | None], ...] = (("refuse", limit.refuse), ("warn", limit.warn))
    for level, bound in bounds:
        if value is not None and bound is not None and limit.crosses(value, bound):
            return Finding(limit.reason, level, limit.measure, value, bound)
    return None
