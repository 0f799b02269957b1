"""Pictures by SHA-256 digest, once however often they arrive, durable before anything refers to them."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, delete, select

from receiver.store.batches import insert_rows
from receiver.store.database import Database
from receiver.store.tables import erased_picture, picture

# A digest met again within this time is not even touched; far below the age at which a sweep takes orphans.
REFRESH_SECONDS = 3600
REMEMBERED = 50_000
ORPHAN_AGE = timedelta(days=1)
# What has not been used for so long no process takes for stored any more: it would write it anew. The minutes are for whoever
# found it in memory at the last moment, and still has to commit what refers to it.
FORGOTTEN_AGE = timedelta(seconds=REFRESH_SECONDS, minutes=10)
# How long a process goes on trusting its memory after a digest was erased, and how far back it then looks.
FOLLOW_SECONDS = 1.0
FOLLOW_BACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """One picture as kept: the bytes as they came."""

    digest: bytes
    media_type: str
    width: int
    height: int
    data: bytes


# Asked for each picture of each delivery, see events.message_with_slots.
_PICTURE = select(picture.c.digest, picture.c.media_type, picture.c.width, picture.c.height, picture.c.data).where(
    picture.c.digest == bindparam("wanted")
)


class Pictures:
    """The table of pictures; remembers what this process stored lately, for a library picture repeats with every event."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()
        self._followed_at = float("-inf")
        self._followed_to = datetime.now(UTC)

    def put(self, pictures: Iterable[StoredPicture]) -> None:
        """Keeps the pictures durably; when it returns they survive a power loss."""
        given = list(pictures)
        if given:
            self._follow_erased()
        new = {each.digest: each for each in given if not self._is_recent(each.digest)}
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
        with self._database.read() as tx:
            row = tx.execute(_PICTURE, {"wanted": digest}).one_or_none()
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

    def mark_erased(self, digests: Iterable[bytes], now: datetime) -> None:
        """Tells every process to forget those digests: from FOLLOW_SECONDS on each of them would write them anew."""
        rows = [{"digest": digest, "erased_at": now} for digest in sorted(set(digests))]
        with self._database.write() as tx:
            insert_rows(tx, erased_picture, rows, may_exist=True, refresh="erased_at")

    def erased(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those of the digests that were erased once; they may have come again since."""
        with self._database.read() as tx:
            statement = select(erased_picture.c.digest).where(erased_picture.c.digest.in_(list(digests)))
            return set(tx.execute(statement).scalars())

    def come_again(self, before: datetime, after: bytes, limit: int) -> list[bytes]:
        """Digests above ``after`` that were erased, are here again and not used since ``before``; in their order."""
        statement = (
            select(picture.c.digest)
            .join(erased_picture, erased_picture.c.digest == picture.c.digest)
            .where(picture.c.digest > after, picture.c.last_used < before)
            .order_by(picture.c.digest)
            .limit(limit)
        )
        with self._database.read() as tx:
            return list(tx.execute(statement).scalars())

    def _follow_erased(self) -> None:
        """What another process has erased must be written anew when it comes again."""
        if time.monotonic() - self._followed_at < FOLLOW_SECONDS:
            return
        started, looked_at = time.monotonic(), datetime.now(UTC)
        # Back beyond the last look: whoever marks commits a little later than the time that is written.
        since = self._followed_to - FOLLOW_BACK
        with self._database.read() as tx:
            found = list(
                tx.execute(select(erased_picture.c.digest).where(erased_picture.c.erased_at > since)).scalars()
            )
        with self._lock:
            for digest in found:
                self._recent.pop(digest, None)
        self._followed_at, self._followed_to = started, looked_at

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
