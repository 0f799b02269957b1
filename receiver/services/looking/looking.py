"""Looks at pictures for callers who wait: which faces are there, and are two of them one person's."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from receiver.domain.errors import Conflict, NotFound
from receiver.domain.verification import Verification, nothing_to_verify, verify
from receiver.services.asking.asking import shown_link
from receiver.services.deciding.decided import standing_of
from receiver.services.deciding.deciding import Decider
from receiver.services.looking import faces_shown
from receiver.services.looking.seeing import Seeing, embedding_of
from receiver.store import faces, library, people
from receiver.store.database import Row, Tx
from receiver.store.store import Store
from recognition.advice import advice
from recognition.engine import Sighting, foremost
from recognition.gates import Gate


class Looking:
    """The use cases of POST /v1/detect and /v1/verify; nothing is stored.

    Args:
        store: where people are.
        seeing: how faces come out of pictures.
        decider: who compares with the people of the library.
        pair_threshold: of a model's id: up to where two pictures show one person.
    """

    def __init__(self, store: Store, seeing: Seeing, decider: Decider, pair_threshold: Callable[[str], float]) -> None:
        self._store = store
        self._seeing = seeing
        self._decider = decider
        self._pair_threshold = pair_threshold

    def detect(self, picture: bytes, gate: Gate, *, with_embedding: bool = False) -> dict[str, Any]:
        """All faces of a picture, judged for a gate.

        Raises:
            GatehouseError: the picture cannot be read, or no engine is free.
        """
        seen = self._seeing.sightings(picture)
        best = foremost(seen)
        found = [self._face(each, gate) | {"is_foremost": each is best} for each in seen]
        if with_embedding:
            found = [
                shown | {"embedding": each.embedding.tolist(), "model": each.model}
                for shown, each in zip(found, seen, strict=True)
            ]
        reasons = ["no_face"] if best is None else [each.reason for each in self._seeing.findings(best, gate)]
        return {"sightings": found, "advice": advice(reasons)}

    def verify_pictures(self, picture: bytes, other: bytes) -> dict[str, Any]:
        """Whether the foremost faces of two pictures are one person's.

        Raises:
            GatehouseError: a picture cannot be read, or no engine is free.
        """
        sides = [self._seeing.sightings(picture), self._seeing.sightings(other)]
        faces = [best for best in map(foremost, sides) if best is not None]
        with self._store.read() as tx:
            model = library.model_of(tx)
        findings = [finding for face in faces for finding in self._seeing.findings(face)]
        if len(faces) == len(sides):
            one, another = (embedding_of(face, model) for face in faces)
            distance = float(np.linalg.norm(one.astype(np.float64) - another))
            verified = verify(distance, self._pair_threshold(model), findings)
        else:
            verified = nothing_to_verify(findings)
        return {
            "decision": faces_shown.verification(verified, model),
            "picture": self._side(sides[0]),
            "other": self._side(sides[1]),
        }

    def verify_person(self, picture: bytes, person_id: int) -> dict[str, Any]:
        """Whether a picture's foremost face is that person's, by the mean of the person's faces.

        Raises:
            NotFound: there is no such person.
            Conflict: the person has no face to compare with.
            GatehouseError: the picture cannot be read, or no engine is free.
        """
        with self._store.read() as tx:
            _required(tx, person_id)
        seen = self._seeing.sightings(picture)
        with self._store.read() as tx:
            person, model = _required(tx, person_id), library.model_of(tx)
            verified, face_id = self._verify_person(tx, person_id, foremost(seen), model)
            row = faces.find(tx, face_id) if face_id is not None else None
        link = None if row is None else shown_link(row.digest)
        decision = faces_shown.verification(verified, model, face_id) | {"face_picture": link}
        words = standing_of(person, datetime.now(UTC)) if verified.is_match else ()
        return {
            "decision": decision | {"reasons": [*decision["reasons"], *words]},
            "picture": self._side(seen),
            "person": faces_shown.person(person),
        }

    def _verify_person(
        self, tx: Tx, person_id: int, best: Sighting | None, model: str
    ) -> tuple[Verification, int | None]:
        if best is None:
            return nothing_to_verify(), None
        known = self._decider.verify(tx, person_id, [embedding_of(best, model)])
        if known is None:
            raise Conflict("person_without_face", f"person {person_id} has no face to compare with; add one first")
        verified = verify(known.distance, known.verification, self._seeing.findings(best))
        return verified, known.face_id if verified.is_match else None

    def _face(self, seen: Sighting, gate: Gate) -> dict[str, Any]:
        return faces_shown.face(seen, gate, self._seeing.limits)

    def _side(self, seen: Sequence[Sighting]) -> dict[str, Any]:
        best = foremost(seen)
        return {"faces": len(seen), "face": None if best is None else self._face(best, "recognise")}


def _required(tx: Tx, person_id: int) -> Row:
    found = people.find(tx, person_id)
    if found is None:
        raise NotFound("no_such_person", f"there is no person {person_id}")
    return found
