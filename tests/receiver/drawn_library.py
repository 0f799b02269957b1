"""A library of drawn faces in a real store, for measuring it and holding the figures against its decisions."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from receiver.domain.events import ListName
from receiver.domain.identity import Status
from receiver.domain.scales import DLIB
from receiver.services.calibration.calibrating import Calibrating, CalibratingParts
from receiver.services.calibration.measured import Measured
from receiver.services.calibration.scores import Step
from receiver.services.deciding.deciding import Decider, Probe
from receiver.services.deciding.library import ORDINARY, Library
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import Embedding, Sighting
from tests.receiver.faces import MODEL, enrol, sighting

FPIR, NOW = 0.02, datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Site:
    """A library of drawn faces: people lie about as far apart as a network's, so that some are mistaken."""

    store: Store
    folder: Path
    noise: float = 0.32
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(4))
    seen: dict[bytes, list[Sighting] | Exception] = field(default_factory=dict)
    steps: dict[str, list[int]] = field(default_factory=dict)

    def person(self) -> Embedding:
        """The middle of a new person's pictures: in few dimensions, so that some people are alike."""
        middle = np.zeros(128, np.float32)
        middle[:10] = self.random.normal(size=10) * 0.2
        return middle

    def pictures(self, person: Embedding, number: int, noise: float | None = None) -> list[Embedding]:
        drawn = self.random.normal(size=(number, 128)) * (noise or self.noise) / math.sqrt(128)
        return [np.asarray(person + each, np.float32) for each in drawn]

    def enrol(self, number: int, person_list: ListName = ListName.STAFF, pictures: int = 3) -> list[int]:
        return [enrol(self.store, person_list, *self.pictures(self.person(), pictures)) for _ in range(number)]

    def stranger(self, name: str, embedding: Embedding) -> None:
        """A picture in the folder of strangers."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        self.seen[name.encode()] = [sighting(embedding)]

    def strangers(self, number: int, group: str = "") -> None:
        for each in range(number):
            self.stranger(f"{group}/{each}.jpg" if group else f"{each}.jpg", self.pictures(self.person(), 1)[0])

    def see(self, data: bytes) -> list[Sighting]:
        found = self.seen[data]
        if isinstance(found, Exception):
            raise found
        return found

    def library(self) -> Library:
        return Library(MODEL, FPIR, scales={MODEL: DLIB})

    def calibrating(self) -> Calibrating:
        return Calibrating(CalibratingParts(self.store, Pictures(self.store.pictures), self.see, self.library(), FPIR))

    def measure(self, folder: Path | None = None) -> Measured:
        return self.calibrating().measure(folder, self.bar)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Step]:
        done = self.steps[label] = []
        yield done.append
        assert sum(done) == total


def is_called(site: Site, embedding: Embedding) -> bool:
    """Whether the decision calls that face by a name of an ordinary list."""
    with site.store.read() as tx:
        decision = Decider(site.library()).decide(tx, Probe([embedding]))
    return decision.status is Status.MATCHED and decision.list in ORDINARY
