"""Five points of a face, and the upright chip that the network is given."""

from pathlib import Path
from typing import Any

import dlib
import numpy as np

from recognition.engine import Box, RgbImage

CHIP_SIDE = 150
CHIP_PADDING = 0.25
"""Share of the face added on each side of the chip; what dlib's network was trained with."""


class FivePoints:
    """dlib's five-point predictor: the corners of both eyes and the base of the nose.

    The predictor of 68 points is not used: its training pictures (iBUG 300-W) forbid commercial use, and for
    recognition it brings nothing beyond noise.
    """

    def __init__(self, model: Path) -> None:
        self._predictor = dlib.shape_predictor(str(model))

    def shape(self, rgb: RgbImage, box: Box) -> Any:
        """Give dlib's full_object_detection for the face at ``box``, in pixels of ``rgb``."""
        return self._predictor(rgb, dlib.rectangle(box.left, box.top, box.right - 1, box.bottom - 1))


def points(shape: Any) -> tuple[tuple[int, int], ...]:
    """The shape's five points (x, y), in dlib's order; whole pixels, possibly beyond the picture's edge."""
    return tuple((point.x, point.y) for point in shape.parts())


def chip(rgb: RgbImage, shape: Any) -> RgbImage:
    """The face cut out upright: uint8, 150x150x3, RGB; black where the picture ends."""
    return np.asarray(dlib.get_face_chip(rgb, shape, size=CHIP_SIDE, padding=CHIP_PADDING), dtype=np.uint8)
