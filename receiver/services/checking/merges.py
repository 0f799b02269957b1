"""Clusters the strangers anew and proposes merges; two faces in one scene are two people."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np

from receiver.domain.events import ListName
from receiver.domain.library_health import Crowd, near_pairs
from receiver.domain.merge_proposals import Couple, Near, Proposal, groups, merge_limit, proposals
from receiver.domain.people import PersonState
from receiver.domain.reviews import ReviewKind, pair_key
from receiver.services.checking import snapshot
from receiver.services.checking.snapshot import Snapshot
from receiver.services.checking.steps import MOST, Counts, Steps, are_there, best_face, picture_of
from receiver.services.people.re_embedding import SAME_FACE, overlap
from receiver.store import library_checks, people
from receiver.store.database import Row, Tx
from receiver.store.reviews import NewReview
from recognition.engine import Box, Embedding

# Pairs that are weighed at most, the nearest; of each stranger, the newest events in which others may stand beside.
PAIRS, EVENTS = 200_000, 200
# Groups are made anew without those who turn out to be two; what still is in doubt after so many times is not proposed.
ROUNDS = 20


def propose_merges(steps: Steps) -> Counts | None:
    """The stage: what it found, or None if somebody stops us."""
    tools = steps.tools
    with tools.store.read() as tx:
        taken = snapshot.taken(tx, tools.library)
        apart = library_checks.rejected_pairs(tx) | library_checks.separated_pairs(tx)
    rows = np.empty(0, np.int64) if taken is None else taken.rows_of(ListName.STRANGER)
    if taken is None or len(rows) < 2:  # noqa: PLR2004 - a pair
        return {"strangers": len(rows), "proposed": 0, "left_out": 0}
    limit = merge_limit(len(rows), taken.scale)
    near = _near(steps, taken, rows, limit)
    if near is None:
        return None
    faces = dict(zip(taken.person_ids.tolist(), taken.crowd.faces.tolist(), strict=True))
    found = _without_two(steps, taken, near, apart)
    proposed = proposals(near, faces, found)
    noted = steps.note(proposed[:MOST], lambda tx, each: _item(tx, each, limit, faces))
    if noted is None:
        return None
    return {"strangers": len(rows), "proposed": noted, "left_out": len(proposed) - len(proposed[:MOST])}


def _near(steps: Steps, taken: Snapshot, rows: np.ndarray, limit: float) -> list[Near] | None:
    """The pairs of active strangers within the limit, block by block; None if somebody stops us."""
    crowd = Crowd(taken.crowd.means[rows], taken.crowd.faces[rows])
    found: list[Near] = []
    block = snapshot.block_of(len(rows))
    for start in range(0, len(rows), block):
        if steps.is_stopping:
            return None
        stop = min(start + block, len(rows))
        with steps.pace.step():
            pairs = near_pairs(crowd, range(start, stop), limit, taken.scale.alignment)
        found += [
            Near(int(taken.person_ids[rows[one]]), int(taken.person_ids[rows[other]]), d) for one, other, d in pairs
        ]
        steps.tell(stop, len(rows))
    found = sorted(found, key=lambda each: (each.distance, each.couple))[:PAIRS]
    with steps.tools.store.read() as tx:
        known = people.found(tx, {each for pair in found for each in pair.couple})
    return [pair for pair in found if all(each in known and _is_open(known[each]) for each in pair.couple)]


def _is_open(person: Row) -> bool:
    return bool(person.list == ListName.STRANGER and person.state == PersonState.ACTIVE)


def _without_two(steps: Steps, taken: Snapshot, near: list[Near], apart: Iterable[Couple]) -> set[Couple]:
    """All pairs that must not be in one group: those that are known, and those in the groups who stood side by side."""
    known, looked, places = set(apart), set[Couple](), dict[int, _Places]()
    for _ in range(ROUNDS):
        fresh = [pair for group in groups(near, known) for pair in combinations(group, 2) if pair not in looked]
        if not fresh or steps.is_stopping:
            break
        looked |= set(fresh)
        with steps.pace.step(), steps.tools.store.read() as tx:
            known |= {pair for pair in fresh if _stood_side_by_side(tx, taken, pair, places)}
    else:
        known |= {pair for group in groups(near, known) for pair in combinations(group, 2)} - looked
    return known


@dataclass(slots=True)
class _Places:
    """Where somebody was seen.

    Attributes:
        mean: of the person's faces.
        boxes: (digest, box) of the person's own faces on pictures.
        scenes: by the digest of each scene in which the person stood, the pictures that the events were decided on.
        beside: (embedding, the person's own on that picture) of everybody else on the same pictures.
    """

    mean: Embedding
    boxes: list[tuple[bytes, Box]] = field(default_factory=list)
    scenes: dict[bytes, set[bytes]] = field(default_factory=dict)
    beside: list[tuple[Embedding, Embedding]] = field(default_factory=list)


def _stood_side_by_side(tx: Tx, taken: Snapshot, pair: Couple, known: dict[int, _Places]) -> bool:
    """Whether some picture shows both: with a face each, as two events' common scene, or one beside the other."""
    for each in pair:
        if each not in known:
            known[each] = _places(tx, taken, each)
    one, other = (known[each] for each in pair)
    are_two_faces = any(
        digest == theirs and overlap(box, their_box) < SAME_FACE
        for (digest, box), (theirs, their_box) in product(one.boxes, other.boxes)
    )
    # Two events of one scene that were decided on the same crop are one face told of twice.
    are_two_events = any(
        not one.scenes[digest] & other.scenes[digest] for digest in one.scenes.keys() & other.scenes.keys()
    )
    return are_two_faces or are_two_events or _is_beside(one, other) or _is_beside(other, one)


def _is_beside(one: _Places, other: _Places) -> bool:
    """Whether somebody on a picture of the one looks more like the other than the one does there."""
    return any(np.linalg.norm(beside - other.mean) < np.linalg.norm(own - other.mean) for beside, own in one.beside)


def _places(tx: Tx, taken: Snapshot, person_id: int) -> _Places:
    row = int(np.searchsorted(taken.person_ids, person_id))
    found = _Places(taken.crowd.means[row])
    found.boxes = [(face.digest, Box(*face.box)) for face in people.faces_of(tx, [person_id])]
    seen = [each for each in library_checks.live_places(tx, person_id, EVENTS) if each.model == taken.model]
    live = {(each.event_id, each.digest): each for each in seen if each.is_live}
    for event_id, digest in library_checks.scenes(tx, person_id, EVENTS):
        crops = {crop for place, crop in live if place == event_id}
        found.scenes.setdefault(digest, set()).update(crops)
    found.boxes += [(each.digest, Box(*each.box)) for each in live.values()]
    found.beside = [
        (_vector(each), _vector(live[each.event_id, each.digest]))
        for each in seen
        if not each.is_live and (each.event_id, each.digest) in live
    ]
    return found


def _vector(row: Row) -> Embedding:
    return np.frombuffer(row.embedding, dtype=np.float32)


def _item(tx: Tx, proposal: Proposal, limit: float, faces: dict[int, int]) -> NewReview | None:
    """The review item; None where somebody has changed one of the two since."""
    if not are_there(tx, proposal.couple, _is_open):
        return None
    best = [best_face(tx, each) for each in (proposal.kept, proposal.other)]
    roles = ("current", "other")
    return NewReview(
        kind=ReviewKind.PROPOSED_MERGE,
        key=pair_key(ReviewKind.PROPOSED_MERGE, proposal.kept, proposal.other),
        reason="alike_strangers",
        person_id=proposal.kept,
        other_id=proposal.other,
        detail={
            "distance": round(proposal.distance, 4),
            "limit": round(limit, 4),
            "faces": [faces[proposal.kept], faces[proposal.other]],
            "group": proposal.group,
        },
        pictures=[picture_of(face, role) for face, role in zip(best, roles, strict=True) if face is not None],
    )
