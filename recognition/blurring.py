"""Makes faces on a picture unrecognisable for good: coarse blocks of mean colour, from which nothing can be reckoned back."""

from collections.abc import Sequence

import numpy as np

from recognition.engine import RgbImage

# Blocks along a face's shorter side: the eyes are 1 block apart or less, below what any network or person recognises.
BLOCKS = 5
# Hair, ears and chin tell much of a person too: the box is made larger by this share of its size on every side.
MARGIN = 0.35
# Blocks along the shorter side of a whole picture: faces that take a third of it have about BLOCKS.
WHOLE_BLOCKS = 16


def blurred(image: RgbImage, boxes: Sequence[Sequence[int]]) -> RgbImage:
    """A copy of the picture with the boxes, made larger by a third, turned into coarse blocks.

    Args:
        image: uint8, HxWx3, RGB.
        boxes: left, top, right, bottom in pixels of ``image``; parts outside of it are passed over. With none the whole
            picture is turned into blocks: whoever does not know where the face is can leave no part of it.
    """
    found = np.array(image, copy=True)
    height, width = found.shape[:2]
    if not boxes:
        _coarsen(found, WHOLE_BLOCKS)
    for left, top, right, bottom in boxes:
        wide, high = MARGIN * (right - left), MARGIN * (bottom - top)
        part = found[
            max(0, int(top - high)) : min(height, int(bottom + high) + 1),
            max(0, int(left - wide)) : min(width, int(right + wide) + 1),
        ]
        _coarsen(part, BLOCKS)
    return found


def _coarsen(part: RgbImage, blocks: int) -> None:
    """Paints every block of the part, in place, with its mean colour."""
    height, width = part.shape[:2]
    if not height or not width:
        return
    size = max(1, -(-min(height, width) // blocks))
    for top in range(0, height, size):
        for left in range(0, width, size):
            block = part[top : top + size, left : left + size]
            block[:] = block.reshape(-1, 3).mean(axis=0).astype(np.uint8)
