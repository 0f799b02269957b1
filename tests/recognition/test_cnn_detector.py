"""The CNN detector finds what dlib's own finds, at any size of picture, and says how sure on HOG's scale."""

from itertools import pairwise

import cv2
import dlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recognition import models
from recognition.cnn_detector import PADDING, CnnDetector, Tile, merged, tiled
from recognition.detectors import Found, HogDetector
from recognition.engine import SURE, Box, RgbImage
from tests.photos import ANOTHER_MAN, ONE_MAN, PARTLY_COVERED, TWO_FACES, WITH_ALPHA
from tests.recognition.conftest import Picture

PIXELS = 250_000
"""dlib's own network takes half a second for so many."""


@pytest.fixture(scope="module")
def detector() -> CnnDetector:
    return CnnDetector()


@pytest.fixture(scope="module")
def theirs() -> dlib.cnn_face_detection_model_v1:
    return dlib.cnn_face_detection_model_v1(str(models.checked_path(models.DETECTOR)))


def smaller(rgb: RgbImage) -> RgbImage:
    scale = min(1.0, (PIXELS / (rgb.shape[0] * rgb.shape[1])) ** 0.5)
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@pytest.mark.parametrize("name", [*ONE_MAN, ANOTHER_MAN, WITH_ALPHA, *PARTLY_COVERED, TWO_FACES])
def test_it_gives_dlibs_own_rectangles(
    name: str, detector: CnnDetector, theirs: dlib.cnn_face_detection_model_v1, picture: Picture
) -> None:
    rgb = smaller(picture(name))
    expected = theirs(rgb, 0)
    found = detector.find_exactly(rgb)
    boxes = [(find.box.left, find.box.top, find.box.right - 1, find.box.bottom - 1) for find in found]
    assert boxes == [(each.rect.left(), each.rect.top(), each.rect.right(), each.rect.bottom()) for each in expected]
    assert len(boxes) == (2 if name == TWO_FACES else 1)
    for find, each in zip(found, expected, strict=True):
        assert abs(find.score - each.confidence) < 0.006


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_it_gives_dlibs_own_rectangles_for_turned_faces_too(
    quarter_turns: int, detector: CnnDetector, theirs: dlib.cnn_face_detection_model_v1, picture: Picture
) -> None:
    rgb = np.rot90(smaller(picture(TWO_FACES)), quarter_turns).copy()
    expected = [each.rect for each in theirs(rgb, 0)]
    found = [find.box for find in detector.find_exactly(rgb)]
    assert [(box.left, box.top, box.right - 1, box.bottom - 1) for box in found] == [
        (rect.left(), rect.top(), rect.right(), rect.bottom()) for rect in expected
    ]


@pytest.mark.parametrize("name", [*ONE_MAN, ANOTHER_MAN, *PARTLY_COVERED])
def test_it_finds_the_face_where_hog_finds_it(name: str, detector: CnnDetector, picture: Picture) -> None:
    (ours,), (hog,) = detector.find(picture(name)), HogDetector().find(picture(name))
    middle = (ours.box.left + ours.box.right) / 2, (ours.box.top + ours.box.bottom) / 2
    assert hog.box.left < middle[0] < hog.box.right
    assert hog.box.top < middle[1] < hog.box.bottom
    assert SURE < ours.score < 0.7


def test_boxes_stay_inside_the_picture(detector: CnnDetector, picture: Picture) -> None:
    box = HogDetector().find(picture(ONE_MAN[0]))[0].box
    tight = picture(ONE_MAN[0])[box.top : box.bottom, box.left : box.right].copy()
    (find,) = detector.find(tight)
    height, width = tight.shape[:2]
    assert 0 <= find.box.left < find.box.right <= width
    assert 0 <= find.box.top < find.box.bottom <= height


@pytest.mark.parametrize("shape", [(1, 1), (2, 500), (700, 3), (60, 60), (200, 300)])
def test_it_finds_nothing_where_there_is_nothing(shape: tuple[int, int], detector: CnnDetector) -> None:
    flat = np.full((*shape, 3), 120, np.uint8)
    assert detector.find(flat) == []
    assert detector.find_exactly(flat) == []


@settings(deadline=None)
@given(width=st.integers(40, 2500), height=st.integers(40, 2500))
def test_the_copies_lie_apart_on_the_plane(width: int, height: int) -> None:
    tiles, (plane_width, plane_height) = tiled(width, height)
    assert (tiles[0].width, tiles[0].height) == (width, height)
    covered = np.zeros((plane_height, plane_width), np.uint8)
    for tile in tiles:
        assert tile.left >= 0
        assert tile.top >= 0
        assert tile.left + tile.width <= plane_width
        assert tile.top + tile.height <= plane_height
        covered[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
    assert covered.max() == 1
    for one, next_one in pairwise(tiles):
        assert (next_one.width, next_one.height) == (one.width * 5 // 6, one.height * 5 // 6)


def test_the_first_copies_stand_below_one_another() -> None:
    tiles, _ = tiled(640, 480)
    assert tiles[0] == Tile(11, 11, 640, 480)
    assert tiles[1] == Tile(11, 11 + 480 + PADDING, 533, 400)


FACE, ELSEWHERE = Box(100, 100, 200, 200), Box(400, 100, 480, 180)
SLIGHTLY_OFF = Box(110, 95, 205, 190)


def test_a_face_that_hog_is_sure_of_stays_as_hog_has_it() -> None:
    hog, cnn = Found(FACE, 1.7), Found(SLIGHTLY_OFF, 0.58)
    assert merged([hog], [cnn]) == [hog]


def test_a_face_that_hog_is_unsure_of_is_taken_as_the_network_has_it() -> None:
    hog, cnn = Found(FACE, 0.2), Found(SLIGHTLY_OFF, 0.58)
    assert merged([hog], [cnn]) == [cnn]


def test_what_only_one_of_the_two_finds_is_kept_largest_first() -> None:
    hog, cnn = Found(ELSEWHERE, 0.2), Found(FACE, 0.58)
    assert merged([hog], [cnn]) == [cnn, hog]
    assert merged([], [cnn]) == [cnn]
    assert merged([hog], []) == [hog]
