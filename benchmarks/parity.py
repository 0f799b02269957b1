"""How far the networks on ONNX Runtime are from dlib's own, on every face of the test photographs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np

import recognition
from benchmarks.scenes import photographs
from recognition import landmarks, models
from recognition.cnn_detector import CnnDetector
from recognition.engine import Engine, RgbImage

CNN_PIXELS = 307_200  # 640 x 480: dlib's own network takes two seconds for them


@dataclass(frozen=True)
class Parity:
    """What differs.

    Attributes:
        faces: how many faces were embedded by both, mirrored ones too.
        embedding: the largest difference of any of their 128 numbers.
        pictures: how many pictures both detectors looked at.
        alike: in how many of them all rectangles are the same.
        confidence: the largest difference of the detectors' scores there.
    """

    faces: int
    embedding: float
    pictures: int
    alike: int
    confidence: float


def measure_parity(engine: Engine, cache_dir: Path | None = None) -> Parity:
    """Over all test photographs, the detectors on copies of 640 x 480 pixels."""
    pictures = [recognition.read_image(data) for data in photographs().values()]
    embedded = [difference for rgb in pictures for difference in _embedding_differences(engine, rgb)]
    ours, theirs = CnnDetector(cache_dir), own_detector()
    found = [_detector_difference(ours, theirs, _small(rgb)) for rgb in pictures]
    alike = [each for each in found if each is not None]
    return Parity(len(embedded), max(embedded), len(pictures), len(alike), max(alike, default=0.0))


def own_network() -> Any:
    """The face network as dlib itself runs it."""
    return dlib.face_recognition_model_v1(str(models.checked_path(models.RESNET)))


def own_detector() -> Any:
    """The CNN detector as dlib itself runs it."""
    return dlib.cnn_face_detection_model_v1(str(models.checked_path(models.DETECTOR)))


def _embedding_differences(engine: Engine, rgb: RgbImage) -> list[float]:
    network, predictor = own_network(), landmarks.FivePoints(models.checked_path(models.FIVE_POINTS))
    differences = []
    for sighting in engine.sightings(rgb):
        shape = predictor.shape(rgb, sighting.box)
        mirror = np.ascontiguousarray(landmarks.chip(rgb, shape)[:, ::-1])
        own = np.asarray(network.compute_face_descriptor(rgb, shape))
        own_mirrored = np.asarray(network.compute_face_descriptor(mirror))
        assert sighting.mirrored is not None
        pairs = ((sighting.embedding, own), (sighting.mirrored, own_mirrored))
        differences += [float(np.abs(one - other).max()) for one, other in pairs]
    return differences


def _detector_difference(ours: CnnDetector, theirs: Any, rgb: RgbImage) -> float | None:
    """The largest difference of the scores; None if the rectangles are not the same."""
    found, expected = ours.find_exactly(rgb), theirs(rgb, 0)
    boxes = [(each.box.left, each.box.top, each.box.right - 1, each.box.bottom - 1) for each in found]
    rects = [(each.rect.left(), each.rect.top(), each.rect.right(), each.rect.bottom()) for each in expected]
    if boxes != rects:
        return None
    return max((abs(one.score - two.confidence) for one, two in zip(found, expected, strict=True)), default=0.0)


def _small(rgb: RgbImage) -> RgbImage:
    scale = (CNN_PIXELS / (rgb.shape[0] * rgb.shape[1])) ** 0.5
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
