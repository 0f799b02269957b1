"""Knows devices by the signatures of what they send, after the Standard Webhooks convention."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from receiver.domain.signatures import Signed, signer_of
from receiver.store import device_secrets, trust
from receiver.store.database import Row
from receiver.store.store import Store

# Secrets that are tried where the message does not say by which it is signed: each costs a digest of its whole body.
MOST_TRIED = 8
# Secrets by which a message may say that it is signed.
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class _Secret:
    fingerprint: str
    secret: bytes
    valid_until: float
    proof: bytes


@dataclass(frozen=True, slots=True)
class _Memory:
    version: int
    secrets: tuple[_Secret, ...]


class Signatures:
    """Verifies; remembers the secrets until something changes about a device.

    Args:
        store: where they are.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._memory = _Memory(-1, ())

    def proof_of(self, said: Signed, body: bytes) -> bytes:
        """The proof by which the device that signed a message is known; where nobody did, one that is nobody's."""
        now = self._clock()
        known = [each for each in self._secrets() if now < each.valid_until]
        named = set(said.signer.split(",", MOST_NAMED)[:MOST_NAMED]) if said.signer else set()
        tried = [each for each in known if each.fingerprint in named] if named else known[:MOST_TRIED]
        found = signer_of(said, body, [each.secret for each in tried], now)
        for each in tried:
            if each.secret == found:
                return each.proof
        return hashlib.sha256(b"signature:" + said.signature.encode("utf-8", "replace")).digest()

    def _secrets(self) -> tuple[_Secret, ...]:
        with self._store.read() as tx:
            version = trust.version(tx)
            if version != self._memory.version:
                rows = device_secrets.valid(tx, datetime.fromtimestamp(self._clock(), UTC))
                self._memory = _Memory(version, tuple(_secret(row) for row in rows))
        return self._memory.secrets


def _secret(row: Row) -> _Secret:
    until = float("inf") if row.valid_until is None else row.valid_until.timestamp()
    return _Secret(row.fingerprint, row.secret, until, row.proof)
