"""Who speaks and where: resolves an entry to its device and gate, and remembers those already written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from receiver.domain.events import AccessEvent, Gate
from receiver.store import devices
from receiver.store.database import Tx

# A device that posts all the time does not need a row written for each event.
SEEN_EVERY = timedelta(seconds=5)
REMEMBERED = 10_000
GATE_FACTS = ("address", "name", "device_type", "ip")


def device_key(licence: str, owner: str, peer: str) -> str:
    """How a device is known: by licence, else the owner part of its ep_id, else the address it speaks from."""
    name = licence or owner
    return f"licence:{name}" if name else f"address:{peer}"


def gate_key(gate: Gate) -> str:
    """How a gate is known within its device; empty where the message does not say."""
    return gate.address or gate.device_id or gate.ep_id or gate.ip


@dataclass(frozen=True, slots=True)
class Speaker:
    """The device that speaks, as the message and the connection show it."""

    key: str
    licence: str
    peer: str


@dataclass(slots=True)
class _Known:
    id: int
    written_at: datetime
    facts: tuple[str, ...] = field(default_factory=tuple)


class DeviceBook:
    """Ids of devices and gates by key. It is only a memory: if a transaction fails, everything is read anew."""

    def __init__(self) -> None:
        self._devices: dict[str, _Known] = {}
        self._gates: dict[tuple[int, str], _Known] = {}

    @contextmanager
    def staged(self) -> Iterator[None]:
        """If the block raises, everything is forgotten: some of it may never have been committed."""
        try:
            yield
        except BaseException:
            self._devices.clear()
            self._gates.clear()
            raise

    def _make_room(self) -> None:
        """A memory only: anybody can make up names of devices and gates."""
        if len(self._devices) > REMEMBERED or len(self._gates) > REMEMBERED:
            self._devices.clear()
            self._gates.clear()

    def resolve(self, tx: Tx, speaker: Speaker, event: AccessEvent, now: datetime) -> tuple[int, int | None]:
        """The ids of the device and of the gate, made on the first meeting."""
        self._make_room()
        if not speaker.licence and event.gate.address:
            speaker = self._known_speaker(tx, speaker, event.gate.address)
        device_id = self.device(tx, speaker, now)
        return device_id, self._gate(tx, device_id, event.gate, now)

    @staticmethod
    def _known_speaker(tx: Tx, speaker: Speaker, gate_address: str) -> Speaker:
        """A real-time report names no box: it is the one that speaks for that gate from that address, if one is known."""
        found = devices.speaking_for(tx, speaker.peer, gate_address)
        return speaker if found is None else Speaker(found.key, found.licence, speaker.peer)

    def device(self, tx: Tx, speaker: Speaker, now: datetime) -> int:
        """The id of the device; written on the first meeting, its last-seen now and then."""
        known = self._devices.get(speaker.key)
        if known is not None and now - known.written_at < SEEN_EVERY:
            return known.id
        found = known.id if known else devices.find_by_key(tx, speaker.key)
        if found is None:
            row = {
                "key": speaker.key,
                "licence": speaker.licence,
                "address": speaker.peer,
                "first_seen": now,
                "last_seen": now,
            }
            found = devices.add(tx, row)
        else:
            devices.change(tx, found, {"last_seen": now, "address": speaker.peer})
        self._devices[speaker.key] = _Known(found, now)
        return found

    def _gate(self, tx: Tx, device_id: int, gate: Gate, now: datetime) -> int | None:
        key = gate_key(gate)
        if not key:
            return None
        facts = (gate.address, gate.name, gate.device_type, gate.ip)
        known = self._gates.get((device_id, key))
        if known is not None and known.facts == facts and now - known.written_at < SEEN_EVERY:
            return known.id
        found = known.id if known else devices.find_gate(tx, device_id, key)
        said = {name: fact for name, fact in zip(GATE_FACTS, facts, strict=True) if fact}
        if found is None:
            found = devices.add_gate(
                tx, {"device_id": device_id, "key": key, "first_seen": now, "last_seen": now, **said}
            )
        else:
            devices.change_gate(tx, found, {"last_seen": now, **said})
        self._gates[device_id, key] = _Known(found, now, facts)
        return found
