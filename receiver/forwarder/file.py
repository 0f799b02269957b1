"""The way out into a file: one JSON document a line, durable when it counts as delivered, rotated by size."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from receiver.domain.errors import Invalid
from receiver.forwarder.channel import Answer, Destination, Outcome, Outgoing
from receiver.forwarder.targets import Words

MIB = 1024 * 1024
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class FileTarget:
    """Where to, and how much of it is kept."""

    path: Path
    max_size: int
    keep: int


class FileChannel:
    """Appends.

    Args:
        folder: where files set over the interface stand, and those whose path is no whole one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def check(self, destination: Destination) -> None:
        """Whether a subscription may be saved.

        Raises:
            Invalid: ``bad_target``, ``forbidden_path``.
        """
        self._target(destination)

    def send(self, outgoing: Outgoing) -> Answer:
        """Appends the lines of one message, and waits until they are on the disk."""
        try:
            target = self._target(outgoing.destination)
            target.path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, _alone(target.path):
                _append(target, _lines(outgoing))
        except Invalid as error:
            return Answer(Outcome.UNREACHABLE, detail=f"{error.reason}: {error.detail}")
        except OSError as error:
            return Answer(Outcome.UNREACHABLE, detail=f"the file cannot be written: {error.strerror}")
        return Answer(Outcome.DELIVERED)

    def close(self) -> None:
        """Nothing stays open."""

    def _target(self, destination: Destination) -> FileTarget:
        words = Words(destination.target)
        text = words.text("path", is_required=True)
        target = FileTarget(
            self._folder / text,
            words.whole("max_size", 100 * MIB, MIB, 1024 * 1024 * MIB),
            words.whole("keep", 10, 0, 10_000),
        )
        words.end()
        if destination.is_guarded and (Path(text).name != text or text.startswith(".")):
            raise Invalid(
                "forbidden_path", "over the interface a file is named without folders; it stands in outgoing/"
            )
        return target


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else writes or rotates meanwhile, in whatever process."""
    with open(f"{path}.lock", "a", encoding="utf-8", opener=_private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _append(target: FileTarget, lines: bytes) -> None:
    size = target.path.stat().st_size if target.path.exists() else 0
    if size and size + len(lines) > target.max_size:
        _rotate(target)
    with open(target.path, "ab+", opener=_private) as file:
        if file.tell() and not _ends_whole(file.fileno(), file.tell()):
            # Somebody's power went while a line was written; that message comes again.
            lines = b"\n" + lines
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def _ends_whole(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"


def _rotate(target: FileTarget) -> None:
    """``name`` becomes ``name.1``, that one ``name.2``; what is beyond those that are kept goes."""
    older = [Path(f"{target.path}.{number}") for number in range(1, target.keep + 1)]
    for younger, old in reversed(list(zip([target.path, *older[:-1]], older, strict=True)) if older else []):
        if younger.exists():
            younger.replace(old)
    if not older:
        target.path.unlink()


def _lines(outgoing: Outgoing) -> bytes:
    """A line for each document; what is no JSON goes as a text of JSON."""
    try:
        document = orjson.loads(outgoing.body)
    except orjson.JSONDecodeError:
        document = [line.decode("utf-8", "replace") for line in outgoing.body.splitlines()]
        return b"".join(orjson.dumps(each) + b"\n" for each in document)
    documents = document if isinstance(document, list) else [document]
    return b"".join(orjson.dumps(each) + b"\n" for each in documents)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)
