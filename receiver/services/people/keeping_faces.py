"""What becomes of a person's pictures: which of them count, which are kept only, and which go."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from receiver.domain.errors import Conflict, NotFound
from receiver.domain.people import FaceState
from receiver.services.noting_reviews import NEW, note_look_alike
from receiver.services.people.enrolling import Doubtful, EnrolmentGate
from receiver.services.people.late_faces import retire_by_hand, settled_by_hand
from receiver.store import faces, holds, library, people
from receiver.store.database import Row, Tx
from receiver.store.reviews import ReviewPicture
from receiver.store.store import Store


@dataclass(frozen=True, slots=True)
class FaceChange:
    """What is asked of one face.

    Attributes:
        state: what it is to be.
        is_insisted: also if the library speaks against it.
        is_alone: if it becomes current, the others that are become former ones.
    """

    state: FaceState
    is_insisted: bool = False
    is_alone: bool = False


class KeepingFaces:
    """The use cases of /v1/faces."""

    def __init__(self, store: Store, gate: EnrolmentGate) -> None:
        self._store = store
        self._gate = gate

    def change(self, face_id: int, wanted: FaceChange) -> list[dict[str, Any]]:
        """Sets a face's state; what the library found of one that becomes current.

        Raises:
            NotFound: there is no such face.
            Conflict: it cannot become current: the library speaks against it (Doubtful), or it has no embedding of the
                library's model.
        """
        now = datetime.now(UTC)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            row = _required(tx, face_id)
            values: dict[str, Any] = {"state": wanted.state}
            findings: list[dict[str, Any]] = []
            if wanted.state is FaceState.CURRENT and row.state != FaceState.CURRENT:
                findings = self._examined(tx, row, wanted)
                refused = [each["reason"] for each in findings if each["level"] == "refuse"]
                if refused:
                    insisted = list(dict.fromkeys([*(row.insisted or ()), *refused]))
                    values |= {"insisted": insisted, "insisted_at": now}
                    _note(tx, row, findings, now)
            if wanted.state is FaceState.CURRENT and wanted.is_alone:
                retire_by_hand(tx, row.person_id)
            faces.change(tx, face_id, values)
            settled_by_hand(tx, [face_id])
            _tell(tx, row, now)
        return findings

    def remove(self, face_id: int) -> None:
        """Takes a face out of the library; its picture goes when nothing else refers to it.

        Raises:
            NotFound: there is no such face.
            Conflict: ``legal_hold``: the person must be kept.
        """
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            row = _required(tx, face_id)
            if holds.held(tx, holds.PERSON, [row.person_id]):
                raise Conflict("legal_hold", f"person {row.person_id} is on legal hold; lift the hold first")
            faces.remove(tx, face_id)
            _tell(tx, row, datetime.now(UTC))

    def _examined(self, tx: Tx, row: Row, wanted: FaceChange) -> list[dict[str, Any]]:
        model = library.held(tx)
        embedding = faces.embedding_of(tx, row.id, model)
        if embedding is None:
            raise Conflict("not_embedded", f"face {row.id} has no embedding of {model}: `people re-embed` makes it")
        findings = self._gate.examine_known(tx, embedding, row.person_id, is_alone=wanted.is_alone)
        refused = [each["reason"] for each in findings if each["level"] == "refuse"]
        if refused and not wanted.is_insisted:
            raise Doubtful(refused[0], [{"face": row.id, "reason": refused[0], "findings": findings}])
        return findings


def _note(tx: Tx, row: Row, findings: list[dict[str, Any]], now: datetime) -> None:
    """Whoever was made current in spite of a look-alike is to be looked at."""
    new = ReviewPicture(row.digest, NEW, row.person_id, row.box)
    for each in findings:
        if each["level"] == "refuse" and each["person"] is not None:
            numbers = {"distance": each["value"], "limit": each["limit"]}
            note_look_alike(tx, row.person_id, new, (each["person"]["id"], each["face"], numbers), now)


def _required(tx: Tx, face_id: int) -> Row:
    found = faces.find(tx, face_id)
    if found is None:
        raise NotFound("no_such_face", f"there is no face {face_id}")
    return found


def _tell(tx: Tx, row: Row, now: datetime) -> None:
    people.note_change(tx, row.person_id, now)
    people.change(tx, row.person_id, {"updated_at": now})
