"""Writes a group of entries in one transaction: event keys, events, messages, pictures' places, tasks and deliveries.

Of a device that nobody has trusted only the event, its message and pictures are kept, within bounds; nothing follows from it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.events import Channel, ListName
from receiver.domain.subscriptions import Facts, Subscription, Topic
from receiver.services.devices.device_book import DeviceBook
from receiver.services.devices.pending_room import Admission
from receiver.services.intake.entries import (
    DEVICE_PENDING,
    DROPPED,
    DUPLICATE,
    NEW,
    QUARANTINED,
    RECOGNISE,
    DroppedEntry,
    Entry,
    ReadEntry,
    Recorded,
    Sender,
    UnreadEntry,
    keys_of,
)
from receiver.services.intake.event_rows import Ids, event_row, first_word, key_rows, picture_rows
from receiver.services.publishing.book import SubscriptionBook
from receiver.store import alerts, deliveries, events, numbering, outbox, quarantine, tables, trust
from receiver.store.database import Tx
from receiver.store.erasures import ERASED
from receiver.store.store import Store
from receiver.translation.texts import column_text

# What a later report of a passage leaves as it is; once we have decided, our own word stays until we decide anew.
KEPT = ("id", "received_at")
# Whom a device calls blacklisted does not wait behind everybody else: what is due first is done first.
AHEAD = timedelta(hours=1)
KEPT_WHEN_DECIDED = (*KEPT, "list", "blacklist_said_by")
# Whoever sends entries or asks what became of them finds their words here too.
__all__ = [
    "DEVICE_PENDING", "DROPPED", "DUPLICATE", "NEW", "QUARANTINED", "RECOGNISE", "DroppedEntry", "Entry", "ReadEntry", "Recorded",
    "Recorder", "Sender", "UnreadEntry", "first_word", "keys_of",
]  # fmt: skip


@dataclass(slots=True)
class _Group:
    """One transaction and its rows, gathered before they are written; deliveries by the place of their entry."""

    tx: Tx
    subscriptions: Sequence[Subscription]
    events: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    urgent: list[int] = field(default_factory=list)
    deliveries: dict[int, list[dict[str, Any]]] = field(default_factory=dict)


class Recorder:
    """Writes entries; knows the devices that are there already, and who wants to be told."""

    def __init__(
        self, store: Store, book: DeviceBook, *, is_recognising: bool, subscriptions: SubscriptionBook | None = None
    ) -> None:
        self._store = store
        self._is_recognising = is_recognising
        self._subscriptions = subscriptions or SubscriptionBook(is_recognising=is_recognising)
        self._book = book
        self._admission = Admission(book)

    def write_batch(self, entries: Sequence[Entry]) -> list[Recorded]:
        """One transaction for all of them; results in the same order."""
        with self._book.staged(), self._store.write() as tx:
            version = self._book.refresh(tx)
            entries = [self._anew(tx, entry, version) for entry in entries]
            entries = self._admit(tx, entries)
            group = _Group(tx, self._subscriptions.of_events(tx).at_once)
            results = self._write(group, dict(enumerate(entries)))
            # In the order in which the entries came.
            waiting = [row for place in sorted(group.deliveries) for row in group.deliveries[place]]
            deliveries.add(tx, waiting, datetime.now(UTC))
            _count_dropped(tx, entries)
        return [results[place] for place in range(len(entries))]

    def admitted(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """The same entries, but that what finds no room is dropped before its pictures are kept."""
        if not any(_is_unverified(entry) for entry in entries):
            return entries
        with self._book.staged(), self._store.read() as tx:
            version = self._book.refresh(tx)
            return self._admit(tx, [self._anew(tx, entry, version) for entry in entries])

    def _anew(self, tx: Tx, entry: Entry, version: int) -> Entry:
        """The entry by what is thought of its device now, where somebody has changed that since it was read."""
        if not isinstance(entry, ReadEntry) or entry.version == version:
            return entry
        return entry.of(self._book.look_up(tx, entry.claim))

    def _admit(self, tx: Tx, entries: Sequence[Entry]) -> Sequence[Entry]:
        """What is more than is kept of devices that nobody has trusted is dropped instead."""
        if not any(_is_unverified(entry) for entry in entries):
            return entries
        room = self._admission.room(tx)
        admitted: list[Entry] = []
        for entry in entries:
            reason = None
            if isinstance(entry, ReadEntry):
                reason = room.refusal(entry.standing, entry.claim.peer, entry.size)
            elif isinstance(entry, UnreadEntry) and entry.unverified_peer is not None:
                reason = room.quarantine_refusal(entry.unverified_peer, len(entry.raw))
            admitted.append(entry if reason is None else _dropped(entry, reason))
        return admitted

    def _write(self, group: _Group, entries: Mapping[int, Entry]) -> dict[int, Recorded]:
        """Sorts the entries: what is settled at once, what is fresh, and what depends on another entry of this group."""
        results: dict[int, Recorded] = {}
        fresh: dict[int, ReadEntry] = {}
        second_round: dict[int, Entry] = {}
        seen: dict[bytes, Channel] = {}
        known = events.known_keys(group.tx, _hashes(entries.values()))
        for place, entry in entries.items():
            if isinstance(entry, UnreadEntry):
                results[place] = _keep_unread(group.tx, entry)
            elif isinstance(entry, DroppedEntry):
                results[place] = Recorded(None, DROPPED, entry.reason)
            elif _depends_on(entry, seen):
                second_round[place] = entry
            else:
                settled = self._settle(group, place, entry, known)
                if settled is None:
                    fresh[place] = entry
                else:
                    results[place] = settled
                # Also what was joined: its keys were not known when they were looked up.
                seen.update(dict.fromkeys(entry.hashes, entry.event.channel))
        results |= self._add(group, fresh, known)
        return results | self._write(group, second_round) if second_round else results

    def _settle(self, group: _Group, place: int, entry: ReadEntry, known: dict[bytes, int | None]) -> Recorded | None:
        """What becomes of an entry that needs no new event; None for the others."""
        if entry.duplicate_key in known:
            return Recorded(known[entry.duplicate_key], DUPLICATE)
        return self._join(group, place, entry, known)

    def _add(
        self, group: _Group, fresh: Mapping[int, ReadEntry], known: Mapping[bytes, int | None]
    ) -> dict[int, Recorded]:
        """Writes new events; the results by the entries' places."""
        event_ids = list(numbering.take(group.tx, tables.event, len(fresh)))
        keys = [
            row for entry, event_id in zip(fresh.values(), event_ids, strict=True) for row in key_rows(entry, event_id)
        ]
        claimed = events.claim_keys(group.tx, keys)
        if not {row["hash"] for row in keys} <= claimed | known.keys():
            # Another process has committed some of the keys since they were looked up: sort everything anew.
            events.drop_keys(group.tx, sorted(claimed), event_ids)
            return self._write(group, fresh)
        message_ids = numbering.take(group.tx, tables.message, len(fresh))
        for (place, entry), event_id, message_id in zip(fresh.items(), event_ids, message_ids, strict=True):
            device_id, gate_id = self._resolve(group.tx, entry)
            ids = Ids(event_id, message_id, device_id, gate_id)
            group.events.append(event_row(entry, ids, is_recognising=self._is_recognising))
            self._attach(group, place, entry, ids)
        self._flush(group)
        return {
            place: Recorded(event_id, NEW, None if entry.standing.is_trusted else DEVICE_PENDING)
            for (place, entry), event_id in zip(fresh.items(), event_ids, strict=True)
        }

    def _resolve(self, tx: Tx, entry: ReadEntry) -> tuple[int, int | None]:
        return self._book.resolve(tx, entry.standing, entry.claim, entry.event, entry.received_at)

    def _attach(self, group: _Group, place: int, entry: ReadEntry, ids: Ids) -> None:
        """The message, its pictures' places, the task, and the deliveries if it is one to pass on."""
        group.messages.append(
            {
                "id": ids.message,
                "event_id": ids.event,
                "channel": entry.event.channel,
                "received_at": entry.received_at,
                "peer": entry.sender.peer,
                "path": entry.sender.path,
                "size": entry.size,
                "raw": entry.raw,
            }
        )
        group.pictures.extend(picture_rows(entry, ids.event, ids.message))
        if entry.standing.is_held:
            return
        (group.urgent if entry.event.list is ListName.BLACKLIST else group.tasks).append(ids.event)
        if entry.event.channel is Channel.HISTORY:
            seen = entry.event
            facts = Facts(ids.device, seen.list, (seen.group,), score=seen.score)
            place_of_event = (ids.device, ids.event, ids.message)
            group.deliveries[place] = [
                deliveries.row_of_event(each.id, place_of_event, entry.size, entry.received_at)
                for each in group.subscriptions
                if each.filter.passes(facts, Topic.EVENT)
            ]

    def _flush(self, group: _Group) -> None:
        events.add(group.tx, group.events, group.messages, group.pictures)
        self._line_up(group)
        for rows in (group.events, group.messages, group.pictures, group.tasks, group.urgent):
            rows.clear()

    def _line_up(self, group: _Group) -> None:
        """What the worker is to do: read the faces, or where nobody does, judge by what the device says."""
        topic = RECOGNISE if self._is_recognising else alerts.TOPIC
        for subjects, ahead in ((group.urgent, AHEAD), (group.tasks, timedelta())):
            if subjects:
                outbox.add(group.tx, topic, subjects, group.messages[0]["received_at"] - ahead)

    def _join(self, group: _Group, place: int, entry: ReadEntry, known: dict[bytes, int | None]) -> Recorded | None:
        """The other report of a passage that is here already: one event, with the pictures of both."""
        if entry.passage_key is None or entry.passage_key not in known:
            return None
        event_id = known[entry.passage_key]
        if event_id is None:
            return Recorded(None, DUPLICATE, "erased")
        present = events.held(group.tx, event_id)
        if present is not None and present.recognition_reason == ERASED:
            return Recorded(None, DUPLICATE, "erased")
        if present is None or present.channel == entry.event.channel:
            return None
        known[entry.duplicate_key] = event_id
        if not events.claim_keys(group.tx, key_rows(entry, event_id)[:1]):
            return Recorded(event_id, DUPLICATE)  # another process has just joined the same message
        (message_id,) = numbering.take(group.tx, tables.message, 1)
        ids = Ids(event_id, message_id, *self._resolve(group.tx, entry))
        if entry.event.channel is Channel.HISTORY:
            # The history report is the fuller one: it names the box and what it did to its library.
            row = event_row(entry, ids, is_recognising=self._is_recognising)
            if entry.standing.is_held:
                row["unverified_bytes"] += present.unverified_bytes or 0
            keep = KEPT_WHEN_DECIDED if present.decision else KEPT
            events.change(group.tx, event_id, {name: value for name, value in row.items() if name not in keep})
        self._attach(group, place, entry, ids)
        self._flush(group)
        return Recorded(event_id, DUPLICATE, "same_passage")


def _hashes(entries: Iterable[Entry]) -> list[bytes]:
    return [each for entry in entries if isinstance(entry, ReadEntry) for each in entry.hashes]


def _depends_on(entry: ReadEntry, seen: Mapping[bytes, Channel]) -> bool:
    """Whether the group has the same entry already, or the other report of the same passage."""
    if entry.duplicate_key in seen:
        return True
    return entry.passage_key is not None and seen.get(entry.passage_key, entry.event.channel) is not entry.event.channel


def _is_unverified(entry: Entry) -> bool:
    """Whether there is a bound for what is kept of its sender."""
    if isinstance(entry, ReadEntry):
        return not entry.standing.is_trusted
    return isinstance(entry, UnreadEntry) and entry.unverified_peer is not None


def _dropped(entry: Entry, reason: str) -> DroppedEntry:
    device_key = entry.standing.key if isinstance(entry, ReadEntry) else f"address:{entry.sender.peer}"
    return DroppedEntry(reason, device_key, entry.sender, entry.received_at)


def _count_dropped(tx: Tx, entries: Sequence[Entry]) -> None:
    """At the end: a device may have been met for the first time by another message of the group."""
    dropped = Counter(entry.device_key for entry in entries if isinstance(entry, DroppedEntry))
    for device_key, number in sorted(dropped.items()):
        trust.count_dropped(tx, device_key, number)


def _keep_unread(tx: Tx, entry: UnreadEntry) -> Recorded:
    quarantine.keep(
        tx,
        {
            "received_at": entry.received_at,
            "channel": entry.sender.channel,
            "peer": entry.sender.peer,
            "path": entry.sender.path,
            "content_type": column_text(entry.sender.content_type, 200),
            "reason": entry.reason,
            "detail": column_text(entry.detail, 2000),
            "raw": entry.raw,
            "form": entry.form,
            "digest": entry.digest,
            "device_id": entry.device_id,
            "unverified_peer": entry.unverified_peer,
        },
    )
    return Recorded(None, QUARANTINED, entry.reason)
