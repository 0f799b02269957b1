"""The reference engine: the face_recognition package as its users know it, with its own defaults."""

import importlib
import threading
import warnings
from types import ModuleType

import numpy as np
from PIL import ImageFile

from recognition import landmarks, models, quality
from recognition.detectors import Found, largest_other
from recognition.engine import Box, RecognitionError, RgbImage, Sighting, checked_rgb

Location = tuple[int, int, int, int]
"""The package's form of a box: top, right, bottom, left, the last pixel included."""


class FaceRecognitionEngine:
    """``face_locations`` and ``face_encodings`` with their defaults: HOG once enlarged, five points, dlib's network.

    It loads four models (about 160 MB) and takes about 830 ms for a picture of 1920x1080: for comparing, not for a gate.
    One object may be used by several threads; they wait for one another, since the package shares one detector.
    """

    name = "face_recognition"
    model = models.DLIB_RESNET_V1
    dimension = 128

    def __init__(self) -> None:
        self._package = _imported()
        self._lock = threading.Lock()

    def sightings(self, rgb: RgbImage) -> list[Sighting]:
        """All faces of ``rgb`` (uint8, HxWx3, RGB), largest first; an empty list where there is none.

        Raises:
            ValueError: ``rgb`` is no such array.
        """
        rgb = checked_rgb(rgb)
        with self._lock:
            located = self._locate(rgb)
            found = [_found(location, score, rgb) for location, score in located]
            seen = [
                self._sighting(rgb, face, location, largest_other(found, face))
                for face, (location, _) in zip(found, located, strict=True)
            ]
        return sorted(seen, key=lambda sighting: sighting.box.area, reverse=True)

    def _locate(self, rgb: RgbImage) -> list[tuple[Location, float]]:
        # face_locations drops the scores; this is its call on its detector, trimmed as it trims.
        height, width = rgb.shape[:2]
        rectangles, scores, _ = self._package.api.face_detector.run(rgb, 1, 0.0)
        return [
            ((max(one.top(), 0), min(one.right(), width), min(one.bottom(), height), max(one.left(), 0)), score)
            for one, score in zip(rectangles, scores, strict=True)
        ]

    def _sighting(self, rgb: RgbImage, face: Found, location: Location, other_face: float) -> Sighting:
        embedding = np.asarray(self._package.face_encodings(rgb, [location])[0], dtype=np.float32)
        shape = self._package.api.pose_predictor_5_point(rgb, self._package.api._css_to_rect(location))  # noqa: SLF001
        points, chip = landmarks.points(shape), landmarks.chip(rgb, shape)
        mirror = np.ascontiguousarray(chip[:, ::-1])
        mirrored = np.asarray(self._package.api.face_encoder.compute_face_descriptor(mirror), dtype=np.float32)
        apart = float(np.linalg.norm(embedding - mirrored))
        measured = quality.measure(chip, points, face.score, other_face, mirror_distance=apart)
        return Sighting(face.box, points, face.score, measured, embedding, self.model, mirrored)


def _found(location: Location, score: float, rgb: RgbImage) -> Found:
    top, right, bottom, left = location
    height, width = rgb.shape[:2]
    return Found(Box(left, top, min(right + 1, width), min(bottom + 1, height)), float(score))


def _imported() -> ModuleType:
    """The package, imported without its side effects on the process.

    It warns of pkg_resources, leaves the interpreter if its models are missing, and teaches Pillow to accept
    truncated pictures.
    """
    tolerant = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("face_recognition")
    except (ImportError, SystemExit) as error:
        raise RecognitionError("engine_missing", f"face_recognition cannot be imported: {error}") from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerant
