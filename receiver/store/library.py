"""The model that decides in this library, the one before it, and which faces have an embedding of which model."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, func, insert, select, update

from receiver.store.database import Tx
from receiver.store.tables import face, face_embedding, library, person

ONLY = 1


def active(tx: Tx) -> Row[Any] | None:
    """(model, previous_model, changed_at); None until the library was first settled."""
    return tx.execute(select(library).where(library.c.id == ONLY)).one_or_none()


def model_of(tx: Tx) -> str:
    """The model that decides."""
    return str(tx.execute(select(library.c.model).where(library.c.id == ONLY)).scalar_one())


def held(tx: Tx) -> str:
    """The model that decides, and goes on deciding until this write transaction has ended: a switch waits for it."""
    statement = select(library.c.model).where(library.c.id == ONLY)
    # SQLite leaves the lock out: its write transaction excludes all others.
    return str(tx.execute(statement.with_for_update(read=True)).scalar_one())


def settle(tx: Tx, model: str, now: datetime) -> str:
    """The model that decides: the library's own, or ``model`` where it has no faces yet; under the gallery's lock."""
    row = active(tx)
    if row is None:
        tx.execute(insert(library), {"id": ONLY, "model": model, "changed_at": now})
        return model
    if row.model != model and tx.execute(select(face.c.id).limit(1)).first() is None:
        # Nothing has been embedded yet: the setting may still be corrected.
        tx.execute(update(library).where(library.c.id == ONLY).values(model=model, previous_model="", changed_at=now))
        return model
    return str(row.model)


def switch(tx: Tx, model: str, now: datetime) -> None:
    """From now on ``model`` decides; under the gallery's lock. Galleries follow, since they look before each search."""
    before = select(library.c.model).where(library.c.id == ONLY).scalar_subquery()
    statement = update(library).where(library.c.id == ONLY, library.c.model != model)
    tx.execute(statement.values(model=model, previous_model=before, changed_at=now))


def faces_without(tx: Tx, model: str, after: int, limit: int) -> list[Row[Any]]:
    """(id, digest, box, state, person_id, name) of faces with an id above ``after`` that have no embedding of the model."""
    has_one = exists().where(face_embedding.c.face_id == face.c.id, face_embedding.c.model == model)
    statement = (
        select(face.c.id, face.c.digest, face.c.box, face.c.state, face.c.person_id, person.c.name)
        .join(person, person.c.id == face.c.person_id)
        .where(face.c.id > after, ~has_one)
        .order_by(face.c.id)
        .limit(limit)
    )
    return list(tx.execute(statement))


def count_without(tx: Tx, model: str) -> int:
    """How many faces have no embedding of the model."""
    has_one = exists().where(face_embedding.c.face_id == face.c.id, face_embedding.c.model == model)
    return int(tx.execute(select(func.count()).select_from(face).where(~has_one)).scalar_one())


def counts(tx: Tx) -> dict[tuple[str, str], int]:
    """(model, state of the face) -> number of embeddings."""
    statement = (
        select(face_embedding.c.model, face.c.state, func.count())
        .join(face, face.c.id == face_embedding.c.face_id)
        .group_by(face_embedding.c.model, face.c.state)
    )
    return {(model, state): number for model, state, number in tx.execute(statement)}


def add_embeddings(tx: Tx, model: str, embeddings: dict[int, bytes]) -> list[int]:
    """Writes embeddings by face id; returns the people of those that are written.

    Faces that are gone by now, or have one already, are left out. Under the gallery's lock.
    """
    has_one = exists().where(face_embedding.c.face_id == face.c.id, face_embedding.c.model == model)
    statement = select(face.c.id, face.c.person_id).where(face.c.id.in_(list(embeddings)), ~has_one)
    owners = {row.id: row.person_id for row in tx.execute(statement)}
    rows = [{"face_id": face_id, "model": model, "embedding": embeddings[face_id]} for face_id in owners]
    if rows:
        tx.execute(insert(face_embedding), rows)
    return sorted(set(owners.values()))


def embedded_faces(tx: Tx, model: str, after: int, limit: int) -> Sequence[int]:
    """The ids above ``after`` of faces that have an embedding of the model, in order."""
    statement = (
        select(face_embedding.c.face_id)
        .where(face_embedding.c.model == model, face_embedding.c.face_id > after)
        .order_by(face_embedding.c.face_id)
        .limit(limit)
    )
    return tx.execute(statement).scalars().all()


def forget(tx: Tx, model: str, face_ids: Sequence[int]) -> int:
    """Drops the embeddings of the model that those faces have; returns how many."""
    where = (face_embedding.c.model == model, face_embedding.c.face_id.in_(list(face_ids)))
    return tx.execute(delete(face_embedding).where(*where)).rowcount
