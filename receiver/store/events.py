"""Events with their keys, messages and pictures: written in batches by the intake, decided on by the worker, listed for people."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, text, update
from sqlalchemy.dialects import postgresql

from receiver.store.batches import insert_rows
from receiver.store.database import Tx, driver_cursor
from receiver.store.tables import event, event_key, event_picture, message, sighting


def known_keys(tx: Tx, hashes: Sequence[bytes]) -> dict[bytes, int | None]:
    """Which of the keys have been seen, with the event each led to (None if that was erased)."""
    found: dict[bytes, int | None] = {}
    for start in range(0, len(hashes), 500):
        some = hashes[start : start + 500]
        if tx.dialect.name == "sqlite":
            # Asked for more than once, so that the statement is one of few and stays prepared.
            asked = [*some, *[some[0]] * ((1 << (len(some) - 1).bit_length()) - len(some))]
            question = f"SELECT hash, event_id FROM event_key WHERE hash IN ({', '.join('?' * len(asked))})"  # noqa: S608 - question marks only
            found.update(driver_cursor(tx).execute(question, asked))
        else:
            rows = tx.execute(select(event_key.c.hash, event_key.c.event_id).where(event_key.c.hash.in_(some)))
            found.update({row.hash: row.event_id for row in rows})
    return found


def claim_keys(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> set[bytes]:
    """Writes event keys; returns those that were really new (on PostgreSQL another process may have been first)."""
    if not rows:
        return set()
    if tx.dialect.name == "sqlite":
        insert_rows(tx, event_key, rows, may_exist=True)
        return {row["hash"] for row in rows}
    statement = postgresql.insert(event_key).on_conflict_do_nothing().returning(event_key.c.hash)
    # In one order in every process, or two of them would wait for each other.
    return set(tx.execute(statement, sorted(rows, key=itemgetter("hash"))).scalars())


def add(
    tx: Tx,
    events: Sequence[Mapping[str, Any]],
    messages: Sequence[Mapping[str, Any]],
    pictures: Sequence[Mapping[str, Any]],
) -> None:
    """Writes event, message and event_picture rows with ids already taken."""
    for table, rows in ((event, events), (message, messages), (event_picture, pictures)):
        insert_rows(tx, table, rows)


def change(tx: Tx, event_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of one event."""
    tx.execute(update(event).where(event.c.id == event_id).values(**values))


def find(tx: Tx, event_id: int) -> Row[Any] | None:
    """One event's row, or None."""
    return tx.execute(select(event).where(event.c.id == event_id)).one_or_none()


def held(tx: Tx, event_id: int) -> Row[Any] | None:
    """One event's row, that stays as it is until this write transaction has ended; None if there is none."""
    return tx.execute(select(event).where(event.c.id == event_id).with_for_update()).one_or_none()


def pictures_of(tx: Tx, event_ids: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """The pictures of each event, in the order of the messages that brought them."""
    ids = list(event_ids)
    found: dict[int, list[Row[Any]]] = {event_id: [] for event_id in ids}
    if ids:
        statement = (
            select(event_picture)
            .where(event_picture.c.event_id.in_(ids))
            .order_by(event_picture.c.message_id, event_picture.c.position)
        )
        for row in tx.execute(statement):
            found[row.event_id].append(row)
    return found


def messages_of(tx: Tx, event_id: int) -> list[Row[Any]]:
    """The messages that told of one event, oldest first."""
    return list(tx.execute(select(message).where(message.c.event_id == event_id).order_by(message.c.id)))


# Asked for each delivery: putting such a question together takes longer than answering it.
_MESSAGE = select(message).where(message.c.id == bindparam("message_id"))
_SLOTS = (
    select(event_picture)
    .where(event_picture.c.message_id == bindparam("message_id"))
    .order_by(event_picture.c.position)
)


def message_with_slots(tx: Tx, message_id: int) -> tuple[Row[Any], list[Row[Any]]] | None:
    """One message as stored and the places of the pictures that were taken out of it."""
    wanted = {"message_id": message_id}
    found = tx.execute(_MESSAGE, wanted).one_or_none()
    return None if found is None else (found, list(tx.execute(_SLOTS, wanted)))


def replace_sightings(tx: Tx, event_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes what the engine saw on an event's pictures, in place of what it saw before."""
    tx.execute(sighting.delete().where(sighting.c.event_id == event_id))
    if rows:
        tx.execute(insert(sighting), rows)


def sightings_of(tx: Tx, event_id: int) -> list[Row[Any]]:
    """What the engine saw on one event's pictures."""
    return list(tx.execute(select(sighting).where(sighting.c.event_id == event_id).order_by(sighting.c.id)))


def hold_gate(tx: Tx, gate_id: int) -> None:
    """Until this write transaction has ended nobody else decides about sightings at that gate.

    Whoever needs the gallery's lock too takes that one first.
    """
    if tx.dialect.name == "postgresql":  # on SQLite a write transaction excludes all others
        tx.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"gatehouse.gate.{gate_id}"})


def live_sightings(tx: Tx, gate_id: int, model: str, period: tuple[datetime, datetime], limit: int) -> list[Row[Any]]:
    """The faces that events of one gate were decided on: (event_id, device_id, occurred_at, identity_id, decision,
    person_id, quality, embedding), each event's in their order, of one model and within a period; the newest if there
    are more.
    """
    since, until = period
    statement = (
        select(
            sighting.c.event_id,
            event.c.device_id,
            event.c.occurred_at,
            event.c.identity_id,
            event.c.decision,
            event.c.person_id,
            sighting.c.quality,
            sighting.c.embedding,
        )
        .join(event, event.c.id == sighting.c.event_id)
        .where(
            sighting.c.occurred_at.between(since, until),
            sighting.c.gate_id == gate_id,
            sighting.c.is_live,
            sighting.c.model == model,
        )
        .order_by(sighting.c.event_id.desc(), sighting.c.id.desc())
        .limit(limit)
    )
    rows: list[Row[Any]] = list(tx.execute(statement))
    return rows[::-1]


def referred(tx: Tx, digests: Sequence[bytes]) -> set[bytes]:
    """Those of the digests that an event's picture refers to."""
    statement = select(event_picture.c.digest).where(event_picture.c.digest.in_(digests)).distinct()
    return set(tx.execute(statement).scalars())


def drop_keys(tx: Tx, hashes: Sequence[bytes], event_ids: Sequence[int]) -> None:
    """Gives back keys claimed in this transaction for events that are not written under those numbers."""
    tx.execute(event_key.delete().where(event_key.c.hash.in_(hashes), event_key.c.event_id.in_(event_ids)))
