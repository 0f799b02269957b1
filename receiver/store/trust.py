"""Which devices are trusted, and the events of those that are not yet: kept within bounds, processed in order, or left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.domain.trust import Claim, Known, State
from receiver.store import retention
from receiver.store.database import Tx, driver_cursor
from receiver.store.erasures import ERASED
from receiver.store.outbox import WAITING as DUE
from receiver.store.tables import device, device_book, erasure_event, event, gate, message, quarantine, task

# What an event's column `unverified` says.
WAITING, LEFT = "waiting", "left"
# The task that processes what a device sent before it was trusted.
TOPIC = "catch-up"
_FACTS: tuple[Any, ...] = (
    device.c.id, device.c.key, device.c.licence, device.c.state, device.c.bound, device.c.address, device.c.proof,
    device.c.is_hub, device.c.vouched_by, device.c.is_catching_up,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """How much is kept of devices that nobody has trusted: events, or items that cannot be read, and their bytes."""

    events: int = 0
    size: int = 0

    def __add__(self, other: "Held") -> "Held":
        return Held(self.events + other.events, self.size + other.size)


def version(tx: Tx) -> int:
    """Counts up whenever what is thought of a device changes."""
    if tx.dialect.name == "sqlite":
        found = driver_cursor(tx).execute("SELECT version FROM device_book").fetchone()
        return int(found[0]) if found else 0
    return int(tx.execute(select(device_book.c.version)).scalar() or 0)


def note_change(tx: Tx) -> None:
    """What is thought of a device has changed: every process looks it up anew."""
    tx.execute(update(device_book).values(version=device_book.c.version + 1))


def marked(tx: Tx) -> list[Known]:
    """The devices that may speak for more than their own name at one address: hubs, those with a key or a bound."""
    wanted = or_(device.c.is_hub, device.c.proof.is_not(None), device.c.bound != "")
    return [_known(row) for row in tx.execute(select(*_FACTS).where(wanted))]


def candidates(tx: Tx, claim: Claim) -> list[Known]:
    """The devices of that name; where there is none, that of the address, and those that speak for the gate from there."""
    named: ColumnElement[bool] = device.c.licence == claim.name
    if not claim.name:
        named = and_(named, device.c.address == claim.peer)
    found = [_known(row) for row in tx.execute(select(*_FACTS).where(named))]
    if not claim.name and claim.gate_address:
        speaking = (
            select(*_FACTS)
            .join(gate, gate.c.device_id == device.c.id)
            .where(device.c.address == claim.peer, device.c.licence != "", gate.c.address == claim.gate_address)
            .distinct()
        )
        found += [_known(row, speaks_for_gate=True) for row in tx.execute(speaking)]
    return found


def speaking_from(tx: Tx, peer: str) -> list[Known]:
    """The devices that spoke last from an address."""
    return [_known(row) for row in tx.execute(select(*_FACTS).where(device.c.address == peer))]


def known(tx: Tx, device_id: int) -> Known | None:
    """One device, or None."""
    row = tx.execute(select(*_FACTS).where(device.c.id == device_id)).one_or_none()
    return None if row is None else _known(row)


def _known(row: Row[Any], *, speaks_for_gate: bool = False) -> Known:
    return Known(
        id=row.id,
        key=row.key,
        name=row.licence,
        state=State(row.state),
        bound=row.bound,
        address=row.address,
        proof=row.proof,
        is_hub=row.is_hub,
        vouched_by=row.vouched_by,
        is_catching_up=row.is_catching_up,
        speaks_for_gate=speaks_for_gate,
    )


def meet(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new device; if another process has just met it, only that it was seen. Returns its id."""
    make = sqlite.insert(device) if tx.dialect.name == "sqlite" else postgresql.insert(device)
    seen = {name: values[name] for name in ("last_seen", "address")}
    statement = make.values(**values).on_conflict_do_update(index_elements=["key"], set_=seen)
    return int(tx.execute(statement.returning(device.c.id)).scalar_one())


def pending_devices(tx: Tx, peer: str) -> tuple[int, int]:
    """How many devices are pending: at that address, and in all."""
    at_peer = func.count().filter(device.c.address == peer)
    statement = select(at_peer, func.count()).where(device.c.state == State.PENDING, device.c.vouched_by.is_(None))
    found = tx.execute(statement).one()
    return int(found[0]), int(found[1])


def count_dropped(tx: Tx, device_key: str, number: int) -> None:
    """So many messages of a device were acknowledged and not kept; nothing is counted of one that was never written down."""
    tx.execute(update(device).where(device.c.key == device_key).values(dropped=device.c.dropped + number))


def held(tx: Tx) -> dict[int, Held]:
    """What is kept of each device and waits for somebody to trust it."""
    statement = (
        select(event.c.device_id, func.count(), func.sum(event.c.unverified_bytes))
        .where(event.c.unverified == WAITING)
        .group_by(event.c.device_id)
    )
    return {device_id: Held(number, int(size or 0)) for device_id, number, size in tx.execute(statement)}


def kept_counts(tx: Tx, device_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """How many unverified events there are of each device: ``waiting`` and ``left``."""
    counts = {device_id: {WAITING: 0, LEFT: 0} for device_id in device_ids}
    statement = (
        select(event.c.device_id, event.c.unverified, func.count())
        .where(event.c.unverified.in_((WAITING, LEFT)), event.c.device_id.in_(list(device_ids)))
        .group_by(event.c.device_id, event.c.unverified)
    )
    for device_id, state, number in tx.execute(statement):
        counts[device_id][state] = number
    return counts


def leave(tx: Tx, device_id: int, before: datetime) -> int:
    """What the device sent before a time stays what it is, and so does what was erased meanwhile; how many."""
    is_hidden = select(erasure_event.c.event_id).where(erasure_event.c.event_id == event.c.id).exists()
    late = or_(event.c.received_at < before, event.c.recognition_reason == ERASED, is_hidden)
    where = (event.c.unverified == WAITING, event.c.device_id == device_id, late)
    return tx.execute(update(event).where(*where).values(unverified=LEFT)).rowcount


def waiting(tx: Tx, device_id: int, limit: int) -> list[Row[Any]]:
    """The device's next events that wait, in the order of receipt: what the intake would have looked at."""
    statement = (
        select(event.c.id, event.c.list, event.c.received_at, event.c.identity_group, event.c.score)
        .where(event.c.unverified == WAITING, event.c.device_id == device_id)
        .order_by(event.c.id)
        .limit(limit)
    )
    return list(tx.execute(statement))


def messages_of(tx: Tx, event_ids: Sequence[int], channel: str) -> list[Row[Any]]:
    """(id, event_id, size) of the messages of those events that came by a channel, in their order."""
    statement = (
        select(message.c.id, message.c.event_id, message.c.size)
        .where(message.c.event_id.in_(list(event_ids)), message.c.channel == channel)
        .order_by(message.c.id)
    )
    return list(tx.execute(statement))


def has_task(tx: Tx, device_id: int) -> bool:
    """Whether the device's backlog is being processed already."""
    where = (task.c.topic == TOPIC, task.c.subject == device_id, task.c.state == DUE)
    return tx.execute(select(task.c.id).where(*where)).first() is not None


def drop_task(tx: Tx, device_id: int) -> None:
    """Nothing is left to be processed."""
    tx.execute(delete(task).where(task.c.topic == TOPIC, task.c.subject == device_id))


def behind(tx: Tx, hub_id: int) -> list[int]:
    """The devices that a hub has vouched for."""
    return list(tx.execute(select(device.c.id).where(device.c.vouched_by == hub_id).order_by(device.c.id)).scalars())


def pending(tx: Tx) -> list[Known]:
    """The devices that wait and that no hub has vouched for."""
    where = (device.c.state == State.PENDING, device.c.vouched_by.is_(None))
    return [_known(row) for row in tx.execute(select(*_FACTS).where(*where).order_by(device.c.id))]


def hand_over(tx: Tx, pending_id: int, device_id: int) -> None:
    """What a pending device sent is another one's from now on, and the pending one was never there.

    That is so where it turned out to be the same device at another address.
    """
    for each in tx.execute(select(gate).where(gate.c.device_id == pending_id)).all():
        same = select(gate.c.id).where(gate.c.device_id == device_id, gate.c.key == each.key)
        found = tx.execute(same).scalar()
        if found is None:
            tx.execute(update(gate).where(gate.c.id == each.id).values(device_id=device_id))
        else:
            tx.execute(update(event).where(event.c.gate_id == each.id).values(gate_id=found))
            tx.execute(delete(gate).where(gate.c.id == each.id))
    tx.execute(update(event).where(event.c.device_id == pending_id).values(device_id=device_id))
    drop_task(tx, pending_id)
    tx.execute(delete(device).where(device.c.id == pending_id))


def find_by_proof(tx: Tx, proof: bytes) -> int | None:
    """The device with that key, or None."""
    return tx.execute(select(device.c.id).where(device.c.proof == proof)).scalar()


def drop_old(tx: Tx, device_id: int, before: datetime, limit: int) -> int:
    """Takes away what a device sent before a time and nobody has trusted; the keys stay. How many."""
    statement = (
        select(event.c.id)
        .where(event.c.unverified == WAITING, event.c.device_id == device_id, event.c.received_at < before)
        .order_by(event.c.id)
        .limit(limit)
    )
    ids = list(tx.execute(statement).scalars())
    return retention.drop_events(tx, ids) if ids else 0


def unverified_quarantined(tx: Tx, peer: str) -> tuple[Held, Held]:
    """What is kept unread of senders whom nobody has trusted: of that address, and in all."""
    size = func.sum(func.length(quarantine.c.raw))
    is_there = quarantine.c.unverified_peer == peer
    columns = (func.count().filter(is_there), size.filter(is_there), func.count(), size)
    found = tx.execute(select(*columns).where(quarantine.c.unverified_peer.is_not(None))).one()
    here, here_size, number, number_size = (int(each or 0) for each in found)
    return Held(here, here_size), Held(number, number_size)
