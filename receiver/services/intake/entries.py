"""What the intake lines up to be written: items that were read, that could not be, that are dropped; and what became of them."""

from dataclasses import dataclass, replace
from datetime import datetime

from receiver.domain.event_keys import duplicate_key, passage_key
from receiver.domain.events import AccessEvent, Channel
from receiver.domain.trust import Claim, Standing
from receiver.translation.originals import PictureSlot

RECOGNISE = "recognise"
NEW, DUPLICATE, QUARANTINED, DROPPED = "new", "duplicate", "quarantined", "dropped"
# Of a new event: it waits for somebody to trust its device.
DEVICE_PENDING = "device_pending"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent something, and how; ``proofs`` as in ``receiver.domain.trust.Claim``."""

    peer: str
    path: str
    channel: Channel
    content_type: str = ""
    proofs: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """One item that was read: ready to be written.

    Attributes:
        claim: the device that it says it is from.
        standing: what is thought of that device.
        version: of what was known of the devices when it was read.
        canonical: the item's canonical bytes, where the duplicate key needs them.
        duplicate_key: SHA-256; the same key again changes nothing.
        passage_key: SHA-256 shared by the real-time and the history report of one passage; None where there is none.
        raw: the item as JSON, with the pictures' text taken out that ``slots`` can give back.
        slots: where a picture's text was taken out, and how to give it back.
    """

    event: AccessEvent
    claim: Claim
    standing: Standing
    version: int
    canonical: bytes
    duplicate_key: bytes
    passage_key: bytes | None
    raw: bytes
    slots: tuple[PictureSlot, ...]
    sender: Sender
    received_at: datetime

    @property
    def size(self) -> int:
        """Bytes that it takes: the message and its pictures."""
        return len(self.raw) + sum(len(picture.data) for picture in self.event.pictures)

    @property
    def hashes(self) -> list[bytes]:
        """Its event keys."""
        return [self.duplicate_key] if self.passage_key is None else [self.duplicate_key, self.passage_key]

    def of(self, standing: Standing) -> "ReadEntry":
        """The same by what is thought of its device now."""
        if standing == self.standing:
            return self
        keys = keys_of(self.event, standing, self.canonical)
        return replace(self, standing=standing, duplicate_key=keys[0], passage_key=keys[1])


@dataclass(frozen=True, slots=True)
class UnreadEntry:
    """One item or body that could not be read: kept raw.

    Attributes:
        unverified_peer: the sender's address, where nobody there is trusted.
        device_id: the device that showed its key with it.
    """

    reason: str
    detail: str
    raw: bytes
    form: str  # "item" or "body"
    digest: bytes
    sender: Sender
    received_at: datetime
    unverified_peer: str | None = None
    device_id: int | None = None


@dataclass(frozen=True, slots=True)
class DroppedEntry:
    """One item that is acknowledged and not kept: its device is blocked, or has sent more than is kept of the unknown."""

    reason: str
    device_key: str
    sender: Sender
    received_at: datetime


Entry = ReadEntry | UnreadEntry | DroppedEntry


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one item."""

    event_id: int | None
    result: str
    reason: str | None = None


def keys_of(event: AccessEvent, standing: Standing, canonical: bytes) -> tuple[bytes, bytes | None]:
    """The duplicate key and the passage key, told apart by who speaks: nobody takes another's keys before it."""
    return duplicate_key(event, standing.scope, canonical), passage_key(event, standing.place)
