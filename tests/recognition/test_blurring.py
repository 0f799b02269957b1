"""Blurred faces: gone for good where they were, and nothing else is touched."""

import numpy as np
import pytest

from recognition.blurring import BLOCKS, WHOLE_BLOCKS, blurred


def noise(height: int = 200, width: int = 300) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def colours(part: np.ndarray) -> int:
    return len(np.unique(part.reshape(-1, 3), axis=0))


def test_of_a_face_only_a_few_blocks_are_left() -> None:
    image = noise()
    before = image.copy()
    found = blurred(image, [[100, 50, 160, 110]])
    assert colours(found[50:110, 100:160]) <= (BLOCKS + 1) ** 2
    assert np.array_equal(image, before)


def test_what_is_far_from_the_face_stays_as_it_is() -> None:
    image = noise()
    found = blurred(image, [[100, 50, 160, 110]])
    # A third of the face's size around it goes too.
    changed = np.argwhere((found != image).any(axis=2))
    assert changed.min(axis=0).tolist() >= [50 - 21, 100 - 21]
    assert changed.max(axis=0).tolist() <= [110 + 21, 160 + 21]
    assert np.array_equal(found[:20], image[:20])


def test_without_a_place_the_whole_picture_goes() -> None:
    found = blurred(noise(), [])
    assert colours(found) <= (WHOLE_BLOCKS + 1) * (2 * WHOLE_BLOCKS + 1)
    assert found.shape == (200, 300, 3)


@pytest.mark.parametrize("box", [[-50, -50, 20, 20], [290, 190, 400, 400], [500, 500, 600, 600], [9, 9, 9, 9]])
def test_a_box_beyond_the_edge_is_cut(box: list[int]) -> None:
    found = blurred(noise(), [box])
    assert found.shape == (200, 300, 3)
    assert np.array_equal(found[80:120, 100:200], noise()[80:120, 100:200])
