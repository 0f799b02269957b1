"""Whether our own reading of a face agrees with what the device said of it: agrees, disagrees, or cannot tell."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from receiver.domain.events import ListName
from receiver.domain.identity import Finding
from receiver.domain.registration import SAME_PICTURE

DEAD_ZONE_SHARE = 0.06 / 0.58
"""How far beyond the limit a distance must lie, as a share of it, before we contradict a device: 0.06 for dlib's network.

Of pairs of one person 4 in 100 lie beyond 0.58 and 1 in 100 beyond 0.65; of pairs of two people 0.3 in 100 lie below 0.58
and 2 in 100 below 0.65 (Labeled Faces in the Wild, 6000 pairs). In between neither can be told from the other, and a wrong
contradiction costs a person's look, and trust in the next one; nearly all others who pass by a name lie beyond."""


class Says(StrEnum):
    """What we say to the device's word."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one comparison says to the device's word, and why.

    Attributes:
        says: what it says.
        reasons: machine words: ``within_threshold``, ``near_threshold`` or ``beyond_threshold``, then what is wrong with
            the pictures (``too_dark`` ...); or why nothing was compared.
        distance: between the embeddings, Euclidean, 0 or more; None where nothing was compared.
        limit: the distance up to which they are one person's; None where nothing was compared.
    """

    says: Says
    reasons: tuple[str, ...]
    distance: float | None = None
    limit: float | None = None


def is_asked(identity_id: str, identity_name: str, reported: ListName) -> bool:
    """Whether the device said of an event who it is: by an id or a name, and not as a stranger."""
    return bool(identity_id or identity_name) and reported is not ListName.STRANGER


def compare(distance: float, limit: float, findings: Iterable[Finding] = ()) -> Comparison:
    """What a distance says.

    A picture that the gate ``recognise`` refuses says nothing in either direction: bad pictures lie far from everything,
    and blurred or dark ones of two people are taken for one another in 10 to 15 of 100 cases.

    Args:
        distance: between the two, Euclidean, 0 or more; finite.
        limit: up to which they are one person's in a comparison one to one; above 0.
        findings: what the gate ``recognise`` says about either picture.
    """
    findings = list(findings)
    words = tuple(dict.fromkeys(each.reason for each in findings))
    if distance < SAME_PICTURE:
        return Comparison(Says.CANNOT_TELL, ("same_picture",), distance, limit)
    place, says = _placed(distance, limit)
    if any(each.level == "refuse" for each in findings):
        says = Says.CANNOT_TELL
    return Comparison(says, (place, *words), distance, limit)


def _placed(distance: float, limit: float) -> tuple[str, Says]:
    if distance <= limit:
        return "within_threshold", Says.AGREES
    if distance <= limit * (1 + DEAD_ZONE_SHARE):
        return "near_threshold", Says.CANNOT_TELL
    return "beyond_threshold", Says.DISAGREES


def nothing_compared(reason: str) -> Comparison:
    """There was nothing to compare: ``not_in_library``, ``no_face`` ..."""
    return Comparison(Says.CANNOT_TELL, (reason,))


def unless_another(found: Comparison, named: int, seen_as: int | None) -> Comparison:
    """No agreement where the decision calls the face by somebody else's name: two people are near, and we cannot tell.

    Args:
        found: what the comparison with the person whom the device named says.
        named: that person.
        seen_as: whom the decision has matched; None if nobody.
    """
    if found.says is not Says.AGREES or seen_as in {None, named}:
        return found
    return replace(found, says=Says.CANNOT_TELL, reasons=("somebody_else_nearer", *found.reasons))


def together(library: Comparison, device_picture: Comparison | None) -> Says:
    """What we say: one contradiction counts, whatever the other comparison says; else one agreement does.

    Args:
        library: by the faces of the person who carries the identity in our library.
        device_picture: by the library picture that the device sent along; None if it sent none.
    """
    said = {library.says} | ({device_picture.says} if device_picture is not None else set())
    for each in (Says.DISAGREES, Says.AGREES):
        if each in said:
            return each
    return Says.CANNOT_TELL


def why(library: Comparison, device_picture: Comparison | None) -> str:
    """In a machine word, what a contradiction points to.

    ``library_disagrees``: the face is that of the device's own picture, so that ours is wrong or old;
    ``device_picture_disagrees``: the other way round; ``face_disagrees``: nothing speaks for the device's word.
    """
    device = device_picture.says if device_picture is not None else Says.CANNOT_TELL
    if library.says is Says.DISAGREES and device is Says.AGREES:
        return "library_disagrees"
    if device is Says.DISAGREES and library.says is Says.AGREES:
        return "device_picture_disagrees"
    return "face_disagrees"
