"""A worker that adopts, with prepared faces, over a store."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from receiver.services.adopting.adopting import Adopting, AdoptingParts
from receiver.services.adopting.adopting_one import OneByOne, OneParts
from receiver.services.adopting.adoptions import Adoptions, NewAdoption
from receiver.services.deciding.deciding import Decider
from receiver.services.deciding.library import Library
from receiver.services.people.enrolling import EnrolmentGate
from receiver.services.people.people import People
from receiver.services.people.portraits import See
from receiver.store import adoptions, identities, outbox, people
from receiver.store.database import Row
from receiver.store.identities import IdentityFilter
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import Sighting
from recognition.gates import SHIPPED
from tests.receiver.boxes import HISTORY, history, jpeg, open_intake, text_of
from tests.receiver.faces import LEASE, MODEL, Desk, PreparedEngine, read_prepared

PIXELS = 1_000_000


class Adopter:
    """A recogniser that keeps identities, and a worker that adopts them, each with a library of its own."""

    def __init__(self, store: Store, folder: Path, engine: PreparedEngine) -> None:
        self.store = store
        self.folder = folder
        self.engine = engine
        self.desk = Desk(store, engine)
        self.jobs = Adoptions(store, lambda: None)
        self.pictures = Pictures(store.pictures)
        self.seen: list[bytes] = []

    def told(self, number: int, library: int | None = None, *, identity: str = "E1", **changes: Any) -> int:
        """An event of somebody whom a box knows, with the library picture of that number; its id."""
        inner = changes.pop("ext_data", {})
        picture = {} if library is None else {"reg_pic": text_of(library)}
        item = history(number, identity_id=identity, **picture, **changes, ext_data=inner)
        with open_intake(self.store, self.folder) as intake:
            (recorded,) = intake.record([item], HISTORY)
        assert recorded.result == "new"
        self.desk.work()
        return recorded.event_id or 0

    def worker(self, kind: type[OneByOne] = OneByOne) -> Adopting:
        """As another process would have it."""
        decider = Decider(Library(MODEL, 0.01, scales=self.desk.scales))
        gate = EnrolmentGate(decider, SHIPPED)

        def one(see: See) -> OneByOne:
            people = People(self.store, self.pictures, see, PIXELS, gate)
            return kind(OneParts(self.store, self.pictures, people, decider, see, SHIPPED))

        return Adopting(AdoptingParts(self.store, self.pictures, self.see, one))

    def see(self, data: bytes) -> list[Sighting]:
        self.seen.append(data)
        return self.engine.sightings(read_prepared(data))

    def begin(self, **wanted: Any) -> int:
        is_again = wanted.pop("is_again", False)
        return self.jobs.begin(NewAdoption(IdentityFilter(**wanted), "a test", is_again))

    def adopt(self, **wanted: Any) -> dict[str, int]:
        """Adopts to the end; what came of it, without what there was none of."""
        adoption_id = self.begin(**wanted)
        self.worker().run(adoption_id)
        shown = self.jobs.show(adoption_id)
        assert (shown["state"], shown["percent"]) == ("done", 100)
        return {name: number for name, number in shown["counts"].items() if number}

    def begin_by_themselves(self) -> None:
        """What the worker does for the task of those that begin by themselves."""
        while self.tasks():
            with self.store.write() as tx:
                (task,) = outbox.claim(tx, adoptions.TOPIC, 1, datetime.now(UTC), LEASE)
            self.worker().run(task.subject)

    def tasks(self) -> int:
        with self.store.read() as tx:
            return sum(number for (topic, _), number in outbox.counts(tx).items() if topic == adoptions.TOPIC)

    def identity(self, name: str = "E1", device: int = 1) -> Row:
        with self.store.read() as tx:
            found = identities.find(tx, (device, name))
        assert found is not None
        return found

    def stands(self, name: str = "E1", device: int = 1) -> tuple[str, str | None]:
        row = self.identity(name, device)
        return row.state, row.reason


def watched(judge: Callable[..., Any], died_after: int) -> Callable[..., Any]:
    """As ``judge``, but the process ends after that many, before what came of the last is written."""
    left = [died_after]

    def judged(*arguments: Any, **options: Any) -> Any:
        found = judge(*arguments, **options)
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return found

    return judged


class Killed(BaseException):
    """Stands for kill -9: nobody catches it, nothing is written after it."""


def picture(number: int) -> bytes:
    return jpeg(number)


def library(adopter: Adopter) -> dict[str, Any]:
    """Name -> (list, source, number of faces) of everybody."""
    with adopter.store.read() as tx:
        everybody = people.listed(tx, None, None, None, 999)
        shown = {row.id: people.faces_of(tx, [row.id]) for row in everybody}
    return {row.name: (row.list, row.source, len(shown[row.id])) for row in everybody}
