"""Reads quarantined messages again, as if they had come just now."""

from receiver.domain.errors import Invalid, NotFound
from receiver.domain.events import Channel
from receiver.services.intake.intake import Intake
from receiver.services.intake.recording import QUARANTINED, Recorded, Sender
from receiver.store import quarantine, trust
from receiver.store.database import Row
from receiver.store.store import Store
from receiver.translation import originals
from receiver.translation.requests import items_of
from schemas import sophon
from schemas.errors import UnreadableBody, UnreadableItem


class Replaying:
    """The use case behind a replay; an updated program may read what an older one could not."""

    def __init__(self, store: Store, intake: Intake, body_limit: int) -> None:
        self._store = store
        self._intake = intake
        self._body_limit = body_limit

    def raw(self, quarantine_id: int) -> bytes:
        """The bytes as they came.

        Raises:
            NotFound: there is no such item.
        """
        found: bytes = self._find(quarantine_id).raw
        return found

    def replay(self, quarantine_id: int) -> list[Recorded]:
        """What became of each item; settled only if all of them could be read.

        Raises:
            NotFound: there is no such item.
            Invalid: it still cannot be read; it stays where it is.
        """
        held = self._find(quarantine_id)
        try:
            items = (
                [_readable(originals.loads(held.raw))]
                if held.form == "item"
                else items_of(held.raw, held.content_type, self._body_limit)
            )
        except (UnreadableBody, UnreadableItem) as error:
            raise Invalid("still_unreadable", f"{error.reason}: {error.detail}") from error
        recorded = self._intake.record(items, self._sender(held))
        unread = [each.reason or "" for each in recorded if each.result == QUARANTINED]
        if unread:
            raise Invalid(
                "still_unreadable", f"{', '.join(sorted(set(unread)))}: an update of this program may read it"
            )
        with self._store.write() as tx:
            quarantine.settle(tx, quarantine_id, next((each.event_id for each in recorded), None))
        return recorded

    def _sender(self, held: Row) -> Sender:
        """Whoever sent it; what was sent with a device's key is that device's, though the key itself is not kept with it."""
        proofs: tuple[bytes, ...] = ()
        if held.device_id is not None:
            with self._store.read() as tx:
                device = trust.known(tx, held.device_id)
            proofs = (device.proof,) if device is not None and device.proof is not None else ()
        return Sender(held.peer, held.path, Channel(held.channel), held.content_type, proofs)

    def _find(self, quarantine_id: int) -> Row:
        with self._store.read() as tx:
            held = quarantine.find(tx, quarantine_id)
        if held is None:
            raise NotFound("no_such_item", f"there is no item {quarantine_id} in quarantine")
        return held


def _readable(item: object) -> object:
    """The item, if it can be read now: else our own replay would count as one more time that its box sent it."""
    sophon.read(item)
    return item
