"""Everything that is held about one person, for the zip that is given out."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, or_, select

from receiver.store.database import Tx
from receiver.store.erasures import Identities, is_visible, says
from receiver.store.tables import (
    correction,
    event,
    event_picture,
    face,
    face_embedding,
    sighting,
    stranger_candidate,
)


def event_ids(tx: Tx, person_id: int, identities: Identities, after: int, limit: int) -> list[int]:
    """The next events in which we or a device know the person, in order."""
    ours = [event.c.person_id == person_id]
    for identity in identities:
        # A face that we know as somebody else's is that one's, whatever the device said.
        said = says(person_id, identity, event.c.identity_id, event.c.device_id)
        ours.append(and_(said, event.c.person_id.is_(None)))
    statement = select(event.c.id).where(or_(*ours), event.c.id > after, is_visible(event.c.id))
    return list(tx.execute(statement.order_by(event.c.id).limit(limit)).scalars())


def embeddings(tx: Tx, person_id: int) -> list[Row[Any]]:
    """(face_id, model, embedding) of the person's faces."""
    statement = (
        select(face_embedding.c.face_id, face_embedding.c.model, face_embedding.c.embedding)
        .join(face, face.c.id == face_embedding.c.face_id)
        .where(face.c.person_id == person_id)
        .order_by(face_embedding.c.face_id, face_embedding.c.model)
    )
    return list(tx.execute(statement))


def sightings(tx: Tx, ids: Sequence[int]) -> list[Row[Any]]:
    """(event_id, model, is_live, box, embedding) of what was seen on events' pictures."""
    columns = (sighting.c.event_id, sighting.c.model, sighting.c.is_live, sighting.c.box, sighting.c.embedding)
    return list(tx.execute(select(*columns).where(sighting.c.event_id.in_(list(ids))).order_by(sighting.c.id)))


def candidates(tx: Tx, ids: Sequence[int]) -> list[Row[Any]]:
    """(event_id, model, box, embedding, created_at) of faces on events' pictures that wait to be seen a second time."""
    names = ("event_id", "model", "box", "quality", "embedding", "created_at")
    columns = [stranger_candidate.c[name] for name in names]
    statement = select(*columns).where(stranger_candidate.c.event_id.in_(list(ids)))
    return list(tx.execute(statement.order_by(stranger_candidate.c.id)))


def digests(tx: Tx, ids: Sequence[int]) -> set[bytes]:
    """The pictures of events."""
    where = (event_picture.c.event_id.in_(list(ids)), event_picture.c.digest.is_not(None))
    return set(tx.execute(select(event_picture.c.digest).where(*where).distinct()).scalars())


def corrections_of(tx: Tx, people: Sequence[int]) -> list[Row[Any]]:
    """What was put right about those people, oldest first."""
    is_about = or_(correction.c.person_id.in_(list(people)), correction.c.other_id.in_(list(people)))
    return list(tx.execute(select(correction).where(is_about).order_by(correction.c.id)))
