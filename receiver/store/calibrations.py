"""What `people calibrate` needs of the library, and what it found; the newest calibration of a model counts."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from receiver.store.database import Row, Tx
from receiver.store.people import CURRENT
from receiver.store.tables import calibration, face, face_embedding, person

# Ids in one statement; SQLite takes 32766.
IDS = 10_000


def add(tx: Tx, model: str, result: Mapping[str, Any], now: datetime) -> int:
    """Writes a calibration; returns its id."""
    statement = insert(calibration).values(model=model, result=dict(result), created_at=now)
    return int(tx.execute(statement.returning(calibration.c.id)).scalar_one())


def newest(tx: Tx, model: str) -> Row | None:
    """(id, model, created_at, result) of the model's newest calibration, or None."""
    statement = select(calibration).where(calibration.c.model == model).order_by(calibration.c.id.desc()).limit(1)
    return tx.execute(statement).one_or_none()


def newest_id(tx: Tx, model: str) -> int:
    """The id of the model's newest calibration, 0 if there is none: cheap enough to be asked before each decision."""
    statement = select(calibration.c.id).where(calibration.c.model == model).order_by(calibration.c.id.desc()).limit(1)
    return int(tx.execute(statement).scalar() or 0)


def faces(tx: Tx, model: str) -> list[Row]:
    """(id, person_id, list, digest, box, embedding) of all current faces of one model, by person, oldest first."""
    statement = (
        select(face.c.id, face.c.person_id, person.c.list, face.c.digest, face.c.box, face_embedding.c.embedding)
        .join(person, person.c.id == face.c.person_id)
        .join(face_embedding, face_embedding.c.face_id == face.c.id)
        .where(face.c.state == CURRENT, face_embedding.c.model == model)
        .order_by(face.c.person_id, face.c.id)
    )
    return list(tx.execute(statement))


def names(tx: Tx, ids: Iterable[int]) -> dict[int, str]:
    """The names of people."""
    wanted = sorted(set(ids))
    found: dict[int, str] = {}
    for start in range(0, len(wanted), IDS):
        statement = select(person.c.id, person.c.name).where(person.c.id.in_(wanted[start : start + IDS]))
        found |= {row.id: str(row.name) for row in tx.execute(statement)}
    return found
