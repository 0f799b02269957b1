"""Moving what belongs to one person to another: faces, ids, groups, reviews and events; under the gallery's lock."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from receiver.domain.reviews import UNDECIDED, ReviewKind
from receiver.store.database import Tx
from receiver.store.people import Identity
from receiver.store.tables import (
    device_identity,
    event,
    face,
    person,
    person_group,
    person_identity,
    review,
)

# What is found anew, with the names that hold then, while it holds.
PAIRS = (ReviewKind.PROPOSED_MERGE, ReviewKind.LOOK_ALIKE)


def hold_people(tx: Tx, ids: Iterable[int]) -> dict[int, Row[Any]]:
    """The people with those ids, who stay as they are until this write transaction has ended."""
    statement = select(person).where(person.c.id.in_(sorted(set(ids)))).order_by(person.c.id).with_for_update()
    return {row.id: row for row in tx.execute(statement)}


def move_faces(tx: Tx, ids: Collection[int], source: int, target: int) -> list[int]:
    """Those of the faces that were the source's, and are the target's now."""
    return _moved(tx, face, ids, source, target)


def faces_of(tx: Tx, person_id: int) -> list[int]:
    """The ids of all faces of a person, whatever their state."""
    return list(tx.execute(select(face.c.id).where(face.c.person_id == person_id).order_by(face.c.id)).scalars())


def move_events(tx: Tx, ids: Collection[int], source: int, target: int) -> list[int]:
    """Those of the events that were the source's, and are the target's now."""
    return _moved(tx, event, ids, source, target)


def _moved(tx: Tx, table: Any, ids: Collection[int], source: int, target: int) -> list[int]:
    if not ids:
        return []
    where = (table.c.id.in_(list(ids)), table.c.person_id == source)
    return sorted(tx.execute(update(table).where(*where).values(person_id=target).returning(table.c.id)).scalars())


def next_events(tx: Tx, person_id: int, limit: int) -> list[int]:
    """Some of a person's events, oldest first."""
    statement = select(event.c.id).where(event.c.person_id == person_id).order_by(event.c.id).limit(limit)
    return list(tx.execute(statement).scalars())


def events_of(tx: Tx, person_id: int, after: int, limit: int) -> list[Row[Any]]:
    """(id, decision_detail) of a person's next events, in order."""
    statement = select(event.c.id, event.c.decision_detail).where(event.c.person_id == person_id, event.c.id > after)
    return list(tx.execute(statement.order_by(event.c.id).limit(limit)))


def owned_events(tx: Tx, ids: Collection[int], person_id: int) -> set[int]:
    """Those of the events that are the person's."""
    return set(
        tx.execute(select(event.c.id).where(event.c.id.in_(list(ids)), event.c.person_id == person_id)).scalars()
    )


def identities_of(tx: Tx, person_id: int) -> list[Identity]:
    """The ids by which devices know a person."""
    columns = (person_identity.c.external_id, person_identity.c.device_id, person_identity.c.device_group)
    statement = select(*columns).where(person_identity.c.person_id == person_id).order_by(person_identity.c.id)
    return [Identity(*row) for row in tx.execute(statement)]


def move_identities(tx: Tx, wanted: Iterable[Identity], source: int, target: int) -> list[Identity]:
    """Those of the ids that were the source's, and are the target's now; what boxes keep under them follows."""
    moved = []
    for each in wanted:
        where = (
            person_identity.c.person_id == source,
            person_identity.c.external_id == each.external_id,
            person_identity.c.device_id == each.device_id,
            person_identity.c.device_group == each.device_group,
        )
        if tx.execute(update(person_identity).where(*where).values(person_id=target)).rowcount:
            moved.append(each)
            kept = (device_identity.c.person_id == source, device_identity.c.external_id == each.external_id)
            scope = () if each.device_id == 0 else (device_identity.c.device_id == each.device_id,)
            tx.execute(update(device_identity).where(*kept, *scope).values(person_id=target))
    return moved


def drop_identity(tx: Tx, identity: Identity, person_id: int) -> None:
    """The person is not known by that id any more."""
    where = (
        person_identity.c.person_id == person_id,
        person_identity.c.external_id == identity.external_id,
        person_identity.c.device_id == identity.device_id,
        person_identity.c.device_group == identity.device_group,
    )
    tx.execute(person_identity.delete().where(*where))


def says_it_of_others(tx: Tx, person_id: int, identity: Identity, going: Collection[int]) -> bool | None:
    """Whether the device has said the id also in events of the person that do not go; None if in none at all."""
    statement = select(event.c.id).where(
        event.c.identity_id == identity.external_id,
        event.c.device_id == identity.device_id,
        event.c.person_id == person_id,
    )
    said = set(tx.execute(statement).scalars())
    return bool(said - set(going)) if said else None


def add_groups(tx: Tx, person_id: int, names: Iterable[str]) -> list[str]:
    """Puts the person into groups too; those in which the person was not before."""
    present = set(tx.execute(select(person_group.c.name).where(person_group.c.person_id == person_id)).scalars())
    added = [name for name in dict.fromkeys(names) if name not in present]
    if added:
        tx.execute(insert(person_group), [{"person_id": person_id, "name": name} for name in added])
    return added


def leave_groups(tx: Tx, person_id: int, names: Iterable[str]) -> None:
    """Takes the person out of groups."""
    where = (person_group.c.person_id == person_id, person_group.c.name.in_(list(names)))
    tx.execute(person_group.delete().where(*where))


def open_reviews(tx: Tx, people: Sequence[int]) -> list[Row[Any]]:
    """(id, kind, person_id, other_id) of what somebody should still look at and that concerns those people."""
    concerns = or_(review.c.person_id.in_(list(people)), review.c.other_id.in_(list(people)))
    columns = (review.c.id, review.c.kind, review.c.person_id, review.c.other_id)
    return list(tx.execute(select(*columns).where(concerns, review.c.state.in_(UNDECIDED)).order_by(review.c.id)))


def move_reviews(tx: Tx, ids: Collection[int], people: tuple[int, int], *, is_other: bool = False) -> None:
    """What concerned the first of the two concerns the second now, as its person or as its other one."""
    source, target = people
    column = review.c.other_id if is_other else review.c.person_id
    where = (review.c.id.in_(list(ids)), column == source)
    tx.execute(update(review).where(*where).values({column.name: target}))
