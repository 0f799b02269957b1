"""Who speaks and where: resolves a message to its device and gate, and remembers those already known."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from receiver import metrics
from receiver.domain import trust as decisions
from receiver.domain.events import AccessEvent, Gate
from receiver.domain.trust import Claim, Known, Mode, Standing, State, TrustRules
from receiver.store import devices, trust
from receiver.store.database import Tx
from receiver.store.store import Store

# A device that posts all the time does not need a row written for each event.
SEEN_EVERY = timedelta(seconds=5)
REMEMBERED = 10_000
GATE_FACTS = ("address", "name", "device_type", "ip")
# On PostgreSQL another process's word of a device is known so much later at the most; on SQLite, at once.
LOOK_SECONDS = 1.0
# How long what is too much is turned away without counting again.
FULL_SECONDS = 1.0
# Devices that may wait for somebody to trust them: of one address, since anybody can make up licences, and in all.
PENDING_AT_ADDRESS, PENDING_IN_ALL = 20, 1000
# Gates that are written down of one of them; what it says of more is kept with the event alone.
PENDING_GATES = 50
TOO_MANY_DEVICES = "too_many_devices"

log = structlog.get_logger("devices")


def gate_key(gate: Gate) -> str:
    """How a gate is known within its device; empty where the message does not say."""
    return gate.address or gate.device_id or gate.ep_id or gate.ip


@dataclass(slots=True)
class _Known:
    id: int
    written_at: datetime
    facts: tuple[object, ...] = field(default_factory=tuple)


@dataclass(slots=True)
class _Memory:
    """What holds for one version of what is thought of the devices."""

    version: int
    marked: list[Known]
    standings: dict[Claim, Standing] = field(default_factory=dict)
    looked_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class _Met:
    """A device that was met for the first time."""

    id: int
    standing: Standing
    claim: Claim


class DeviceBook:
    """Devices and gates by what names them. It is only a memory: if a transaction fails, everything is read anew."""

    def __init__(self, store: Store, rules: TrustRules) -> None:
        self._store = store
        self.rules = rules
        self._devices: dict[str, _Known] = {}
        self._gates: dict[tuple[int, str], _Known] = {}
        self._memory: _Memory | None = None
        self._full: dict[str, float] = {}
        self._met: list[_Met] = []

    def standing(self, claim: Claim) -> Standing:
        """What is thought of whoever sent it; from memory, as a rule."""
        memory = self._memory
        found = memory.standings.get(claim) if memory is not None else None
        if found is None:
            with self._store.read() as tx:
                found = self.look_up(tx, claim)
        return found

    def look_up(self, tx: Tx, claim: Claim) -> Standing:
        """The same within a transaction."""
        memory = self._remembered(tx)
        found = memory.standings.get(claim)
        if found is None:
            known = [*trust.candidates(tx, claim), *memory.marked]
            found = decisions.resolve(self.rules.mode, claim, {row.id: row for row in reversed(known)}.values())
            # What a gate's address says may change with any message, and who is new has no number yet.
            is_lasting = found.id is not None and not claim.gate_address
            if is_lasting and trust.version(tx) == memory.version:
                if len(memory.standings) > REMEMBERED:
                    memory.standings.clear()
                memory.standings[claim] = found
        return found

    def standing_now(self, claim: Claim) -> Standing:
        """The same, after a look whether somebody has changed it: for what would be lost by an old word."""
        with self._store.read() as tx:
            self.refresh(tx)
            return self.look_up(tx, claim)

    @property
    def version(self) -> int:
        """Of what is remembered; whoever reads it before a standing knows later whether that still holds."""
        memory = self._memory
        return -1 if memory is None else memory.version

    def refresh(self, tx: Tx) -> int:
        """Forgets what is thought of the devices if somebody has changed that; the version of what holds now."""
        memory = self._memory
        if memory is not None and self._is_fresh(tx, memory):
            return memory.version
        self.forget()
        return self._remembered(tx).version

    def _is_fresh(self, tx: Tx, memory: _Memory) -> bool:
        if not self._store.is_sqlite and time.monotonic() - memory.looked_at < LOOK_SECONDS:
            return True
        memory.looked_at = time.monotonic()
        return trust.version(tx) == memory.version

    def forget(self) -> None:
        """The next look is at the database."""
        self._memory = None
        self._devices = {}
        self._gates = {}
        self._full = {}

    def is_from_trusted(self, tx: Tx, peer: str) -> bool:
        """Whether somebody trusted speaks from an address: of what cannot be read nothing else is known."""
        if self.rules.mode is Mode.OPEN:
            return True
        known = [*trust.speaking_from(tx, peer), *self._remembered(tx).marked]
        return any(row.state is State.TRUSTED and row.is_at(peer) and row.proof is None for row in known)

    @contextmanager
    def staged(self) -> Iterator[None]:
        """If the block raises, everything is forgotten: some of it may never have been committed."""
        try:
            yield
        except BaseException:
            self._met.clear()
            self.forget()
            raise
        met, self._met = self._met, []
        for each in met:
            _tell(each)

    def is_full(self, *names: str) -> bool:
        """Whether one of those (a device's key, an address) had no room a moment ago."""
        now = time.monotonic()
        return bool(self._full) and any(self._full.get(name, 0.0) > now for name in names)

    def note_full(self, name: str) -> None:
        """There was no room for it just now."""
        if len(self._full) > REMEMBERED:
            self._full = {}
        self._full[name] = time.monotonic() + FULL_SECONDS

    def has_room_for(self, tx: Tx, standing: Standing, peer: str, *, more: int = 0) -> bool:
        """Whether a device that nobody knows may be written down, beside so many others: anybody can make up names."""
        if standing.id is not None or standing.state is not State.PENDING or standing.key in self._devices:
            return True
        at_address, in_all = trust.pending_devices(tx, peer)
        return at_address + more < PENDING_AT_ADDRESS and in_all + more < PENDING_IN_ALL

    def resolve(
        self, tx: Tx, standing: Standing, claim: Claim, event: AccessEvent, now: datetime
    ) -> tuple[int, int | None]:
        """The ids of the device and of the gate, made on the first meeting."""
        if len(self._devices) > REMEMBERED or len(self._gates) > REMEMBERED:
            self._devices.clear()
            self._gates.clear()
        device_id = self.device(tx, standing, claim, now)
        key = gate_key(event.gate)
        if not key or not (standing.is_trusted or self._has_room_for_gate(tx, device_id, key)):
            return device_id, None
        return device_id, self._gate(tx, (device_id, key), event.gate, now)

    def device(self, tx: Tx, standing: Standing, claim: Claim, now: datetime) -> int:
        """The id of the device; written on the first meeting, its last-seen now and then."""
        known = self._devices.get(standing.key)
        facts = (standing.why, standing.vouched_by)
        if known is not None and now - known.written_at < SEEN_EVERY and known.facts == facts:
            return known.id
        found = known.id if known else standing.id or devices.find_by_key(tx, standing.key)
        seen = {
            "last_seen": now,
            "address": claim.peer,
            "pending_reason": str(standing.why or ""),
            "vouched_by": standing.vouched_by,
        }
        if found is None:
            # Whom a hub vouches for has no word of its own.
            state = State.PENDING if standing.vouched_by else standing.state
            row = {"key": standing.key, "licence": standing.name, "first_seen": now, "state": state, **seen}
            found = trust.meet(tx, row)
            self._met.append(_Met(found, standing, claim))
        else:
            devices.change(tx, found, seen)
        self._devices[standing.key] = _Known(found, now, facts)
        return found

    def _remembered(self, tx: Tx) -> _Memory:
        memory = self._memory
        if memory is None:
            # The number first: what changes meanwhile is looked up again.
            number = trust.version(tx)
            self._memory = memory = _Memory(number, trust.marked(tx))
        return memory

    def _has_room_for_gate(self, tx: Tx, device_id: int, key: str) -> bool:
        """Whether a gate of a device that nobody has trusted is written down: anybody can make up gates too."""
        if (device_id, key) in self._gates or devices.find_gate(tx, device_id, key) is not None:
            return True
        return len(devices.gates_of(tx, {device_id})[device_id]) < PENDING_GATES

    def _gate(self, tx: Tx, place: tuple[int, str], gate: Gate, now: datetime) -> int:
        """The id of the gate with that key of that device."""
        facts = (gate.address, gate.name, gate.device_type, gate.ip)
        known = self._gates.get(place)
        if known is not None and known.facts == facts and now - known.written_at < SEEN_EVERY:
            return known.id
        device_id, key = place
        found = known.id if known else devices.find_gate(tx, device_id, key)
        said = {name: fact for name, fact in zip(GATE_FACTS, facts, strict=True) if fact}
        if found is None:
            row = {"device_id": device_id, "key": key, "first_seen": now, "last_seen": now, **said}
            found = devices.add_gate(tx, row)
        else:
            devices.change_gate(tx, found, {"last_seen": now, **said})
        self._gates[place] = _Known(found, now, facts)
        return found


def _tell(met: _Met) -> None:
    """Says that somebody waits to be trusted, and how that is done."""
    if met.standing.state is not State.PENDING:
        return
    why = str(met.standing.why or "")
    metrics.DEVICES_PENDING.labels(why).inc()
    log.warning(
        "device_pending",
        device=met.id,
        key=met.standing.key,
        address=met.claim.peer,
        why=why,
        trust=f"python Event_Receive_server.py devices trust {met.id}",
    )
