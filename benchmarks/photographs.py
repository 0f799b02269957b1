"""Reads a folder of photographs for measuring: `enrolled/<person>/*.jpg` and `strangers/*.jpg`, one stranger a picture."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recognition import load_engine, read_image
from recognition.engine import MIRROR, Embedding, Engine, foremost
from recognition.gates import judge

STRANGER = -1
TYPES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True, eq=False)
class Photographs:
    """The faces of a folder.

    Attributes:
        embeddings: by model id, float32, shape (n, d); not a number where no face was found.
        owners: shape (n,), whose picture it is, 0 and up; STRANGER for a picture of a stranger.
        has_face: shape (n,), bool.
        may_enrol: shape (n,), bool, whether the gate ``enrol`` lets it in.
    """

    embeddings: Mapping[str, Embedding]
    owners: npt.NDArray[np.int64]
    has_face: npt.NDArray[np.bool_]
    may_enrol: npt.NDArray[np.bool_]

    @property
    def people(self) -> int:
        return int(self.owners.max()) + 1

    @property
    def strangers(self) -> npt.NDArray[np.intp]:
        """The rows of strangers whose face was found."""
        return np.flatnonzero((self.owners == STRANGER) & self.has_face)

    def of(self, person: int) -> npt.NDArray[np.intp]:
        """The rows of a person's pictures, with and without a face."""
        return np.flatnonzero(self.owners == person)


def read(folder: Path, cache_dir: Path) -> Photographs:
    """Looks at every picture with the engine that a server has; about 25 ms each."""
    engine = load_engine("onnx", cache_dir)
    people = sorted(path for path in (folder / "enrolled").iterdir() if path.is_dir())
    files = [(number, path) for number, person in enumerate(people) for path in pictures(person)]
    files += [(STRANGER, path) for path in pictures(folder / "strangers")]
    seen = [_look(engine, path) for _, path in files]
    nothing = np.full(next(plain for plain, _, _ in seen if plain is not None).shape, np.nan, np.float32)
    plain = np.array([nothing if each[0] is None else each[0] for each in seen])
    mirrored = np.array([nothing if each[1] is None else each[1] for each in seen])
    return Photographs(
        {engine.model: plain, engine.model + MIRROR: mirrored},
        np.array([owner for owner, _ in files]),
        np.isfinite(plain[:, 0]),
        np.array([each[2] for each in seen]),
    )


def pictures(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in TYPES)


def _look(engine: Engine, path: Path) -> tuple[Embedding | None, Embedding | None, bool]:
    """The face that the picture is about, plain and mirror-averaged, and whether it may be enrolled."""
    face = foremost(engine.sightings(read_image(path.read_bytes())))
    if face is None:
        return None, None, False
    refused = any(finding.level == "refuse" for finding in judge(face.quality.measures, "enrol"))
    return face.embedding, face.embedding_for(face.model + MIRROR), not refused
