"""Copies of a picture are of the size that is asked for and show the same; boxes are cut at the picture's edge."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recognition.detectors import Found, clipped, largest_other, resized
from recognition.engine import Box

RAMP = np.add.outer(np.arange(240), np.arange(320) / 2).clip(0, 255).astype(np.uint8)


@given(height=st.integers(1, 300), width=st.integers(1, 300), scale=st.floats(0.01, 3))
def test_a_copy_has_the_scaled_size_and_never_none(height: int, width: int, scale: float) -> None:
    copy = resized(np.zeros((height, width), np.uint8), scale)
    assert copy.shape == (max(1, round(height * scale)), max(1, round(width * scale)))


@pytest.mark.parametrize("scale", [0.09, 0.25, 0.34, 0.5, 0.51, 0.9, 1, 1.7])
def test_a_copy_shows_what_the_picture_shows(scale: float) -> None:
    copy = resized(RAMP, scale)
    expected = cv2.resize(RAMP, copy.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(copy.astype(int) - expected).mean() < 2


def test_a_picture_of_three_channels_keeps_them() -> None:
    colours = np.dstack([RAMP, RAMP // 2, 255 - RAMP])
    copy = resized(colours, 0.3)
    assert np.array_equal(copy[:, :, 0], resized(RAMP, 0.3))
    assert copy.shape == (72, 96, 3)


def test_detail_smaller_than_a_pixel_of_the_copy_is_averaged() -> None:
    checked = (np.indices((400, 400)).sum(axis=0) % 2 * 255).astype(np.uint8)
    copy = resized(checked, 0.1)
    assert 120 <= int(copy.min()) <= int(copy.max()) <= 135


def test_boxes_are_cut_at_the_edge() -> None:
    assert clipped(Box(-5, 10, 400, 300), RAMP) == Box(0, 10, 320, 240)
    assert clipped(Box(400, 10, 500, 20), RAMP).area == 0


def test_the_largest_other_face_is_a_sure_one() -> None:
    face, sure, ghost = Found(Box(0, 0, 10, 10), 1), Found(Box(20, 0, 25, 10), 1), Found(Box(0, 50, 90, 90), 0.1)
    assert largest_other([face, sure, ghost], face) == 0.5
    assert largest_other([face, ghost], face) == 0
