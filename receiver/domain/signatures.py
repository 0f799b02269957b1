"""Signs what goes out and verifies what comes in, after the Standard Webhooks convention (symmetric, ``v1``).

What is signed is ``<id>.<timestamp>.<body>`` with HMAC-SHA256, see https://www.standardwebhooks.com.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from receiver.domain.errors import Invalid

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
# Not of the convention: by which secrets it is signed, so that a receiver of many senders need not try them all.
SIGNER = "x-gatehouse-signer"
PREFIX = "whsec_"
SECRET_BYTES = 32
# What the convention asks of a secret.
SHORTEST, LONGEST = 24, 64
# How far the sender's clock may be off, in seconds; what is older may be a copy.
TOLERANCE = 300
# Signatures of one message that are looked at: two while a secret changes.
SIGNATURES = 4
FINGERPRINT_BYTES = 8
# Names of a subscription's secrets: the one in force, the one before, and until when, in seconds since 1970, that holds too.
IN_FORCE, BEFORE, BEFORE_UNTIL = "signing_secret", "previous_signing_secret", "previous_until"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a message says of its signature, as text of unknown worth."""

    id: str
    timestamp: str
    signature: str
    signer: str = ""


def new_secret(random: Callable[[int], bytes]) -> str:
    """A secret as it is shown and typed.

    Args:
        random: gives so many random bytes, ``secrets.token_bytes``.
    """
    return secret_text(random(SECRET_BYTES))


def secret_text(secret: bytes) -> str:
    """A secret's bytes as text: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(secret).decode()


def read_secret(text: str) -> bytes:
    """The bytes of a secret.

    Raises:
        Invalid: ``bad_secret``.
    """
    try:
        secret = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not SHORTEST <= len(secret) <= LONGEST:
        raise Invalid(
            "bad_secret", f"a signing secret is {PREFIX} and the base64 text of {SHORTEST} to {LONGEST} bytes"
        )
    return secret


def changed(known: Mapping[str, object], text: str, until: float) -> dict[str, object]:
    """A subscription's secrets with another one in force, empty for none.

    Args:
        known: the secrets so far.
        text: as ``secret_text`` writes it.
        until: seconds since 1970, up to which the one before holds too.
    """
    old = known.get(IN_FORCE) or ""
    if old == text:
        return dict(known)
    rest = {name: value for name, value in known.items() if name not in {IN_FORCE, BEFORE, BEFORE_UNTIL}}
    if not text:
        return rest
    return {**rest, IN_FORCE: text, **({BEFORE: old, BEFORE_UNTIL: int(until)} if old else {})}


def fingerprint(secret: bytes) -> str:
    """Names a secret without telling it: 16 hexadecimal digits."""
    return hashlib.sha256(b"signer:" + secret).digest()[:FINGERPRINT_BYTES].hex()


def headers(secrets: Sequence[bytes], key: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a message.

    Args:
        secrets: the one in force and, while it changes, the one before.
        key: the message's id, the same however often it is tried.
        seconds: since 1970, of this try.
        body: as it is sent.
    """
    return {
        ID: key,
        TIMESTAMP: str(seconds),
        SIGNATURE: " ".join(f"v1,{_signature(secret, key, str(seconds), body)}" for secret in secrets),
        SIGNER: ",".join(map(fingerprint, secrets)),
    }


def signed(headers: Mapping[str, str]) -> Signed | None:
    """What the headers (names in lower case) say of a signature; None if they say nothing."""
    if SIGNATURE not in headers:
        return None
    return Signed(headers.get(ID, ""), headers.get(TIMESTAMP, ""), headers[SIGNATURE], headers.get(SIGNER, ""))


def signer_of(said: Signed, body: bytes, secrets: Iterable[bytes], now: float) -> bytes | None:
    """The secret by which a message is signed; None if it is none of those, or signed at another time.

    Args:
        said: what stands in its headers.
        body: as it came.
        secrets: those that may be.
        now: seconds since 1970.
    """
    if not said.timestamp.isdecimal() or abs(now - int(said.timestamp[:12])) > TOLERANCE:
        return None
    given = [
        text.encode("utf-8", "replace")
        for version, _, text in (each.partition(",") for each in said.signature.split(" ", SIGNATURES)[:SIGNATURES])
        if version == "v1"
    ]
    for secret in secrets if given else ():
        expected = _signature(secret, said.id, said.timestamp, body).encode()
        if any(hmac.compare_digest(each, expected) for each in given):
            return secret
    return None


def _signature(secret: bytes, key: str, timestamp: str, body: bytes) -> str:
    # Fed in parts, so that a body with its pictures is not copied.
    digest = hmac.new(secret, f"{key}.{timestamp}.".encode("utf-8", "replace"), hashlib.sha256)
    digest.update(body)
    return base64.b64encode(digest.digest()).decode()
