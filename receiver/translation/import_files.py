"""Zip archives and folders of pictures, read file by file: nothing is unpacked onto the disk, every byte is counted."""

import contextlib
import io
import os
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Protocol

from receiver.domain.errors import Invalid
from receiver.translation.import_names import Alike, decoded_name, kind_of, shown, tidy_path

MIB = 1024 * 1024
# Of one file, after unpacking; a camera's largest JPEG has about 30.
FILE_BYTES = 64 * MIB
# Pictures are packed already, so that packing them again saves nothing; a white BMP may shrink to a hundredth.
RATIO = 200
# Below this a file is too small to be a bomb, whatever it is packed to.
SMALL = MIB
# All files together may be as much larger than the archive: entries of a bomb share their bytes.
TOTAL_RATIO = 100
TOTAL_SMALL = 1024 * MIB
# Of the list of files: about 150 000 of them. It is the one thing of an archive that is held in memory.
DIRECTORY_BYTES = 16 * MIB
MEMBERS = 200_000
CHUNK = 65_536
# Every other way unpacks a piece whole, whatever size: of bzip2, 45 bytes may be 45 MB before they can be counted.
PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
ENCRYPTED, UTF_8 = 0x1, 0x800
UNICODE_PATH = 0x7075


class Source(Protocol):
    """Where pictures and tables come from.

    ``names`` are all files of use by their tidy paths, in order; ``refused`` are those that never are, with why.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def refused(self) -> Mapping[str, Invalid]: ...

    def read(self, path: str) -> bytes:
        """A file's bytes; capitals and ways of composing characters count only where several files differ in nothing else.

        Raises:
            Invalid: ``picture_missing``, ``ambiguous_name``, or why the file cannot be had.
        """
        ...

    def close(self) -> None: ...


def open_source(path: Path, name: str = "") -> Source:
    """A folder, a zip archive, or the folder around a single table.

    Args:
        path: where it lies.
        name: what whoever sent it calls it; empty: as the path does.

    Raises:
        Invalid: ``source_gone``, ``not_importable``, ``bad_zip``, ``archive_too_large``.
    """
    name = name or path.name
    try:
        if path.is_dir():
            return FolderSource(path)
        with path.open("rb") as file:
            opening = file.read(4)
    except OSError as error:
        raise Invalid("source_gone", f"{name} cannot be read: {error.strerror}") from error
    if opening in {b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"}:
        return ZipSource(path, name)
    if kind_of(path.name) == "table":
        return FolderSource(path.parent, only=path.name)
    raise Invalid("not_importable", f"{name} is no folder, zip archive or CSV table; other archives must be repacked")


class FolderSource:
    """A folder on this machine; links that lead out of it are not followed."""

    def __init__(self, root: Path, only: str = "") -> None:
        self._root = root.resolve()
        self.refused: dict[str, Invalid] = {}
        self._paths: dict[str, Path] = {}
        self._only = only
        self.names = tuple(sorted(set(self._listed())))
        self._alike = Alike(self.names)

    def _listed(self) -> Iterator[str]:
        """With ``only``, that table is the only one, but pictures may lie anywhere beside it."""
        for folder, inner, files in os.walk(self._root):
            inner[:] = [each for each in inner if kind_of(each) != "litter"]
            for name in files:
                path = Path(folder, name)
                shown_path = path.relative_to(self._root).as_posix()
                if kind_of(shown_path) == "litter" or (
                    self._only and kind_of(name) != "picture" and shown_path != self._only
                ):
                    continue
                if (tidy := self._checked(path, shown_path)) is not None:
                    yield tidy

    def _checked(self, path: Path, shown_path: str) -> str | None:
        printable = shown_path.encode("utf-8", "replace").decode()
        try:
            tidy = _checked_file(self._root, path, shown_path)
        except Invalid as error:
            self.refused[printable] = error
            return None
        self._paths[tidy] = path
        return tidy

    def read(self, path: str) -> bytes:
        found = self._paths[_named(self._alike, path)]
        try:
            # A pipe or a device would never end, or hold us for ever.
            if not stat.S_ISREG(found.stat().st_mode):
                raise Invalid("cannot_unpack", f"{shown(path)} is no ordinary file")
            with found.open("rb") as file:
                return _counted(file, path, FILE_BYTES)
        except OSError as error:
            raise Invalid("picture_missing", f"{shown(path)} cannot be read: {error.strerror}") from error

    def close(self) -> None:
        """Nothing is held open."""


def _checked_file(root: Path, path: Path, name: str) -> str:
    """The file's tidy path.

    Raises:
        Invalid: ``path_leaves_archive``, ``bad_name``, ``nested_archive``.
    """
    tidy = tidy_path(name)
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        raise Invalid("path_leaves_archive", f"{shown(name)} is a link that leads out of the folder")
    if kind_of(tidy) == "archive":
        raise _nested(tidy)
    return tidy


class _Directory(io.BufferedReader):
    """The archive's file; reading the list of its members at once is bounded, for it is what takes memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > DIRECTORY_BYTES:
            raise Invalid("archive_too_large", f"the archive's list of files has more than {DIRECTORY_BYTES} bytes")
        return super().read(DIRECTORY_BYTES if size is None or size < 0 else size)


class ZipSource:
    """A zip archive; several threads may not read from it at once, so they take turns."""

    def __init__(self, path: Path, name: str) -> None:
        self._lock = threading.Lock()
        self._size = path.stat().st_size
        self._taken = 0
        self._members: dict[str, zipfile.ZipInfo] = {}
        self.refused: dict[str, Invalid] = {}
        file = _Directory(io.FileIO(path))
        try:
            self._zip = zipfile.ZipFile(file)
            # Of a name that comes twice the last file counts, as when the archive is unpacked.
            self.names = tuple(dict.fromkeys(self._listed()))
        except (zipfile.BadZipFile, RuntimeError, ValueError, OSError, struct.error, EOFError) as error:
            file.close()
            raise Invalid("bad_zip", f"{name} is damaged or no whole zip archive: {error}") from error
        except Invalid:
            file.close()
            raise
        self._file = file
        self._alike = Alike(self.names)

    def _listed(self) -> Iterator[str]:
        members = self._zip.infolist()
        if len(members) > MEMBERS:
            raise Invalid("archive_too_large", f"the archive holds {len(members)} files; at most {MEMBERS} are read")
        for member in members:
            name = _name_of(member)
            if not name.endswith(("/", "\\")) and kind_of(name.replace("\\", "/")) != "litter":
                try:
                    tidy = _checked_member(member, name)
                except Invalid as error:
                    self.refused[name] = error
                else:
                    self._members[tidy] = member
                    yield tidy

    def read(self, path: str) -> bytes:
        member = self._members[_named(self._alike, path)]
        if member.compress_type not in PACKED:
            raise Invalid("cannot_unpack", f"{shown(path)} is packed in a way that is not read; pack it as plain zip")
        with self._lock:
            limit = min(FILE_BYTES, max(SMALL, RATIO * member.compress_size))
            try:
                with self._zip.open(member) as file:
                    data = _counted(file, path, limit)
            except (zipfile.BadZipFile, RuntimeError, ValueError, OSError, EOFError, zlib.error) as error:  # fmt: skip
                raise Invalid("cannot_unpack", f"{shown(path)} cannot be unpacked: {error}") from error
            self._taken += len(data)
            if self._taken > max(TOTAL_SMALL, TOTAL_RATIO * self._size):
                raise Bomb("zip_bomb", f"unpacked, the archive is more than {TOTAL_RATIO} times its size")
            return data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._zip.close()
            self._file.close()


class Bomb(Invalid):
    """The whole archive is not to be trusted, not one file of it."""


def _checked_member(member: zipfile.ZipInfo, name: str) -> str:
    """The member's tidy path.

    Raises:
        Invalid: ``path_leaves_archive``, ``bad_name``, ``nested_archive``, ``encrypted``.
    """
    tidy = tidy_path(name)
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Invalid("path_leaves_archive", f"{shown(name)} is a link, which an archive may not hold here")
    if kind_of(tidy) == "archive":
        raise _nested(tidy)
    if member.flag_bits & ENCRYPTED:
        raise Invalid("encrypted", f"{shown(name)} is encrypted; pack it again without a password")
    return tidy


def _nested(path: str) -> Invalid:
    return Invalid("nested_archive", f"{shown(path)} is an archive within; unpack it and pack its files themselves")


def _named(names: Alike, path: str) -> str:
    """The file that a path means.

    Raises:
        Invalid: ``picture_missing``, ``ambiguous_name``, ``path_leaves_archive``, ``bad_name``.
    """
    found = names.one(tidy_path(path))
    if found is None:
        raise Invalid("picture_missing", f"there is no file {shown(path)}; paths start at the table's folder")
    return found


def _name_of(member: zipfile.ZipInfo) -> str:
    """What the member is called, whatever the packing program wrote it in."""
    # zipfile cuts a name at a NUL; the whole one is told, so that it can be refused.
    name = member.orig_filename
    if member.flag_bits & UTF_8:
        return name
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    return _unicode_path(member.extra, raw) or decoded_name(raw)


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """The name in UTF-8 that some programs add, if it was made for this very name; else empty."""
    while len(extra) >= 4:  # noqa: PLR2004 - kind and length of a field
        kind, length = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == UNICODE_PATH and field[:1] == b"\x01" and field[1:5] == struct.pack("<I", zlib.crc32(raw)):
            return field[5:].decode("utf-8", "replace")
    return ""


def _counted(file: IO[bytes], path: str, limit: int) -> bytes:
    """The bytes of a file as they really come, whatever its head says of their number.

    Raises:
        Invalid: ``zip_bomb``, or ``picture_too_large`` beyond what any file may have.
    """
    data = bytearray()
    while chunk := file.read(CHUNK):
        data += chunk
        if len(data) > limit:
            if limit < FILE_BYTES:
                raise Invalid("zip_bomb", f"{shown(path)} unpacks to more than {RATIO} times its size")
            raise Invalid("picture_too_large", f"{shown(path)} has more than {FILE_BYTES} bytes")
    return bytes(data)
