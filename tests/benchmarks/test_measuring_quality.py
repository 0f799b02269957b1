"""The measuring of picture quality: copies are spoiled as they say, and the tables hold what was counted."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import quality
from benchmarks.quality import Photo, alike, person, ranks, spread, without
from benchmarks.spoiled import COPIES, dulled, half_covered, lit, moved, noisy, shrunk
from recognition.engine import Box, Quality, RgbImage, Sighting
from recognition.gates import GATES, SHIPPED
from recognition.scores import MEASURES, OVERALL
from tests.photos import FOLDER

CHANCE = np.random.default_rng(0)


def face(embedding: float = 0.0) -> Sighting:
    """A face 110 pixels wide in the middle of a picture of 250 by 250."""
    numbers = np.full(128, embedding, np.float32)
    measured = Quality({"inter_eye_distance": 40.0})
    return Sighting(Box(70, 70, 180, 180), ((0, 0),) * 5, 1.0, measured, numbers, "test")


def picture() -> RgbImage:
    return np.random.default_rng(1).integers(0, 256, (250, 250, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", COPIES)
def test_a_spoiled_copy_is_a_picture_and_leaves_the_first_as_it_was(name: str) -> None:
    rgb = picture()
    copy = COPIES[name](rgb, face(), CHANCE)
    assert copy.dtype == np.uint8
    assert np.array_equal(rgb, picture())
    assert copy.shape != rgb.shape or not np.array_equal(copy, rgb)


def test_twice_the_light_is_brighter_and_never_wraps_round() -> None:
    rgb = picture()
    assert np.array_equal(lit(2)(rgb, face(), CHANCE), np.minimum(rgb.astype(int) * 2, 255))
    assert lit(0.2)(rgb, face(), CHANCE).mean() == pytest.approx(rgb.mean() * 0.2, abs=1)


def test_contrast_noise_motion_and_size_change_as_they_say() -> None:
    rgb = picture()
    assert dulled(0.5)(rgb, face(), CHANCE).std() == pytest.approx(rgb.std() / 2, rel=0.02)
    assert noisy(16)(np.full_like(rgb, 128), face(), CHANCE).std() == pytest.approx(16, rel=0.05)
    assert np.abs(np.diff(moved(9)(rgb, face(), CHANCE).astype(int), axis=1)).mean() < 30
    assert shrunk(20)(rgb, face(), CHANCE).shape == (125, 125, 3)


def test_half_of_the_face_is_covered_and_the_other_is_not() -> None:
    rgb = picture()
    copy = half_covered(rgb, face(), CHANCE)
    assert (copy[70:180, 70:125] == 120).all()
    assert np.array_equal(copy[:, 125:], rgb[:, 125:])


def test_the_photographs_to_be_spoiled_are_spread_evenly() -> None:
    photos = [Photo(Path(f"{number}.jpg"), None) for number in range(10)]
    assert [each.path.stem for each in spread(photos, 3)] == ["3", "7"]
    assert spread(photos, 0) == []
    assert spread(photos, 100) == photos


def test_only_pairs_of_different_people_are_strangers_alike() -> None:
    photos = [Photo(Path(name), None) for name in ("Anna_0001.jpg", "Anna_0002.jpg", "Bert_0001.jpg")]
    assert person(photos[0].path) == person(photos[1].path) != person(photos[2].path)
    assert alike(photos, [face(0), face(0), face(1)]) == 0
    assert alike(photos, [face(0), face(0.01), face(0)]) == 100
    assert alike(photos, [None, face(0), None]) == 0


def test_leaving_out_the_poorest_leaves_the_rest() -> None:
    missed = np.array([True, True, False, False])
    assert [without(missed, cut) for cut in (0, 0.25, 0.5)] == [50, pytest.approx(100 / 3), 0]
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1, 3.5, 2]


def test_a_folder_is_measured_and_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "quality",
        str(FOLDER),
        "--people",
        str(FOLDER / "people"),
        "--copies",
        "0",
        "--limits",
        "enrol.blur>0.35",
    ]
    monkeypatch.setattr("sys.argv", arguments)
    quality.main()
    told = capsys.readouterr().out
    rows = [line.split(" | ") for line in told.splitlines() if line.startswith("| ")]
    assert {f"| `{word}`" for word in MEASURES} <= {row[0] for row in rows}
    rules = [row for row in rows if row[0].removeprefix("| ") in GATES]
    assert len(rules) == sum(len(SHIPPED.of(gate)) + 1 for gate in GATES)
    (blur,) = [row for row in rules if row[1] == "blur > 0.35 / 0.62"]
    assert float(blur[3]) > 50
    assert any(row[0] == f"| `{OVERALL}`" for row in rows)
