"""How much is kept of devices that nobody has trusted: so much of each and so much of all; what is more is dropped."""

from dataclasses import dataclass, field

from receiver.domain.trust import Standing, State
from receiver.services.devices.device_book import TOO_MANY_DEVICES, DeviceBook
from receiver.store import trust
from receiver.store.database import Tx
from receiver.store.trust import Held

PENDING_FULL = "pending_full"
DEVICE_BLOCKED = "device_blocked"
# Unreadable items that are kept of one address where nobody is trusted, and of all of them.
UNREAD_AT_ADDRESS, UNREAD_IN_ALL = 100, 1000
# Their bytes: as many as the events of one device in all, and of one address one in so many.
UNREAD_SHARE = 4


class Admission:
    """Says what there is room for."""

    def __init__(self, book: DeviceBook) -> None:
        self._book = book

    def room(self, tx: Tx) -> "Room":
        """What there is room for within one transaction."""
        return Room(tx, self._book)


@dataclass(slots=True)
class Room:
    """Counted once for a whole group of messages, and on with each of them."""

    tx: Tx
    book: DeviceBook
    _held: dict[str, Held] | None = None
    _total: Held = field(default_factory=Held)
    _met: set[str] = field(default_factory=set)
    _unread: dict[str, Held] = field(default_factory=dict)

    def refusal(self, standing: Standing, peer: str, size: int) -> str | None:
        """Why one more event is not kept, as a machine word; None if it is."""
        if standing.state is State.BLOCKED:
            return DEVICE_BLOCKED
        if standing.is_trusted:
            return None
        if not self._may_meet(standing, peer):
            self.book.note_full(peer)
            return TOO_MANY_DEVICES
        name = str(standing.id or standing.key)
        held, rules = self._counted().get(name, Held()), self.book.rules
        is_full = (
            held.events >= rules.events_each
            or held.size + size > rules.bytes_each
            or self._total.events >= rules.events_in_all
            or self._total.size + size > rules.bytes_in_all
        )
        if is_full:
            # A large event may find no room where a small one does.
            if held.events >= rules.events_each or self._total.events >= rules.events_in_all:
                self.book.note_full(standing.key)
            return PENDING_FULL
        self._counted()[name] = held + Held(1, size)
        self._total += Held(1, size)
        return None

    def quarantine_refusal(self, peer: str, size: int) -> str | None:
        """Why one more unreadable item of so many bytes is not kept; None if it is."""
        at_address, in_all = trust.unverified_quarantined(self.tx, peer)
        here, most = self._unread.get(peer, Held()), self.book.rules.bytes_each
        at_address += here
        in_all += sum(self._unread.values(), Held())
        if (
            at_address.events < UNREAD_AT_ADDRESS
            and in_all.events < UNREAD_IN_ALL
            and at_address.size + size <= most // UNREAD_SHARE
            and in_all.size + size <= most
        ):
            self._unread[peer] = here + Held(1, size)
            return None
        self.book.note_full(peer)
        return PENDING_FULL

    def _may_meet(self, standing: Standing, peer: str) -> bool:
        """Whether the device is known, or there is room for one more; those of this group are not written yet."""
        if standing.id is not None or standing.key in self._met:
            return True
        if not self.book.has_room_for(self.tx, standing, peer, more=len(self._met)):
            return False
        self._met.add(standing.key)
        return True

    def _counted(self) -> dict[str, Held]:
        if self._held is None:
            of_devices = trust.held(self.tx)
            self._held = {str(device_id): held for device_id, held in of_devices.items()}
            self._total = sum(of_devices.values(), Held())
        return self._held
