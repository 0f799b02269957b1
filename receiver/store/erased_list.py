"""The list of what was erased, beside the database: a restored backup is told by it what must not come back."""

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from receiver.store.types import EPOCH, MICROSECOND

FILE = "erased.jsonl"
DIGITS = 32
# Where the key stands in a line.
KEY = slice(len('{"key":"'), len('{"key":"') + 32)


def fingerprint(kind: str, number: int, moment: datetime) -> str:
    """By which a row is known again, and nothing else: numbers alone may mean another row in a restored database."""
    return sha256(f"{kind}:{number}:{(moment - EPOCH) // MICROSECOND}".encode()).hexdigest()[:DIGITS]


def identity_mark(key: str, device_key: str, external_id: str) -> str:
    """The same of an id that a device used; ``key`` is the erasure's: one id has another fingerprint in each erasure."""
    return sha256(f"identity:{key}:{device_key}\0{external_id}".encode()).hexdigest()[:DIGITS]


@dataclass(slots=True)
class Erased:
    """One erasure of the list: id and fingerprint of the person, and of each event; fingerprints of what devices kept."""

    key: str
    person: tuple[int, str] | None = None
    events: dict[int, str] = field(default_factory=dict)
    identities: set[str] = field(default_factory=set)


class ErasedList:
    """A file that only grows; what it holds tells nobody who it was."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE

    def add_person(self, key: str, person: tuple[int, str]) -> None:
        """Notes who is erased; durable when it returns."""
        self._append({"key": key, "person": person})

    def add_events(self, key: str, events: Iterable[tuple[int, str]]) -> None:
        """Notes events of an erasure; durable when it returns. Once too often does no harm."""
        self._append({"key": key, "events": list(events)})

    def add_identities(self, key: str, marks: Sequence[str]) -> None:
        """Notes by which ids devices knew who is erased; durable when it returns."""
        self._append({"key": key, "identities": marks})

    def read(self, known: Collection[str] = ()) -> dict[str, Erased]:
        """Every erasure by its key, but the known ones; a line that a power cut has left half is passed over."""
        found: dict[str, Erased] = {}
        if not self._path.exists():
            return found
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                # Before it is parsed: after years there may be millions of events in it, and hardly ever a new key.
                if line[KEY] in known:
                    continue
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                erased = found.setdefault(row["key"], Erased(row["key"]))
                if "person" in row:
                    erased.person = (row["person"][0], row["person"][1])
                erased.events.update((number, mark) for number, mark in row.get("events", ()))
                erased.identities.update(row.get("identities", ()))
        return found

    def _append(self, row: Mapping[str, str | Sequence[object]]) -> None:
        is_new = not self._path.exists()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # A line of its own, whatever a power cut has left of the one before.
            os.write(descriptor, b"\n" + json.dumps(row, separators=(",", ":")).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def merge(other: Path, data_dir: Path) -> None:
    """Adds the lines of another list to the folder's own; who is erased in one of them stays erased."""
    own = data_dir / FILE
    known = set(own.read_bytes().splitlines()) if own.exists() else set()
    with other.open("rb") as file:
        new = [line for line in (each.strip() for each in file) if line and line not in known]
    if not new:
        return
    descriptor = os.open(own, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.writelines(b"\n" + line + b"\n" for line in new)
        file.flush()
        os.fsync(file.fileno())
