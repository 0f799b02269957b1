"""One stage of a check of the library: what it works with, and how it tells how far it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from receiver.services.deciding.library import Library
from receiver.services.pacing import Pace
from receiver.store import library_checks, listing, people, reviews
from receiver.store.database import Row, Tx
from receiver.store.reviews import NewReview, ReviewPicture
from receiver.store.store import Store
from recognition.gates import GateLimits

LEASE = timedelta(seconds=60)
# Items that are noted in one transaction.
NOTED = 20
# Of one kind in one run: more than anybody looks at before the next; the surest come first.
MOST = 500

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Tools:
    """What checks work with.

    Attributes:
        library: this process's own; its thresholds and distances are those of decisions.
        limits: what the site asks of a picture's quality.
    """

    store: Store
    library: Library
    limits: GateLimits


@dataclass(frozen=True, slots=True)
class Steps:
    """A stage of the check in ``row``."""

    tools: Tools
    pace: Pace
    row: Row
    on_step: Callable[[], object]

    @property
    def is_stopping(self) -> bool:
        return self.pace.is_stopping()

    def tell(self, done: int, total: int, **values: Any) -> None:
        """So many of so many are done; whoever works on it goes on for a while."""
        now = datetime.now(UTC)
        with self.tools.store.write() as tx:
            library_checks.move_on(tx, self.row, {"done": done, "total": total, "updated_at": now, **values})
            library_checks.lease(tx, self.row.id, now + LEASE)
        self.on_step()

    def note(self, found: Sequence[Found], make: Callable[[Tx, Found], NewReview | None]) -> int | None:
        """Notes review items, a few at a time; how many, or None if somebody stops us. Again does no harm.

        Args:
            found: what was found.
            make: the item; None where it does not hold any more.
        """
        noted = 0
        for start in range(0, len(found), NOTED):
            if self.is_stopping:
                return None
            now = datetime.now(UTC)
            with self.pace.step(), self.tools.store.write() as tx:
                items = [each for each in (make(tx, one) for one in found[start : start + NOTED]) if each is not None]
                for item in items:
                    reviews.note(tx, item, now)
                library_checks.lease(tx, self.row.id, now + LEASE)
            noted += len(items)
            self.on_step()
        return noted


def picture_of(face: Row, role: str) -> ReviewPicture:
    """A face of the library, to be judged by."""
    return ReviewPicture(face.digest, role, face.person_id, face.box)


def best_face(tx: Tx, person_id: int) -> Row | None:
    """Somebody's best current face: the one whose picture stands for the person in lists."""
    digest = listing.best_pictures(tx, [person_id]).get(person_id)
    current = people.faces_of(tx, [person_id], people.CURRENT)
    return next((face for face in current if face.digest == digest), None)


def are_there(tx: Tx, ids: Sequence[int], is_wanted: Callable[[Row], bool]) -> bool:
    """Whether all those people are still there, and as they were when they were found."""
    known = people.found(tx, ids)
    return all(each in known and is_wanted(known[each]) for each in ids)


Counts = Mapping[str, int]
