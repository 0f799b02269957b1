"""A library and the check of it, for tests: who is in it, who was seen, and what the night has found."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.events import ListName
from receiver.domain.scales import DLIB
from receiver.services.checking.library_checks import LibraryChecks
from receiver.services.checking.run import CheckingLibrary
from receiver.services.checking.steps import Tools
from receiver.services.deciding.library import Library
from receiver.services.pacing import Pace
from receiver.store import library, people, reviews, tables
from receiver.store.database import Row
from receiver.store.store import Store
from recognition.engine import Embedding
from recognition.gates import SHIPPED
from tests.receiver.boxes import count
from tests.receiver.faces import MODEL, enrol, face_of
from tests.receiver.past import Past

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
TABLES = (
    tables.person,
    tables.face,
    tables.face_embedding,
    tables.event,
    tables.person_identity,
    tables.gallery_change,
)


@dataclass
class Night:
    """A library and the check of it."""

    store: Store
    library: Library = field(init=False)
    rung: int = 0

    def __post_init__(self) -> None:
        with self.store.write(lock=people.GALLERY_LOCK) as tx:
            library.settle(tx, MODEL, NOW)
        self.library = Library(MODEL, 0.01, scales={MODEL: DLIB})

    @property
    def checks(self) -> LibraryChecks:
        return LibraryChecks(self.store, self.ring, "0 3 * * *")

    def ring(self) -> None:
        self.rung += 1

    @property
    def checking(self) -> CheckingLibrary:
        return CheckingLibrary(Tools(self.store, self.library, SHIPPED))

    def check(self, pace: Pace | None = None) -> dict[str, Any]:
        """A whole check; its counts."""
        check_id = self.checks.begin("a test")
        self.checking.run(check_id, pace or restless())
        found = self.checks.one(check_id)
        assert found is not None
        counts: dict[str, Any] = found["counts"]
        return counts

    def items(self, kind: str | None = None) -> list[Row]:
        with self.store.read() as tx:
            rows = list(tx.execute(tables.review.select().order_by(tables.review.c.id)))
        return [row for row in rows if kind in {None, row.kind}]

    def pairs(self, kind: str) -> list[tuple[int, int]]:
        return [(row.person_id, row.other_id) for row in self.items(kind) if row.state == "open"]

    def roles(self, item: Row) -> list[str]:
        with self.store.read() as tx:
            return [each.role for each in reviews.pictures_of(tx, [item.id])[item.id]]

    def rows(self) -> list[int]:
        return [count(self.store, table) for table in TABLES]


def restless(is_stopping: Callable[[], bool] = lambda: False) -> Pace:
    return Pace(is_stopping, lambda _seconds: None)


def stranger(night: Night, *faces: Embedding, **changes: Any) -> int:
    return enrol(night.store, ListName.STRANGER, *faces, **changes)


def staff(night: Night, *faces: Embedding, **changes: Any) -> int:
    return enrol(night.store, ListName.STAFF, *faces, **changes)


def seen(past: Past, person: int | None, moment: datetime, *faces: Embedding, **changes: Any) -> int:
    decision = None if person is None else "matched"
    return past.event(moment, *faces, person_id=person, decision=decision, **changes)


def lately(past: Past, person: int | None, days: int, *, off: float = 0.52, **changes: Any) -> list[int]:
    """Somebody who looks otherwise by now, on so many days; each has something of its own. The events, newest first."""
    found = []
    for day in range(days):
        face = face_of(1, off=off)
        face[50 + day] = 0.05
        found.append(seen(past, person, NOW - day * DAY, face, **changes))
    return found
