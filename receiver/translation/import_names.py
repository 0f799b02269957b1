"""Names of files in archives and folders: what they are written in, which may be opened, and what they tell of."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from receiver.domain.errors import Invalid

PICTURES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"})
TABLES = frozenset({".csv", ".tsv"})
ARCHIVES = frozenset({".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"})
PATH_LENGTH = 1000
# What systems put beside people's files.
LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
_DRIVE = re.compile(r"[A-Za-z]:")
# Lead and trail bytes of the 6763 characters of GB 2312, the everyday ones among the more than 20000 of GBK.
_EVERYDAY = re.compile(rb"[\xb0-\xf7][\xa1-\xfe]")
_PAIR = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")


def decoded_name(raw: bytes) -> str:
    """A name from a zip that does not say what it is written in: UTF-8, GBK or, as the format has it, code page 437.

    Bytes of code page 437 are often valid GBK too, then of rare characters: it is taken for Chinese only if at least half
    of its characters are everyday ones.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    pairs = _PAIR.findall(raw)
    if pairs and 2 * sum(_EVERYDAY.fullmatch(pair) is not None for pair in pairs) >= len(pairs):
        try:
            return raw.decode("gb18030")
        except UnicodeDecodeError:
            pass
    return raw.decode("cp437")


def tidy_path(name: str) -> str:
    """A path within an archive or a folder, in one way of writing: parts joined by ``/``, composed characters.

    Raises:
        Invalid: ``path_leaves_archive`` (``..``, from the root, with a drive's letter), ``bad_name`` (empty, too long,
            control characters, halves of characters).
    """
    text = unicodedata.normalize("NFC", name).replace("\\", "/")
    if text.startswith("/") or _DRIVE.match(text) or ".." in text.split("/"):
        raise Invalid("path_leaves_archive", f"{shown(name)} leads out of the archive; paths must lie within it")
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if not parts or len(text) > PATH_LENGTH or not is_plain(text):
        raise Invalid("bad_name", f"{shown(name)} is no name of a file: empty, too long, or with control characters")
    return "/".join(parts)


def is_plain(text: str) -> bool:
    """Whether the text is free of control characters and of halves of characters."""
    return not any(unicodedata.category(each) in {"Cc", "Cs"} for each in text)


def shown(name: str) -> str:
    """A name from outside as it may stand in a sentence: short, and on one line."""
    text = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in name)
    return repr(text[:80] + ("..." if len(text) > 80 else ""))  # noqa: PLR2004 - what a line has room for


def key_of(path: str) -> str:
    """What two ways of writing one path have in common: tables and folders differ in capitals and in composed characters."""
    return unicodedata.normalize("NFC", path).casefold()


class Alike:
    """Names, found by how somebody writes them: of several that only capitals set apart, the one that is written exactly so.

    Args:
        names: each once.
        spelt: what of a name has to be written.
    """

    def __init__(self, names: Iterable[str], spelt: Callable[[str], str] = str) -> None:
        self._spelt = spelt
        self._alike: dict[str, list[str]] = {}
        for name in names:
            self._alike.setdefault(key_of(spelt(name)), []).append(name)

    def meant(self, written: str) -> Sequence[str]:
        """Those that are spelt exactly so; where none is, all that differ in capitals and composed characters only."""
        alike = self._alike.get(key_of(written), [])
        return [each for each in alike if self._spelt(each) == written] or alike

    def one(self, written: str) -> str | None:
        """The one that is meant, the first of those spelt alike; None if there is none.

        Raises:
            Invalid: ``ambiguous_name``: it may be any of several.
        """
        found = self.meant(written)
        if len({self._spelt(each) for each in found}) > 1:
            names = ", ".join(shown(each) for each in found[:3])
            raise Invalid(
                "ambiguous_name", f"{shown(written)} may be any of {names}; write it exactly as the file is called"
            )
        return found[0] if found else None


def kind_of(path: str) -> str:
    """What a file is by its name: ``picture``, ``table``, ``archive``, ``litter`` or ``other``."""
    inner = PurePosixPath(path)
    if any((part.startswith(".") and part != "..") or part.lower() in LITTER for part in inner.parts):
        return "litter"
    ending = inner.suffix.lower()
    kinds = (("picture", PICTURES), ("table", TABLES), ("archive", ARCHIVES))
    return next((kind for kind, endings in kinds if ending in endings), "other")
