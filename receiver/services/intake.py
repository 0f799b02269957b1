"""Takes what boxes send: reads each item, keeps its pictures, and returns only when everything is committed."""

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from receiver.domain.errors import GatehouseError, Unavailable
from receiver.domain.event_keys import duplicate_key, needs_raw, passage_key
from receiver.services.device_book import Speaker, device_key
from receiver.services.group_commit import GroupCommit
from receiver.services.recording import Entry, ReadEntry, Recorded, Recorder, Sender, UnreadEntry
from receiver.settings import MIB
from receiver.store import quarantine
from receiver.store.doorbell import Doorbell
from receiver.store.pictures import Pictures, StoredPicture
from receiver.store.store import Store
from receiver.translation import originals
from receiver.translation import sophon as translation
from schemas import sophon
from schemas.errors import UnreadableItem

# Under this the intake refuses rather than to fill the disk to the last byte: a database cannot even commit then.
LAST_RESERVE = 200 * MIB
DISK_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class IntakeParts:
    """What the intake works with."""

    store: Store
    pictures: Pictures
    recorder: Recorder
    doorbell: Doorbell
    data_dir: Path
    pixel_limit: int
    on_recorded: Callable[[Entry, Recorded], None]


class Intake:
    """The one way in for events, whatever language they came in."""

    def __init__(self, parts: IntakeParts) -> None:
        self._parts = parts
        self._commits: GroupCommit[Entry, Recorded] = GroupCommit(self._write, _instead)
        self._free_looked_at = float("-inf")
        self._free = 0

    def begin(self, items: Sequence[object], sender: Sender) -> "Future[list[Recorded]]":
        """Reads the items of one request and lines them up; after the next flush the future is done and they are durable.

        The future raises Unavailable if nothing was kept: the sender should try again later.

        Raises:
            Unavailable: the disk is nearly full.
        """
        self._check_disk()
        now = datetime.now(UTC)
        return self._commits.begin([self._read(item, sender, now) for item in items], _all_recorded)

    def flush(self) -> None:
        """Commits everything that is lined up."""
        self._commits.flush()

    def record(self, items: Sequence[object], sender: Sender) -> list[Recorded]:
        """Reads and commits the items of one request.

        Raises:
            Unavailable: nothing was kept; the sender should try again later.
        """
        future = self.begin(items, sender)
        self.flush()
        return future.result()

    def record_unreadable(self, body: bytes, reason: str, detail: str, sender: Sender) -> Recorded | None:
        """A body that cannot be read: None the first time (refuse it), quarantined when the same bytes come again.

        A box resends whatever is not answered 200; without this it would resend the broken body for ever.
        """
        digest = hashlib.sha256(body).digest()
        now = datetime.now(UTC)
        with self._parts.store.write() as tx:
            if quarantine.remember_rejected(tx, digest, now):
                return None
        return _all_recorded(self._commits.submit([UnreadEntry(reason, detail, body, "body", digest, sender, now)]))[0]

    def _read(self, item: object, sender: Sender, now: datetime) -> Entry:
        try:
            message = sophon.read(item)
            event = translation.to_event(message, sender.channel, self._parts.pixel_limit)
            document, slots = originals.strip_pictures(item, event)
            speaker = Speaker(
                device_key(event.licence, event.gate.owner, sender.peer), event.licence or event.gate.owner, sender.peer
            )
            return ReadEntry(
                event=event,
                speaker=speaker,
                duplicate_key=duplicate_key(
                    event, speaker.key, originals.canonical(document) if needs_raw(event) else b""
                ),
                passage_key=passage_key(event, sender.peer),
                raw=originals.dumps(document),
                slots=tuple(slot for slot in slots if slot is not None),
                sender=sender,
                received_at=now,
            )
        except UnreadableItem as error:
            return _unread(item, error.reason, error.detail, sender, now)

    def _write(self, entries: Sequence[Entry]) -> list[Recorded]:
        """One group: the pictures first, for an event must never be committed before its pictures are durable."""
        self._parts.pictures.put(
            StoredPicture(each.digest, each.media_type, each.width, each.height, each.data)
            for entry in entries
            if isinstance(entry, ReadEntry)
            for each in entry.event.pictures
        )
        results = self._parts.recorder.write_batch(entries)
        self._parts.doorbell.ring()
        for entry, result in zip(entries, results, strict=True):
            self._parts.on_recorded(entry, result)
        return results

    def _check_disk(self) -> None:
        if time.monotonic() - self._free_looked_at > DISK_LOOK_SECONDS:
            self._free = shutil.disk_usage(self._parts.data_dir).free
            self._free_looked_at = time.monotonic()
        if self._free < LAST_RESERVE:
            raise Unavailable(
                "disk_full", f"only {self._free // MIB} MiB are free; make room on the disk of the data folder"
            )


def _all_recorded(outcomes: Sequence[Recorded | GatehouseError]) -> list[Recorded]:
    """What became of each item; an error that nothing could be made of is the whole request's."""
    recorded = []
    for outcome in outcomes:
        if isinstance(outcome, GatehouseError):
            raise outcome
        recorded.append(outcome)
    return recorded


def _instead(entry: Entry, error: GatehouseError) -> Entry | None:
    """A row that can never be stored goes into quarantine whole, or its box would resend it for ever."""
    if isinstance(entry, UnreadEntry):
        return None
    data = {picture.digest: picture.data for picture in entry.event.pictures}
    item = originals.restore(originals.loads(entry.raw), entry.slots, data.get)
    return _unread(item, error.reason, error.detail, entry.sender, entry.received_at)


def _unread(item: object, reason: str, detail: str, sender: Sender, now: datetime) -> UnreadEntry:
    raw = originals.dumps(item)
    return UnreadEntry(reason, detail, raw, "item", hashlib.sha256(raw).digest(), sender, now)
