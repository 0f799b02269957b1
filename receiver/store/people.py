"""People, their device identities and faces, and the numbered changes that galleries follow."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update

from receiver.store.database import Tx
from receiver.store.tables import event, face, gallery_change, person, person_identity

ANY_DEVICE = 0
CURRENT, FORMER = "current", "former"
# Writers of the library hold this lock until they have committed: two reports of one stranger make one person.
GALLERY_LOCK = "gallery"


def add(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new person; returns the lasting id."""
    return int(tx.execute(insert(person).values(**values).returning(person.c.id)).scalar_one())


def change(tx: Tx, person_id: int, values: Mapping[str, Any]) -> bool:
    """Sets columns of one person; False if there is none."""
    return tx.execute(update(person).where(person.c.id == person_id).values(**values)).rowcount == 1


def remove(tx: Tx, person_id: int) -> bool:
    """Deletes a person with faces and identities; past events keep their decision without the person."""
    tx.execute(update(event).where(event.c.person_id == person_id).values(person_id=None))
    tx.execute(delete(face).where(face.c.person_id == person_id))
    tx.execute(delete(person_identity).where(person_identity.c.person_id == person_id))
    return tx.execute(delete(person).where(person.c.id == person_id)).rowcount == 1


def find(tx: Tx, person_id: int) -> Row[Any] | None:
    """One person's row, or None."""
    return tx.execute(select(person).where(person.c.id == person_id)).one_or_none()


def found(tx: Tx, ids: Iterable[int]) -> dict[int, Row[Any]]:
    """The people with those ids."""
    wanted = set(ids)
    return {row.id: row for row in tx.execute(select(person).where(person.c.id.in_(wanted)))} if wanted else {}


def listed(tx: Tx, lists: Sequence[str] | None, text: str | None, before: int | None, limit: int) -> list[Row[Any]]:
    """People, newest first, optionally of some lists and with ``text`` in name or external id."""
    statement = select(person).order_by(person.c.id.desc()).limit(limit)
    if lists:
        statement = statement.where(person.c.list.in_(lists))
    if before is not None:
        statement = statement.where(person.c.id < before)
    if text:
        owners = select(person_identity.c.person_id).where(
            person_identity.c.external_id.icontains(text, autoescape=True)
        )
        statement = statement.where(or_(person.c.name.icontains(text, autoescape=True), person.c.id.in_(owners)))
    return list(tx.execute(statement))


def person_with_identity(tx: Tx, external_id: str, device_id: int) -> int | None:
    """Who carries that device identity: the one scoped to the device first, then the one without a scope."""
    statement = (
        select(person_identity.c.person_id)
        .where(person_identity.c.external_id == external_id, person_identity.c.device_id.in_([device_id, ANY_DEVICE]))
        .order_by(person_identity.c.device_id.desc())
        .limit(1)
    )
    return tx.execute(statement).scalar()


def add_identity(tx: Tx, person_id: int, external_id: str, device_id: int) -> None:
    """Links a device identity to a person."""
    tx.execute(insert(person_identity), {"person_id": person_id, "external_id": external_id, "device_id": device_id})


def identities_of(tx: Tx, ids: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """The device identities of each person."""
    wanted = list(ids)
    found_rows: dict[int, list[Row[Any]]] = {person_id: [] for person_id in wanted}
    if wanted:
        statement = (
            select(person_identity).where(person_identity.c.person_id.in_(wanted)).order_by(person_identity.c.id)
        )
        for row in tx.execute(statement):
            found_rows[row.person_id].append(row)
    return found_rows


def add_face(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a face; returns its id. Follow it with note_change."""
    return int(tx.execute(insert(face).values(**values).returning(face.c.id)).scalar_one())


def retire_faces(tx: Tx, person_id: int) -> int:
    """Makes the person's current faces former ones; returns how many."""
    where = (face.c.person_id == person_id, face.c.state == CURRENT)
    return tx.execute(update(face).where(*where).values(state=FORMER)).rowcount


def faces_of(tx: Tx, ids: Iterable[int], state: str | None = None) -> list[Row[Any]]:
    """The faces of some people, oldest first."""
    statement = select(face).where(face.c.person_id.in_(list(ids))).order_by(face.c.id)
    if state is not None:
        statement = statement.where(face.c.state == state)
    return list(tx.execute(statement))


def gallery_rows(tx: Tx, model: str, ids: Sequence[int] | None = None) -> list[Row[Any]]:
    """(face id, person id, list, embedding) of the current faces of one model, of some people or of all."""
    statement = (
        select(face.c.id, face.c.person_id, person.c.list, face.c.embedding)
        .join(person, person.c.id == face.c.person_id)
        .where(face.c.state == CURRENT, face.c.model == model)
    )
    if ids is not None:
        statement = statement.where(face.c.person_id.in_(ids))
    return list(tx.execute(statement))


def note_change(tx: Tx, person_id: int, now: datetime) -> None:
    """Tells every gallery that this person's faces or list have changed; within a write(lock=GALLERY_LOCK) only."""
    tx.execute(insert(gallery_change), {"person_id": person_id, "changed_at": now})


def changes_after(tx: Tx, last: int) -> list[tuple[int, int]]:
    """(change id, person id) of the changes after ``last``, in order."""
    statement = (
        select(gallery_change.c.id, gallery_change.c.person_id)
        .where(gallery_change.c.id > last)
        .order_by(gallery_change.c.id)
    )
    return [(row.id, row.person_id) for row in tx.execute(statement)]


def last_change(tx: Tx) -> int:
    """The newest change's id, 0 if there is none."""
    return int(tx.execute(select(func.max(gallery_change.c.id))).scalar() or 0)


def referred(tx: Tx, digests: Sequence[bytes]) -> set[bytes]:
    """Those of the digests that a face refers to."""
    return set(tx.execute(select(face.c.digest).where(face.c.digest.in_(digests)).distinct()).scalars())


def drop_identity(tx: Tx, person_id: int, device_id: int) -> None:
    """Unlinks the person's identities of one scope."""
    tx.execute(
        delete(person_identity).where(
            person_identity.c.person_id == person_id, person_identity.c.device_id == device_id
        )
    )
