"""Enrols people by hand and keeps the library: each picture is judged, and what was found is told."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from receiver.domain.errors import Busy, Conflict, GatehouseError, Invalid, NotFound, Unavailable
from receiver.services.registering import FaceOrigin, SeenFace, add_face, box_of, measures_of
from receiver.store import people
from receiver.store.database import Tx
from receiver.store.pictures import Pictures, StoredPicture
from receiver.store.store import Store
from receiver.translation.pictures import inspect
from recognition.engine import RecognitionError, Sighting, foremost
from recognition.gates import judge

UPLOAD, IMPORT = "upload", "import"

# What speaks of the server, not of the picture.
OURS: Mapping[str, type[GatehouseError]] = {"busy": Busy, "recognition_off": Unavailable, "model_missing": Unavailable}
# Looks at one encoded picture, wherever the engine runs.
See = Callable[[bytes], list[Sighting]]


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be enrolled."""

    name: str
    list: str
    external_id: str = ""
    note: str = ""
    pictures: Sequence[bytes] = ()
    source: str = UPLOAD


@dataclass(slots=True)
class Looked:
    """What was found on one picture; ``reason`` says why its face is not used, None if it is."""

    reason: str | None = None
    detail: str | None = None
    faces: int = 0
    stored: StoredPicture | None = None
    face: SeenFace | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)
    face_id: int | None = None

    def shown(self) -> dict[str, Any]:
        """As plain values for an answer."""
        seen = self.face.sighting if self.face is not None else None
        return {
            "is_used": self.reason is None,
            "reason": self.reason,
            "detail": self.detail,
            "digest": self.stored.digest.hex() if self.stored is not None else None,
            "faces": self.faces,
            "face": self.face_id,
            "box": box_of(seen) if seen is not None else None,
            "quality": measures_of(seen) if seen is not None else None,
            "findings": self.findings,
        }


class People:
    """The use cases of the library that people start."""

    def __init__(self, store: Store, pictures: Pictures, see: See, pixel_limit: int) -> None:
        self._store = store
        self._pictures = pictures
        self._see = see
        self._pixel_limit = pixel_limit

    def add(self, new: NewPerson) -> tuple[int, list[dict[str, Any]]]:
        """Enrols a person; returns the id and what was found on each picture.

        Raises:
            Invalid: no picture has a face that can be used; nothing is stored.
            Conflict: the external id is somebody's already.
        """
        looked = self._look_at(new.pictures)
        now = datetime.now(UTC)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            if new.external_id and people.person_with_identity(tx, new.external_id, people.ANY_DEVICE) is not None:
                raise Conflict(
                    "external_id_taken",
                    f"somebody has the external id {new.external_id!r} already; change that person instead",
                )
            values = {
                "name": new.name,
                "list": new.list,
                "note": new.note,
                "source": new.source,
                "created_at": now,
                "updated_at": now,
            }
            person_id = people.add(tx, values)
            if new.external_id:
                people.add_identity(tx, person_id, new.external_id, people.ANY_DEVICE)
            _write_faces(tx, person_id, looked, FaceOrigin(new.source, None, now))
        return person_id, [each.shown() for each in looked]

    def add_faces(self, person_id: int, pictures: Sequence[bytes]) -> list[dict[str, Any]]:
        """Adds current faces to a person; what was found on each picture.

        Raises:
            NotFound: there is no such person.
            Invalid: no picture has a face that can be used; nothing is stored.
        """
        with self._store.read() as tx:
            _required(people.find(tx, person_id), person_id)
        looked = self._look_at(pictures)
        now = datetime.now(UTC)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            _required(people.find(tx, person_id), person_id)
            _write_faces(tx, person_id, looked, FaceOrigin(UPLOAD, None, now))
            people.change(tx, person_id, {"updated_at": now})
        return [each.shown() for each in looked]

    def change(self, person_id: int, values: Mapping[str, Any]) -> None:
        """Sets name, list, note or external id (which replaces the unscoped one).

        Raises:
            NotFound: there is no such person.
            Conflict: the external id is somebody else's.
        """
        now = datetime.now(UTC)
        external_id = values.get("external_id")
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            columns = {name: value for name, value in values.items() if name != "external_id"}
            _required(people.change(tx, person_id, columns | {"updated_at": now}), person_id)
            if external_id is not None:
                _set_external_id(tx, person_id, external_id)
            people.note_change(tx, person_id, now)

    def remove(self, person_id: int) -> None:
        """Deletes a person with all faces; events stay, without the name.

        Raises:
            NotFound: there is no such person.
        """
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            _required(people.remove(tx, person_id), person_id)
            people.note_change(tx, person_id, datetime.now(UTC))

    def _look_at(self, pictures: Sequence[bytes]) -> list[Looked]:
        looked = [self._look(data) for data in pictures]
        usable = [each.stored for each in looked if each.reason is None and each.stored is not None]
        if pictures and not usable:
            words = ", ".join(sorted({each.reason or "" for each in looked}))
            raise Unusable(words, [each.shown() for each in looked])
        self._pictures.put(usable)
        return looked

    def _look(self, data: bytes) -> Looked:
        try:
            header = inspect(data, self._pixel_limit)
            sightings = self._see(data)
        except (Invalid, RecognitionError) as error:
            if error.reason in OURS:
                raise OURS[error.reason](error.reason, error.detail) from error
            return Looked(error.reason, error.detail)
        stored = StoredPicture(hashlib.sha256(data).digest(), header.media_type, header.width, header.height, data)
        best = foremost(sightings)
        if best is None:
            return Looked(
                "no_face", "no face was found; use a picture with the whole face, upright and well lit", 0, stored
            )
        findings = judge(best.quality.measures, "enrol")
        refusal = next((each.reason for each in findings if each.level == "refuse"), None)
        shown = [
            {
                "reason": each.reason,
                "level": each.level,
                "measure": each.measure,
                "value": round(each.value, 4),
                "limit": each.limit,
            }
            for each in findings
        ]
        return Looked(refusal, None, len(sightings), stored, SeenFace(stored.digest, best), shown)


class Unusable(Invalid):
    """None of the pictures can be used; ``pictures`` says why for each."""

    def __init__(self, reason: str, pictures: list[dict[str, Any]]) -> None:
        super().__init__("no_usable_face", f"no picture has a face that can be used ({reason}); nothing was stored")
        self.pictures = pictures


def _write_faces(tx: Tx, person_id: int, looked: Sequence[Looked], origin: FaceOrigin) -> None:
    for each in looked:
        if each.reason is None and each.face is not None:
            each.face_id = add_face(tx, person_id, each.face, origin)


def _set_external_id(tx: Tx, person_id: int, external_id: str) -> None:
    owner = people.person_with_identity(tx, external_id, people.ANY_DEVICE) if external_id else None
    if owner not in {None, person_id}:
        raise Conflict("external_id_taken", f"somebody else has the external id {external_id!r}")
    people.drop_identity(tx, person_id, people.ANY_DEVICE)
    if external_id:
        people.add_identity(tx, person_id, external_id, people.ANY_DEVICE)


def _required(found: object, person_id: int) -> None:
    if not found:
        raise NotFound("no_such_person", f"there is no person {person_id}")
