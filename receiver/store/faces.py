"""The pictures of people: their states, and what is known of each."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update

from receiver.store.database import Tx
from receiver.store.tables import face, face_embedding


def find(tx: Tx, face_id: int) -> Row[Any] | None:
    """One face's row, or None."""
    return tx.execute(select(face).where(face.c.id == face_id)).one_or_none()


def found(tx: Tx, ids: Iterable[int]) -> dict[int, Row[Any]]:
    """The faces with those ids."""
    wanted = set(ids)
    return {row.id: row for row in tx.execute(select(face).where(face.c.id.in_(wanted)))} if wanted else {}


def change(tx: Tx, face_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of one face. Follow it with note_change."""
    tx.execute(update(face).where(face.c.id == face_id).values(**values))


def remove(tx: Tx, face_id: int) -> None:
    """Deletes a face with its embeddings. Follow it with note_change."""
    tx.execute(delete(face_embedding).where(face_embedding.c.face_id == face_id))
    tx.execute(delete(face).where(face.c.id == face_id))


def by_digest(tx: Tx, person_id: int) -> dict[bytes, Row[Any]]:
    """A person's faces by their pictures' digests, the newest where a picture has several."""
    rows = tx.execute(select(face).where(face.c.person_id == person_id).order_by(face.c.id))
    return {row.digest: row for row in rows}


def told_by(tx: Tx, person_id: int, device_id: int) -> list[tuple[bytes, datetime]]:
    """(digest, occurred at) of a person's faces that a device has sent, whatever their state."""
    statement = select(face.c.digest, face.c.occurred_at).where(
        face.c.person_id == person_id, face.c.device_id == device_id, face.c.occurred_at.is_not(None)
    )
    return [(row.digest, row.occurred_at) for row in tx.execute(statement)]


def embedding_of(tx: Tx, face_id: int, model: str) -> bytes | None:
    """A face's embedding of a model, whatever the face's state; None if it has none."""
    statement = select(face_embedding.c.embedding).where(
        face_embedding.c.face_id == face_id, face_embedding.c.model == model
    )
    return tx.execute(statement).scalar()


def models_of(tx: Tx, ids: Iterable[int]) -> dict[int, list[str]]:
    """By face id, the models of which it has an embedding."""
    models: dict[int, list[str]] = {each: [] for each in ids}
    statement = select(face_embedding.c.face_id, face_embedding.c.model).where(face_embedding.c.face_id.in_(models))
    for row in tx.execute(statement.order_by(face_embedding.c.model)):
        models[row.face_id].append(row.model)
    return models
