"""Reads a folder of pictures of people who are not in the library."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from receiver.domain.errors import GatehouseError, Invalid
from recognition.engine import Box, Embedding, RecognitionError, Sighting, foremost

See = Callable[[bytes], list[Sighting]]

LARGEST_FILE = 64 * 2**20
NO_FACE, TOO_LARGE, KNOWN, REPEATED = "no_face", "too_large", "known_picture", "repeated_picture"
# These speak of the server, not of the picture: going on would count every picture as faulty.
OURS = frozenset({"busy", "recognition_off", "model_missing", "model_corrupt", "engine_missing", "wrong_model"})


@dataclass(frozen=True, slots=True, eq=False)
class StrangerFace:
    """The foremost face of one picture of somebody who is not in the library.

    Attributes:
        picture: the file's path within the folder.
        group: the sub-folder that it lies in; empty where it lies in none.
        embedding: of the library's model.
        box: where the face is, in pixels of the upright picture.
    """

    picture: str
    group: str
    embedding: Embedding
    box: Box


@dataclass(slots=True)
class StrangerFolder:
    """What a folder of strangers holds.

    Attributes:
        faces: one a picture; each picture counts as another person.
        refused: machine word -> the pictures that cannot be used, by their paths within the folder.
    """

    faces: list[StrangerFace] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)

    @property
    def files(self) -> int:
        return len(self.faces) + sum(map(len, self.refused.values()))

    @property
    def summary(self) -> str:
        """The reasons with their numbers, most frequent first: ``5 no_face, 1 truncated``."""
        rows = sorted(self.refused.items(), key=lambda each: (-len(each[1]), each[0]))
        return ", ".join(f"{len(pictures)} {reason}" for reason, pictures in rows)


def files_in(folder: Path) -> list[Path]:
    """Every file below a folder, in order; hidden ones, and what lies in hidden folders, are left out."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def read_strangers(
    folder: Path, files: Iterable[Path], see: See, model: str, known: frozenset[bytes]
) -> StrangerFolder:
    """Looks at every file; what cannot be used is counted with its reason.

    Args:
        folder: where the files lie; the first part of a path below it, if there are two or more, is the group.
        files: as ``files_in`` gave them; taken one by one, so that a progress bar may follow.
        see: finds the faces of an encoded picture.
        model: the library's model.
        known: digests of the library's own pictures; the same picture is no stranger's.

    Raises:
        RecognitionError: the engine cannot be used at all.
        GatehouseError: the engine is not there.
    """
    found = StrangerFolder()
    seen: set[bytes] = set()
    for path in files:
        name = path.relative_to(folder)
        group = name.parts[0] if len(name.parts) > 1 else ""
        try:
            data = _read(path)
            digest = hashlib.sha256(data).digest()
            if digest in seen or digest in known:
                raise Invalid(KNOWN if digest in known else REPEATED)
            seen.add(digest)
            face = _face(see(data))
            found.faces.append(StrangerFace(str(name), group, face.embedding_for(model), face.box))
        except (GatehouseError, RecognitionError) as error:
            if error.reason in OURS:
                raise
            found.refused.setdefault(error.reason, []).append(str(name))
    return found


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid(TOO_LARGE)
        return path.read_bytes()
    except OSError as error:
        raise Invalid("cannot_read", str(error)) from error


def _face(sightings: list[Sighting]) -> Sighting:
    best = foremost(sightings)
    if best is None:
        raise Invalid(NO_FACE)
    return best
