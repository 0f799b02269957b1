"""Finds faces with dlib's mmod network: slower than HOG, and better at turned and partly covered faces.

The network looks through a window of one size, so a picture is given to it at many sizes at once: a pyramid of copies,
each 5/6 of the one before, tiled onto one plane. What it finds on the plane is then taken back to the picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from recognition import onnx_models
from recognition.detectors import CROP_SIDE, Found, clipped, resized
from recognition.dlib_weights import AVERAGES, OVERLAP, WINDOW
from recognition.engine import SURE, Box, RgbImage

SMALLEST_WINDOW = 85
"""Width in pixels of the smallest face that is found reliably: none at 45, a third at 60, all at 80 (170 pictures)."""

SCENE_SHARE, CROP_SHARE = 1 / 10, 1 / 4
"""The smallest face looked for, over the picture's longer side; the time grows with the square of its inverse."""

WHOLE = 0.9
"""The network's own score from which on a face is whole. It saturates: of 960 faces in press photographs half had 1.06
or more and one in a hundred less than 1.0, whatever HOG thought of them, and of 60 faces that HOG had not found those
below this were cut by the picture's edge, nearly covered, or turned away; none was anything but a face."""

STEPS = (6, 5)  # each copy is 5/6 of the one before
PADDING, OUTER_PADDING = 10, 11  # pixels between the copies, and around them
LOWEST = 5  # rows of the smallest copy
CELL, FIRST_CELL = 8, 14  # pixels from one score to the next, and where the first one's window has its middle

Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a copy of the picture lies on the plane, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def distance(self, x: float, y: float) -> float:
        """How far outside a point is; 0 inside."""
        across = max(self.left - x, 0, x - (self.left + self.width - 1))
        down = max(self.top - y, 0, y - (self.top + self.height - 1))
        return float(np.hypot(across, down))


class CnnDetector:
    """dlib's face network on ONNX Runtime; may be shared by threads."""

    def __init__(self, cache_dir: Path | None = None) -> None:
        self._session = onnx_models.shared_session(onnx_models.DETECTOR, cache_dir)

    def find(self, rgb: RgbImage) -> list[Found]:
        """All faces of ``rgb`` (uint8, HxWx3), largest first, whose width is at least a tenth of the longer side.

        In a picture of at most CROP_SIDE pixels, a quarter. Takes about 120 ms for a scene and 25 ms for a crop.

        The score is put on HOG's scale: SURE at WHOLE, and about 0.6 at most, since it says little about how good a
        face is: one that only this detector finds is sure, and never as good as one that HOG is sure of.
        """
        longer = max(rgb.shape[:2])
        scale = SMALLEST_WINDOW / ((CROP_SHARE if longer <= CROP_SIDE else SCENE_SHARE) * longer)
        copy = resized(rgb, scale)
        finds = (_in_picture(find, scale, rgb) for find in self.find_exactly(copy))
        return sorted((find for find in finds if find), key=lambda face: face.box.area, reverse=True)

    def find_exactly(self, rgb: RgbImage) -> list[Found]:
        """What ``dlib.cnn_face_detection_model_v1`` gives for this very picture: surest first.

        Boxes are the same and may reach beyond the picture; the network's own scores are within 0.006, since the copies
        are made smaller with 32 steps between two pixels. A picture with a side under half a window has no face.
        """
        height, width = rgb.shape[:2]
        if min(width, height) < WINDOW // 2:
            return []
        tiles, size = tiled(width, height)
        scores = self._session.run(None, {"plane": _plane(rgb, tiles, size)})[0][0, 0]
        rows, columns = np.nonzero(scores > 0)
        order = np.argsort(-scores[rows, columns], kind="stable")
        cells = zip(columns[order], rows[order], strict=True)
        finds = (Found(_box(int(column), int(row), tiles), float(scores[row, column])) for column, row in cells)
        return _without_repeats(finds)


def tiled(width: int, height: int) -> tuple[list[Tile], tuple[int, int]]:
    """Where dlib puts the copies of a picture of that size, and the plane's width and height.

    The copies go down the left edge for as long as half of them need, then up the right one beside the small ones;
    those that would touch the picture itself are left out.
    """
    sizes = _sizes(width, height)
    column = _left_column(sizes)
    tiles, y = [], OUTER_PADDING
    for wide, high in sizes:
        if y >= column:
            break
        tiles.append(Tile(OUTER_PADDING, y, wide, high))
        y += high + PADDING
    y -= PADDING
    for wide, high in sizes[len(tiles) :]:
        tile = Tile(OUTER_PADDING + width - wide, y - high, wide, high)
        if tile.top < OUTER_PADDING + height:
            break
        tiles.append(tile)
        y -= high + PADDING
    return tiles, (width + 2 * OUTER_PADDING, column + 2 * OUTER_PADDING)


def _in_picture(find: Found, scale: float, rgb: RgbImage) -> Found | None:
    """The find of a scaled copy in the picture itself; None where most of it lies beyond the edge."""
    edges = (find.box.left, find.box.top, find.box.right, find.box.bottom)
    left, top, right, bottom = (round(edge / scale) for edge in edges)
    whole = Box(left, top, right, bottom)
    inside = clipped(whole, rgb)
    return Found(inside, SURE * find.score / WHOLE) if 2 * inside.area > whole.area else None


def merged(hog: list[Found], cnn: list[Found]) -> list[Found]:
    """The finds of both detectors, each face once, largest first: as HOG has it where HOG is sure, else as the network has it."""
    sure = [find for find in hog if find.score >= SURE]
    more = [find for find in cnn if not _is_among(find, sure)]
    unsure = [find for find in hog if find.score < SURE and not _is_among(find, cnn)]
    return sorted([*sure, *more, *unsure], key=lambda face: face.box.area, reverse=True)


def _is_among(find: Found, others: Iterable[Found]) -> bool:
    return any(_overlap(find.box, other.box) > OVERLAP for other in others)


def _sizes(width: int, height: int) -> list[tuple[int, int]]:
    more, less = STEPS
    sizes: list[tuple[int, int]] = []
    while (width and height >= LOWEST) or not sizes:
        sizes.append((width, height))
        width, height = width * less // more, height * less // more
    return sizes


def _left_column(sizes: list[tuple[int, int]]) -> int:
    """Rows of the copies that go down the left edge, with the padding between them."""
    width, height = sizes[0]
    total = sum(high + PADDING for _, high in sizes) - 2 * PADDING
    column, before = 0, 0
    for wide, high in sizes:
        if wide <= width - before - PADDING and 2 * (column - height) >= total - height:
            break
        column += high + PADDING
        before = wide
    return column - PADDING


def _plane(rgb: RgbImage, tiles: list[Tile], size: tuple[int, int]) -> Plane:
    """The copies on a ground of the mean colour, channels first."""
    width, height = size
    plane = np.empty((1, 3, height, width), np.float32)
    plane[0] = np.asarray(AVERAGES, np.float32)[:, None, None]
    copy = rgb.astype(np.float32)
    for tile in tiles:
        if copy.shape[:2] != (tile.height, tile.width):
            copy = _smaller(copy, tile.width, tile.height)
        plane[0, :, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] = copy.transpose(2, 0, 1)
    return plane


def _smaller(picture: Plane, width: int, height: int) -> Plane:
    """Linear between neighbours, the corners' middles on the corners' middles, as dlib does and cv2.resize does not."""
    high, wide = picture.shape[:2]
    step = np.asarray([[(wide - 1) / max(width - 1, 1), 0, 0], [0, (high - 1) / max(height - 1, 1), 0]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    copy = cv2.warpAffine(picture, step, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(copy, dtype=np.float32)


def _box(column: int, row: int, tiles: list[Tile]) -> Box:
    """The picture's pixels that the window of a cell stands for."""
    x, y = FIRST_CELL + CELL * column, FIRST_CELL + CELL * row
    distances = [tile.distance(x, y) for tile in tiles]
    level = int(np.argmin(distances))
    half = (WINDOW - 1) / 2
    corners = np.asarray([x - half, y - half, x + half, y + half])
    corners -= np.tile([tiles[level].left, tiles[level].top], 2)
    more, less = STEPS
    for _ in range(level):
        corners = corners * (more / less) + 0.3
    left, top, right, bottom = (int(np.floor(abs(edge) + 0.5) * np.sign(edge)) for edge in corners)
    return Box(left, top, right + 1, bottom + 1)


def _without_repeats(finds: Iterable[Found]) -> list[Found]:
    """Of finds that overlap, only the first."""
    kept: list[Found] = []
    for find in finds:
        if not _is_among(find, kept):
            kept.append(find)
    return kept


def _overlap(one: Box, other: Box) -> float:
    """The common area over that of the rectangle around both: dlib's measure, smaller than the usual one."""
    common = Box(
        max(one.left, other.left), max(one.top, other.top), min(one.right, other.right), min(one.bottom, other.bottom)
    )
    around = Box(
        min(one.left, other.left), min(one.top, other.top), max(one.right, other.right), max(one.bottom, other.bottom)
    )
    if common.width <= 0 or common.height <= 0:
        return 0.0
    return common.area / around.area
