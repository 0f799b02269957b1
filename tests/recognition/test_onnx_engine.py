"""The default engine on real photographs: it finds faces, knows them, and computes what dlib computes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO

import cv2
import dlib
import numpy as np
import pytest
from PIL import Image

import recognition
from recognition import embedders, landmarks, models
from recognition.engine import MIRROR, SURE, Box, Engine, RecognitionError, RgbImage, Sighting, foremost
from tests.photos import ANOTHER_MAN, ONE_MAN, PARTLY_COVERED, TWO_FACES, WITH_ALPHA, photo
from tests.recognition.conftest import Look, Picture

SINGLE = (*ONE_MAN, ANOTHER_MAN, WITH_ALPHA)
SAME_WITHIN, OTHERS_BEYOND = 0.45, 0.75


def apart(one: Sighting, other: Sighting) -> float:
    return float(np.linalg.norm(one.embedding - other.embedding))


def only(sightings: list[Sighting]) -> Sighting:
    assert len(sightings) == 1
    return sightings[0]


@pytest.mark.parametrize("name", [*SINGLE, *PARTLY_COVERED])
def test_a_photograph_of_one_person_has_one_face_inside_it(name: str, look: Look, picture: Picture) -> None:
    sighting = only(look(name))
    height, width = picture(name).shape[:2]
    assert 0 <= sighting.box.left < sighting.box.right <= width
    assert 0 <= sighting.box.top < sighting.box.bottom <= height
    assert len(sighting.landmarks) == 5
    assert sighting.embedding.shape == (128,)
    assert sighting.embedding.dtype == np.float32
    assert sighting.model == models.DLIB_RESNET_V1
    assert sighting.quality.measures["face_occlusion_prevention"] == sighting.score > 0.5


def test_three_pictures_of_one_man_are_near_to_one_another(look: Look) -> None:
    first, second, third = (only(look(name)) for name in ONE_MAN)
    assert max(apart(first, second), apart(first, third), apart(second, third)) < SAME_WITHIN


def test_another_man_is_far_from_each_of_them(look: Look) -> None:
    assert min(apart(only(look(ANOTHER_MAN)), only(look(name))) for name in ONE_MAN) > OTHERS_BEYOND


@pytest.mark.parametrize("name", PARTLY_COVERED)
def test_a_half_covered_face_is_still_his_and_less_sure(name: str, look: Look) -> None:
    whole, half = only(look(ONE_MAN[0])), only(look(name))
    assert apart(whole, half) < SAME_WITHIN
    assert half.score < whole.score - 0.5


def test_a_picture_with_alpha_is_the_same_face_as_without(look: Look) -> None:
    assert apart(only(look(WITH_ALPHA)), only(look(ONE_MAN[1]))) < 0.1


def test_two_faces_are_two_sightings_largest_first(look: Look) -> None:
    larger, smaller = look(TWO_FACES)
    assert larger.box.area > smaller.box.area
    assert apart(larger, only(look(ONE_MAN[0]))) < SAME_WITHIN < OTHERS_BEYOND < apart(larger, smaller)
    assert apart(smaller, only(look(ANOTHER_MAN))) < SAME_WITHIN
    assert larger.quality.measures["single_face_present"] == pytest.approx(smaller.box.area / larger.box.area)
    assert smaller.quality.measures["single_face_present"] == pytest.approx(larger.box.area / smaller.box.area)
    assert only(look(ANOTHER_MAN)).quality.measures["single_face_present"] == 0


@pytest.mark.parametrize("shape", [(1, 1), (2, 500), (700, 3), (480, 640), (1080, 1920)])
def test_a_picture_without_a_face_has_no_sightings(shape: tuple[int, int], engine: Engine) -> None:
    height, width = shape
    ramp = np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8)
    assert engine.sightings(np.dstack([ramp] * 3)) == []


@pytest.mark.parametrize("width", [80, 100, 150])
@pytest.mark.parametrize("name", [*ONE_MAN, ANOTHER_MAN])
def test_a_tight_crop_of_a_face_is_found_and_known(
    name: str, width: int, engine: Engine, look: Look, picture: Picture
) -> None:
    whole = only(look(name))
    box, spare = whole.box, whole.box.width // 10
    crop = picture(name)[box.top - spare : box.bottom + spare, box.left - spare : box.right + spare]
    small = cv2.resize(crop, (width, width), interpolation=cv2.INTER_AREA)
    assert apart(only(engine.sightings(np.asarray(small, dtype=np.uint8))), whole) < 0.25


def test_a_small_face_in_a_large_scene_is_found_where_it_is(engine: Engine, look: Look, picture: Picture) -> None:
    whole = only(look(ONE_MAN[0]))
    scale = 90 / whole.box.width
    small = cv2.resize(picture(ONE_MAN[0]), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    scene = np.full((1080, 1920, 3), 127, np.uint8)
    scene[500 : 500 + small.shape[0], 1200 : 1200 + small.shape[1]] = small
    sighting = only(engine.sightings(scene))
    assert abs(sighting.box.left - (1200 + whole.box.left * scale)) < 15
    assert abs(sighting.box.top - (500 + whole.box.top * scale)) < 15
    assert apart(sighting, whole) < 0.25


def _saved(rgb: RgbImage, mode: str, kind: str, exif: Image.Exif | None = None) -> bytes:
    stream = BytesIO()
    Image.fromarray(rgb).convert(mode).save(stream, kind, exif=exif or Image.Exif(), quality=90)
    return stream.getvalue()


def _turned(rgb: RgbImage) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _saved(np.rot90(rgb).copy(), "RGB", "JPEG", exif)


def _deep(rgb: RgbImage) -> bytes:
    done, data = cv2.imencode(".png", rgb[:, :, ::-1].astype(np.uint16) * 257)
    assert done
    return bytes(data)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(lambda rgb: _saved(rgb, "CMYK", "JPEG"), id="cmyk"),
        pytest.param(lambda rgb: _saved(rgb, "L", "JPEG"), id="grey"),
        pytest.param(_turned, id="turned"),
        pytest.param(_deep, id="16-bit"),
    ],
)
def test_a_face_is_known_however_its_picture_was_stored(
    stored: Callable[[RgbImage], bytes], engine: Engine, look: Look, picture: Picture
) -> None:
    again = recognition.read_image(stored(picture(ONE_MAN[0])))
    assert again.shape == picture(ONE_MAN[0]).shape
    assert apart(only(engine.sightings(again)), only(look(ONE_MAN[0]))) < 0.2


@pytest.mark.parametrize("name", [*SINGLE, *PARTLY_COVERED, TWO_FACES])
def test_embeddings_are_what_dlib_computes_at_the_reported_box(name: str, look: Look, picture: Picture) -> None:
    network = dlib.face_recognition_model_v1(str(models.checked_path(models.RESNET)))
    predictor = dlib.shape_predictor(str(models.checked_path(models.FIVE_POINTS)))
    for sighting in look(name):
        box = sighting.box
        shape = predictor(picture(name), dlib.rectangle(box.left, box.top, box.right - 1, box.bottom - 1))
        assert sighting.landmarks == landmarks.points(shape)
        descriptor = np.asarray(network.compute_face_descriptor(picture(name), shape))
        assert np.abs(sighting.embedding - descriptor).max() < 1e-5


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(lambda rgb: rgb[:, :, 0], id="grey"),
        pytest.param(lambda rgb: np.dstack([rgb, rgb[:, :, 0]]), id="alpha"),
        pytest.param(lambda rgb: rgb / 255, id="0 to 1"),
        pytest.param(lambda rgb: rgb[:0], id="no rows"),
        pytest.param(lambda rgb: rgb[:, :0], id="no columns"),
        pytest.param(lambda rgb: rgb.tobytes(), id="bytes"),
    ],
)
def test_what_is_no_rgb_picture_is_refused_and_not_guessed_at(
    bad: Callable[[RgbImage], RgbImage], engine: Engine, picture: Picture
) -> None:
    with pytest.raises(ValueError, match="uint8 of HxWx3"):
        engine.sightings(bad(picture(ONE_MAN[0])))


def test_a_picture_may_lie_in_memory_in_any_order(engine: Engine, look: Look, picture: Picture) -> None:
    (wanted,) = look(ONE_MAN[0])
    bgr = picture(ONE_MAN[0])[:, :, ::-1].copy()
    frozen = bgr[:, :, ::-1]
    frozen.setflags(write=False)
    assert apart(only(engine.sightings(frozen)), wanted) == 0


def test_threads_that_share_an_engine_see_the_same(engine: Engine, look: Look, picture: Picture) -> None:
    names = [ONE_MAN[0], ANOTHER_MAN] * 2
    with ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(lambda name: engine.sightings(picture(name)), names))
    for name, sightings in zip(names, seen, strict=True):
        assert [sighting.box for sighting in sightings] == [sighting.box for sighting in look(name)]
        assert apart(only(sightings), only(look(name))) == 0


@pytest.mark.parametrize("name", SINGLE)
def test_a_turned_picture_without_the_exif_word_is_not_taken_for_upright(
    name: str, engine: Engine, picture: Picture
) -> None:
    for quarter_turns in (1, 2, 3):
        turned = engine.sightings(np.rot90(picture(name), quarter_turns).copy())
        assert all(sighting.score < SURE for sighting in turned)


@pytest.fixture(scope="module")
def hog_alone() -> Engine:
    return recognition.load_engine(cnn="never")


@pytest.fixture(scope="module")
def with_cnn() -> Engine:
    return recognition.load_engine(cnn="always")


def tilted(rgb: RgbImage, box: Box) -> RgbImage:
    """The picture turned by 40 degrees about the face: more than HOG bears."""
    middle = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    height, width = rgb.shape[:2]
    turned = cv2.warpAffine(rgb, cv2.getRotationMatrix2D(middle, -40, 1), (width, height))
    return np.asarray(turned, dtype=np.uint8)


@pytest.mark.parametrize("name", [ONE_MAN[2], ANOTHER_MAN])
def test_a_face_that_hog_is_not_sure_of_is_found_by_the_cnn_and_known(
    name: str, engine: Engine, hog_alone: Engine, look: Look, picture: Picture
) -> None:
    upright = only(look(name))
    picture_of_it = tilted(picture(name), upright.box)
    assert all(sighting.score < SURE for sighting in hog_alone.sightings(picture_of_it))
    found = only(engine.sightings(picture_of_it))
    assert SURE < found.score < upright.score
    assert apart(found, upright) < SAME_WITHIN


@pytest.mark.parametrize("name", [*ONE_MAN, ANOTHER_MAN, TWO_FACES])
def test_a_face_that_hog_is_sure_of_is_the_same_with_and_without_the_cnn(
    name: str, hog_alone: Engine, with_cnn: Engine, look: Look, picture: Picture
) -> None:
    boxes = [sighting.box for sighting in look(name)]
    assert boxes == [sighting.box for sighting in hog_alone.sightings(picture(name))]
    assert boxes == [sighting.box for sighting in with_cnn.sightings(picture(name))]


def test_an_unknown_way_of_asking_the_cnn_is_refused() -> None:
    with pytest.raises(RecognitionError, match="fallback, always, never") as refused:
        recognition.load_engine(cnn="sometimes")
    assert refused.value.reason == "unknown_cnn_mode"


@pytest.mark.parametrize("name", [*SINGLE, *PARTLY_COVERED])
def test_the_mirrored_embedding_is_that_of_the_chip_turned_round(name: str, look: Look, picture: Picture) -> None:
    sighting = only(look(name))
    predictor = landmarks.FivePoints(models.checked_path(models.FIVE_POINTS))
    chip = landmarks.chip(picture(name), predictor.shape(picture(name), sighting.box))
    network = dlib.face_recognition_model_v1(str(models.checked_path(models.RESNET)))
    descriptor = np.asarray(network.compute_face_descriptor(np.ascontiguousarray(chip[:, ::-1])))
    assert sighting.mirrored is not None
    assert np.abs(sighting.mirrored - descriptor).max() < 1e-5
    mean = sighting.embedding_for(models.DLIB_RESNET_V1 + MIRROR)
    assert mean == pytest.approx((sighting.embedding + sighting.mirrored) / 2)
    between = float(np.linalg.norm(sighting.embedding - sighting.mirrored))
    assert sighting.quality.measures["mirror_distance"] == pytest.approx(between)


def test_a_sighting_has_no_embedding_of_another_model(look: Look) -> None:
    sighting = only(look(ONE_MAN[0]))
    assert sighting.embedding_for(sighting.model) is sighting.embedding
    with pytest.raises(RecognitionError) as refused:
        sighting.embedding_for("another-model")
    assert refused.value.reason == "wrong_model"
    with pytest.raises(RecognitionError):
        replace(sighting, mirrored=None).embedding_for(sighting.model + MIRROR)


def test_a_crowd_is_embedded_in_several_batches_in_the_right_order(
    engine: Engine, look: Look, picture: Picture
) -> None:
    tiles = [cv2.resize(picture(name)[:700, :700], (300, 300)) for name in (ONE_MAN[0], ANOTHER_MAN)]
    crowd = np.vstack([np.hstack([tiles[(row + column) % 2] for column in range(6)]) for row in range(2)])
    seen = engine.sightings(np.asarray(crowd, dtype=np.uint8))
    assert len(seen) > embedders.BATCH // 2
    for sighting in seen:
        number = (sighting.box.left // 300 + sighting.box.top // 300) % 2
        assert apart(sighting, only(look((ONE_MAN[0], ANOTHER_MAN)[number]))) < SAME_WITHIN


def test_the_foremost_face_is_the_largest_sure_one(look: Look) -> None:
    larger, smaller = look(TWO_FACES)
    assert foremost([smaller, larger]) is larger
    ghost = Sighting(Box(0, 0, 900, 900), larger.landmarks, 0.1, larger.quality, larger.embedding, larger.model)
    assert foremost([ghost, smaller]) is smaller
    assert foremost([ghost]) is ghost
    assert foremost([]) is None


def test_photographs_that_were_not_fetched_say_how_to_fetch_them() -> None:
    with pytest.raises(FileNotFoundError, match=r"run \./scripts/photos"):
        photo("nobody.jpg")
