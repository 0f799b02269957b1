"""Devices and the gates they speak for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Table, and_, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.domain.trust import State
from receiver.store import occurrences
from receiver.store.database import Tx
from receiver.store.limiting import devices_within
from receiver.store.tables import device, device_identity, gate

# Columns of which subscriptions are told.
TOLD = ("state", "problem", "status")


def find_by_key(tx: Tx, key: str) -> int | None:
    """The id of the device with that key, or None."""
    return tx.execute(select(device.c.id).where(device.c.key == key)).scalar()


def add(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new device; returns its id. If another process has just written it, only changes it."""
    return _upsert(tx, device, ["key"], values)


def change(tx: Tx, device_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of one device."""
    tx.execute(update(device).where(device.c.id == device_id).values(**values))
    for name in TOLD:
        if name in values:
            occurrences.note(tx, "device", device_id, name, datetime.now(UTC))


def find_gate(tx: Tx, device_id: int, key: str) -> int | None:
    """The id of that device's gate with that key, or None."""
    return tx.execute(select(gate.c.id).where(gate.c.device_id == device_id, gate.c.key == key)).scalar()


def add_gate(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new gate; returns its id. If another process has just written it, only changes it."""
    return _upsert(tx, gate, ["device_id", "key"], values)


def _upsert(tx: Tx, table: Table, key: Sequence[str], values: Mapping[str, Any]) -> int:
    make = sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)
    changed = {name: value for name, value in values.items() if name not in {*key, "first_seen"}}
    statement = make.values(**values).on_conflict_do_update(index_elements=key, set_=changed)
    return int(tx.execute(statement.returning(table.c.id)).scalar_one())


def change_gate(tx: Tx, gate_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of one gate."""
    tx.execute(update(gate).where(gate.c.id == gate_id).values(**values))


def listed(tx: Tx, after: int, limit: int, state: str | None = None, limits: Limits = NO_LIMITS) -> list[Row[Any]]:
    """Devices by id, after the one given; of one state, if it is named. Whom a hub vouches for counts as trusted."""
    where = (device.c.id > after, *devices_within(limits))
    statement = select(device).where(*where).order_by(device.c.id).limit(limit)
    is_vouched = and_(device.c.state == "pending", device.c.vouched_by.is_not(None))
    if state == "trusted":
        statement = statement.where(or_(device.c.state == state, is_vouched))
    elif state is not None:
        statement = statement.where(device.c.state == state, not_(is_vouched))
    return list(tx.execute(statement))


def found(tx: Tx, ids: set[int]) -> dict[int, Row[Any]]:
    """The devices with those ids."""
    return {row.id: row for row in tx.execute(select(device).where(device.c.id.in_(ids)))} if ids else {}


def gates_found(tx: Tx, ids: set[int]) -> dict[int, Row[Any]]:
    """The gates with those ids."""
    return {row.id: row for row in tx.execute(select(gate).where(gate.c.id.in_(ids)))} if ids else {}


def gates_of(tx: Tx, device_ids: set[int]) -> dict[int, list[Row[Any]]]:
    """The gates of each device."""
    listed_gates: dict[int, list[Row[Any]]] = {device_id: [] for device_id in device_ids}
    if device_ids:
        for row in tx.execute(select(gate).where(gate.c.device_id.in_(device_ids)).order_by(gate.c.id)):
            listed_gates[row.device_id].append(row)
    return listed_gates


def identity_seen(tx: Tx, device_id: int, external_id: str) -> datetime | None:
    """When a device last told of an id, by its own clock; None if it never did."""
    statement = select(device_identity.c.last_seen).where(
        device_identity.c.device_id == device_id, device_identity.c.external_id == external_id
    )
    return tx.execute(statement).scalar()


def is_trusted(tx: Tx, device_id: int) -> bool:
    """Whether what the device says of people may enter the library by itself.

    What a device says before anybody trusts it is not recognised at all, and gets nowhere near here; a blocked one may have
    been trusted before.
    """
    where = (device.c.id == device_id, device.c.state != State.BLOCKED)
    return tx.execute(select(device.c.id).where(*where)).first() is not None


def exists(tx: Tx, device_id: int) -> bool:
    """Whether there is such a device."""
    return tx.execute(select(device.c.id).where(device.c.id == device_id)).first() is not None


def flag_by_address(tx: Tx, address: str, values: Mapping[str, Any]) -> int:
    """Sets columns of the devices that spoke last from an address; returns how many."""
    return tx.execute(update(device).where(device.c.address == address).values(**values)).rowcount


def referred(tx: Tx, digests: Sequence[bytes]) -> set[bytes]:
    """Those of the digests that a device identity refers to."""
    return set(
        tx.execute(select(device_identity.c.digest).where(device_identity.c.digest.in_(digests)).distinct()).scalars()
    )
