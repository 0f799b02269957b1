"""Devices and gates as plain values, ready to show; a key never is."""

from collections.abc import Mapping, Sequence
from typing import Any

from receiver.domain.trust import State
from receiver.store import devices, trust
from receiver.store.database import Row, Tx


def shown_device(row: Row | None) -> dict[str, Any] | None:
    """A device as it is shown with what it told."""
    if row is None:
        return None
    names = ("id", "key", "licence", "name", "address")
    return {name: row._mapping[name] for name in names} | {"state": effective_state(row)}


def shown_gate(row: Row | None) -> dict[str, Any] | None:
    """A gate."""
    if row is None:
        return None
    names = ("id", "key", "address", "name", "device_type", "ip", "status", "first_seen", "last_seen")
    return {name: row._mapping[name] for name in names}


def effective_state(row: Row) -> State:
    """What holds: whom a hub vouches for is trusted, unless somebody has blocked it."""
    state = State(row.state)
    return State.TRUSTED if state is State.PENDING and row.vouched_by is not None else state


def devices_in_full(tx: Tx, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Devices with everything about them."""
    ids = [row.id for row in rows]
    gates, kept = devices.gates_of(tx, set(ids)), trust.kept_counts(tx, ids)
    return [_in_full(row, kept[row.id]) | {"gates": [shown_gate(gate) for gate in gates[row.id]]} for row in rows]


def _in_full(row: Row, kept: Mapping[str, int]) -> dict[str, Any]:
    names = (
        "serial", "mac", "first_seen", "last_seen", "status", "status_at", "problem", "problem_at", "vouched_by",
        "trusted_at", "trusted_by", "is_catching_up", "dropped",
    )  # fmt: skip
    return {
        **(shown_device(row) or {}),
        **{name: row._mapping[name] for name in names},
        "group": row.device_group,
        "pending_reason": row.pending_reason or None,
        "bound": row.bound or row.address,
        "known_by": row.proof_kind or "address",
        "hub": row.is_hub,
        "kept": kept,
    }
