"""Gives back messages as they arrived, from what is stored of them."""

from collections.abc import Sequence
from typing import Any

from receiver.store import erasures, events
from receiver.store.database import Row
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from receiver.translation import originals, redacting


class Originals:
    """Puts the pictures' text back where it stood."""

    def __init__(self, store: Store, pictures: Pictures) -> None:
        self._store = store
        self._pictures = pictures

    def of_event(self, event_id: int, *, has_pictures: bool = True) -> list[dict[str, Any]]:
        """Every message that told of the event, oldest first: equal JSON values to what came, with channel and time.

        Without ``has_pictures`` null stands where the pictures' text was. ``redacted`` says where that cannot be any more: ``erased``, or ``blurred`` where a picture shows an erased person.
        """
        with self._store.read() as tx:
            found = [(row, events.message_with_slots(tx, row.id)) for row in events.messages_of(tx, event_id)]
        return [
            {
                "channel": row.channel,
                "received_at": row.received_at,
                "peer": row.peer,
                "path": row.path,
                "message": self._restore(row.raw, both[1] if has_pictures else ()) if both else None,
                "redacted": _redacted(row.raw, both[1] if both else ()),
            }
            for row, both in found
        ]

    def document(self, message_id: int, *, has_pictures: bool = True) -> Any | None:
        """One message as it came; None if it was erased. Without ``has_pictures``, null stands where their text was."""
        with self._store.read() as tx:
            found = events.message_with_slots(tx, message_id)
            if found is None or erasures.is_hidden(tx, found[0].event_id):
                return None
        return self._restore(found[0].raw, found[1] if has_pictures else ())

    def regular(self, message_id: int) -> bytes | None:
        """One message as strict JSON for the next server; None if it was erased."""
        found = self.document(message_id)
        return None if found is None else originals.regular(found)

    def _restore(self, raw: bytes, rows: Sequence[Row]) -> object:
        slots = [
            originals.PictureSlot(tuple(row.slot["path"]), row.slot["prefix"], row.digest)
            for row in rows
            if row.slot is not None
        ]
        return originals.restore(originals.loads(raw), slots, self._data)

    def _data(self, digest: bytes) -> bytes | None:
        found = self._pictures.get(digest)
        return None if found is None else found.data


def _redacted(raw: bytes, rows: Sequence[Row]) -> str | None:
    if redacting.is_redacted(originals.loads(raw)):
        return "erased"
    return "blurred" if any(row.slot is not None and row.slot.get("is_blurred") for row in rows) else None
