"""Takes what boxes send: reads each item, keeps its pictures, and returns only when everything is committed."""

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from receiver.domain.errors import GatehouseError, Unavailable
from receiver.domain.event_keys import needs_raw
from receiver.domain.events import AccessEvent
from receiver.domain.trust import Claim, Standing, State
from receiver.services.devices.device_book import DeviceBook
from receiver.services.devices.pending_room import DEVICE_BLOCKED, PENDING_FULL
from receiver.services.intake.group_commit import GroupCommit
from receiver.services.intake.recording import (
    DroppedEntry,
    Entry,
    ReadEntry,
    Recorded,
    Recorder,
    Sender,
    UnreadEntry,
    keys_of,
)
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
    book: DeviceBook
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

    @property
    def book(self) -> DeviceBook:
        """The memory of devices of whoever takes messages in this process."""
        return self._parts.book

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

        Raises:
            Unavailable: the disk is nearly full, or nothing was kept.
        """
        self._check_disk()
        digest = hashlib.sha256(body).digest()
        now = datetime.now(UTC)
        entry = self._unread(UnreadEntry(reason, detail, body, "body", digest, sender, now))
        if isinstance(entry, UnreadEntry):
            with self._parts.store.write() as tx:
                if quarantine.remember_rejected(tx, digest, now):
                    return None
        return _all_recorded(self._commits.submit([entry]))[0]

    def _read(self, item: object, sender: Sender, now: datetime) -> Entry:
        try:
            message = sophon.read(item)
            licence, gate = translation.speaker_of(message)
            name = licence or gate.owner
            claim = Claim(name, sender.peer, "" if name else gate.address, sender.proofs)
            version = self._parts.book.version
            standing = self._parts.book.standing(claim)
            dropped = None if standing.is_trusted else self._refused(claim, sender, now)
            if dropped is not None:
                return dropped
            event = translation.to_event(message, sender.channel, self._parts.pixel_limit, gate)
            return _read_entry(item, event, (claim, standing, version), sender, now)
        except UnreadableItem as error:
            return self._unread(_unread(item, error.reason, error.detail, sender, now))

    def _refused(self, claim: Claim, sender: Sender, now: datetime) -> DroppedEntry | None:
        """What is not kept in any case, before its pictures cost anything; whoever is trusted is never limited."""
        standing = self._parts.book.standing_now(claim)
        if standing.is_trusted:
            return None
        if standing.state is State.BLOCKED:
            return DroppedEntry(DEVICE_BLOCKED, standing.key, sender, now)
        names = (standing.key,) if standing.id is not None else (standing.key, claim.peer)
        return DroppedEntry(PENDING_FULL, standing.key, sender, now) if self._parts.book.is_full(*names) else None

    def _unread(self, entry: UnreadEntry) -> Entry:
        """What cannot be read does not say who it is from: its key does, or the address."""
        book, sender = self._parts.book, entry.sender
        standing = book.standing_now(Claim("", sender.peer, "", sender.proofs))
        if standing.is_trusted and standing.id is not None:
            return replace(entry, device_id=standing.id if sender.proofs else None)
        with self._parts.store.read() as tx:
            if book.is_from_trusted(tx, sender.peer):
                return entry
        if standing.state is State.BLOCKED:
            return DroppedEntry(DEVICE_BLOCKED, standing.key, sender, entry.received_at)
        if book.is_full(sender.peer):
            return DroppedEntry(PENDING_FULL, standing.key, sender, entry.received_at)
        return replace(entry, unverified_peer=sender.peer)

    def _write(self, entries: Sequence[Entry]) -> list[Recorded]:
        """One group: the pictures first, for an event must never be committed before its pictures are durable."""
        kept = self._parts.recorder.admitted(entries)
        self._parts.pictures.put(
            StoredPicture(each.digest, each.media_type, each.width, each.height, each.data)
            for entry in kept
            if isinstance(entry, ReadEntry)
            for each in entry.event.pictures
        )
        results = self._parts.recorder.write_batch(kept)
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


def _read_entry(
    item: object, event: AccessEvent, who: tuple[Claim, Standing, int], sender: Sender, now: datetime
) -> ReadEntry:
    document, slots = originals.strip_pictures(item, event)
    canonical = originals.canonical(document) if needs_raw(event) else b""
    claim, standing, version = who
    keys = keys_of(event, standing, canonical)
    return ReadEntry(
        event=event,
        claim=claim,
        standing=standing,
        version=version,
        canonical=canonical,
        duplicate_key=keys[0],
        passage_key=keys[1],
        raw=originals.dumps(document),
        slots=tuple(slot for slot in slots if slot is not None),
        sender=sender,
        received_at=now,
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
    if not isinstance(entry, ReadEntry):
        return None
    data = {picture.digest: picture.data for picture in entry.event.pictures}
    item = originals.restore(originals.loads(entry.raw), entry.slots, data.get)
    unread = _unread(item, error.reason, error.detail, entry.sender, entry.received_at)
    return unread if entry.standing.is_trusted else replace(unread, unverified_peer=entry.sender.peer)


def _unread(item: object, reason: str, detail: str, sender: Sender, now: datetime) -> UnreadEntry:
    raw = originals.dumps(item)
    return UnreadEntry(reason, detail, raw, "item", hashlib.sha256(raw).digest(), sender, now)
