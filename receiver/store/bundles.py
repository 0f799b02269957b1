"""The library's own tables as plain rows, for a bundle that another server can take."""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, Table, func, insert, select, text

from receiver.store.database import Tx
from receiver.store.tables import device, event, face, face_embedding, person, person_group, person_identity
from receiver.store.types import UtcTime

READ = 500
# In this order: what a row refers to stands before it.
TABLES: Mapping[str, Table] = {
    "people": person,
    "identities": person_identity,
    "groups": person_group,
    "faces": face,
    "embeddings": face_embedding,
}
# What only the server that it comes from knows.
LEFT_OUT = frozenset({"event_id"})


def rows(tx: Tx, table: Table) -> Iterator[dict[str, Any]]:
    """Every row as JSON can say it."""
    statement = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=READ)
    for row in tx.execute(statement):
        yield {str(name): _plain(value) for name, value in row._mapping.items() if name not in LEFT_OUT}


def devices(tx: Tx) -> list[dict[str, Any]]:
    """The devices that identities and faces speak of."""
    names = ("id", "key", "licence", "name", "address", "serial", "mac", "device_group", "first_seen", "last_seen")
    used = select(person_identity.c.device_id).union(select(face.c.device_id))
    statement = select(*(device.c[name] for name in names)).where(device.c.id.in_(used)).order_by(device.c.id)
    return [{str(name): _plain(value) for name, value in row._mapping.items()} for row in tx.execute(statement)]


def digests(tx: Tx) -> list[bytes]:
    """The pictures of faces."""
    return list(tx.execute(select(face.c.digest).distinct().order_by(face.c.digest)).scalars())


def is_empty(tx: Tx) -> bool:
    """Whether nobody is in the library, and no event speaks of somebody who was: their ids are free."""
    somebody = select(person.c.id).limit(1)
    seen = select(event.c.id).where(event.c.person_id.is_not(None)).limit(1)
    return tx.execute(somebody).first() is None and tx.execute(seen).first() is None


def add(tx: Tx, table: Table, given: Sequence[Mapping[str, Any]], device_ids: Mapping[int, int]) -> None:
    """Writes rows with their own ids; devices have other ids here.

    Raises:
        KeyError, TypeError, ValueError: a row is not one of this table.
    """
    tx.execute(insert(table), [_row(table, each, device_ids) for each in given])


def add_device(tx: Tx, given: Mapping[str, Any]) -> int:
    """The id that the device has here; one that is not known yet becomes known."""
    found = tx.execute(select(device.c.id).where(device.c.key == given["key"])).scalar()
    if found is not None:
        return int(found)
    row = {name: value for name, value in _row(device, given, {}).items() if name != "id"}
    return int(tx.execute(insert(device).returning(device.c.id), row).scalar_one())


def count_on(tx: Tx) -> None:
    """New rows get numbers above those that came with a bundle; SQLite sees to that by itself."""
    if tx.dialect.name == "sqlite":
        return
    for table in (person, person_identity, face):
        newest = tx.execute(select(func.max(table.c.id))).scalar()
        if newest is not None:
            tx.execute(
                text(
                    "SELECT setval(pg_get_serial_sequence(:name, 'id'), greatest(:newest, nextval(pg_get_serial_sequence(:name, 'id'))))"
                ),
                {"name": table.name, "newest": newest},
            )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


def _row(table: Table, given: Mapping[str, Any], device_ids: Mapping[int, int]) -> dict[str, Any]:
    if unknown := given.keys() - table.c.keys():
        raise ValueError(f"{table.name} has no {', '.join(sorted(unknown))}")
    row = {name: _read(table, name, value) for name, value in given.items()}
    if row.get("device_id") and table is not device:
        row["device_id"] = device_ids[row["device_id"]]
    return row


def _read(table: Table, name: str, value: Any) -> Any:
    if value is None:
        return None
    kind = table.c[name].type
    if isinstance(kind, UtcTime):
        return datetime.fromisoformat(value)
    return b64decode(value, validate=True) if isinstance(kind, LargeBinary) else value
