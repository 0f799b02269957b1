"""Finds faces that lie farther from the person's own other faces than two pictures of one person do."""

from dataclasses import dataclass

from receiver.domain.library_health import Contradicting, contradicting
from receiver.domain.reviews import ReviewKind
from receiver.services.checking import snapshot
from receiver.services.checking.snapshot import Snapshot
from receiver.services.checking.steps import MOST, Counts, Steps, picture_of
from receiver.store import people
from receiver.store.database import Tx
from receiver.store.reviews import NewReview

# People who are looked at between two rests.
PEOPLE = 2000
# Of the person's other pictures, shown beside the one in question.
SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Found:
    face_id: int
    person_id: int
    distance: float
    limit: float


def find_contradictions(steps: Steps) -> Counts | None:
    """The stage: what it found, or None if somebody stops us."""
    with steps.tools.store.read() as tx:
        taken = snapshot.taken(tx, steps.tools.library)
    if taken is None:
        return {"people": 0, "found": 0, "left_out": 0}
    found: list[_Found] = []
    number = len(taken.person_ids)
    for start in range(0, number, PEOPLE):
        if steps.is_stopping:
            return None
        with steps.pace.step():
            found += _among(taken, start, min(start + PEOPLE, number))
        steps.tell(min(start + PEOPLE, number), number)
    found.sort(key=lambda each: (each.limit - each.distance, each.face_id))
    noted = steps.note(found[:MOST], _item)
    return None if noted is None else {"people": number, "found": noted, "left_out": len(found) - len(found[:MOST])}


def _among(taken: Snapshot, start: int, stop: int) -> list[_Found]:
    counts, starts = taken.crowd.faces[start:stop], taken.starts[start:stop]
    first = int(starts[0])
    embeddings = taken.embeddings[first : first + int(counts.sum())]
    return [_known(taken, first, each) for each in contradicting(embeddings, starts - first, counts, taken.scale)]


def _known(taken: Snapshot, first: int, found: Contradicting) -> _Found:
    row = first + found.row
    person_id = int(taken.person_ids[taken.owners[row]])
    return _Found(int(taken.face_ids[row]), person_id, found.distance, found.limit)


def _item(tx: Tx, found: _Found) -> NewReview | None:
    """The review item; None where it does not hold any more, or where somebody has insisted on the face."""
    present = {face.id: face for face in people.faces_of(tx, [found.person_id], people.CURRENT)}
    face = present.pop(found.face_id, None)
    if face is None or not present or "contradiction" in (face.insisted or ()):
        return None
    others = sorted(present.values(), key=lambda each: -each.id)[:SHOWN]
    return NewReview(
        kind=ReviewKind.CONTRADICTING_PICTURE,
        key=f"{ReviewKind.CONTRADICTING_PICTURE}:{found.face_id}",
        reason="contradiction",
        person_id=found.person_id,
        subject=found.face_id,
        detail={
            "distance": round(found.distance, 4),
            "limit": round(found.limit, 4),
            "face": found.face_id,
            "others": len(present),
        },
        pictures=[picture_of(face, "current"), *(picture_of(each, "other") for each in others)],
    )
