"""Reads the folder of photographs that the simulated gate sees people in."""

import base64
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from receiver.domain.errors import SetupError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
NEXT_STEP = "Give a folder with one sub-folder of pictures a person, or with one picture a person; ./scripts/photos fetches some."


@dataclass(frozen=True)
class Subject:
    """Somebody who walks through the gate: the key is the folder's or file's name, the pictures are in order of name."""

    key: str
    pictures: tuple[Path, ...]

    @property
    def name(self) -> str:
        return self.key.replace("_", " ").strip() or self.key


def read_subjects(folder: Path) -> tuple[Subject, ...]:
    """Everybody in the folder, by name; raises SetupError (``no_photographs``) if there is nobody."""
    if not folder.is_dir():
        raise SetupError("no_photographs", f"There is no folder '{folder}'. {NEXT_STEP}")
    people = [Subject(sub.name, _pictures(sub)) for sub in sorted(folder.iterdir()) if sub.is_dir()]
    found = [person for person in people if person.pictures]
    if not found:
        found = [Subject(picture.stem, (picture,)) for picture in _pictures(folder)]
    if not found:
        raise SetupError("no_photographs", f"There is no picture in '{folder}'. {NEXT_STEP}")
    return tuple(found)


def _pictures(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix.lower() in SUFFIXES)


@lru_cache(maxsize=512)
def picture_text(path: Path) -> str:
    """The file as base64 without prefix, as boxes send pictures."""
    return base64.b64encode(path.read_bytes()).decode("ascii")
