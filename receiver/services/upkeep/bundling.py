"""The library alone in one file, with its ids, for another server: people, their ids and groups, faces, embeddings, pictures."""

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from receiver.domain.errors import Conflict, GatehouseError, Invalid, Unavailable
from receiver.store import bundles, library, people
from receiver.store.database import Tx
from receiver.store.pictures import Pictures, StoredPicture
from receiver.store.store import Store
from recognition.headers import ImageError, read_header

FORMAT = "gatehouse-library-1"
MANIFEST = "manifest.json"
DEVICES, PICTURES = "devices", "pictures"
BATCH = 200
PICTURE_BATCH = 20
# Of one line, of the manifest, and of one picture: more is no bundle of ours.
LINE_BYTES = 1024 * 1024
PICTURE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BundlingParts:
    """What bundles are made of.

    Attributes:
        check_model: raises where the library's model cannot be used here.
    """

    store: Store
    pictures: Pictures
    check_model: Callable[[str], object]


class ExportingLibrary:
    """Writes a bundle; the server may run meanwhile."""

    def __init__(self, parts: BundlingParts) -> None:
        self._parts = parts

    def write(self, path: Path) -> dict[str, int]:
        """Writes the bundle; what is at ``path`` is replaced once the new one is whole. How many rows of each kind it has.

        Raises:
            Unavailable: ``cannot_spool``.
        """
        try:
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".gatehouse-library-", delete=False) as file:
                try:
                    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                        counts = self._fill(archive)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).replace(path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise Unavailable("cannot_spool", f"{path} cannot be written: {error.strerror}") from error
        return counts

    def _fill(self, archive: zipfile.ZipFile) -> dict[str, int]:
        with self._parts.store.read() as tx:
            model = library.model_of(tx)
            counts = {DEVICES: _write(archive, DEVICES, bundles.devices(tx))}
            for name, table in bundles.TABLES.items():
                counts[name] = _write(archive, name, bundles.rows(tx, table))
            digests = bundles.digests(tx)
        counts[PICTURES] = _write(archive, PICTURES, self._written(archive, digests))
        made_at = datetime.now(UTC).isoformat()
        manifest = {"format": FORMAT, "made_at": made_at, "model": model, "counts": counts}
        archive.writestr(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        return counts

    def _written(self, archive: zipfile.ZipFile, digests: Iterable[bytes]) -> list[dict[str, Any]]:
        """Writes the pictures; the line of each that was there still."""
        lines = []
        for digest in digests:
            stored = self._parts.pictures.get(digest)
            if stored is not None:
                archive.writestr(f"{PICTURES}/{digest.hex()}", stored.data, zipfile.ZIP_STORED)
                facts = {"media_type": stored.media_type, "width": stored.width, "height": stored.height}
                lines.append({"digest": digest.hex()} | facts)
        return lines


class ImportingLibrary:
    """Reads a bundle into a library that is empty: ids stay, and so must not be taken."""

    def __init__(self, parts: BundlingParts) -> None:
        self._parts = parts

    def read(self, path: Path) -> dict[str, int]:
        """Reads the bundle, all or nothing; how many rows of each kind it had.

        Raises:
            Invalid: ``bad_bundle``.
            Conflict: ``library_not_empty``.
            SetupError: the library's model is not here.
        """
        with _own_errors(path), zipfile.ZipFile(path) as archive:
            manifest = _manifest(archive)
            self._parts.check_model(manifest["model"])
            self._check_empty()
            # Before anything refers to them; where the rest fails, the housekeeping takes them away.
            self._keep_pictures(archive)
            now = datetime.now(UTC)
            with self._parts.store.write(lock=people.GALLERY_LOCK) as tx:
                if not bundles.is_empty(tx):
                    raise _not_empty()
                library.settle(tx, manifest["model"], now)
                counts = self._add(tx, archive, now)
                if counts | {PICTURES: 0} != manifest["counts"] | {PICTURES: 0}:
                    raise Invalid("bad_bundle", "the bundle has other rows than its manifest says")
        return counts | {PICTURES: manifest["counts"][PICTURES]}

    def _check_empty(self) -> None:
        with self._parts.store.read() as tx:
            if not bundles.is_empty(tx):
                raise _not_empty()

    def _keep_pictures(self, archive: zipfile.ZipFile) -> None:
        for lines in _batches(_lines(archive, PICTURES), PICTURE_BATCH):
            self._parts.pictures.put([_picture(archive, line) for line in lines])

    def _add(self, tx: Tx, archive: zipfile.ZipFile, now: datetime) -> dict[str, int]:
        device_ids, counts = {0: 0}, {}
        for line in _lines(archive, DEVICES):
            device_ids[line["id"]] = bundles.add_device(tx, line)
        counts[DEVICES] = len(device_ids) - 1
        for name, table in bundles.TABLES.items():
            counts[name] = 0
            for lines in _batches(_lines(archive, name), BATCH):
                bundles.add(tx, table, lines, device_ids)
                counts[name] += len(lines)
                if name == "people":
                    for line in lines:
                        people.note_change(tx, line["id"], now)
        bundles.count_on(tx)
        return counts


def _not_empty() -> Conflict:
    return Conflict(
        "library_not_empty", "the library has people, or events that speak of people: a bundle goes into an empty one"
    )


@contextmanager
def _own_errors(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file that somebody may have changed."""
    try:
        yield
    except GatehouseError as error:
        if error.reason == "cannot_store":
            raise Invalid("bad_bundle", f"{path.name} has a row that does not fit: {error.detail}") from error
        raise
    except (zipfile.BadZipFile, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid("bad_bundle", f"{path.name} is no bundle of a library, or is damaged: {error}") from error


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    with archive.open(MANIFEST) as file:
        found = orjson.loads(file.read(LINE_BYTES))
    if found["format"] != FORMAT:
        raise ValueError("its manifest is of another format")
    return {"model": str(found["model"]), "counts": dict(found["counts"])}


def _write(archive: zipfile.ZipFile, name: str, lines: Iterable[Mapping[str, Any]]) -> int:
    number = 0
    with archive.open(f"{name}.jsonl", "w") as file:
        for number, line in enumerate(lines, 1):  # noqa: B007 - counts
            file.write(orjson.dumps(line) + b"\n")
    return number


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, Any]]:
    with archive.open(f"{name}.jsonl") as file:
        while line := file.readline(LINE_BYTES + 1):
            if len(line) > LINE_BYTES:
                raise ValueError(f"a line of {name} is too long")
            yield orjson.loads(line)


def _batches(lines: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    while some := list(islice(lines, size)):
        yield some


def _picture(archive: zipfile.ZipFile, line: Mapping[str, Any]) -> StoredPicture:
    digest = bytes.fromhex(line["digest"])
    with archive.open(f"{PICTURES}/{digest.hex()}") as file:
        data = _bounded(file)
    if sha256(data).digest() != digest:
        raise ValueError(f"the picture {digest.hex()} was changed")
    try:
        # Not the bundle's word: what is no picture would be given to browsers as whatever it says.
        header = read_header(data)
    except ImageError as error:
        raise ValueError(f"the picture {digest.hex()} is none: {error}") from error
    return StoredPicture(digest, header.media_type, header.width, header.height, data)


def _bounded(file: IO[bytes]) -> bytes:
    data = file.read(PICTURE_BYTES + 1)
    if len(data) > PICTURE_BYTES:
        raise ValueError("a picture is too large")
    return data
