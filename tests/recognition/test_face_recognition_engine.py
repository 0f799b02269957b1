"""The reference engine gives what the face_recognition package gives its users."""

import warnings
from types import ModuleType

import dlib
import numpy as np
import pytest

import recognition
from recognition import embedders
from recognition.engine import Engine
from tests.photos import ANOTHER_MAN, ONE_MAN, PARTLY_COVERED, TWO_FACES
from tests.recognition.conftest import Look, Picture


@pytest.fixture(scope="module")
def reference() -> Engine:
    return recognition.load_engine("face_recognition")


@pytest.fixture(scope="module")
def package(reference: Engine) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import face_recognition  # noqa: PLC0415 - only after the engine has dealt with its warning
    return face_recognition  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", [ONE_MAN[0], ONE_MAN[2], ANOTHER_MAN, PARTLY_COVERED[0], TWO_FACES])
def test_boxes_and_embeddings_are_the_packages_own(
    name: str, reference: Engine, package: ModuleType, picture: Picture
) -> None:
    rgb = picture(name)
    locations = package.face_locations(rgb)
    encodings = package.face_encodings(rgb, locations)
    sightings = {
        (seen.box.top, seen.box.right - 1, seen.box.bottom - 1, seen.box.left): seen
        for seen in reference.sightings(rgb)
    }
    height, width = rgb.shape[:2]
    inside = [(top, min(right, width - 1), min(bottom, height - 1), left) for top, right, bottom, left in locations]
    assert sorted(sightings) == sorted(inside)
    for location, encoding in zip(inside, encodings, strict=True):
        assert np.array_equal(sightings[location].embedding, encoding.astype(np.float32))


def test_both_engines_see_the_same_face_in_one_picture(reference: Engine, look: Look, picture: Picture) -> None:
    (ours,), (theirs,) = look(ONE_MAN[0]), reference.sightings(picture(ONE_MAN[0]))
    assert np.linalg.norm(ours.embedding - theirs.embedding) < 0.15
    assert ours.model == theirs.model
    assert ours.quality.measures.keys() == theirs.quality.measures.keys()


@pytest.mark.parametrize("name", [ONE_MAN[0], ANOTHER_MAN])
def test_its_mirrored_embedding_is_that_of_its_own_chip_turned_round(
    name: str, reference: Engine, picture: Picture
) -> None:
    (seen,) = reference.sightings(picture(name))
    shape = dlib.full_object_detection(dlib.rectangle(0, 0, 9, 9), [dlib.point(x, y) for x, y in seen.landmarks])
    ((plain, mirrored),) = embedders.DlibEmbedder().embed(picture(name), [shape])
    assert seen.mirrored is not None
    assert np.abs(seen.mirrored - mirrored).max() < 1e-5
    apart = float(np.linalg.norm(plain - mirrored))
    assert seen.quality.measures["mirror_distance"] == pytest.approx(apart, abs=0.02)


def test_it_finds_nothing_where_there_is_nothing(reference: Engine) -> None:
    assert reference.sightings(np.zeros((90, 120, 3), np.uint8)) == []
