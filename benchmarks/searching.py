"""How long an exact search takes among made-up embeddings, beside face_recognition's face_distance."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.alternating import Times, Way, alternated
from receiver.domain.events import ListName
from recognition import models
from recognition.engine import Embedding
from recognition.gallery import Batch, Gallery

DIMENSION, LENGTH = 128, 1.45  # of dlib's embeddings
SEARCH, COMPARE, THEIRS = "search", "compare", "face_distance"
"""The five nearest people with their margins; the distances to all people, as decisions use them; the package's own."""


@dataclass(frozen=True)
class Searched:
    """One size of library."""

    faces: int
    times: dict[str, Times]


def embeddings(count: int) -> Embedding:
    """So many random directions, as long as dlib's embeddings are."""
    values = np.random.default_rng(3).standard_normal((count, DIMENSION), dtype=np.float32)
    values *= LENGTH / np.linalg.norm(values, axis=1, keepdims=True)
    return values


def library(faces: int) -> Gallery:
    """A gallery of so many people with one face each."""
    ids: npt.NDArray[np.int64] = np.arange(1, faces + 1)
    gallery = Gallery(models.DLIB_RESNET_V1)
    gallery.load(Batch(ids, ids, [ListName.STAFF.value] * faces, embeddings(faces)))
    return gallery


def measure_searching(package: Any, sizes: tuple[int, ...], rounds: int) -> list[Searched]:
    """All in turn at each size; ``package`` is face_recognition, given what it asks for: a list of its float64 arrays."""
    found = []
    for faces in sizes:
        gallery, known = library(faces), list(embeddings(faces).astype(np.float64))
        probe = (known[faces // 2] + 0.02).astype(np.float32)
        times = max(1, 200_000 // faces)
        ways = [
            Way(SEARCH, lambda gallery=gallery, probe=probe: gallery.search(probe), times),  # type: ignore[misc]
            Way(COMPARE, lambda gallery=gallery, probe=probe: gallery.compare(probe), times),  # type: ignore[misc]
            Way(THEIRS, lambda known=known, probe=probe: package.face_distance(known, probe), times),  # type: ignore[misc]
        ]
        found.append(Searched(faces, alternated(ways, rounds)))
    return found
