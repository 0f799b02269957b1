"""What is asked of a face picture at each gate: to be recognised, to be registered, to be enrolled by hand.

The limits were set on 943 press photographs of 250x250 pixels (face about 110 wide) and on spoiled copies of them; the
figures are in docs/explanation/quality.md and are measured anew by ``python -m benchmarks.quality``. Bad pictures must
not be enrolled: strongly blurred, dark or half covered faces of two people are taken for one another in 10 to 15 of 100
cases (clean ones in 0.5), since bad pictures collapse to one region. Infra-red and grey cameras need limits of their
own: ``recognition.limits`` reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

Gate = Literal["recognise", "register", "enrol"]
Level = Literal["warn", "refuse"]

GATES: tuple[Gate, ...] = get_args(Gate)
LEVELS: tuple[Level, ...] = get_args(Level)
MAY_REFUSE = frozenset({"several_faces", "face_too_small", "face_unclear", "too_blurred", "too_dark", "too_bright"})
"""Only these words may refuse. Limits of pose, contrast and noise taken together would refuse most ordinary photographs."""

NEVER = "never"
"""What a bound is called that there is not."""


@dataclass(frozen=True, slots=True)
class Limit:
    """From where on a measure is warned of or refused.

    Attributes:
        reason: machine word of the finding.
        measure: the measure's word, see recognition.scores.MEASURES.
        bad: whether ``low`` or ``high`` values are bad; ``wide`` means far from zero on either side.
        warn: bound of the warning; None: never.
        refuse: bound of the refusal, which comes before a warning; None: never.
    """

    reason: str
    measure: str
    bad: Literal["low", "high", "wide"]
    warn: float | None
    refuse: float | None = None

    @property
    def sign(self) -> str:
        """``<`` where low values are bad, else ``>``."""
        return "<" if self.bad == "low" else ">"

    def bound(self, level: Level) -> float | None:
        """From where on it is that level; None: never."""
        return self.refuse if level == "refuse" else self.warn

    def with_bound(self, level: Level, bound: float | None) -> "Limit":
        """The same limit with another bound of that level."""
        return replace(self, refuse=bound) if level == "refuse" else replace(self, warn=bound)

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
            ``several_faces``, ``low_contrast``, ``uneven_light``, ``noisy``, ``tilted``, ``turned``, ``nodding``,
            ``one_sided``; ``recognition.advice.ADVICE`` has a sentence for each.
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


@dataclass(frozen=True, slots=True)
class GateLimits:
    """The limits of all three gates; as text, what differs from SHIPPED in the form that recognition.limits reads."""

    recognise: tuple[Limit, ...]
    register: tuple[Limit, ...]
    enrol: tuple[Limit, ...]

    def of(self, gate: Gate) -> tuple[Limit, ...]:
        """The limits of one gate."""
        return {"recognise": self.recognise, "register": self.register, "enrol": self.enrol}[gate]

    def __str__(self) -> str:
        return ", ".join(
            f"{gate}.{mine.measure}{mine.sign}{NEVER if bound is None else f'{bound:g}'}{' warn' * (level == 'warn')}"
            for gate in GATES
            for mine, shipped in zip(self.of(gate), SHIPPED.of(gate), strict=True)
            for level in LEVELS
            if (bound := mine.bound(level)) != shipped.bound(level)
        )


_ALWAYS_WARN = (
    Limit("low_contrast", "luminance_variance", "low", 225),
    Limit("low_contrast", "dynamic_range", "low", 5.8),
    Limit("uneven_light", "illumination_uniformity", "low", 0.4),
    Limit("noisy", "sharpness", "high", 8),
    Limit("tilted", "head_pose_roll", "wide", 20),
    Limit("turned", "head_pose_yaw", "high", 0.35),
    Limit("nodding", "head_pose_pitch", "low", 0.5),
    Limit("nodding", "head_pose_pitch", "high", 1.05),
    Limit("one_sided", "mirror_distance", "high", 0.29),
)

SHIPPED = GateLimits(
    recognise=(
        Limit("face_too_small", "inter_eye_distance", "low", 18, 12),
        Limit("face_unclear", "face_occlusion_prevention", "low", 0.5, 0.2),
        Limit("too_blurred", "blur", "high", 0.70, 0.74),
        Limit("too_blurred", "sharpness", "low", 0.50, 0.42),
        Limit("too_dark", "luminance_mean", "low", 40, 30),
        Limit("too_dark", "under_exposure_prevention", "high", 0.30, 0.50),
        Limit("too_bright", "luminance_mean", "high", 205, 225),
        Limit("too_bright", "over_exposure_prevention", "high", 0.30, 0.50),
        *_ALWAYS_WARN,
    ),
    register=(
        Limit("several_faces", "single_face_present", "high", 0.10, 0.25),
        Limit("face_too_small", "inter_eye_distance", "low", 40, 24),
        Limit("face_unclear", "face_occlusion_prevention", "low", 1.0, 0.5),
        Limit("too_blurred", "blur", "high", 0.65, 0.70),
        Limit("too_blurred", "sharpness", "low", 0.80, 0.50),
        Limit("too_dark", "luminance_mean", "low", 60, 40),
        Limit("too_dark", "under_exposure_prevention", "high", 0.15, 0.50),
        Limit("too_bright", "luminance_mean", "high", 190, 205),
        Limit("too_bright", "over_exposure_prevention", "high", 0.10, 0.30),
        *_ALWAYS_WARN,
    ),
    enrol=(
        Limit("several_faces", "single_face_present", "high", 0.10, 0.25),
        Limit("face_too_small", "inter_eye_distance", "low", 40, 32),
        Limit("face_unclear", "face_occlusion_prevention", "low", 1.0, 0.5),
        Limit("too_blurred", "blur", "high", 0.62, 0.68),
        Limit("too_blurred", "sharpness", "low", 0.80, 0.55),
        Limit("too_dark", "luminance_mean", "low", 70, 45),
        Limit("too_dark", "under_exposure_prevention", "high", 0.15, 0.40),
        Limit("too_bright", "luminance_mean", "high", 190, 200),
        Limit("too_bright", "over_exposure_prevention", "high", 0.10, 0.25),
        *_ALWAYS_WARN,
    ),
)
"""The limits that are in force where a site has not set others."""


def judge(measures: Mapping[str, float], gate: Gate, limits: GateLimits | None = None) -> list[Finding]:
    """What is wrong with a face for this gate: refusals first, each reason once; empty where all is well.

    The gate ``recognise`` explains why a face was not matched and never vetoes a match.

    Args:
        measures: raw measures by word, as in ``Sighting.quality.measures``; one that is missing is not judged.
        gate: which limits apply.
        limits: the site's own; SHIPPED if None.
    """
    found = (_finding(limit, measures.get(limit.measure)) for limit in (limits or SHIPPED).of(gate))
    once: dict[str, Finding] = {}
    for finding in sorted(filter(None, found), key=lambda each: each.level):  # "refuse" sorts before "warn"
        once.setdefault(finding.reason, finding)
    return list(once.values())


def _finding(limit: Limit, value: float | None) -> Finding | None:
    for level in ("refuse", "warn"):
        bound = limit.bound(level)
        if value is not None and bound is not None and limit.crosses(value, bound):
            return Finding(limit.reason, level, limit.measure, value, bound)
    return None
