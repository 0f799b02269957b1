"""The plain engine: dlib's HOG detector, five landmarks and dlib's own network, each as dlib made it."""

import dlib
import numpy as np

from recognition import landmarks, models, quality
from recognition.detectors import Found, HogDetector, largest_other
from recognition.engine import Embedding, RgbImage, Sighting


class DlibEngine:
    """Finds, measures and embeds faces; one object may be used by several threads.

    The network holds the interpreter lock (about 75 ms a face), so it gains nothing from threads: use processes.
    """

    name = "dlib"
    model = models.DLIB_RESNET_V1

    def __init__(self) -> None:
        self._detector = HogDetector()
        self._points = landmarks.FivePoints(models.checked_path(models.FIVE_POINTS))
        self._network = dlib.face_recognition_model_v1(str(models.checked_path(models.RESNET)))

    def sightings(self, rgb: RgbImage) -> list[Sighting]:
        """All faces of ``rgb`` (uint8, HxWx3, RGB), largest first; an empty list where there is none.

        Landmarks, chip and embedding are taken from the full-size picture at exactly the box that is reported.
        """
        rgb = np.ascontiguousarray(rgb, dtype=np.uint8)
        found = self._detector.find(rgb)
        return [self._sighting(rgb, face, largest_other(found, face)) for face in found]

    def _sighting(self, rgb: RgbImage, face: Found, other_face: float) -> Sighting:
        shape = self._points.shape(rgb, face.box)
        chip = landmarks.chip(rgb, shape)
        points = landmarks.points(shape)
        measured = quality.measure(chip, points, face.score, other_face)
        return Sighting(face.box, points, face.score, measured, self._embed(chip), self.model)

    def _embed(self, chip: RgbImage) -> Embedding:
        return np.asarray(self._network.compute_face_descriptor(chip), dtype=np.float32)
