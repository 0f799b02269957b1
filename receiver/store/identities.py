"""What devices call people: one row for each device and id, whether our library has the person or not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.domain.adoption import IdentityState
from receiver.domain.events import ListName
from receiver.store.database import Tx
from receiver.store.tables import device, device_identity

# (device id, the id that it uses).
Key = tuple[int, str]
KEY = tuple_(device_identity.c.device_id, device_identity.c.external_id)


@dataclass(frozen=True, slots=True)
class IdentityFilter:
    """Which identities; None means any.

    Attributes:
        device: id, key, licence or address.
        state: of IdentityState.
        list: as the device reports it.
        text: in the name or the id.
        chosen: these alone.
    """

    device: str | None = None
    state: str | None = None
    list: str | None = None
    text: str | None = None
    chosen: Sequence[Key] | None = None


def held(tx: Tx, key: Key) -> Row[Any] | None:
    """One identity, that stays as it is until this write transaction has ended; None if there is none."""
    return tx.execute(select(device_identity).where(is_it(key)).with_for_update()).one_or_none()


def find(tx: Tx, key: Key) -> Row[Any] | None:
    """One identity, or None."""
    return tx.execute(select(device_identity).where(is_it(key))).one_or_none()


def add(tx: Tx, values: Mapping[str, Any]) -> bool:
    """Writes a new identity; False if another process has just written it."""
    make = sqlite.insert(device_identity) if tx.dialect.name == "sqlite" else postgresql.insert(device_identity)
    return tx.execute(make.values(**values).on_conflict_do_nothing()).rowcount == 1


def change(tx: Tx, key: Key, values: Mapping[str, Any]) -> None:
    """Sets columns of one identity."""
    tx.execute(update(device_identity).where(is_it(key)).values(**values))


def listed(tx: Tx, wanted: IdentityFilter, after: Key | None, limit: int) -> list[Row[Any]]:
    """The identities of a filter by device and id, those above ``after``."""
    statement = select(device_identity).where(*conditions(wanted)).order_by(*KEY.clauses).limit(limit)
    if after is not None:
        statement = statement.where(after < KEY)
    return list(tx.execute(statement))


def with_device_keys(tx: Tx, keys: Collection[Key] | None = None) -> list[Row[Any]]:
    """(device_id, external_id, digest, person_id, device_key) of those identities, or of all."""
    names = ("device_id", "external_id", "digest", "person_id")
    columns = (device_identity.c[name] for name in names)
    statement = select(*columns, device.c.key.label("device_key")).join(
        device, device.c.id == device_identity.c.device_id
    )
    return list(tx.execute(statement if keys is None else statement.where(KEY.in_(list(keys)))))


def drop(tx: Tx, keys: Collection[Key]) -> int:
    """Deletes those identities; how many."""
    return tx.execute(delete(device_identity).where(KEY.in_(list(keys)))).rowcount if keys else 0


def conditions(wanted: IdentityFilter) -> list[ColumnElement[bool]]:
    """The filter as conditions."""
    columns = device_identity.c
    equal = ((columns.state, wanted.state), (columns.list, wanted.list))
    found = [column == value for column, value in equal if value is not None]
    if wanted.device is not None:
        found.append(columns.device_id.in_(_devices(wanted.device)))
    if wanted.text:
        places = (columns.name, columns.external_id)
        found.append(or_(*(place.icontains(wanted.text, autoescape=True) for place in places)))
    if wanted.chosen is not None:
        found.append(or_(*(is_it(key) for key in wanted.chosen)))
    return found


def is_untried() -> ColumnElement[bool]:
    """As a condition: nobody has tried the identity with the picture that it has now."""
    columns = device_identity.c
    is_new = and_(
        columns.digest.is_not(None), or_(columns.tried_digest.is_(None), columns.tried_digest != columns.digest)
    )
    return and_(columns.list != ListName.STRANGER, or_(columns.state == IdentityState.KNOWN, is_new))


def count_unseen(tx: Tx, before: datetime) -> int:
    """How many were not seen since, and belong to nobody of the library."""
    return int(tx.execute(select(func.count()).select_from(device_identity).where(_is_unseen(before))).scalar_one())


def drop_unseen(tx: Tx, before: datetime, limit: int) -> list[Key]:
    """Deletes some of those; which."""
    some = select(*KEY.clauses).where(_is_unseen(before)).order_by(*KEY.clauses).limit(limit)
    keys = [(row.device_id, row.external_id) for row in tx.execute(some)]
    if keys:
        tx.execute(delete(device_identity).where(KEY.in_(keys), _is_unseen(before)))
    return keys


def _is_unseen(before: datetime) -> ColumnElement[bool]:
    columns = device_identity.c
    return and_(columns.last_seen < before, columns.state != IdentityState.ADOPTED, columns.adoption_id.is_(None))


def is_it(key: Key) -> ColumnElement[bool]:
    """As a condition: it is that identity."""
    return and_(device_identity.c.device_id == key[0], device_identity.c.external_id == key[1])


def _devices(name: str) -> Any:
    if name.isdecimal() and len(name) < 19:  # noqa: PLR2004 - what fits an id
        return [int(name)]
    return select(device.c.id).where(or_(device.c.key == name, device.c.licence == name, device.c.address == name))
