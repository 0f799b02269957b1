"""A site that imports: people packed into archives, prepared faces, and a worker that can be stopped and killed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from receiver.domain.scales import DLIB
from receiver.services.importing.import_jobs import ImportJobs, NewImport
from receiver.services.importing.importing import ALONE, Importing, ImportingParts, Watch
from receiver.services.importing.rehearsing import RehearsedLibrary, rehearsal_maker
from receiver.services.people.people import People
from receiver.services.upkeep.room import Room
from receiver.store import library, outbox, people
from receiver.store.database import Row
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import RecognitionError, Sighting
from recognition.gates import SHIPPED
from tests.receiver.archives import packed
from tests.receiver.boxes import jpeg
from tests.receiver.faces import MODEL, gate_of, sighting

PIXELS = 1_000_000
# Pictures without a face, with a face too blurred, and that the engine cannot bear.
NOBODY, BLURRED, DEADLY = 9001, 9002, 9003
# Further pictures of the person of picture 1.
AGAIN, ONCE_MORE = 1001, 1002
HEADER = "id,name,list,picture\n"


def see_prepared(data: bytes) -> list[Sighting]:
    """Another face on every picture, but for the special ones."""
    if data == jpeg(NOBODY):
        return []
    if data == jpeg(DEADLY):
        raise MemoryError("the engine has gone")
    if not data.startswith(b"\xff\xd8"):
        raise RecognitionError("not_a_picture", "it is no picture")
    if data in {jpeg(AGAIN), jpeg(ONCE_MORE)}:
        (first,) = see_prepared(jpeg(1))
        return [replace(first, embedding=first.embedding + np.float32(0.01 if data == jpeg(AGAIN) else -0.01))]
    chance = np.random.default_rng(int.from_bytes(hashlib.sha256(data).digest()[:4], "big"))
    embedding = chance.normal(size=128).astype(np.float32)
    return [sighting(embedding, blur=0.99) if data == jpeg(BLURRED) else sighting(embedding)]


def settled_library(store: Store) -> None:
    """The library is one of the prepared engine's model."""
    with store.write(lock=people.GALLERY_LOCK) as tx:
        library.settle(tx, MODEL, datetime.now(UTC))


@dataclass
class Importer:
    """An import desk and a worker over one store."""

    store: Store
    folder: Path
    seen: list[bytes] = field(default_factory=list)
    reserve: int = 0
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))

    def __post_init__(self) -> None:
        settled_library(self.store)
        self.jobs = ImportJobs(self.store, Room(self.folder, 0), lambda: None)
        self.importing = self.worker()

    def worker(self, see: Callable[[bytes], list[Sighting]] = see_prepared, kind: type[People] = People) -> Importing:
        """A worker of its own, as another process would have it."""

        def noted(data: bytes) -> list[Sighting]:
            self.seen.append(data)
            return see(data)

        def library_over(store: Store, pictures: Pictures, see: Callable[[bytes], list[Sighting]]) -> People:
            return kind(store, pictures, see, PIXELS, gate_of())

        pictures = Pictures(self.store.pictures)
        rehearse = rehearsal_maker(lambda: RehearsedLibrary(MODEL, 0.01, scales={MODEL: DLIB}), SHIPPED, PIXELS)
        parts = ImportingParts(self.store, pictures, noted, library_over, self.check_room, zone=self.zone)
        return Importing(replace(parts, rehearse=rehearse))

    def check_room(self) -> None:
        """As the disk of the folder has room for what is kept free of it."""
        Room(self.folder, self.reserve).check()

    def archive(self, files: Mapping[str, bytes], name: str = "people.zip") -> Path:
        path = self.folder / name
        path.write_bytes(packed(files))
        return path

    def begin(self, path: Path, **options: Any) -> int:
        return self.jobs.begin(NewImport(path, path.name, **options))

    def run(self, path: Path, watch: Watch = ALONE, **options: Any) -> int:
        """Imports a file to its end; the import's id."""
        import_id = self.begin(path, **options)
        self.importing.run(import_id, watch)
        return import_id

    def rows(self, import_id: int) -> list[dict[str, Any]]:
        return list(self.jobs.all_rows(import_id))

    def reasons(self, import_id: int) -> dict[str, tuple[str, str]]:
        """External id, else place -> what came of the row."""
        return {row["external_id"] or row["place"]: (row["state"], row["reason"]) for row in self.rows(import_id)}

    def counts(self, import_id: int) -> dict[str, int]:
        return {state: number for state, number in self.jobs.show(import_id)["counts"].items() if number}

    def everybody(self) -> list[Row]:
        with self.store.read() as tx:
            return sorted(people.listed(tx, None, None, None, 100_000), key=lambda each: each.id)

    def faces(self, person_id: int) -> list[bytes]:
        with self.store.read() as tx:
            return [row.digest for row in people.faces_of(tx, [person_id])]

    def tasks(self) -> dict[tuple[str, str], int]:
        with self.store.read() as tx:
            return dict(outbox.counts(tx))


def many(number: int) -> dict[str, bytes]:
    """So many people, one picture each, and their table."""
    table = HEADER + "".join(f"{each},Person {each},staff,{each}.jpg\n" for each in range(number))
    return {"people.csv": table.encode()} | {f"{each}.jpg": jpeg(each) for each in range(number)}
