"""Keeps frames: the picture durably first, then its row, those of many requests in one transaction."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from receiver import metrics
from receiver.domain.alerts import AlertState, storable
from receiver.domain.errors import Conflict, Forbidden, GatehouseError, NotFound
from receiver.services.intake.group_commit import GroupCommit
from receiver.store import frames
from receiver.store.database import Row, Tx
from receiver.store.pictures import FORGOTTEN_AGE, Pictures, StoredPicture
from receiver.store.store import Store
from receiver.translation.pictures import inspect

# A sender's own count fits a column.
LARGEST_NUMBER = 2**63 - 1
# Frames that one transaction takes away.
AT_ONCE = 200
# Longer than a picture must lie unused before it may go: it is written a moment after its frame came.
KEPT_AT_LEAST = FORGOTTEN_AGE + timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class NewFrame:
    """A frame that came.

    Attributes:
        device_id: who sent it.
        alert_id: the alert that it shows; None: a calm one.
        picture: encoded.
        taken_at: by the device, aware.
        number: the sender's own count.
    """

    device_id: int
    alert_id: int | None
    picture: bytes
    taken_at: datetime
    number: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    new: NewFrame
    stored: StoredPicture
    received_at: datetime


class Frames:
    """Takes frames in and gives them back.

    Args:
        pixel_limit: of one picture, width times height.
        check_room: raises Unavailable where the disk is nearly full.
    """

    def __init__(self, store: Store, pictures: Pictures, pixel_limit: int, check_room: Callable[[], None]) -> None:
        self._store = store
        self._pictures = pictures
        self._pixel_limit = pixel_limit
        self._check_room = check_room
        self._group: GroupCommit[_Entry, int | GatehouseError] = GroupCommit(self._write_batch)

    def add(self, new: NewFrame) -> int:
        """Keeps a frame; its id. When it returns the frame survives a power loss.

        Raises:
            Invalid: ``not_a_picture``, ``too_many_pixels``.
            NotFound: ``no_such_alert``.
            Forbidden: ``foreign_alert``: it is another device's.
            Conflict: ``alert_over``: it has ended, or is closed.
            Unavailable: ``disk_full``, or the database does not work just now.
        """
        future = self.begin(new)
        self.flush()
        return future.result()

    def begin(self, new: NewFrame) -> "Future[int]":
        """Lines a frame up; after the next flush the future has its id, or raises what ``add`` does.

        Raises:
            Invalid: ``not_a_picture``, ``too_many_pixels``.
            Unavailable: ``disk_full``.
        """
        self._check_room()
        header = inspect(new.picture, self._pixel_limit)
        digest = hashlib.sha256(new.picture).digest()
        stored = StoredPicture(digest, header.media_type, header.width, header.height, new.picture)
        return self._group.begin([_Entry(new, stored, datetime.now(UTC))], partial(_kept, new))

    def flush(self) -> None:
        """Commits everything that is lined up."""
        self._group.flush()

    def of_alert(self, alert_id: int, before: int | None = None, limit: int = 50) -> list[Row]:
        """An alert's frames, newest first."""
        with self._store.read() as tx:
            return frames.newest_of_alert(tx, alert_id, before, limit)

    def last_of(self, device_id: int) -> Row | None:
        """A device's newest frame, calm or of an alert; None if it has sent none."""
        with self._store.read() as tx:
            return frames.last_of(tx, device_id)

    def _write_batch(self, entries: Sequence[_Entry]) -> list[int | GatehouseError]:
        with self._store.read() as tx:
            refused = _refusals(tx, entries)
        # Nobody counts what belongs to no frame: of one that is refused not even the picture may come to the disk.
        wanted = [each for each, refusal in zip(entries, refused, strict=True) if refusal is None]
        outcomes = iter(self._keep(wanted) if wanted else [])
        return [refusal or next(outcomes) for refusal in refused]

    def _keep(self, entries: Sequence[_Entry]) -> list[int | GatehouseError]:
        self._pictures.put(each.stored for each in entries)
        with self._store.write() as tx:
            # Once more: an alert may have been closed meanwhile.
            refused = _refusals(tx, entries)
            rows = [_row(each) for each, refusal in zip(entries, refused, strict=True) if refusal is None]
            ids = iter(frames.add(tx, rows))
            return [refusal or next(ids) for refusal in refused]


def _refusals(tx: Tx, entries: Sequence[_Entry]) -> list[GatehouseError | None]:
    wanted = {each.new.alert_id for each in entries} - {None}
    known = frames.known_alerts(tx, sorted(each for each in wanted if each is not None)) if wanted else {}
    return [_refusal(each.new, known) for each in entries]


def _kept(new: NewFrame, outcomes: Sequence[int | GatehouseError]) -> int:
    (kept,) = outcomes
    if isinstance(kept, GatehouseError):
        raise kept
    metrics.FRAMES.labels("calm" if new.alert_id is None else "alert").inc()
    return kept


def _refusal(new: NewFrame, known: dict[int, Row]) -> GatehouseError | None:
    if new.alert_id is None:
        return None
    alert = known.get(new.alert_id)
    if alert is None:
        return NotFound("no_such_alert", "there is no alert with that id")
    if alert.device_id != new.device_id:
        return Forbidden("foreign_alert", "the alert is another device's")
    if alert.ended_at is not None or alert.state == AlertState.CLOSED:
        return Conflict("alert_over", "the alert has ended before")
    return None


def _row(entry: _Entry) -> dict[str, object]:
    stored, new = entry.stored, entry.new
    return {
        "device_id": new.device_id,
        "alert_id": new.alert_id,
        "digest": stored.digest,
        "media_type": stored.media_type,
        "width": stored.width,
        "height": stored.height,
        "bytes": len(stored.data),
        "number": min(max(new.number, -LARGEST_NUMBER), LARGEST_NUMBER),
        "taken_at": storable(new.taken_at),
        "received_at": entry.received_at,
    }


class FrameRoom:
    """What all frames may take: beyond it the oldest calm ones go first, and those of alerts that nobody has closed never.

    What came within KEPT_AT_LEAST stays too: its pictures could not go yet, and without them nothing would be free.

    Args:
        size: bytes.
        drop_unneeded: given pictures and a time; deletes those that nothing refers to and that are unused since then.
    """

    def __init__(self, store: Store, size: int, drop_unneeded: Callable[[Sequence[bytes], datetime], int]) -> None:
        self._store = store
        self._size = size
        self._drop_unneeded = drop_unneeded

    def make(self, now: datetime | None = None) -> int:
        """Takes away what is beyond it, with its pictures; how many bytes."""
        now, freed = now or datetime.now(UTC), 0
        before = now - KEPT_AT_LEAST
        with self._store.read() as tx:
            beyond = frames.size(tx) - self._size
        for is_calm in (True, False):
            while freed < beyond:
                left = beyond - freed
                with self._store.write() as tx:
                    gone = frames.drop_oldest(tx, is_calm=is_calm, before=before, beyond=left, limit=AT_ONCE)
                if not gone:
                    break
                freed += sum(row.bytes for row in gone)
                self._drop_unneeded([row.digest for row in gone], now - FORGOTTEN_AGE)
        return freed
