"""Finds faces with dlib's HOG detector, at the scales where it works and not at those where it only costs time."""

import threading
from dataclasses import dataclass
from typing import Any

import cv2
import dlib
import numpy as np

from recognition.engine import SURE, Box, GreyImage, RgbImage

Picture = RgbImage | GreyImage

SMALLEST_WINDOW = 65
"""Width in pixels of the smallest face that HOG finds reliably: 91 % at 60, 100 % at 80 (170 pictures, rescaled)."""

CROP_SIDE = 400
"""A picture whose longer side is at most this many pixels is taken for a crop of one face."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at the picture.

    Attributes:
        smallest: width of the smallest face looked for, as a share of the picture's longer side.
        margin: how much is added on each side, as a share of the longer side, by repeating the edge pixels; HOG wants
            some forehead and neck, which tight crops lack.
    """

    smallest: float
    margin: float


SCENE = (Pass(1 / 10, 0), Pass(1 / 4, 0.25), Pass(1 / 27, 0))
CROP = (Pass(1 / 4, 0.25), Pass(1 / 10, 0.25))


@dataclass(frozen=True, slots=True)
class Found:
    """A face found: where (pixels of the given picture, inside it), and how sure (about 0 to 3.5)."""

    box: Box
    score: float


def largest_other(found: list[Found], face: Found) -> float:
    """Area of the largest other sure face over that of ``face``; 0 if there is none. HOG's unsure finds are often none."""
    areas = (other.box.area for other in found if other is not face and other.score >= SURE)
    return max(areas, default=0) / face.box.area


class HogDetector:
    """dlib's frontal face detector on grey copies of a picture; may be shared by threads.

    Each look is scaled so that the smallest accepted face is about 65 pixels wide. The first look suits a person at a
    gate; the later ones (tightly cut faces, then small ones far away) are made only while no face is sure.
    """

    def __init__(self) -> None:
        self._of_thread = threading.local()  # a detector object is not safe to share, and it releases the lock

    def find(self, rgb: RgbImage) -> list[Found]:
        """All faces of ``rgb`` (uint8, HxWx3), largest first; those of the look that was surest of its best face."""
        grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        best: list[Found] = []
        for look in CROP if max(grey.shape) <= CROP_SIDE else SCENE:
            found = self._look(grey, look)
            if _surest(found) > _surest(best):
                best = found
            if _surest(best) >= SURE:
                break
        return sorted(best, key=lambda face: face.box.area, reverse=True)

    def _look(self, grey: GreyImage, look: Pass) -> list[Found]:
        scale = SMALLEST_WINDOW / (look.smallest * max(grey.shape))
        margin = round(look.margin * scale * max(grey.shape))
        copy = resized(grey, scale)
        if margin:
            copy = np.pad(copy, margin, mode="edge")
        rectangles, scores, _ = self._detector().run(copy, 0, 0.0)
        boxes = (_box(rectangle, scale, margin) for rectangle in rectangles)
        pairs = zip(boxes, scores, strict=True)
        inside = ((clipped(box, grey), box.area, score) for box, score in pairs)
        return [Found(box, float(score)) for box, whole, score in inside if 2 * box.area > whole]

    def _detector(self) -> Any:
        if not hasattr(self._of_thread, "detector"):
            self._of_thread.detector = dlib.get_frontal_face_detector()
        return self._of_thread.detector


def _surest(found: list[Found]) -> float:
    return max((face.score for face in found), default=-1.0)


def resized(picture: Picture, scale: float) -> Picture:
    """The picture (uint8) larger or smaller, at least one pixel high and wide.

    A much smaller copy is halved first, as often as may be, and what is left is done linearly: HOG finds the same faces
    as with one INTER_AREA, in a tenth of the time.
    """
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    while picture.shape[0] >= 2 * height and picture.shape[1] >= 2 * width:
        rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
        even = picture[: 2 * rows, : 2 * columns]
        picture = np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _box(rectangle: Any, scale: float, margin: int) -> Box:
    edges = (rectangle.left(), rectangle.top(), rectangle.right() + 1, rectangle.bottom() + 1)
    left, top, right, bottom = (round((edge - margin) / scale) for edge in edges)
    return Box(left, top, right, bottom)


def clipped(box: Box, picture: Picture) -> Box:
    """The part of the box that lies in the picture; of no area where none does."""
    height, width = picture.shape[:2]
    return Box(max(box.left, 0), max(box.top, 0), min(box.right, width), min(box.bottom, height))
