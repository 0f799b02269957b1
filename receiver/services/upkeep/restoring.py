"""Brings a backup back, after it has been held against its manifest; whoever was erased since is erased again at the next start."""

import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from receiver.domain.errors import Conflict, Invalid, Unavailable
from receiver.services.upkeep.backing_up import DATABASES, DUMP, FORMAT, MANIFEST, PIECE, BackupParts
from receiver.store import copying, erased_list, migrating
from receiver.store.audit import FILE as AUDIT_FILE

MEMBERS = frozenset({*DATABASES, DUMP, erased_list.FILE})
MANIFEST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back.

    Attributes:
        counts: rows by table, as the manifest says.
        kept_log: the audit log that was there stays, for a backup's is older.
    """

    counts: Mapping[str, int]
    kept_log: bool


class Restoring:
    """The use case behind `db restore`; no process of the server may run."""

    def __init__(self, parts: BackupParts) -> None:
        self._parts = parts

    def read(self, path: Path, *, is_forced: bool = False) -> Restored:
        """Brings the backup back.

        Args:
            path: of the backup.
            is_forced: what is there already is replaced.

        Raises:
            Invalid: ``bad_backup``.
            Conflict: ``not_empty``, ``other_database``.
            Busy: ``server_running``.
            Unavailable: ``backup_failed``.
        """
        folder = self._parts.data_dir
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with (
                zipfile.ZipFile(path) as archive,
                tempfile.TemporaryDirectory(prefix=".restore-", dir=folder) as unpacked,
            ):
                manifest = _manifest(archive)
                self._check_target(manifest, is_forced=is_forced)
                _unpack(archive, manifest, Path(unpacked))
                return self._put(Path(unpacked), manifest)
        except zipfile.BadZipFile as error:
            raise Invalid("bad_backup", f"{path.name} is no backup, or is damaged: {error}") from error
        except OSError as error:
            raise Unavailable(
                "backup_failed", f"{path.name} cannot be brought back: {error.strerror or error}"
            ) from error

    def _check_target(self, manifest: Mapping[str, Any], *, is_forced: bool) -> None:
        kind = "postgresql" if self._parts.database_url else "sqlite"
        if manifest["database"] != kind:
            raise Conflict("other_database", f"it is a backup of {manifest['database']}, and the settings name {kind}")
        if manifest["revision"] > migrating.newest():
            raise Conflict("other_database", "it was made by a newer version of this program")
        if kind == "postgresql":
            postgres = copying.Postgres(self._parts.database_url)
            if list(postgres.schemas) != manifest["schemas"]:
                raise Conflict(
                    "other_database",
                    f"its tables are in the schema {manifest['schemas'][0]}, not in {postgres.schemas[0]}",
                )
            is_empty = postgres.is_empty()
        else:
            is_empty = not any((self._parts.data_dir / name).exists() for name in DATABASES if name != AUDIT_FILE)
        if not is_empty and not is_forced:
            raise Conflict("not_empty", "there is data already; --force replaces it by the backup's")

    def _put(self, unpacked: Path, manifest: Mapping[str, Any]) -> Restored:
        if self._parts.database_url:
            copying.Postgres(self._parts.database_url).restore(unpacked / DUMP)
            kept = False
        else:
            kept = self._put_files(unpacked)
        erased = unpacked / erased_list.FILE
        if erased.exists():
            erased_list.merge(erased, self._parts.data_dir)
        return Restored(manifest["counts"], kept)

    def _put_files(self, unpacked: Path) -> bool:
        """Moves the databases into place; whether the audit log that was there stays."""
        targets = [self._parts.data_dir / name for name in DATABASES]
        for target in targets:
            copying.let_go(target)
        kept = targets[-1].exists()
        for target in targets[: len(targets) - kept]:
            (unpacked / target.name).replace(target)
        _flush(self._parts.data_dir)
        return kept


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        with archive.open(MANIFEST) as file:
            found = orjson.loads(file.read(MANIFEST_BYTES))
        is_ours = found["format"] == FORMAT and set(found["members"]) <= MEMBERS and found["counts"] is not None
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("bad_backup", "the file has no manifest of a backup") from error
    wanted = {DUMP} if found["database"] == "postgresql" else set(DATABASES)
    if not is_ours or not wanted <= set(found["members"]):
        raise Invalid("bad_backup", "the file has no manifest of a backup that this version can read")
    return dict(found)


def _unpack(archive: zipfile.ZipFile, manifest: Mapping[str, Any], folder: Path) -> None:
    """The members under their own names, each held against its digest."""
    for name, said in manifest["members"].items():
        digest, left = sha256(), int(said["bytes"])
        try:
            with archive.open(name) as member, (folder / name).open("wb") as file:
                # Not a byte more than the manifest says, whatever the archive would unpack to.
                while piece := member.read(min(PIECE, left + 1)):
                    left -= len(piece)
                    if left < 0:
                        break
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except KeyError as error:
            raise Invalid("bad_backup", f"{name} is missing from the backup") from error
        if left != 0 or digest.hexdigest() != said["sha256"]:
            raise Invalid("bad_backup", f"{name} in the backup is not what was put into it")


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
