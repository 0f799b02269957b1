"""People, their device identities and groups, and the numbered changes that galleries follow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.domain.people import PersonState
from receiver.store import alert_upkeep, corrections, occurrences
from receiver.store.database import Tx
from receiver.store.limiting import people_within
from receiver.store.tables import (
    device,
    device_identity,
    event,
    face,
    face_embedding,
    gallery_change,
    person,
    person_group,
    person_identity,
)

ANY_DEVICE = 0
CURRENT, FORMER = "current", "former"
# Writers of the library hold this lock until they have committed: two reports of one stranger make one person.
GALLERY_LOCK = "gallery"
HIDDEN = (PersonState.IGNORED, PersonState.MERGED)
# Ids in one statement; SQLite takes 32766.
IDS = 10_000


@dataclass(frozen=True, slots=True)
class Identity:
    """An id by which devices know somebody: of one device, of the devices of a group, or of any."""

    external_id: str
    device_id: int = ANY_DEVICE
    device_group: str = ""


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which people to list, newest first.

    Attributes:
        lists: of these lists; None: of all.
        text: in the name or an external id.
        group: of this group.
        state: of PersonState; None: all but those who are nobody, and those who are somebody else by now.
        before: with a lower id.
        limit: at most so many.
        limits: of whoever asks.
    """

    lists: Sequence[str] | None = None
    text: str | None = None
    group: str | None = None
    state: str | None = None
    before: int | None = None
    limit: int = 50
    limits: Limits = NO_LIMITS


def add(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new person; returns the lasting id."""
    return int(tx.execute(insert(person).values(**values).returning(person.c.id)).scalar_one())


def change(tx: Tx, person_id: int, values: Mapping[str, Any]) -> bool:
    """Sets columns of one person; False if there is none."""
    return tx.execute(update(person).where(person.c.id == person_id).values(**values)).rowcount == 1


def remove(tx: Tx, person_id: int) -> bool:
    """Deletes a person with faces and identities, and whoever was merged into that one; past events keep their decision
    without the person.
    """
    for merged in list(tx.execute(select(person.c.id).where(person.c.merged_into == person_id)).scalars()):
        remove(tx, merged)
    # A decision under way has the person too: what it writes must be seen below.
    tx.execute(select(person.c.id).where(person.c.id == person_id).with_for_update())
    corrections.forget(tx, [person_id])
    # Whoever was taken out by hand does not come back by a device's word alone.
    is_theirs = device_identity.c.person_id == person_id
    tx.execute(update(device_identity).where(is_theirs).values(state="refused", reason="removed", person_id=None))
    tx.execute(update(event).where(event.c.person_id == person_id).values(person_id=None))
    alert_upkeep.unlink_person(tx, person_id)
    drop_faces(tx, person_id)
    tx.execute(delete(person_identity).where(person_identity.c.person_id == person_id))
    tx.execute(delete(person_group).where(person_group.c.person_id == person_id))
    return tx.execute(delete(person).where(person.c.id == person_id)).rowcount == 1


def drop_faces(tx: Tx, person_id: int) -> int:
    """Deletes a person's faces with their embeddings; how many. Follow it with note_change."""
    faces = select(face.c.id).where(face.c.person_id == person_id)
    tx.execute(delete(face_embedding).where(face_embedding.c.face_id.in_(faces)))
    return tx.execute(delete(face).where(face.c.person_id == person_id)).rowcount


def find(tx: Tx, person_id: int) -> Row[Any] | None:
    """One person's row, or None."""
    return tx.execute(select(person).where(person.c.id == person_id)).one_or_none()


def held(tx: Tx, person_id: int) -> Row[Any] | None:
    """Who that is by now, and stays until this write transaction has ended; None if nobody.

    Somebody who was merged is who it turned out to be.
    """
    wanted: int | None = person_id
    row = None
    while wanted is not None:
        row = tx.execute(select(person).where(person.c.id == wanted).with_for_update(read=True)).one_or_none()
        wanted = None if row is None else row.merged_into
    return row


def is_ignored(tx: Tx, person_id: int) -> bool:
    """Whether that is nobody, of whom nothing more is to come."""
    row = find(tx, person_id)
    return row is not None and row.state == PersonState.IGNORED


def became(tx: Tx, row: Row[Any]) -> int | None:
    """Who somebody turned out to be, also by way of others; None where the person is nobody else."""
    wanted, last = row.merged_into, None
    while wanted is not None:
        last = wanted
        wanted = tx.execute(select(person.c.merged_into).where(person.c.id == wanted)).scalar()
    return last


def found(tx: Tx, ids: Iterable[int]) -> dict[int, Row[Any]]:
    """The people with those ids."""
    wanted = sorted(set(ids))
    rows: dict[int, Row[Any]] = {}
    for start in range(0, len(wanted), IDS):
        statement = select(person).where(person.c.id.in_(wanted[start : start + IDS]))
        rows |= {row.id: row for row in tx.execute(statement)}
    return rows


def listed(tx: Tx, lists: Sequence[str] | None, text: str | None, before: int | None, limit: int) -> list[Row[Any]]:
    """People, newest first, optionally of some lists and with ``text`` in name or external id."""
    return listed_as(tx, PeopleFilter(lists, text, before=before, limit=limit))


def listed_as(tx: Tx, wanted: PeopleFilter) -> list[Row[Any]]:
    """The people of a filter, newest first."""
    statement = select(person).where(*people_within(wanted.limits)).order_by(person.c.id.desc()).limit(wanted.limit)
    if wanted.lists:
        statement = statement.where(person.c.list.in_(wanted.lists))
    if wanted.before is not None:
        statement = statement.where(person.c.id < wanted.before)
    shown = person.c.state == wanted.state if wanted.state else person.c.state.not_in(HIDDEN)
    statement = statement.where(shown)
    if wanted.group:
        members = select(person_group.c.person_id).where(person_group.c.name == wanted.group)
        statement = statement.where(person.c.id.in_(members))
    if wanted.text:
        owners = select(person_identity.c.person_id).where(
            person_identity.c.external_id.icontains(wanted.text, autoescape=True)
        )
        is_named = person.c.name.icontains(wanted.text, autoescape=True)
        statement = statement.where(or_(is_named, person.c.id.in_(owners)))
    return list(tx.execute(statement))


def person_with_identity(tx: Tx, external_id: str, device_id: int) -> int | None:
    """Who carries that id for a device: scoped to the device itself first, then to its group, then without a scope."""
    found = _carried(tx, external_id, device_id)
    return None if found is None else int(found.person_id)


def identity_of(tx: Tx, external_id: str, device_id: int) -> Identity | None:
    """By which id ``person_with_identity`` finds somebody."""
    found = _carried(tx, external_id, device_id)
    return None if found is None else Identity(found.external_id, found.device_id, found.device_group)


def _carried(tx: Tx, external_id: str, device_id: int) -> Row[Any] | None:
    own_group = select(device.c.device_group).where(device.c.id == device_id).scalar_subquery()
    statement = (
        select(person_identity)
        .where(
            person_identity.c.external_id == external_id,
            person_identity.c.device_id.in_([device_id, ANY_DEVICE]),
            or_(person_identity.c.device_group == "", person_identity.c.device_group == own_group),
        )
        .order_by(person_identity.c.device_id.desc(), person_identity.c.device_group.desc())
        .limit(1)
    )
    return tx.execute(statement).one_or_none()


def owner_of(tx: Tx, identity: Identity) -> int | None:
    """Who carries an id of exactly that scope."""
    statement = select(person_identity.c.person_id).where(
        person_identity.c.external_id == identity.external_id,
        person_identity.c.device_id == identity.device_id,
        person_identity.c.device_group == identity.device_group,
    )
    return tx.execute(statement).scalar()


def carriers_of(tx: Tx, external_id: str) -> list[int]:
    """Everybody who carries that id for some device."""
    statement = select(person_identity.c.person_id).where(person_identity.c.external_id == external_id).distinct()
    return list(tx.execute(statement.order_by(person_identity.c.person_id)).scalars())


def add_identity(tx: Tx, person_id: int, external_id: str, device_id: int, device_group: str = "") -> None:
    """Links a device identity to a person."""
    scope = {"device_id": device_id, "device_group": device_group}
    tx.execute(insert(person_identity), {"person_id": person_id, "external_id": external_id, **scope})


def give_identity(tx: Tx, identity: Identity, person_id: int) -> None:
    """An id of exactly that scope becomes this person's, whosever it was."""
    own = (
        person_identity.c.external_id == identity.external_id,
        person_identity.c.device_id == identity.device_id,
        person_identity.c.device_group == identity.device_group,
    )
    tx.execute(update(person_identity).where(*own).values(person_id=person_id))


def set_identities(tx: Tx, person_id: int, identities: Iterable[Identity]) -> None:
    """Takes these in place of all that the person has."""
    tx.execute(delete(person_identity).where(person_identity.c.person_id == person_id))
    for each in identities:
        add_identity(tx, person_id, each.external_id, each.device_id, each.device_group)


def set_groups(tx: Tx, person_id: int, names: Iterable[str]) -> None:
    """Takes these in place of all groups that the person is in."""
    tx.execute(delete(person_group).where(person_group.c.person_id == person_id))
    rows = [{"person_id": person_id, "name": name} for name in dict.fromkeys(names)]
    if rows:
        tx.execute(insert(person_group), rows)


def groups_of(tx: Tx, ids: Iterable[int]) -> dict[int, list[str]]:
    """The groups of each person, by name."""
    groups: dict[int, list[str]] = {person_id: [] for person_id in ids}
    statement = select(person_group).where(person_group.c.person_id.in_(groups)).order_by(person_group.c.name)
    for row in tx.execute(statement):
        groups[row.person_id].append(row.name)
    return groups


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


def add_face(tx: Tx, values: Mapping[str, Any], embeddings: Mapping[str, bytes]) -> int:
    """Writes a face with its embeddings by model; returns its id. Follow it with note_change."""
    face_id = int(tx.execute(insert(face).values(**values).returning(face.c.id)).scalar_one())
    rows = [{"face_id": face_id, "model": model, "embedding": each} for model, each in embeddings.items()]
    tx.execute(insert(face_embedding), rows)
    return face_id


def embeddings_of(tx: Tx, person_id: int, model: str) -> list[Row[Any]]:
    """(face id, digest, embedding) of a person's current faces that have an embedding of the model, oldest first."""
    statement = (
        select(face.c.id, face.c.digest, face_embedding.c.embedding)
        .join(face_embedding, face_embedding.c.face_id == face.c.id)
        .where(face.c.person_id == person_id, face.c.state == CURRENT, face_embedding.c.model == model)
        .order_by(face.c.id)
    )
    return list(tx.execute(statement))


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
    """(face id, person id, list, source, embedding) of the current faces of one model, of some people or of all."""
    statement = (
        select(face.c.id, face.c.person_id, person.c.list, face.c.source, face_embedding.c.embedding)
        .join(person, person.c.id == face.c.person_id)
        .join(face_embedding, face_embedding.c.face_id == face.c.id)
        .where(face.c.state == CURRENT, face_embedding.c.model == model)
    )
    if ids is not None:
        statement = statement.where(face.c.person_id.in_(ids))
    return list(tx.execute(statement))


def note_change(tx: Tx, person_id: int, now: datetime) -> None:
    """Tells every gallery that this person's faces or list have changed; within a write(lock=GALLERY_LOCK) only."""
    tx.execute(insert(gallery_change), {"person_id": person_id, "changed_at": now})
    occurrences.note(tx, "person", person_id, "changed", now)


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
    """Unlinks the person's identities of one device, or those without any scope."""
    tx.execute(
        delete(person_identity).where(
            person_identity.c.person_id == person_id,
            person_identity.c.device_id == device_id,
            person_identity.c.device_group == "",
        )
    )
