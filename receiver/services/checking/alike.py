"""Finds enrolled people whom a gate might call by each other's name: what the enrolment gate would refuse today."""

from dataclasses import dataclass

import numpy as np

from receiver.domain.enrolment import Doubt, look_alikes
from receiver.domain.events import ListName
from receiver.domain.library_health import distances, may_be_called
from receiver.domain.merge_proposals import couple
from receiver.domain.reviews import ReviewKind, pair_key
from receiver.services.checking import snapshot
from receiver.services.checking.snapshot import Numbers, Snapshot
from receiver.services.checking.steps import MOST, Counts, Steps, are_there, picture_of
from receiver.services.deciding.library import NAMED, Query
from receiver.store import faces, people
from receiver.store.database import Row, Tx
from receiver.store.reviews import NewReview

# Faces that are judged by the enrolment gate's rule between two rests.
JUDGED = 50


@dataclass(frozen=True, slots=True)
class _Alike:
    """A face that lies too near to somebody else's; ``doubt`` is the gate's."""

    face_id: int
    person_id: int
    doubt: Doubt

    @property
    def beyond(self) -> float:
        """How far within the limit, 0 or less."""
        return self.doubt.distance - self.doubt.limit

    @property
    def couple(self) -> tuple[int, int]:
        return couple(self.person_id, self.doubt.person_id or 0)


def find_look_alikes(steps: Steps) -> Counts | None:
    """The stage: what it found, or None if somebody stops us."""
    tools = steps.tools
    with tools.store.read() as tx:
        taken = snapshot.taken(tx, tools.library)
    if taken is None:
        return {"faces": 0, "found": 0, "left_out": 0}
    named = np.isin(taken.owners, taken.rows_of(*NAMED))
    chosen = np.flatnonzero(named)
    suspects = _suspects(steps, taken, chosen)
    found = None if suspects is None else _judged(steps, taken, suspects)
    if found is None:
        return None
    noted = steps.note(found[:MOST], _item)
    if noted is None:
        return None
    return {"faces": len(chosen), "found": noted, "left_out": len(found) - len(found[:MOST])}


def _suspects(steps: Steps, taken: Snapshot, chosen: Numbers) -> list[int] | None:
    """The faces that may be too near to another person, many looked at at once; None if somebody stops us."""
    standing, crowd = taken.standing, taken.crowd
    named = np.isin(np.arange(len(taken.person_ids)), taken.rows_of(*NAMED))
    accepted = max(standing.thresholds[each] for each in NAMED)
    found: list[int] = []
    block = snapshot.block_of(len(taken.person_ids))
    for start in range(0, len(chosen), block):
        if steps.is_stopping:
            return None
        rows = chosen[start : start + block]
        with steps.pace.step():
            apart = distances(taken.embeddings[rows], crowd.means)
            apart[np.arange(len(rows)), taken.owners[rows]] = np.inf
            aligned = taken.scale.alignment.aligned(apart, crowd.faces)
            found += rows[may_be_called(apart, aligned, named, accepted, standing.scoring.rule)].tolist()
        steps.tell(start + len(rows), len(chosen))
    return found


def _judged(steps: Steps, taken: Snapshot, suspects: list[int]) -> list[_Alike] | None:
    """Of each pair the surest face, the surest pairs first; None if somebody stops us."""
    nearest: dict[tuple[int, int], _Alike] = {}
    for start in range(0, len(suspects), JUDGED):
        if steps.is_stopping:
            return None
        with steps.pace.step(), steps.tools.store.read() as tx:
            for row in suspects[start : start + JUDGED]:
                for found in _doubts(tx, steps, taken, row):
                    known = nearest.get(found.couple)
                    if known is None or found.beyond < known.beyond:
                        nearest[found.couple] = found
        steps.on_step()
    return sorted(nearest.values(), key=lambda each: (each.beyond, each.couple))


def _doubts(tx: Tx, steps: Steps, taken: Snapshot, row: int) -> list[_Alike]:
    own = int(taken.person_ids[taken.owners[row]])
    near = steps.tools.library.candidates(tx, Query([taken.embeddings[row]]))
    return [_Alike(int(taken.face_ids[row]), own, each) for each in look_alikes(near, own) if each.level == "refuse"]


def _is_enrolled(person: Row) -> bool:
    return ListName(person.list) in NAMED


def _item(tx: Tx, found: _Alike) -> NewReview | None:
    """The review item; None where it does not hold any more, or where somebody has insisted on one of them."""
    if not are_there(tx, found.couple, _is_enrolled):
        return None
    present = people.faces_of(tx, found.couple, people.CURRENT)
    if any("look_alike" in (face.insisted or ()) for face in present):
        return None
    known = faces.found(tx, [found.face_id, found.doubt.face_id or 0])
    pictures = [(found.face_id, "current"), (found.doubt.face_id or 0, "other")]
    return NewReview(
        kind=ReviewKind.LOOK_ALIKE,
        key=pair_key(ReviewKind.LOOK_ALIKE, *found.couple),
        reason="look_alike",
        person_id=found.person_id,
        other_id=found.doubt.person_id,
        subject=found.face_id,
        detail={
            "distance": round(found.doubt.distance, 4),
            "limit": round(found.doubt.limit, 4),
            "face": found.face_id,
            "other_face": found.doubt.face_id,
        },
        pictures=[picture_of(known[each], role) for each, role in pictures if each in known],
    )
