"""Backs the server up into one file while it runs: the databases of one moment each, the list of the erased, and a manifest."""

import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from receiver.domain.errors import Unavailable
from receiver.settings import MIB
from receiver.store import copying, erased_list, migrating
from receiver.store.audit import FILE as AUDIT_FILE
from receiver.store.store import MAIN_FILE, PICTURES_FILE

FORMAT = "gatehouse-backup-1"
MANIFEST = "manifest.json"
DUMP = "gatehouse.dump"
# In this order: every picture that the first file speaks of is in the second one's copy, which is taken later.
DATABASES = (MAIN_FILE, PICTURES_FILE, AUDIT_FILE)
PIECE = MIB
SPARE = 16 * MIB


@dataclass(frozen=True, slots=True)
class BackupParts:
    """What is backed up: the data folder, and the PostgreSQL database if the address is not empty."""

    data_dir: Path
    database_url: str


class BackingUp:
    """The use case behind `db backup`."""

    def __init__(self, parts: BackupParts) -> None:
        self._parts = parts

    def write(self, path: Path) -> dict[str, Any]:
        """Writes the backup and returns its manifest; what is at ``path`` is replaced once the new one is whole.

        Raises:
            Unavailable: ``disk_full``, ``backup_failed``.
            SetupError: ``no_pg_dump``.
        """
        unfinished = path.with_name(f"{path.name}.part")
        try:
            with tempfile.TemporaryDirectory(prefix=".gatehouse-backup-", dir=path.parent) as folder:
                # Made by us alone: one that somebody has put there could be read by whoever put it.
                unfinished.unlink(missing_ok=True)
                descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                        manifest = self._fill(archive, Path(folder))
                    file.flush()
                    os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError as error:
            raise Unavailable("backup_failed", f"{path} cannot be written: {error.strerror}") from error
        finally:
            unfinished.unlink(missing_ok=True)
        return manifest

    def _fill(self, archive: zipfile.ZipFile, folder: Path) -> dict[str, Any]:
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "made_at": datetime.now(UTC).isoformat(),
            "database": "postgresql" if self._parts.database_url else "sqlite",
            "revision": migrating.newest(),
            "members": {},
            "counts": {},
        }
        if self._parts.database_url:
            self._dump(archive, folder, manifest)
        else:
            self._copy(archive, folder, manifest)
        # Last: who is erased while the copies are made must not come back by them.
        erased = self._parts.data_dir / erased_list.FILE
        if erased.exists():
            manifest["members"][erased.name] = _add(archive, erased, erased.name)
        archive.writestr(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        return manifest

    def _copy(self, archive: zipfile.ZipFile, folder: Path, manifest: dict[str, Any]) -> None:
        sources = [self._parts.data_dir / name for name in DATABASES]
        sizes = copying.sizes(sources)
        # Each copy goes into the archive before the next one is made.
        _check_room(folder, sum(sizes) + max(sizes))
        for source in sources:
            copy = folder / source.name
            copying.vacuum_into(source, copy)
            manifest["counts"] |= copying.counts_of(copy)
            manifest["members"][source.name] = _add(archive, copy, source.name)
            copy.unlink()

    def _dump(self, archive: zipfile.ZipFile, folder: Path, manifest: dict[str, Any]) -> None:
        postgres = copying.Postgres(self._parts.database_url)
        manifest["schemas"] = list(postgres.schemas)
        with postgres.snapshot() as (snapshot, counts, size):
            _check_room(folder, 2 * size)
            manifest["counts"] = counts
            postgres.dump(folder / DUMP, snapshot)
        manifest["members"][DUMP] = _add(archive, folder / DUMP, DUMP)


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise Unavailable(
            "disk_full",
            f"the backup may need {needed // MIB + 1} MiB beside itself and {free // MIB} MiB are free there: write it to another disk",
        )


def _add(archive: zipfile.ZipFile, source: Path, name: str) -> dict[str, Any]:
    """Puts a file into the archive piece by piece; its size and digest."""
    digest, size = sha256(), 0
    info = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
    with source.open("rb") as file, archive.open(info, "w", force_zip64=True) as member:
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
            member.write(piece)
    return {"bytes": size, "sha256": digest.hexdigest()}
