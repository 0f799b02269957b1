"""Works on an erasure: takes away the bytes in small steps, each of which can be the last before the power goes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.services.erasing import erasing_imports
from receiver.services.erasing.erasing_pictures import PictureEraser
from receiver.services.pacing import Pace
from receiver.settings import MIB
from receiver.store import erasing, erasures, listing
from receiver.store.database import Row, Tx
from receiver.store.erased_list import ErasedList, fingerprint
from receiver.store.import_traces import Sought
from receiver.store.store import Store
from receiver.translation import originals, redacting

LEASE = timedelta(seconds=60)
DELIVERIES, EVENTS, QUARANTINED = 2000, 20, 20
# A database of this size is written anew in less than half a second; a larger one waits for the night.
COMPACT_AT_ONCE = 64 * MIB
# What a device said of the place, not of the person.
TECHNICAL = frozenset({"licence", "ep_id", "device_ip", "device_type", "stream_url"})
FREE_SPACE = "free_space"


@dataclass(frozen=True, slots=True)
class ErasingParts:
    """What erasures work with.

    Attributes:
        known: the list beside the database.
        backup_days: how long the site keeps backups; told in certificates.
    """

    store: Store
    pictures: PictureEraser
    known: ErasedList
    backup_days: int


class Erasing:
    """The handler of the topic ``erase``; on the command line called without a task."""

    def __init__(self, parts: ErasingParts) -> None:
        self._store = parts.store
        self._pictures = parts.pictures
        self._known = parts.known
        self._backup_days = parts.backup_days
        self._stages: Mapping[str, Callable[[Row, Pace], None]] = {
            "list": self._list,
            "deliveries": self._take_deliveries,
            "events": self._take_events,
            "quarantine": self._take_quarantined,
            "imports": self._take_import_rows,
            "pictures": self._take_pictures,
            "files": self._clean_files,
        }

    def run(
        self, erasure_id: int, pace: Pace | None = None, on_step: Callable[[str], None] = lambda _stage: None
    ) -> None:
        """Works until the erasure is done, or somebody stops us; it goes on from there the next time.

        Raises:
            Unavailable: the storage cannot be had just now; call again later.
        """
        pace = pace or Pace()
        while not pace.is_stopping():
            with self._store.read() as tx:
                row = erasures.find(tx, erasure_id)
            if row is None or row.state == erasures.DONE:
                with self._store.write() as tx:
                    erasures.drop_task(tx, erasure_id)
                return
            self._stages[row.stage](row, pace)
            on_step(row.stage)

    def _list(self, row: Row, _pace: Pace) -> None:
        """Outside of the database first: from now on a restored backup is told."""
        if row.subject:
            self._known.add_person(row.key, (row.person_id, row.subject["mark"]))
            self._known.add_identities(row.key, row.subject.get("identity_marks", ()))
        self._go_on(row, "deliveries")

    def _take_deliveries(self, row: Row, pace: Pace) -> None:
        with pace.step(), self._store.write() as tx:
            held = _held(tx, row)
            number, last = erasing.drop_deliveries(tx, row.id, held.position, DELIVERIES, datetime.now(UTC))
            stage = "events" if last is None else row.stage
            erasures.count(tx, held, {"deliveries": number}, stage=stage, position=last or 0)

    def _take_events(self, row: Row, pace: Pace) -> None:
        with self._store.read() as tx:
            ids = [each.event_id for each in erasures.next_events(tx, row.id, EVENTS)]
            marks = [(each.id, fingerprint("event", each.id, each.received_at)) for each in erasing.events(tx, ids)]
        if not ids:
            self._look_for_late_events(row)
            return
        # Before the commit: a line too many does no harm, one that is missing would bring an event back.
        self._known.add_events(row.key, marks)
        with pace.step(), self._store.write() as tx:
            held = _held(tx, row)
            hidden = {each.event_id: each.is_own for each in erasures.next_events(tx, row.id, EVENTS)}
            counts = _clear(tx, held, {number: hidden[number] for number in ids if number in hidden})
            erasures.count(tx, held, counts)

    def _look_for_late_events(self, row: Row) -> None:
        """What devices said while the earlier events were being cleared belongs to them; once, or it would never end."""
        subject = row.subject or {}
        with self._store.write() as tx:
            held = _held(tx, row)
            number = 0
            if held.position == 0 and subject:
                ids = _identities(subject)
                number = erasures.hide_events(tx, row.id, row.person_id, ids, row.last_event)
                # A worker that was about to write it as the erasure began was in nobody's way.
                kept = erasures.device_identities(tx, row.person_id, ids)
                shown = [each.digest for each in kept if each.digest is not None]
                erasing.queue_pictures(tx, row.id, [erasing.FoundPicture(digest) for digest in shown])
                erasures.drop_device_identities(tx, row.person_id, ids)
            last = listing.newest_event(tx) if held.position == 0 else held.last_event
            stage = {"stage": row.stage, "position": 1} if number else {"stage": "quarantine", "position": 0}
            erasures.count(tx, held, {}, total=held.total + number, last_event=last, **stage)

    def _take_quarantined(self, row: Row, pace: Pace) -> None:
        ids = [external_id for external_id, _ in _identities(row.subject or {})]
        spelt = redacting.spellings(_names(row), ids)
        with self._store.read() as tx:
            some = erasing.quarantined(tx, row.position, QUARANTINED)
        named = [each.id for each in some if redacting.names_somebody(each.raw + each.detail.encode(), spelt)]
        with pace.step(), self._store.write() as tx:
            held = _held(tx, row)
            number = erasing.drop_quarantined(tx, named) if named else 0
            stage = {"stage": row.stage, "position": some[-1].id} if some else {"stage": "imports", "position": 0}
            erasures.count(tx, held, {"quarantined": number}, **stage)

    def _take_import_rows(self, row: Row, pace: Pace) -> None:
        names = _names(row)
        sought = Sought.of(row.person_id, next(iter(names), ""), _identities(row.subject or {}))
        with self._store.read() as tx:
            found = erasing_imports.next_rows(tx, sought, row.position)
        with pace.step(), self._store.write() as tx:
            held = _held(tx, row)
            if found is None:
                erasures.count(tx, held, erasing_imports.take_file_names(tx, names), stage="pictures", position=0)
                return
            counts = erasing_imports.take_rows(tx, held, found, names)
            erasures.count(tx, held, counts, position=found.import_id)

    def _take_pictures(self, row: Row, pace: Pace) -> None:
        counts = self._pictures.step(row, pace)
        with self._store.write() as tx:
            held = _held(tx, row)
            # The name is not needed any more, and must be gone before the files are cleaned.
            changes: dict[str, Any] = {"stage": "files", "subject": None} if counts is None else {}
            erasures.count(tx, held, counts or {}, **changes)

    def _clean_files(self, row: Row, pace: Pace) -> None:
        is_free = self._clean()
        if not all(database.empty_log() for database in (self._store.main, self._store.pictures)):
            # Somebody is reading for long; the file is cut as soon as that ends.
            with self._store.write() as tx:
                _held(tx, row)
            pace.rest(0.5)
            return
        now = datetime.now(UTC)
        with self._store.write() as tx:
            held = _held(tx, row)
            remains = self._remains(now, is_free=is_free) + erasing_imports.left_of_imports(tx, held, now)
            erasures.count(tx, held, {}, state=erasures.DONE, stage="done", remains=remains, ended_at=now)
            erasures.drop_task(tx, row.id)

    def _clean(self) -> bool:
        """Frees what deleted rows have left; False if that must wait for the night."""
        main, pictures = self._store.main, self._store.pictures
        if main.path is None:
            main.compact(erasing.TABLES)
            return True
        is_secure = main.deletes_securely()
        if not is_secure:
            pictures.compact()
        if is_secure and main.path.stat().st_size > COMPACT_AT_ONCE:
            return False
        main.compact()
        return True

    def compact(self) -> int:
        """Writes the SQLite file anew if an erasure waits for it; how many erasures did. Nothing is taken in meanwhile."""
        with self._store.read() as tx:
            waiting = [
                each
                for each in erasures.ended(tx)
                if any(part["what"] == FREE_SPACE and part["gone_at"] is None for part in each.remains)
            ]
        if not waiting:
            return 0
        self._store.main.compact()
        is_cut = self._store.main.empty_log()
        if not is_cut:
            return 0
        now = datetime.now(UTC)
        with self._store.write() as tx:
            for each in waiting:
                remains = [part | ({"gone_at": now} if part["what"] == FREE_SPACE else {}) for part in each.remains]
                erasures.change(tx, each.id, {"remains": remains})
        return len(waiting)

    def _remains(self, now: datetime, *, is_free: bool) -> list[dict[str, Any]]:
        """What no step can reach, and when it is gone; None: not by itself, or not yet."""
        backups = now + timedelta(days=self._backup_days)
        if self._store.is_sqlite:
            files = [
                _left("write_ahead_file", now, "the file was emptied"),
                _left(
                    FREE_SPACE,
                    now if is_free else None,
                    "holes in the database file, until it is written anew at night",
                ),
            ]
        else:
            files = [_left("write_ahead_log", None, "PostgreSQL's own segments and archive, until they are recycled")]
        return [
            *files,
            _left("backups", backups, f"kept for {self._backup_days} days; one that is restored is erased again"),
            _left("upstream", None, "events passed on before stay with whoever received them"),
            _left("devices", None, "the boxes' own libraries: take the person out of them too"),
        ]

    def _go_on(self, row: Row, stage: str) -> None:
        with self._store.write() as tx:
            erasures.count(tx, _held(tx, row), {}, stage=stage, position=0)


def _left(what: str, gone_at: datetime | None, sentence: str) -> dict[str, Any]:
    return {"what": what, "gone_at": gone_at, "sentence": sentence}


def _identities(subject: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(external_id, device_id) for external_id, device_id in subject.get("identities", ())]


def _names(row: Row) -> set[str]:
    """What is searched for; a stranger's name is our own number, which is part of other strangers' and tells nothing."""
    return {(row.subject or {}).get("name", "")} - {"", f"stranger {row.person_id}"}


def _held(tx: Tx, row: Row) -> Row:
    """The erasure as it is now; whoever works on it goes on for a while."""
    held = erasures.held(tx, row.id)
    erasures.lease(tx, row.id, datetime.now(UTC) + LEASE)
    return row if held is None else held


def _clear(tx: Tx, erasure: Row, hidden: Mapping[int, bool]) -> dict[str, int]:
    """Takes the person out of some hidden events and shows them again; what was taken."""
    own = [event_id for event_id, is_own in hidden.items() if is_own]
    others = [event_id for event_id, is_own in hidden.items() if not is_own]
    subject = erasure.subject or {}
    rows = erasing.held_events(tx, list(hidden))
    names = {subject.get("name", ""), *(external_id for external_id, _ in _identities(subject))}
    names |= {each for row in rows if hidden[row.id] for each in (row.identity_id, row.identity_name)}
    found = [*erasing.found_pictures(tx, own), *erasing.device_pictures(tx, others)]
    erasing.queue_pictures(tx, erasure.id, found)
    counts = erasing.clear_events(tx, own)
    erasing.drop_slots(tx, others)
    erasing.drop_device_pictures(tx, others)
    raws = {each.id: _redacted(each.raw, names - {""}) for each in erasing.messages(tx, list(hidden))}
    erasing.change_messages(tx, raws)
    erasing.change_events(tx, [_own_values(row) for row in rows if hidden[row.id]])
    erasing.change_events(tx, [_others_values(row) for row in rows if not hidden[row.id]])
    erasures.show_events(tx, list(hidden))
    return counts | {"events": len(own), "mentions": len(others), "messages": len(raws)}


def _redacted(raw: bytes, names: Sequence[str] | set[str]) -> bytes:
    return originals.dumps(redacting.redacted(originals.loads(raw), names))


def _others_values(row: Row) -> dict[str, Any]:
    """Somebody else's event keeps what we say of it, and loses what the device said."""
    reported = {name: value if name in TECHNICAL else _empty(value) for name, value in row.reported.items()}
    return {
        "id": row.id,
        "identity_id": "",
        "identity_name": "",
        "identity_group": "",
        "attributes": {},
        "reported": reported | {"notes": [erasures.ERASED]},
        # It was about the device's word.
        "second_opinion": None,
        "second_opinion_detail": None,
    }


def _own_values(row: Row) -> dict[str, Any]:
    return _others_values(row) | {
        "person_id": None,
        "decision_detail": {"reasons": [erasures.ERASED]},
        "recognition": "done",
        "recognition_reason": erasures.ERASED,
        "registration_reason": None,
        "review": None,
    }


def _empty(value: Any) -> Any:
    return type(value)() if isinstance(value, dict | list | str) else None
