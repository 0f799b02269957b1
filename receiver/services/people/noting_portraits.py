"""Notes for the review list what the library said of pictures that people brought: insisted on, or refused in another's place."""

from collections.abc import Sequence
from datetime import datetime

from receiver.domain.enrolment import Doubt
from receiver.services.noting_reviews import Conflicting, note_conflict, note_look_alike, settle_conflicts
from receiver.services.people.portraits import DIGITS, Portrait
from receiver.services.people.registering import SeenFace, shown_face
from receiver.store.database import Tx

LOOK_ALIKE, CONTRADICTION = "look_alike", "contradiction"


def note_taken_faces(tx: Tx, person_id: int, portraits: Sequence[Portrait], now: datetime) -> None:
    """Of faces that were written: whoever was insisted on in spite of a look-alike is to be looked at."""
    taken = [(each, each.face) for each in portraits if each.face is not None and each.face_id is not None]
    settle_conflicts(tx, person_id, [face.digest for _, face in taken], now)
    for portrait, face in taken:
        for doubt in _refused(portrait, LOOK_ALIKE) if portrait.is_insisted else ():
            if doubt.person_id is not None and doubt.person_id != person_id:
                whom = (doubt.person_id, doubt.face_id, _numbers(doubt))
                note_look_alike(tx, person_id, shown_face(face, person_id), whom, now)


def conflicting(portraits: Sequence[Portrait]) -> list[tuple[Portrait, SeenFace]]:
    """Those that were to take the place of the person's own pictures, and show another face."""
    return [
        (each, each.face)
        for each in portraits
        if each.face is not None and each.stored is not None and _refused(each, CONTRADICTION)
    ]


def note_conflicts(tx: Tx, person_id: int, found: Sequence[tuple[Portrait, SeenFace]], now: datetime) -> list[int]:
    """The items that ask whether the pictures show the person."""
    return [
        note_conflict(tx, Conflicting(person_id, shown_face(face), _numbers(_refused(each, CONTRADICTION)[0])), now)
        for each, face in found
    ]


def _refused(portrait: Portrait, reason: str) -> list[Doubt]:
    return [each for each in portrait.doubts if each.reason == reason and each.level == "refuse"]


def _numbers(doubt: Doubt) -> dict[str, float]:
    return {"distance": round(doubt.distance, DIGITS), "limit": round(doubt.limit, DIGITS)}
