"""The key that signs the heads of the audit log: an Ed25519 key in a file that only the server's account can read."""

import contextlib
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from receiver.domain.errors import SetupError

FILE = "audit.key"
KEY_BYTES = 32


class SigningKey:
    """The key of one data folder; made when it is first wanted."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE
        self._key = Ed25519PrivateKey.from_private_bytes(self._read() or self._make())

    @property
    def public(self) -> bytes:
        """What others check signatures with."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """The signature of some bytes."""
        return self._key.sign(data)

    def _read(self) -> bytes | None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        if len(data) != KEY_BYTES:
            raise SetupError(
                "bad_signing_key", f"{self._path.name} in the data folder is no key; put it aside for a new one"
            )
        return data

    def _make(self) -> bytes:
        """A new key, durable before it signs anything; where several processes make one, the first one's counts."""
        with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=".audit-key-") as file:  # made with mode 0600
            file.write(Ed25519PrivateKey.generate().private_bytes_raw())
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(file.name, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._read() or b""


def public_key_of(data_dir: Path) -> bytes | None:
    """The public half of the folder's key, None where there is none: looking makes none."""
    return SigningKey(data_dir).public if (data_dir / FILE).exists() else None


def is_signed(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature was made over these bytes by the owner of the key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
