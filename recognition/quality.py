"""Cheap measures of how good a face picture is; recognition.gates says what each gate makes of them.

The words follow the components of ISO/IEC 29794-5, but these are cheap look-alikes, not a conformant implementation.
All pixel measures are taken on the 150x150 chip (rows 25 to 135, columns 30 to 120: face, little hair, no background).
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from recognition.engine import GreyImage, Quality, RgbImage
from recognition.scores import scores_of

Points = Sequence[tuple[int, int]]
Grey = npt.NDArray[np.float32]

INNER_ROWS, INNER_COLUMNS = slice(25, 135), slice(30, 120)
DARK, BRIGHT = 25, 240  # grey levels
BLUR_WIDTH = 9  # pixels of the second blur in blur()


def measure(
    chip: RgbImage, points: Points, score: float, other_face: float, mirror_distance: float | None = None
) -> Quality:
    """Everything about one face, raw and as scores; what has no finite value is left out.

    Args:
        chip: uint8, 150x150x3, RGB, upright.
        points: dlib's five landmarks in pixels of the source picture.
        score: the detector's score, about 0 to 3.5.
        other_face: area of the largest other face in the picture over this one's; 0 if there is none.
        mirror_distance: Euclidean distance of the embeddings of the chip and of its mirror image, as dlib's network
            gives them; None where the engine makes no second embedding or has another network.

    Returns:
        Quality with the words of ``recognition.scores.MEASURES``, where unit and range of each stand, and its scores.
    """
    grey: GreyImage = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)[INNER_ROWS, INNER_COLUMNS].astype(np.uint8, copy=False)
    given = {"face_occlusion_prevention": float(score), "single_face_present": float(other_face)}
    if mirror_distance is not None:
        given["mirror_distance"] = float(mirror_distance)
    raw = _sharp(grey) | _light(grey) | _pose(points) | given
    measures = {word: value for word, value in raw.items() if math.isfinite(value)}
    return Quality(measures, scores_of(measures))


def _sharp(grey: GreyImage) -> dict[str, float]:
    exact = grey.astype(np.float32)
    return {"sharpness": sharpness(exact), "blur": blur(exact)}


def _light(grey: GreyImage) -> dict[str, float]:
    return {
        "luminance_mean": float(grey.mean()),
        "luminance_variance": float(grey.var()),
        "dynamic_range": dynamic_range(grey),
        "under_exposure_prevention": float(np.mean(grey < DARK)),
        "over_exposure_prevention": float(np.mean(grey > BRIGHT)),
        "illumination_uniformity": illumination_uniformity(grey),
    }


def sharpness(grey: Grey) -> float:
    """Mean distance of each pixel from the mean of its 3x3 neighbourhood, in grey levels; 0.8 to 2.6 in good light."""
    return float(np.abs(grey - cv2.blur(grey, (3, 3))).mean())


def blur(grey: Grey) -> float:
    """Share of the horizontal contrast that blurring once more leaves in place: 0 (sharp) to 1; independent of light.

    After F. Crete et al., "The blur effect" (2007). Clean press photographs: 0.36 to 0.59.
    """
    steps = np.abs(np.diff(grey, axis=1))
    blurred = np.abs(np.diff(cv2.blur(grey, (BLUR_WIDTH, 1)), axis=1))
    total = float(steps.sum())
    return 1.0 - float(np.maximum(steps - blurred, 0).sum()) / total if total else 1.0


def dynamic_range(grey: GreyImage) -> float:
    """Entropy of the grey levels in bits: 0 to 8."""
    shares = np.bincount(grey.ravel(), minlength=256) / grey.size
    used = shares[shares > 0]
    return float(-(used * np.log2(used)).sum())


def illumination_uniformity(grey: GreyImage) -> float:
    """How alike the face's halves are lit: 1 minus their difference over the mean, 0 to 1."""
    middle = grey.shape[1] // 2
    difference = abs(float(grey[:, :middle].mean()) - float(grey[:, middle:].mean()))
    return max(0.0, 1.0 - difference / max(float(grey.mean()), 1.0))


def _pose(points: Points) -> dict[str, float]:
    """Inter-eye distance (source pixels), roll (degrees, clockwise positive), and where the nose stands.

    Yaw is the distance of the nose's base from the eyes' middle along the eye line, pitch its distance below
    that line, both in inter-eye distances: signs of a turned head, not angles. Press photographs: yaw 0 to 0.36,
    pitch 0.51 to 1.03 (1st to 99th percentile).
    """
    right, left, nose = np.mean(points[0:2], axis=0), np.mean(points[2:4], axis=0), np.asarray(points[4])
    across = right - left
    distance = float(np.hypot(*across))
    if not distance:
        return {"inter_eye_distance": 0.0, "head_pose_roll": 0.0, "head_pose_yaw": 1.0, "head_pose_pitch": 0.0}
    along = across / distance
    offset = nose - (right + left) / 2
    return {
        "inter_eye_distance": distance,
        "head_pose_roll": math.degrees(math.atan2(along[1], along[0])),
        "head_pose_yaw": abs(float(offset @ along)) / distance,
        "head_pose_pitch": float(offset @ np.array([-along[1], along[0]])) / distance,
    }
