"""Secrets that are given out once: a number by which they are found, and random parts of which only hashes are kept."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

BYTES = 32
FORM = re.compile(r"(?P<kind>[a-z]{2})_(?P<number>[0-9]{1,18})_(?P<secret>[0-9a-f]{64})(?:\.(?P<token>[0-9a-f]{64}))?")


@dataclass(frozen=True, slots=True)
class Parts:
    """A secret as it was sent: its number, the part that stays the same, and the one that changes with each use."""

    number: int
    secret: str
    token: str = ""


def new_part() -> str:
    """A random part."""
    return secrets.token_hex(BYTES)


def hash_of(part: str) -> bytes:
    """What is kept of a part: it is long and random, so one round is enough."""
    return hashlib.sha256(part.encode()).digest()


def is_same(kept: bytes, part: str) -> bool:
    """Whether a part is the one whose hash is kept."""
    return hmac.compare_digest(kept, hash_of(part))


def written(kind: str, number: int, *parts: str) -> str:
    """The secret as it is given out: ``gk_7_...``."""
    return f"{kind}_{number}_{'.'.join(parts)}"


def read(kind: str, text: str) -> Parts | None:
    """The parts of a secret of that kind; None for anything else."""
    match = FORM.fullmatch(text)
    if match is None or match["kind"] != kind:
        return None
    return Parts(int(match["number"]), match["secret"], match["token"] or "")
