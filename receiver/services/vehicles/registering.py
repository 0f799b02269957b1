"""Vehicles come in: they register with a MAC address, a name and a password, and show a token from then on."""

import contextlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.errors import Conflict, NotFound, NotLoggedIn, Unavailable
from receiver.domain.trust import Mode, State, TrustRules, Why, is_within
from receiver.services.accounts import secret_parts
from receiver.services.accounts.passwords import Passwords
from receiver.services.accounts.signing import Signer
from receiver.services.devices.device_book import PENDING_AT_ADDRESS, PENDING_IN_ALL, TOO_MANY_DEVICES
from receiver.store import devices, trust, vehicles
from receiver.store.database import Row, Tx
from receiver.store.store import Store

TOKEN = "gd"  # noqa: S105 - how a vehicle's token begins
# One at a time, or of two who come with one name both would be first.
LOCK = "vehicles"
REMEMBERED_SECONDS, REMEMBERED = 1.0, 4096
SEEN_EVERY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Registration:
    """A vehicle that wants to come in; ``mac`` in small letters with colons, ``peer`` the address that it speaks from."""

    mac: str
    name: str
    password: str
    peer: str


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One that has come in: its ids, and whether somebody trusts it."""

    device_id: int
    gate_id: int
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class Registered:
    """What a vehicle is given."""

    vehicle: Vehicle
    token: str


class Vehicles:
    """The use case; its memory of tokens is one of a second."""

    def __init__(self, store: Store, passwords: Passwords, signer: Signer, rules: TrustRules) -> None:
        self._store = store
        self._passwords = passwords
        self._signer = signer
        self._rules = rules
        self._known: dict[int, tuple[float, Row | None]] = {}

    def register(self, wanted: Registration) -> Registered:
        """Takes a vehicle in; the same one again is given the same ids and the same token.

        Raises:
            Conflict: ``mac_taken``, with another name or password; ``name_taken``, by another vehicle.
            Unavailable: ``too_many_devices``: so many wait for somebody to trust them.
            Busy: passwords are being checked.
        """
        with self._store.read() as tx:
            known = _known(tx, wanted.mac)
        if known is not None:
            if not self._is_same(known, wanted):
                raise Conflict(
                    "mac_taken", "a vehicle with that mac has registered before, with another name or password"
                )
            return self._registered(known)
        hashed = self._passwords.hashed(wanted.password)
        with self._store.write(lock=LOCK) as tx:
            self._check_room(tx, wanted)
            device_id = self._write(tx, wanted, hashed)
        return self._registered(self._found(device_id))

    def renew(self, wanted: Registration) -> Registered:
        """Another token in the place of the present one.

        Raises:
            NotFound: ``no_such_vehicle``, whatever of the three it is that is wrong.
            Busy: passwords are being checked.
        """
        with self._store.read() as tx:
            known = _known(tx, wanted.mac)
        if known is None or not self._is_same(known, wanted):
            raise NotFound("no_such_vehicle", "no vehicle has registered with that mac, name and password")
        with self._store.write() as tx:
            vehicles.renew(tx, known.device_id)
        self._known.pop(known.device_id, None)
        return self._registered(self._found(known.device_id))

    def by_token(self, token: str, peer: str) -> Vehicle:
        """The vehicle that shows a token.

        Raises:
            NotLoggedIn: ``token_invalid``: it is none of ours, was revoked, the device is blocked, or speaks from where it may not.
        """
        parts = secret_parts.read(TOKEN, token)
        row = None if parts is None else self._remembered(parts.number)
        if parts is None or row is None or row.state == State.BLOCKED:
            raise _invalid()
        if not secret_parts.is_same(secret_parts.hash_of(self._part(row)), parts.secret):
            raise _invalid()
        if row.bound and not is_within(row.bound, peer):
            raise _invalid()
        self._note_seen(row, peer)
        return self._vehicle(row)

    def _part(self, row: Row) -> str:
        return self._signer.vehicle_part(row.device_id, row.version)

    def _registered(self, row: Row) -> Registered:
        return Registered(self._vehicle(row), secret_parts.written(TOKEN, row.device_id, self._part(row)))

    def _vehicle(self, row: Row) -> Vehicle:
        is_trusted = row.state == State.TRUSTED or self._rules.mode is Mode.OPEN
        return Vehicle(row.device_id, row.gate_id, is_trusted)

    def _is_same(self, known: Row, wanted: Registration) -> bool:
        with self._store.read() as tx:
            gate = devices.gates_found(tx, {known.gate_id}).get(known.gate_id)
        is_right = self._passwords.verify(known.password_hash, wanted.password).is_right
        return is_right and gate is not None and gate.name == wanted.name

    def _check_room(self, tx: Tx, wanted: Registration) -> None:
        if _known(tx, wanted.mac) is not None:
            raise Conflict("mac_taken", "a vehicle with that mac has registered just now")
        if vehicles.has_name(tx, wanted.name):
            raise Conflict("name_taken", "another vehicle has that name")
        at_address, in_all = trust.pending_devices(tx, wanted.peer)
        is_full = at_address >= PENDING_AT_ADDRESS or in_all >= PENDING_IN_ALL
        if is_full and self._rules.mode is not Mode.OPEN:
            raise Unavailable(TOO_MANY_DEVICES, "so many devices wait for somebody to trust them; trust or block some")

    def _write(self, tx: Tx, wanted: Registration, hashed: str) -> int:
        now = datetime.now(UTC)
        is_open = self._rules.mode is Mode.OPEN
        row: dict[str, Any] = {
            "key": _key(wanted.mac),
            "name": wanted.name,
            "mac": wanted.mac,
            "address": wanted.peer,
            "first_seen": now,
            "last_seen": now,
            "state": State.TRUSTED if is_open else State.PENDING,
            "pending_reason": "" if is_open else Why.UNKNOWN.value,
        }
        device_id = trust.meet(tx, row)
        gate = {"device_id": device_id, "key": wanted.mac, "name": wanted.name, "device_type": vehicles.VEHICLE}
        gate_id = devices.add_gate(tx, {**gate, "first_seen": now, "last_seen": now})
        vehicles.add(tx, {"device_id": device_id, "gate_id": gate_id, "password_hash": hashed, "version": 1})
        return device_id

    def _found(self, device_id: int) -> Row:
        with self._store.read() as tx:
            row = vehicles.find(tx, device_id)
        if row is None:
            raise NotFound("no_such_vehicle", "it was taken away just now")
        return row

    def _remembered(self, device_id: int) -> Row | None:
        now = time.monotonic()
        at, row = self._known.get(device_id, (0.0, None))
        if at and now - at < REMEMBERED_SECONDS:
            return row
        with self._store.read() as tx:
            row = vehicles.find(tx, device_id)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[device_id] = now, row
        return row

    def _note_seen(self, row: Row, peer: str) -> None:
        now = datetime.now(UTC)
        # Another address is no reason to write at once: behind a carrier's network it may be another with each frame.
        if now - row.last_seen < SEEN_EVERY:
            return
        # Whoever may come in comes in, also where nothing can be written just now.
        with contextlib.suppress(Unavailable), self._store.write() as tx:
            devices.change(tx, row.device_id, {"last_seen": now, "address": peer})
            devices.change_gate(tx, row.gate_id, {"last_seen": now})
        self._known.pop(row.device_id, None)


def plain_mac(text: str) -> str:
    """A MAC address as it is kept: in small letters with colons; the angle brackets of a placeholder do no harm."""
    return text.strip().removeprefix("<").removesuffix(">").lower().replace("-", ":")


def _key(mac: str) -> str:
    return f"mac:{mac}"


def _known(tx: Tx, mac: str) -> Row | None:
    device_id = devices.find_by_key(tx, _key(mac))
    return None if device_id is None else vehicles.find(tx, device_id)


def _invalid() -> NotLoggedIn:
    return NotLoggedIn("token_invalid", "that is no token of this server, or it was revoked")
