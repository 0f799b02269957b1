"""What an administrator says of devices: trusted from where, blocked, a hub, known by which key."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain import signatures
from receiver.domain.errors import Conflict, Invalid, NotFound
from receiver.domain.trust import Known, State, is_within, read_bound
from receiver.store import device_secrets, devices, outbox, trust, vehicles
from receiver.store.database import Row, Tx
from receiver.store.store import Store

# Random bytes of a key: nobody guesses one, so a plain digest of it may be kept.
KEY_BYTES = 24
KEY, CERTIFICATE = "key", "certificate"
# How long the secret before is taken too, so that the device can be given the new one.
CHANGE_OVER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changes of a device; None leaves it as it is.

    Attributes:
        bound: an address, a CIDR or ``any``; empty: the address that it last spoke from.
        is_hub: vouches for the devices in its messages.
        certificate: the name in its client certificate, as the proxy hands it over; empty takes it away.
        by: the account that says so.
    """

    state: State | None = None
    bound: str | None = None
    is_hub: bool | None = None
    certificate: str | None = None
    by: str = ""


def proof_of_key(key: str) -> bytes:
    """SHA-256 by which a key is known."""
    return hashlib.sha256(b"key:" + key.encode("utf-8", "replace")).digest()


def proof_of_certificate(name: str) -> bytes:
    """SHA-256 by which a client certificate's name is known."""
    return hashlib.sha256(b"certificate:" + name.encode("utf-8", "replace")).digest()


class Trusting:
    """The use cases behind ``devices`` on the command line and in the interface."""

    def __init__(self, store: Store, on_change: Callable[[], None]) -> None:
        self._store = store
        self._on_change = on_change

    def change(self, device_id: int, change: Change) -> None:
        """Says something of a device. What a newly trusted one has sent lately is then processed by the worker.

        Raises:
            NotFound: there is no such device.
            Invalid: ``bad_address``.
            Conflict: ``certificate_taken``.
        """
        now = datetime.now(UTC)
        with self._store.write() as tx:
            row = _find(tx, device_id)
            values: dict[str, Any] = {} if change.bound is None else {"bound": _bound(change.bound)}
            if change.is_hub is not None:
                values["is_hub"] = change.is_hub
            if change.certificate is not None:
                values |= _certificate(tx, device_id, change.certificate)
            if change.state is not None:
                values |= {"state": change.state, "pending_reason": "", "vouched_by": None}
            is_newly = (change.state is State.TRUSTED and row.state != State.TRUSTED) or (
                change.is_hub and not row.is_hub
            )
            if is_newly:
                values |= {"trusted_at": now, "trusted_by": change.by[:255]}
            if values:
                devices.change(tx, device_id, values)
                _follow(tx, device_id, row.state, now)
        self._on_change()

    def add(self, name: str, licence: str, change: Change) -> int:
        """Writes down a device before it speaks, trusted from the addresses of ``change.bound``; its id.

        Raises:
            Invalid: ``bad_address``; ``nothing_to_know_it_by``.
            Conflict: ``device_taken``; ``certificate_taken``.
        """
        bound = _bound(change.bound or "")
        if not licence and not bound and change.certificate is None and not name:
            raise Invalid("nothing_to_know_it_by", "give a licence, an address or a name; a key can be made afterwards")
        now = datetime.now(UTC)
        key = f"licence:{licence}@{bound}" if licence else f"named:{secrets.token_hex(8)}"
        with self._store.write() as tx:
            if devices.find_by_key(tx, key) is not None:
                raise Conflict("device_taken", f"there is a device {key} already; change that one")
            row = {"key": key, "licence": licence, "name": name, "first_seen": now, "last_seen": now, "bound": bound}
            said = {
                "state": change.state or State.TRUSTED,
                "is_hub": bool(change.is_hub),
                "trusted_by": change.by[:255],
            }
            # Bound to nothing yet, it is known by the key that it will be given: no address is its own.
            device_id = devices.add(tx, row | said | {"trusted_at": now, "address": "" if bound == "any" else bound})
            if change.certificate is not None:
                devices.change(tx, device_id, _certificate(tx, device_id, change.certificate))
            _follow(tx, device_id, State.TRUSTED, now)
        self._on_change()
        return device_id

    def give_key(self, device_id: int) -> str:
        """Makes a new key for a device, in the place of the one that it had; it is told here and never again.

        Raises:
            NotFound: there is no such device.
        """
        key = secrets.token_urlsafe(KEY_BYTES)
        self._prove(device_id, proof_of_key(key), KEY)
        return key

    def give_secret(self, device_id: int, text: str = "") -> str:
        """Makes a secret with which the device signs what it sends, or takes the one that it has made; told never again.

        One that it had holds for a day more. A key or certificate that it had holds no more.

        Raises:
            NotFound: there is no such device.
            Invalid: ``bad_secret``.
            Conflict: ``secret_taken``.
        """
        text = text.strip() or signatures.new_secret(secrets.token_bytes)
        secret = signatures.read_secret(text)
        fingerprint, now = signatures.fingerprint(secret), datetime.now(UTC)
        with self._store.write() as tx:
            row = _find(tx, device_id)
            if device_secrets.owner(tx, fingerprint) is not None:
                raise Conflict("secret_taken", "that secret was given already; each change needs another one")
            if row.proof_kind != device_secrets.SIGNATURE:
                # Nobody can show it: it only stands for a signature that was verified.
                proof = {"proof": secrets.token_bytes(32), "proof_kind": device_secrets.SIGNATURE}
                devices.change(tx, device_id, proof)
            device_secrets.replace(tx, device_id, fingerprint, secret, (now, now + CHANGE_OVER))
            trust.note_change(tx)
        self._on_change()
        return text

    def take_key(self, device_id: int) -> None:
        """Takes a device's key, certificate or signing secret away: it is known by licence and address again.

        A vehicle's token is revoked.

        Raises:
            NotFound: there is no such device.
        """
        self._prove(device_id, None, "")

    def _prove(self, device_id: int, proof: bytes | None, kind: str) -> None:
        with self._store.write() as tx:
            _find(tx, device_id)
            devices.change(tx, device_id, {"proof": proof, "proof_kind": kind})
            device_secrets.drop(tx, device_id)
            vehicles.renew(tx, device_id)
            trust.note_change(tx)
        self._on_change()


def _find(tx: Tx, device_id: int) -> Row:
    found = devices.found(tx, {device_id}).get(device_id)
    if found is None:
        raise NotFound("no_such_device", f"there is no device {device_id}")
    return found


def _bound(text: str) -> str:
    return read_bound(text) if text.strip() else ""


def _certificate(tx: Tx, device_id: int, name: str) -> dict[str, Any]:
    proof = proof_of_certificate(name)
    if name and trust.find_by_proof(tx, proof) not in {None, device_id}:
        raise Conflict("certificate_taken", "another device is known by that certificate")
    device_secrets.drop(tx, device_id)
    if not name:
        return {"proof": None, "proof_kind": ""}
    return {"proof": proof, "proof_kind": CERTIFICATE}


def _follow(tx: Tx, device_id: int, before: str, now: datetime) -> None:
    """What comes of the device's new standing: its backlog, and that of the devices behind it if it is a hub."""
    trust.note_change(tx)
    device = trust.known(tx, device_id)
    if device is None:
        return
    if device.state is State.TRUSTED:
        if _absorb(tx, device) or before != State.TRUSTED:
            catch_up(tx, device_id, now)
    else:
        _stop(tx, device_id)
    if device.is_hub and device.state is State.TRUSTED:
        _vouch(tx, device, now)
        return
    for other_id in trust.behind(tx, device_id):
        devices.change(tx, other_id, {"vouched_by": None})
        _stop(tx, other_id)


def _absorb(tx: Tx, device: Known) -> bool:
    """Whether pending devices turned out to be this one: of its name, at addresses that it may speak from now."""
    if not device.name or device.proof is not None or not device.bound:
        return False
    same = [
        other.id
        for other in trust.pending(tx)
        if other.name == device.name and other.proof is None and is_within(device.bound, other.address)
    ]
    for other_id in same:
        trust.hand_over(tx, other_id, device.id)
    return bool(same)


def _vouch(tx: Tx, hub: Known, now: datetime) -> None:
    """Devices that wait at the hub's addresses are those behind it."""
    if hub.proof is not None:
        return
    for other in trust.pending(tx):
        if other.name and other.proof is None and is_within(hub.bound or hub.address, other.address):
            devices.change(tx, other.id, {"vouched_by": hub.id, "pending_reason": ""})
            catch_up(tx, other.id, now)


def catch_up(tx: Tx, device_id: int, now: datetime) -> None:
    """Until what the device has sent is processed, what it sends now waits behind it."""
    devices.change(tx, device_id, {"is_catching_up": True})
    if not trust.has_task(tx, device_id):
        outbox.add(tx, trust.TOPIC, [device_id], now)


def _stop(tx: Tx, device_id: int) -> None:
    devices.change(tx, device_id, {"is_catching_up": False})
    trust.drop_task(tx, device_id)
