"""Whose word a message is: which known device speaks, and whether it is trusted, waits for somebody to trust it, or is blocked.

A licence is only a claim, and boxes have no passwords: what is believed is a licence together with the address it comes from,
a key, or a trusted hub that vouches for the devices in its messages.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache

from receiver.domain.addresses import read_address
from receiver.domain.errors import Invalid

# A bound that every address is within.
ANYWHERE = "any"
_EXACT = 129  # above any prefix length of IPv6


class State(StrEnum):
    """What an administrator has said of a device."""

    PENDING = "pending"
    TRUSTED = "trusted"
    BLOCKED = "blocked"


class Mode(StrEnum):
    """How the site meets devices."""

    ADOPT = "adopt"  # whom nobody knows is pending until somebody trusts it
    OPEN = "open"  # everybody but the blocked is believed
    SECRET = "secret"  # noqa: S105 - a word of the settings: as adopt, and only whoever shows a key is believed


class Why(StrEnum):
    """Why a device is pending."""

    UNKNOWN = "unknown"
    OTHER_ADDRESS = "other_address"
    NO_KEY = "no_key"
    WRONG_KEY = "wrong_key"


@dataclass(frozen=True, slots=True)
class TrustRules:
    """What the site has set.

    Attributes:
        events_each: events that are kept of one pending device.
        events_in_all: events that are kept of all of them.
        bytes_in_all: of those events' messages and pictures together; one device may take a quarter of it.
        window: what a device sent before it was trusted is processed if it is no older than this.
    """

    mode: Mode = Mode.ADOPT
    events_each: int = 1000
    events_in_all: int = 10_000
    bytes_in_all: int = 1024**3
    window: timedelta = timedelta(hours=24)

    @property
    def bytes_each(self) -> int:
        """Of one pending device's events: a quarter of what all may take."""
        return self.bytes_in_all // 4


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a message says it is from, and what shows it.

    Attributes:
        name: the licence, else the owner part of the ep_id, else empty.
        peer: the address that it came from.
        gate_address: of the gate it tells of, where there is no name: a real-time report names no box.
        proofs: SHA-256 of each key, or of a client certificate's name, that came with it.
    """

    name: str
    peer: str
    gate_address: str = ""
    proofs: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A device that is known already.

    Attributes:
        bound: an address or CIDR, ``any``, or empty: the address it last spoke from.
        proof: SHA-256 of its key; None where it has none. A device with a key is believed with the key only.
        is_hub: vouches for the devices in its messages.
        vouched_by: the hub that vouched for it, if one did.
        is_catching_up: what it sent before it was trusted is still being processed; what it sends now waits behind that.
        speaks_for_gate: it spoke last from the claim's address and has the claim's gate.
    """

    id: int
    key: str
    name: str
    state: State
    bound: str = ""
    address: str = ""
    proof: bytes | None = None
    is_hub: bool = False
    vouched_by: int | None = None
    is_catching_up: bool = False
    speaks_for_gate: bool = False

    def is_at(self, peer: str) -> bool:
        """Whether it may speak from an address."""
        return is_within(self.bound or self.address, peer)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is thought of whoever sent a message.

    Attributes:
        id: of the known device; None if it is new, and is to be written down under ``key``.
        key: names the device for good.
        scope: what its events' keys are told apart by.
        place: what the two reports of one passage have in common.
        why: why it is pending; None otherwise.
        is_held: its events are kept and change nothing for now.
    """

    id: int | None
    key: str
    name: str
    state: State
    scope: str
    place: str
    why: Why | None = None
    vouched_by: int | None = None
    is_held: bool = False

    @property
    def is_trusted(self) -> bool:
        """Whether what it sends is believed, now or as soon as what it sent before has been processed."""
        return self.state is State.TRUSTED


def plain_key(claim: Claim) -> str:
    """By licence or address alone: how devices are named where everybody is believed."""
    return f"licence:{claim.name}" if claim.name else f"address:{claim.peer}"


def resolve(mode: Mode, claim: Claim, known: Iterable[Known]) -> Standing:
    """Who speaks.

    Args:
        mode: the site's.
        claim: what the message and the connection show.
        known: every device of that name, those that speak for the gate from that address, those whose key was shown, and
            all trusted hubs; others do no harm.
    """
    rows = sorted(known, key=lambda row: row.id)
    if mode is Mode.OPEN:
        return _open(claim, rows)
    proven = next((row for row in rows if row.proof is not None and row.proof in claim.proofs), None)
    if proven is not None and is_within(proven.bound or ANYWHERE, claim.peer):
        is_other = claim.name not in {"", proven.name}
        return _vouched(claim, rows, proven) if is_other and _is_hub(proven) else _itself(proven, place=proven.key)
    decided = _decided(claim, rows)
    if decided is not None and (decided.state is State.BLOCKED or mode is Mode.ADOPT):
        return _itself(decided, place=claim.peer)
    hub = _most_specific([row for row in rows if _is_hub(row) and row.proof is None and row.is_at(claim.peer)])
    if hub is not None and mode is Mode.ADOPT:
        return _vouched(claim, rows, hub)
    return _waiting(mode, claim, rows)


def _open(claim: Claim, rows: Sequence[Known]) -> Standing:
    """Everybody is believed but the blocked; a device is known by its name, wherever it speaks from."""
    speaking = [row for row in rows if row.speaks_for_gate]
    own = speaking if len(speaking) == 1 else [row for row in _own(claim, rows) if claim.name or row.is_at(claim.peer)]
    plain = plain_key(claim)
    found = next((row for row in rows if row.proof is not None and row.proof in claim.proofs), None)
    found = found or _most_specific([row for row in own if row.is_at(claim.peer) and row.state is not State.PENDING])
    found = found or next((row for row in own if row.key == plain), None) or next(iter(own), None)
    if found is None:
        return Standing(None, plain, claim.name, State.TRUSTED, plain, claim.peer)
    state = State.BLOCKED if found.state is State.BLOCKED else State.TRUSTED
    scope = found.key if claim.name else plain
    return Standing(found.id, found.key, found.name, state, scope, claim.peer)


def _own(claim: Claim, rows: Sequence[Known]) -> list[Known]:
    """The devices that the claim may mean; one without a name is that of its address."""
    return [row for row in rows if row.name == claim.name]


def _decided(claim: Claim, rows: Sequence[Known]) -> Known | None:
    """The device that somebody has trusted or blocked, at that address; the narrowest word counts, and of two, the block."""
    candidates = _own(claim, rows)
    if not claim.name:
        # Whoever else has the same gate at the same address does not make it doubtful, unless that one is trusted too.
        speaking = [row for row in rows if row.speaks_for_gate and row.state is State.TRUSTED and row.proof is None]
        if len(speaking) == 1 and speaking[0].is_at(claim.peer):
            return speaking[0]
    return _most_specific(
        [
            row
            for row in candidates
            if row.is_at(claim.peer)
            and (row.state is State.BLOCKED or (row.state is State.TRUSTED and row.proof is None))
        ]
    )


def _vouched(claim: Claim, rows: Sequence[Known], hub: Known) -> Standing:
    """A device behind a hub that is trusted; blocked it may be all the same."""
    if claim.name in {"", hub.name}:
        return _itself(hub, place=hub.key)
    own = [row for row in _own(claim, rows) if row.proof is None]
    of_hub = [row for row in own if row.vouched_by == hub.id]
    found = next(iter(of_hub), None) or next(
        (row for row in own if row.state is State.PENDING and row.vouched_by is None and row.is_at(claim.peer)), None
    )
    if found is None:
        key = _free_key(f"licence:{claim.name}@hub:{hub.id}", rows)
        return Standing(None, key, claim.name, State.TRUSTED, key, key, vouched_by=hub.id, is_held=hub.is_catching_up)
    state = State.BLOCKED if found.state is State.BLOCKED else State.TRUSTED
    is_held = found.is_catching_up or hub.is_catching_up
    return Standing(found.id, found.key, found.name, state, found.key, found.key, vouched_by=hub.id, is_held=is_held)


def _waiting(mode: Mode, claim: Claim, rows: Sequence[Known]) -> Standing:
    """Somebody whom nobody has trusted: one device for each name and address."""
    own = _own(claim, rows)
    why = _why(mode, claim, own)
    present = [row for row in own if row.state is State.PENDING and row.vouched_by is None and row.is_at(claim.peer)]
    if not claim.name:
        speaking = [row for row in rows if row.speaks_for_gate and row.state is State.PENDING]
        # So that both reports of a passage wait together, also where the first one came before the box was known.
        present = speaking if len(speaking) == 1 else present
    if present:
        found = present[0]
        return Standing(found.id, found.key, found.name, State.PENDING, found.key, found.key, why=why, is_held=True)
    key = _free_key(f"licence:{claim.name}@{claim.peer}" if claim.name else f"address:{claim.peer}", rows)
    return Standing(None, key, claim.name, State.PENDING, key, key, why=why, is_held=True)


def _why(mode: Mode, claim: Claim, own: Sequence[Known]) -> Why:
    trusted = [row for row in own if row.state is State.TRUSTED]
    # Where a device with a key last spoke from says nothing.
    if mode is Mode.SECRET or any(row.proof and is_within(row.bound or ANYWHERE, claim.peer) for row in trusted):
        return Why.WRONG_KEY if claim.proofs else Why.NO_KEY
    return Why.OTHER_ADDRESS if trusted else Why.UNKNOWN


def _free_key(key: str, rows: Sequence[Known]) -> str:
    """A key that none of them has: that of a device bound to somewhere else since must not be taken for this one."""
    taken = {row.key for row in rows}
    while key in taken:
        key += "!"
    return key


def _itself(row: Known, *, place: str) -> Standing:
    is_pending = row.state is State.PENDING
    return Standing(
        row.id, row.key, row.name, row.state, row.key, row.key if is_pending else place,
        why=Why.UNKNOWN if is_pending else None, is_held=is_pending or row.is_catching_up,
    )  # fmt: skip


def _is_hub(row: Known) -> bool:
    return row.is_hub and row.state is State.TRUSTED


def _most_specific(rows: Sequence[Known]) -> Known | None:
    """The one bound to the fewest addresses; of two, the blocked one, then the older."""
    if not rows:
        return None
    return max(rows, key=lambda row: (_narrowness(row.bound), row.state is State.BLOCKED, -row.id))


def _narrowness(bound: str) -> int:
    if bound == ANYWHERE:
        return -1
    network = _network(bound) if bound else None
    return _EXACT if network is None else network.prefixlen + (96 if network.version == 4 else 0)  # noqa: PLR2004


def is_within(bound: str, peer: str) -> bool:
    """Whether an address is within a bound: an address or CIDR, or ``any``; what is no address must be the same text."""
    if bound == ANYWHERE:
        return True
    network, address = _network(bound), read_address(peer)
    if network is None or address is None:
        return bound == peer
    return address.version == network.version and address in network


def read_bound(text: str) -> str:
    """A bound as it is kept: ``any``, an address, or a CIDR with the bits behind the prefix set to nothing.

    Raises:
        Invalid: ``bad_address``.
    """
    text = text.strip()
    if text.lower() == ANYWHERE:
        return ANYWHERE
    network = _network(text)
    if network is None:
        raise Invalid(
            "bad_address", f"{text[:80]!r} must be an address like 10.0.0.9, a range like 10.0.0.0/24, or any"
        )
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


@lru_cache(maxsize=4096)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    address, slash, prefix = text.partition("/")
    found = read_address(address)
    if found is None or (slash and not prefix.isdecimal()):
        return None
    try:
        return ipaddress.ip_network(f"{found}/{prefix}" if slash else str(found), strict=False)
    except ValueError:
        return None
