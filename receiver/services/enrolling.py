"""Holds new faces against the library before they count: whose else they are, and whether they fit the person's own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from receiver.domain.enrolment import Doubt, contradiction, look_alikes
from receiver.domain.errors import Conflict
from receiver.services.asking import shown_link
from receiver.services.deciding import Decider
from receiver.services.library import Query
from receiver.services.portraits import DIGITS, Portrait, as_ours
from receiver.store import faces, people
from receiver.store.database import Tx
from recognition.engine import Embedding, RecognitionError
from recognition.gallery import template_of
from recognition.gates import GateLimits

SENTENCES = {
    "look_alike": "a face looks like {name}; nothing was stored. If it is the same person, add the picture there;"
    " if not, insist with override",
    "contradiction": "a face does not fit the person's other pictures; nothing was stored. Look whether all show one"
    " person; if they do, insist with override",
}


class Doubtful(Conflict):
    """The library speaks against a face; ``pictures`` says why for each."""

    def __init__(self, reason: str, pictures: list[dict[str, Any]]) -> None:
        whom = [
            f"{found['person']['name']} (person {found['person']['id']})"
            for picture in pictures
            for found in picture["findings"]
            if found["level"] == "refuse" and found.get("person")
        ]
        super().__init__(reason, SENTENCES[reason].format(name=" and ".join(dict.fromkeys(whom)) or "somebody else"))
        self.pictures = pictures


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """One picture of the person: a face of the library, or the place in the request of one that is to be added."""

    embedding: Embedding
    face_id: int | None = None
    picture: int | None = None


class EnrolmentGate:
    """Judges new faces by the library as it is; every method wants an open transaction that has not changed it yet.

    Args:
        decider: the distances and their limits.
        limits: what the site asks of a picture's quality.
    """

    def __init__(self, decider: Decider, limits: GateLimits) -> None:
        self._decider = decider
        self.limits = limits

    def examine(self, tx: Tx, portraits: Sequence[Portrait], person_id: int | None = None) -> None:
        """Notes on each portrait what the library says against it.

        Args:
            tx: under the gallery's lock, if what is found is to hold when the faces are written.
            portraits: all of one request; those without a usable face and those that are there are passed over.
            person_id: whose pictures they are to be; None for a new person.

        Raises:
            Doubtful: something is refused that nobody insists on.
            Busy: the library has moved to another model since the pictures were looked at.
        """
        self._decider.catch_up(tx)
        new = [
            _Own(_embedding(each, self._decider.model), picture=place)
            for place, each in enumerate(portraits)
            if each.is_good_enough and not each.is_there
        ]
        present = [] if person_id is None else self._present(tx, person_id)
        for one in new:
            others = present + [each for each in new if each is not one]
            portraits[one.picture or 0].doubts = self._doubts(tx, one.embedding, others, person_id)
        for each in portraits:
            each.shown_doubts = _shown(tx, each.doubts)
        for reason in SENTENCES:
            if any(_speaks_against(each, reason) for each in portraits):
                raise Doubtful(reason, [each.shown() for each in portraits])

    def examine_known(self, tx: Tx, embedding: bytes, person_id: int, *, is_alone: bool) -> list[dict[str, Any]]:
        """What the library says against a face that the person had before, with names and pictures.

        Args:
            tx: see ``examine``.
            embedding: the face's, of the library's model.
            person_id: whose it is.
            is_alone: it takes the place of all others, so that it cannot contradict them.
        """
        self._decider.catch_up(tx)
        others = [] if is_alone else self._present(tx, person_id)
        doubts = self._doubts(tx, np.frombuffer(embedding, dtype=np.float32), others, person_id)
        return _shown(tx, doubts)

    def _present(self, tx: Tx, person_id: int) -> list[_Own]:
        rows = people.embeddings_of(tx, person_id, self._decider.model)
        return [_Own(np.frombuffer(row.embedding, dtype=np.float32), face_id=row.id) for row in rows]

    def _doubts(self, tx: Tx, embedding: Embedding, others: Sequence[_Own], person_id: int | None) -> list[Doubt]:
        near = self._decider.library.candidates(tx, Query([embedding]))
        found = look_alikes(near, person_id)
        if others:
            scale = self._decider.library.scale
            limit = float(scale.alignment.raw(scale.verification, len(others), 1))
            distance = _apart(template_of(np.stack([each.embedding for each in others])), embedding)
            nearest = min(others, key=lambda each: _apart(each.embedding, embedding))
            against = contradiction(distance, limit, face_id=nearest.face_id, picture=nearest.picture)
            found += [] if against is None else [against]
        return found


def _embedding(portrait: Portrait, model: str) -> Embedding:
    if portrait.face is None:
        raise ValueError("a portrait without a face has no embedding")
    try:
        return portrait.face.sighting.embedding_for(model)
    except RecognitionError as error:
        raise as_ours(error) from error


def _apart(one: Embedding, another: Embedding) -> float:
    return float(np.linalg.norm(one.astype(np.float64) - another))


def _speaks_against(portrait: Portrait, reason: str) -> bool:
    is_refused = any(each.reason == reason and each.level == "refuse" for each in portrait.doubts)
    return is_refused and not portrait.is_insisted


def _shown(tx: Tx, doubts: Sequence[Doubt]) -> list[dict[str, Any]]:
    """With the names and pictures that a person needs to judge for oneself."""
    if not doubts:
        return []
    known = people.found(tx, _ids(each.person_id for each in doubts))
    rows = faces.found(tx, _ids(each.face_id for each in doubts))
    shown = []
    for each in doubts:
        person = known.get(each.person_id or 0)
        face = rows.get(each.face_id or 0)
        shown.append(
            {
                "reason": each.reason,
                "level": each.level,
                "measure": "distance",
                "value": round(each.distance, DIGITS),
                "limit": round(each.limit, DIGITS),
                "person": None if person is None else {"id": person.id, "name": person.name, "list": person.list},
                "face": each.face_id,
                "picture": None if face is None else shown_link(face.digest),
                "other": each.picture,
            }
        )
    return shown


def _ids(found: Iterable[int | None]) -> set[int]:
    return {each for each in found if each is not None}
