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


@dataclass(frozen=True, slots=True)
class Quality:
    """Raw measures of one face, by machine word; recognition.quality.measure states the unit and range of each."""

    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """The engine's reading of one face in one picture.

    Attributes:
        box: where the face is, in pixels of the given picture, never beyond its edges.
        landmarks: five points (x, y) in pixels of the given picture: outer and inner corner of the eye at the
            right of the picture, outer and inner corner of the eye at the left, base of the nose (dlib's order).
        score: the detector's score; dlib HOG gives about 0 to 3.5, higher is surer.
        quality: measures of the face, for recognition.quality.judge.
        embedding: shape (128,), float32; Euclidean distance compares two; not of unit length (about 1.3 to 1.6).
        model: id of the embedding model; embeddings of different models are never compared.
    """

    box: Box
    landmarks: tuple[tuple[int, int], ...]
    score: float
    quality: Quality
    embedding: Embedding
    model: str


class Engine(Protocol):
    """Finds the faces of a picture and embeds them; one object may be used by several threads.

    Attributes:
        name: the engine's own name, as ``recognition.load_engine`` knows it.
        model: id of its embedding model.
    """

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    def sightings(self, rgb: RgbImage) -> list[Sighting]:
        """All faces of ``rgb`` (uint8, HxWx3, RGB), largest first; an empty list where there is none."""
        ...


SURE = 0.5
"""Detector score from which on a find is taken for a face; calibrated for dlib's HOG detector on grey pictures."""


def foremost(sightings: Sequence[Sighting]) -> Sighting | None:
    """The face that a picture is about: the largest sure one, else the surest; None where there is none."""
    sure = [sighting for sighting in sightings if sighting.score >= SURE]
    if sure:
        return max(sure, key=lambda sighting: sighting.box.area)
    return max(sightings, key=lambda sighting: sighting.score, default=None)
