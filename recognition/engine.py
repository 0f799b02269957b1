"""What an engine is: the Protocol behind which every way of finding and embedding faces stands, and its frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from recognition.errors import RecognitionError as RecognitionError  # noqa: PLC0414 - part of what an engine is

RgbImage = npt.NDArray[np.uint8]
GreyImage = npt.NDArray[np.uint8]
Embedding = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in whole pixels of the given picture; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def area(self) -> int:
        """Pixels, 0 or more."""
        return max(self.width, 0) * max(self.height, 0)


MIRROR = "+mirror"
"""Behind a model's id: the mean of a chip's embedding and of its mirror image's, which has thresholds of its own."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good one face picture is.

    Attributes:
        measures: raw measures by machine word; recognition.quality.measure states the unit and range of each.
        scores: the same words on a scale of 0 (bad) to 100 (good).
    """

    measures: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """The engine's reading of one face in one picture.

    Attributes:
        box: where the face is, in pixels of the given picture, never beyond its edges.
        landmarks: five points (x, y) in pixels of the given picture: outer and inner corner of the eye at the
            right of the picture, outer and inner corner of the eye at the left, base of the nose (dlib's order).
        score: how sure the detector is, on the scale of dlib's HOG: about 0 to 3.5; a face that only the CNN detector
            found has about 0.6 at most.
        quality: measures of the face, for recognition.quality.judge.
        embedding: float32, shape (128,) with dlib's network; Euclidean distance compares two; dlib's are not of unit
            length (about 1.3 to 1.6).
        model: id of the embedding model; embeddings of different models are never compared.
        mirrored: the embedding of the chip's mirror image, like ``embedding``; None if the engine made none.
    """

    box: Box
    landmarks: tuple[tuple[int, int], ...]
    score: float
    quality: Quality
    embedding: Embedding
    model: str
    mirrored: Embedding | None = None

    def embedding_for(self, model: str) -> Embedding:
        """The embedding under a model's id: this one's own, or with ``+mirror`` behind it the mean with the mirror image's.

        The mean costs one more run of the network and lowers all distances by about 0.02; of the same people it halves
        the pairs that are missed at one false match in a hundred (1.21 to 0.84 %, 6000 pairs of press photographs).

        Raises:
            RecognitionError: ``wrong_model``: this sighting has no embedding of that model.
        """
        if model == self.model:
            return self.embedding
        if model == self.model + MIRROR and self.mirrored is not None:
            return np.asarray((self.embedding + self.mirrored) / 2, dtype=np.float32)
        raise RecognitionError("wrong_model", f"the engine gives embeddings of {self.model}, not of {model}")


class Engine(Protocol):
    """Finds the faces of a picture and embeds them; one object may be used by several threads.

    Attributes:
        name: the engine's own name, as ``recognition.load_engine`` knows it.
        model: id of its embedding model.
        dimension: numbers of one of its embeddings.
    """

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def sightings(self, rgb: RgbImage) -> list[Sighting]:
        """All faces of ``rgb`` (uint8, HxWx3, RGB), largest first; an empty list where there is none.

        Raises:
            ValueError: ``rgb`` is no such array.
            RecognitionError: ``embedder_invalid``: another network than dlib's gave what are no numbers.
        """
        ...


def checked_rgb(picture: RgbImage) -> RgbImage:
    """The picture in one block of memory, as dlib wants it.

    Raises:
        ValueError: it is not uint8, HxWx3, at least one pixel high and wide; read as such, it would give wrong faces.
    """
    picture = np.asarray(picture)
    is_rgb = picture.ndim == 3 and picture.shape[2] == 3 and picture.size > 0  # noqa: PLR2004 - rows, columns, colours
    if picture.dtype != np.uint8 or not is_rgb:
        raise ValueError(f"a picture is uint8 of HxWx3, not {picture.dtype} of {'x'.join(map(str, picture.shape))}")
    return np.ascontiguousarray(picture)


SURE = 0.5
"""Detector score from which on a find is taken for a face; calibrated for dlib's HOG detector on grey pictures."""


def foremost(sightings: Sequence[Sighting]) -> Sighting | None:
    """The face that a picture is about: the largest sure one, else the surest; None where there is none."""
    sure = [sighting for sighting in sightings if sighting.score >= SURE]
    if sure:
        return max(sure, key=lambda sighting: sighting.box.area)
    return max(sightings, key=lambda sighting: sighting.score, default=None)
