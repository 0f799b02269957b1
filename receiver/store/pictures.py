"""Pictures by SHA-256 digest, once however often they arrive, durable before anything refers to them."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select

from receiver.store.batches import insert_rows
from receiver.store.database import Database
from receiver.store.tables import picture

# A digest met again within this time is not even touched; far below the age at which a sweep takes orphans.
REFRESH_SECONDS = 3600
REMEMBERED = 50_000
ORPHAN_AGE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """One picture as kept: the bytes as they came."""

    digest: bytes
    media_type: str
    width: int
    height: int
    data: bytes


class Pictures:
    """The table of pictures; remembers what this process stored lately, for a library picture repeats with every event."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, pictures: Iterable[StoredPicture]) -> None:
        """Keeps the pictures durably; when it returns they survive a power loss."""
        new = {each.digest: each for each in pictures if not self._is_recent(each.digest)}
        if not new:
            return
        now = datetime.now(UTC)
        rows = [
            {
                "digest": each.digest,
                "media_type": each.media_type,
                "width": each.width,
                "height": each.height,
                "data": each.data,
                "first_seen": now,
                "last_used": now,
            }
            for _, each in sorted(new.items())  # one order in every process, or two of them would deadlock
        ]
        with self._database.write() as tx:
            insert_rows(tx, picture, rows, may_exist=True, refresh="last_used")
        self._remember(new)

    def get(self, digest: bytes) -> StoredPicture | None:
        """The picture with that digest, or None."""
        columns = (picture.c.digest, picture.c.media_type, picture.c.width, picture.c.height, picture.c.data)
        with self._database.read() as tx:
            row = tx.execute(select(*columns).where(picture.c.digest == digest)).one_or_none()
        return None if row is None else StoredPicture(*row)

    def has(self, digest: bytes) -> bool:
        """Whether there is a picture with that digest; its bytes are not read."""
        with self._database.read() as tx:
            return tx.execute(select(picture.c.digest).where(picture.c.digest == digest)).first() is not None

    def old(self, before: datetime, after: bytes, limit: int) -> list[bytes]:
        """Digests greater than ``after`` not used since ``before``, in their order; the caller knows which are needed."""
        with self._database.read() as tx:
            statement = (
                select(picture.c.digest)
                .where(picture.c.last_used < before, picture.c.digest > after)
                .order_by(picture.c.digest)
                .limit(limit)
            )
            return list(tx.execute(statement).scalars())

    def drop(self, digests: Iterable[bytes], before: datetime) -> int:
        """Deletes those of ``digests`` that are still unused since ``before``; returns how many."""
        with self._database.write() as tx:
            found = tx.execute(delete(picture).where(picture.c.digest.in_(list(digests)), picture.c.last_used < before))
            return found.rowcount

    def _is_recent(self, digest: bytes) -> bool:
        with self._lock:
            return time.monotonic() - self._recent.get(digest, float("-inf")) < REFRESH_SECONDS

    def _remember(self, digests: Iterable[bytes]) -> None:
        now = time.monotonic()
        with self._lock:
            for digest in digests:
                self._recent[digest] = now
                self._recent.move_to_end(digest)
            while len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)
