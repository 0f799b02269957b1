"""Gives everything that is held about one person as a zip: plain JSON, and the pictures as they are kept."""

import zipfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from receiver.domain.errors import NotFound
from receiver.domain.visits import PAUSE
from receiver.services.asking.asking import Asking
from receiver.services.intake.originals import Originals
from receiver.store import alert_upkeep, corrections, devices, erasures, exports, import_traces, people, review_upkeep
from receiver.store.database import Row, Tx
from receiver.store.import_traces import Sought
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from receiver.translation import originals

READ = 200
SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/bmp": ".bmp"}


class Exporting:
    """The use case behind a person's right to know."""

    def __init__(self, store: Store, pictures: Pictures, pause: timedelta = PAUSE) -> None:
        self._store = store
        self._pictures = pictures
        self._asking = Asking(store, pause)
        self._originals = Originals(store, pictures)

    def write(self, person_id: int, path: Path) -> None:
        """Writes the zip; events and messages come one by one, so that memory stays small.

        Raises:
            NotFound: there is no such person.
        """
        shown = self._asking.person(person_id)
        digests: set[bytes] = set()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            self._write_person(archive, person_id, shown, digests)
            with archive.open("events.jsonl", "w") as file:
                for line in self._events(person_id, digests):
                    file.write(line)
            for digest in sorted(digests):
                stored = self._pictures.get(digest)
                if stored is not None:
                    name = f"pictures/{digest.hex()}{SUFFIXES.get(stored.media_type, '')}"
                    archive.writestr(zipfile.ZipInfo(name, _now()), stored.data)

    def _write_person(
        self, archive: zipfile.ZipFile, person_id: int, shown: dict[str, Any], digests: set[bytes]
    ) -> None:
        with self._store.read() as tx:
            if people.find(tx, person_id) is None:
                raise NotFound("no_such_person", f"there is no person {person_id}")
            identities = erasures.identities_of(tx, person_id)
            kept = erasures.device_identities(tx, person_id, identities)
            known = devices.found(tx, {row.device_id for row in kept})
            embeddings = exports.embeddings(tx, person_id)
            imported = import_traces.own_rows(tx, Sought.of(person_id, shown["name"], identities))
            asked = review_upkeep.of_person(tx, person_id)
            digests |= {row.digest for row in review_upkeep.pictures_of_person(tx, person_id)}
            merged = corrections.merged_people(tx, person_id)
            corrected = _corrected(tx, [person_id, *(row.id for row in merged)])
            alerted, shown_frames = _alerts(tx, person_id)
            digests |= {row.digest for row in people.faces_of(tx, [person_id])} | shown_frames
        digests |= {row.digest for row in kept if row.digest is not None}
        document = shown | {
            "exported_at": datetime.now(UTC),
            "embeddings": [_plain(row) for row in embeddings],
            "device_identities": [
                _plain(row) | {"device": known[row.device_id].key if row.device_id in known else None} for row in kept
            ],
            "imported": [_plain(row) for row in imported],
            "reviews": [_plain(row) for row in asked],
            "merged": [_plain(row) for row in merged],
            "corrections": corrected,
            "alerts": alerted,
        }
        archive.writestr(zipfile.ZipInfo("person.json", _now()), originals.regular(_as_json(document)))

    def _events(self, person_id: int, digests: set[bytes]) -> Iterator[bytes]:
        """One event a line, with its messages and everything that was seen on its pictures."""
        last = 0
        while True:
            with self._store.read() as tx:
                identities = erasures.identities_of(tx, person_id)
                ids = exports.event_ids(tx, person_id, identities, last, READ)
                digests |= exports.digests(tx, ids)
                embeddings = exports.sightings(tx, ids)
                waiting = exports.candidates(tx, ids)
            if not ids:
                return
            for event_id in ids:
                seen = [_plain(row) for row in embeddings if row.event_id == event_id]
                waits = [_plain(row) for row in waiting if row.event_id == event_id]
                document = self._asking.event(event_id) | {"embeddings": seen, "waiting": waits}
                # The pictures lie beside it; their text in the messages would say the same once more.
                messages = self._originals.of_event(event_id, has_pictures=False)
                yield originals.regular(_as_json(document | {"messages": messages})) + b"\n"
            last = ids[-1]


def _alerts(tx: Tx, person_id: int) -> tuple[list[dict[str, Any]], set[bytes]]:
    """The alerts about the person with what was said about them, and the pictures of their frames."""
    rows = alert_upkeep.of_person(tx, person_id)
    ids = [row.id for row in rows]
    steps = [_plain(each) for each in alert_upkeep.steps_of(tx, ids)]
    shown = [_plain(row) | {"steps": [each for each in steps if each["alert_id"] == row.id]} for row in rows]
    return shown, set(alert_upkeep.frame_pictures(tx, ids))


def _corrected(tx: Tx, ids: Sequence[int]) -> list[dict[str, Any]]:
    """What was put right about the person; what was before only where it tells of nobody else."""
    shown = []
    for row in exports.corrections_of(tx, ids):
        is_own = row.person_id in ids and (row.other_id is None or row.other_id in ids)
        shown.append(_plain(row) if is_own else _plain(row) | {"before": None})
    return shown


def _plain(row: Row) -> dict[str, Any]:
    return {
        name: b64encode(value).decode() if isinstance(value, bytes) else value for name, value in row._mapping.items()
    }


def _as_json(document: Any) -> Any:
    """The document with times as text."""
    if isinstance(document, dict):
        return {name: _as_json(value) for name, value in document.items()}
    if isinstance(document, list | tuple):
        return [_as_json(each) for each in document]
    return document.isoformat() if isinstance(document, datetime) else document


def _now() -> tuple[int, int, int, int, int, int]:
    now = datetime.now(UTC)
    return now.year, now.month, now.day, now.hour, now.minute, now.second
