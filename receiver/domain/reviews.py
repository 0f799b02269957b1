"""What a person should look at: the kinds of review items, and the states that each goes through.

What each kind fills in (see ``receiver.store.reviews.NewReview``):

- proposed_merge, look_alike: ``person_id`` and ``other_id``; key ``pair_key``.
- identity_conflict: ``person_id``; pictures ``new`` (with box) and ``current``; key ``picture_key`` of the new one.
- identity_taken: ``person_id`` (who was seen), ``other_id`` (whose id it is), ``event_id``.
- stale_picture, contradicting_picture: ``person_id``, ``subject`` (the face's id); pictures ``current`` and, where a newer
  one is proposed in its place, ``new`` (with box).
- second_opinion: ``event_id``, ``person_id`` (whom the device named), ``other_id`` (whom we see, if anybody).
- quarantined: ``subject`` (the item in quarantine).
- failed_enrolment: ``detail["origin"]`` is ``import`` (``subject`` the newest import, ``detail["row"]`` its row's number) or
  ``adoption`` (``detail["device_id"]``, ``detail["external_id"]``); key ``row_key`` or ``adoption_key``; picture ``new``.
- buried_task: ``subject`` (the task), ``detail["topic"]``.
"""

import hashlib
from collections.abc import Iterable, Mapping
from enum import StrEnum

from receiver.domain.accounts import Role


class ReviewKind(StrEnum):
    """Why somebody is asked; what accepting and rejecting do is in docs/how-to/review-list.md."""

    PROPOSED_MERGE = "proposed_merge"
    IDENTITY_CONFLICT = "identity_conflict"
    IDENTITY_TAKEN = "identity_taken"
    LOOK_ALIKE = "look_alike"
    STALE_PICTURE = "stale_picture"
    CONTRADICTING_PICTURE = "contradicting_picture"
    SECOND_OPINION = "second_opinion"
    QUARANTINED = "quarantined"
    FAILED_ENROLMENT = "failed_enrolment"
    BURIED_TASK = "buried_task"


ACCEPTED_BY: Mapping[ReviewKind, Role] = {
    ReviewKind.PROPOSED_MERGE: Role.REGISTRAR,
    ReviewKind.IDENTITY_CONFLICT: Role.REGISTRAR,
    ReviewKind.IDENTITY_TAKEN: Role.REGISTRAR,
    ReviewKind.LOOK_ALIKE: Role.REGISTRAR,
    ReviewKind.STALE_PICTURE: Role.REGISTRAR,
    ReviewKind.CONTRADICTING_PICTURE: Role.REGISTRAR,
    ReviewKind.SECOND_OPINION: Role.GUARD,  # nothing is changed
    ReviewKind.QUARANTINED: Role.ADMIN,
    ReviewKind.FAILED_ENROLMENT: Role.REGISTRAR,
    ReviewKind.BURIED_TASK: Role.GUARD,  # what was begun already is tried again
}
"""Who may accept: whoever may do the same without the list. Reject and later leave everything as it is."""


class ReviewState(StrEnum):
    """Where a review item is; an item that is due again counts as open."""

    OPEN = "open"
    LATER = "later"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SETTLED = "settled"


DECIDED = (ReviewState.ACCEPTED, ReviewState.REJECTED)
UNDECIDED = (ReviewState.OPEN, ReviewState.LATER)


def pair_key(kind: str, one: int, other: int) -> str:
    """The key of what concerns two people, in whichever order they are named."""
    return f"{kind}:{min(one, other)}:{max(one, other)}"


def picture_key(kind: str, person_id: int, digest: bytes) -> str:
    """The key of what concerns one picture for one person."""
    return f"{kind}:{person_id}:{digest.hex()}"


def row_key(external_id: str, name: str, pictures: Iterable[bytes]) -> str:
    """The key of a refused row: of whom it told with which pictures (digests), in whatever import, so that the same file
    a second time asks nothing anew.
    """
    words = [each.encode("utf-8", "surrogatepass") for each in (external_id, name)]
    mark = hashlib.sha256(b"\0".join([*words, *sorted(pictures)])).hexdigest()
    return f"{ReviewKind.FAILED_ENROLMENT}:import:{mark}"


def adoption_key(device_id: int, external_id: str) -> str:
    """The key of somebody whom a device knows and whom the library could not take over."""
    mark = hashlib.sha256(external_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{ReviewKind.FAILED_ENROLMENT}:adoption:{device_id}:{mark}"


def fair_shares(available: Mapping[str, int], room: int) -> dict[str, int]:
    """How many items of each kind a page of all kinds shows: whoever has few gets all of them, the others equally many.

    Args:
        available: items by kind, 0 or more of each.
        room: rows of the page; they are used up as far as there are items.
    """
    shares = dict.fromkeys(available, 0)
    waiting = [kind for kind, number in available.items() if number > 0]
    while waiting and room > 0:
        each = max(1, room // len(waiting))
        for kind in list(waiting):
            more = min(each, available[kind] - shares[kind], room)
            shares[kind] += more
            room -= more
        waiting = [kind for kind in waiting if shares[kind] < available[kind]]
    return shares
