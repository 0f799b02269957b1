"""The default engine: dlib's detectors, five landmarks, and its own weights (or another network) on ONNX Runtime."""

from pathlib import Path

import numpy as np

from recognition import embedders, landmarks, models, quality
from recognition.cnn_detector import CnnDetector, merged
from recognition.detectors import Found, HogDetector, largest_other
from recognition.embedders import Pair
from recognition.engine import SURE, RecognitionError, RgbImage, Sighting, checked_rgb

CNN_MODES = ("fallback", "always", "never")


class OnnxEngine:
    """Finds, measures and embeds faces; one object may be used by several threads, which do not wait for one another.

    Finding a face and running the network release the interpreter lock, so two threads do nearly twice as much.
    Every face is embedded twice, as it is and mirrored: that makes ``Sighting.mirrored``, and how far the two lie
    apart is a measure of the face's pose and of one-sided damage.
    """

    name = "onnx"

    def __init__(
        self, cache_dir: Path | None = None, embedder: str = models.DLIB_RESNET_V1, cnn: str = "fallback"
    ) -> None:
        if cnn not in CNN_MODES:
            raise RecognitionError("unknown_cnn_mode", f"The CNN is run {', '.join(CNN_MODES)}, not {cnn!r}.")
        self._embedder = embedders.load(embedder, cache_dir)
        self._detector = HogDetector()
        self._network = None if cnn == "never" else CnnDetector(cache_dir)
        self._is_always_cnn = cnn == "always"
        self._points = landmarks.FivePoints(models.checked_path(models.FIVE_POINTS))

    @property
    def model(self) -> str:
        return self._embedder.model

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    def sightings(self, rgb: RgbImage) -> list[Sighting]:
        """All faces of ``rgb`` (uint8, HxWx3, RGB), largest first; an empty list where there is none.

        Landmarks, chip and embedding are taken from the full-size picture at exactly the box that is reported.

        Raises:
            ValueError: ``rgb`` is no such array.
            RecognitionError: ``embedder_invalid``: another network than dlib's gave what are no numbers.
        """
        rgb = checked_rgb(rgb)
        found = self._find(rgb)
        shapes = [self._points.shape(rgb, face.box) for face in found]
        pairs = self._embedder.embed(rgb, shapes)
        return [
            self._sighting(rgb, face, shape, pair, largest_other(found, face))
            for face, shape, pair in zip(found, shapes, pairs, strict=True)
        ]

    def _find(self, rgb: RgbImage) -> list[Found]:
        found = self._detector.find(rgb)
        is_sure = any(face.score >= SURE for face in found)
        if self._network is None or (is_sure and not self._is_always_cnn):
            return found
        return merged(found, self._network.find(rgb))

    def _sighting(self, rgb: RgbImage, face: Found, shape: object, pair: Pair, other_face: float) -> Sighting:
        embedding, mirrored = pair
        points = landmarks.points(shape)
        # What a distance between the two means is known of dlib's network only.
        apart = float(np.linalg.norm(embedding - mirrored)) if self.model == models.DLIB_RESNET_V1 else None
        measured = quality.measure(landmarks.chip(rgb, shape), points, face.score, other_face, mirror_distance=apart)
        return Sighting(face.box, points, face.score, measured, embedding, self.model, mirrored)
