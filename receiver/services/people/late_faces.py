"""Faces that came after somebody was corrected: noted with the correction, so that its undo takes them along."""

from collections.abc import Collection, Sequence
from typing import Any

from receiver.services.people.correction_steps import as_kept
from receiver.store import corrections, moving, people
from receiver.store.database import Row, Tx


def learnt(tx: Tx, person_id: int, on: int | None, face_id: int, replaced: Collection[int]) -> None:
    """A picture that was learnt goes with the face that its event was decided on.

    Those whose place it took come back, whosever they are: which pictures are the best of two people says nothing of the
    best ones of each.

    Args:
        tx: under the gallery's lock.
        person_id: whose.
        on: the face that the event was decided on.
        face_id: the new one.
        replaced: the faces that are former ones from now on.
    """
    own = set(moving.faces_of(tx, person_id)) - {face_id}
    for correction_id, moved in corrections.moved_faces(tx, own).items():
        if on in moved:
            corrections.note_items(tx, correction_id, corrections.FACE, [face_id])
        if moved != own:
            corrections.note_items(tx, correction_id, corrections.RETIRED, replaced)


def renewed(tx: Tx, person_id: int, told: Any, before: Sequence[Row], face_id: int) -> None:
    """A library update goes with the id that the device named; of two people taken for one it renews that one only.

    Args:
        tx: under the gallery's lock.
        person_id: whose face was renewed.
        told: the event, or what is left of it: ``identity_id``, ``device_id``.
        before: the person's faces as they were.
        face_id: the one that is current now.
    """
    identity = people.identity_of(tx, told.identity_id, told.device_id)
    named = as_kept([] if identity is None else [identity])
    own = {row.id for row in before}
    current = {row.id for row in before if row.state == people.CURRENT}
    found = corrections.moved_faces(tx, own)
    for row in corrections.in_force(tx, person_id, found):
        moved = found.get(row.id, set())
        is_moved = any(each in named for each in row.before.get("identities", ()))
        same = moved if is_moved else own - moved
        corrections.drop_items(tx, corrections.RETIRED, same, row.id)
        corrections.note_items(tx, row.id, corrections.RETIRED, current - same)
        if is_moved and face_id not in own:
            corrections.note_items(tx, row.id, corrections.FACE, [face_id])


def settled_by_hand(tx: Tx, faces: Collection[int]) -> None:
    """Somebody has said what those faces are used for; no undo says otherwise."""
    corrections.drop_items(tx, corrections.RETIRED, faces)


def retire_by_hand(tx: Tx, person_id: int) -> None:
    """Somebody has said that the person is known by none of the faces any more."""
    people.retire_faces(tx, person_id)
    settled_by_hand(tx, moving.faces_of(tx, person_id))
