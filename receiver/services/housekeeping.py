"""Takes away what nobody needs any more: pictures that were stored but never came to belong to an event or a face."""

from datetime import UTC, datetime

from receiver.store import devices, events, people
from receiver.store.pictures import ORPHAN_AGE, Pictures
from receiver.store.store import Store

BATCH = 200


class Housekeeping:
    """The scheduled sweep; in small steps, so that the intake never waits long for its turn."""

    def __init__(self, store: Store, pictures: Pictures) -> None:
        self._store = store
        self._pictures = pictures

    def sweep_orphans(self) -> int:
        """Deletes pictures that nothing refers to and that have not been used for a day; returns how many."""
        before = datetime.now(UTC) - ORPHAN_AGE
        dropped = 0
        last = b""
        while digests := self._pictures.old(before, last, BATCH):
            with self._store.read() as tx:
                needed = events.referred(tx, digests) | people.referred(tx, digests) | devices.referred(tx, digests)
            orphans = [digest for digest in digests if digest not in needed]
            dropped += self._pictures.drop(orphans, before) if orphans else 0
            last = digests[-1]
        return dropped
