"""Holds new faces against the library before they count: whose else they are, and whether they fit the person's own."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from receiver.domain.enrolment import Doubt, contradiction, look_alikes
from receiver.domain.errors import Conflict
from receiver.services.asking.asking import shown_link
from receiver.services.deciding.deciding import Decider
from receiver.services.deciding.library import Query
from receiver.services.people.portraits import DIGITS, Portrait, as_ours
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
CORRECTING = {
    "look_alike": "the stranger looks like {name}; nothing was changed. If it is the same person, merge the two;"
    " if not, insist with override",
    "contradiction": "the faces of the two do not look like one person's; nothing was changed. Look whether they show one"
    " person; if they do, insist with override",
}


class Doubtful(Conflict):
    """The library speaks against a face.

    Attributes:
        pictures: why, for each.
        portraits: what was brought, where it was pictures.
        reviews: the items of the review list that ask somebody to look.
    """

    def __init__(self, reason: str, pictures: list[dict[str, Any]], sentences: Mapping[str, str] = SENTENCES) -> None:
        whom = [
            _named(found["person"])
            for picture in pictures
            for found in picture["findings"]
            if found["level"] == "refuse" and found.get("person")
        ]
        super().__init__(reason, sentences[reason].format(name=" and ".join(dict.fromkeys(whom)) or "somebody else"))
        self.pictures = pictures
        self.portraits: Sequence[Portrait] = ()
        self.reviews: list[int] = []


def _named(person: Mapping[str, Any]) -> str:
    """With the number, unless it is somebody of the same file in a dry run."""
    return str(person["name"]) if person["id"] is None else f"{person['name']} (person {person['id']})"


@dataclass(frozen=True, slots=True, eq=False)
class Own:
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
            Own(_embedding(each, self._decider.model), picture=place)
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
                error = Doubtful(reason, [each.shown() for each in portraits])
                error.portraits = portraits
                raise error

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

    def catch_up(self, tx: Tx) -> None:
        """Takes over what others changed, so that little is left to be read under a lock."""
        self._decider.catch_up(tx)

    def examine_promotion(self, tx: Tx, person_id: int) -> list[dict[str, Any]]:
        """What the library says against each current face of a stranger who is to be named: whom it looks like."""
        self._decider.catch_up(tx)
        found = []
        for each in self._present(tx, person_id):
            findings = _shown(tx, self._doubts(tx, each.embedding, (), person_id))
            found.append(_of_face(each.face_id, findings))
        return found

    def examine_union(
        self, tx: Tx, source: int, target: int, faces_of_source: Collection[int] | None = None
    ) -> list[dict[str, Any]]:
        """Whether the current faces of two people look like one person's; nothing is said where either has none.

        Args:
            tx: see ``examine``.
            source: whose faces are to be the other's too.
            target: whose they are to be.
            faces_of_source: only these; None: all.
        """
        self._decider.catch_up(tx)
        joining = [
            each for each in self._present(tx, source) if faces_of_source is None or each.face_id in faces_of_source
        ]
        known = self._decider.verify(tx, target, [each.embedding for each in joining]) if joining else None
        if known is None:
            return []
        against = contradiction(known.distance, known.verification, face_id=known.face_id)
        return [] if against is None else [_of_face(joining[0].face_id, _shown(tx, [against]))]

    def _present(self, tx: Tx, person_id: int) -> list[Own]:
        rows = people.embeddings_of(tx, person_id, self._decider.model)
        return [Own(np.frombuffer(row.embedding, dtype=np.float32), face_id=row.id) for row in rows]

    def _doubts(self, tx: Tx, embedding: Embedding, others: Sequence[Own], person_id: int | None) -> list[Doubt]:
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


def refused_words(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is refused of some faces that were examined, each word once."""
    return list(dict.fromkeys(each["reason"] for each in found if each["reason"]))


def _of_face(face_id: int | None, findings: list[dict[str, Any]]) -> dict[str, Any]:
    refused = next((each["reason"] for each in findings if each["level"] == "refuse"), None)
    return {"face": face_id, "reason": refused, "findings": findings}


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
