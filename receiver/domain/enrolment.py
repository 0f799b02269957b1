"""Whether a face may be enrolled for a person: whose else it may be, and whether it fits the person's own pictures."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from receiver.domain.events import ListName
from receiver.domain.identity import MARGIN, Candidate

NEARLY = MARGIN
"""How near to a limit a distance is already warned of, Euclidean: what decisions ask of the runner-up's distance."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What speaks against a face, seen from the library.

    Attributes:
        reason: ``look_alike`` or ``contradiction``.
        level: ``refuse`` or ``warn``.
        distance: to the mean of the other person's faces, or of the person's own other ones; Euclidean, 0 or more.
        limit: a look-alike is refused up to it, a contradiction beyond it.
        person_id: whom it looks like; None for a contradiction.
        face_id: the nearest face there; None where that comes with the same request.
        picture: the place, in the request, of the nearest picture; None where that is in the library.
    """

    reason: str
    level: Literal["warn", "refuse"]
    distance: float
    limit: float
    person_id: int | None = None
    face_id: int | None = None
    picture: int | None = None


def look_alikes(near: Iterable[Candidate], own: int | None = None) -> list[Doubt]:
    """Whom else a face looks like, nearest first.

    Refused is what a search would call by the other's name: the limit is the one by which the gates decide for a library
    of this size, so that one new person in a hundred is refused wrongly where one in a hundred is called wrongly. Just
    beyond, it is warned of. A stranger never refuses: nobody has vouched for that name, and named people win against
    strangers; the warning says whom to promote instead.

    Args:
        near: the nearest people, each with the own limits.
        own: the person whose face it is to be, who is left out; None for a new person.
    """
    found = [
        Doubt(
            "look_alike",
            "refuse" if each.distance <= each.threshold and each.list is not ListName.STRANGER else "warn",
            each.distance,
            each.threshold,
            each.person_id,
            each.face_id,
        )
        for each in near
        if each.person_id != own and each.distance <= each.threshold + NEARLY
    ]
    return sorted(found, key=lambda one: (one.level, one.distance))


def contradiction(
    distance: float, limit: float, *, face_id: int | None = None, picture: int | None = None
) -> Doubt | None:
    """Whether a face is another person's than the pictures that are there; None where it is not.

    The limit is the looser one for two pictures of one person, as in a comparison one to one: nobody else is in question.

    Args:
        distance: to the mean of the person's other faces, Euclidean, 0 or more.
        limit: up to which it is the same person.
        face_id: see Doubt.
        picture: see Doubt.
    """
    if distance <= limit - NEARLY:
        return None
    level: Literal["warn", "refuse"] = "refuse" if distance > limit else "warn"
    return Doubt("contradiction", level, distance, limit, None, face_id, picture)
