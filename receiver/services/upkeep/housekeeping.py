"""Takes away what nobody needs any more: pictures that were stored but never came to belong to an event or a face."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from receiver.domain.strangers import SHIPPED_RULES
from receiver.store import accounts, devices, events, frames, people, review_upkeep, strangers
from receiver.store.pictures import ORPHAN_AGE, Pictures
from receiver.store.store import Store

BATCH = 200
# Long enough for the event of a picture that was stored first to be committed.
ERASED_AGE = timedelta(minutes=10)
LOGIN_AGE = timedelta(days=90)


class Housekeeping:
    """The scheduled sweep; in small steps, so that the intake never waits long for its turn."""

    def __init__(self, store: Store, pictures: Pictures, waiting: timedelta = SHIPPED_RULES.waiting) -> None:
        self._store = store
        self._pictures = pictures
        self._waiting = waiting

    def sweep_orphans(self) -> int:
        """Deletes pictures that nothing refers to and that have not been used for a day; returns how many."""
        return self._sweep(datetime.now(UTC) - ORPHAN_AGE, self._pictures.old)

    def sweep_erased(self) -> int:
        """Deletes erased pictures that a box has sent again without a new event; returns how many."""
        return self._sweep(datetime.now(UTC) - ERASED_AGE, self._pictures.come_again)

    def drop_unneeded(self, digests: Sequence[bytes], before: datetime) -> int:
        """Deletes those of some pictures that nothing refers to and that have not been used since ``before``; how many."""
        with self._store.read() as tx:
            needed = events.referred(tx, digests) | people.referred(tx, digests) | devices.referred(tx, digests)
            needed |= review_upkeep.referred(tx, digests) | frames.referred(tx, digests)
        orphans = [digest for digest in digests if digest not in needed]
        return self._pictures.drop(orphans, before) if orphans else 0

    def sweep_logins(self) -> int:
        """Deletes logins and API keys that have been over for long; until then they tell who came, and from where."""
        before, dropped = datetime.now(UTC) - LOGIN_AGE, 0
        for forget in (accounts.forget_logins, accounts.forget_keys):
            number = BATCH
            while number == BATCH:
                with self._store.write() as tx:
                    number = forget(tx, before, BATCH)
                dropped += number
        return dropped

    def settle_reviews(self) -> int:
        """Settles what somebody was to look at and what has gone away meanwhile; returns how many."""
        with self._store.write() as tx:
            return review_upkeep.settle_gone(tx, datetime.now(UTC))

    def sweep_candidates(self) -> int:
        """Deletes faces that have waited long enough to be seen a second time; returns how many."""
        before = datetime.now(UTC) - self._waiting
        dropped = 0
        while True:
            with self._store.write(lock=people.GALLERY_LOCK) as tx:
                number = strangers.drop_waiting(tx, before, BATCH)
            dropped += number
            if number < BATCH:
                return dropped

    def _sweep(self, before: datetime, old: Callable[[datetime, bytes, int], list[bytes]]) -> int:
        dropped = 0
        last = b""
        while digests := old(before, last, BATCH):
            dropped += self.drop_unneeded(digests, before)
            last = digests[-1]
        return dropped
