"""Who becomes a stranger with a lasting id though no device asks for it, and by which pictures a stranger is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from receiver.domain.events import ListName
from receiver.domain.identity import MARGIN, Decision, Finding, Status

Embedding: TypeAlias = npt.NDArray[np.float32]

PAUSE = timedelta(seconds=10)
"""Two sightings that lie nearer in time are one: a box tells of one passage several times."""

MOST_WAITING = 2000
"""Faces that wait to be seen again, at most; the oldest go first.

The more wait, the nearer the second sighting must come: among 2000 the model's threshold already misses half of the
pictures, and reading them takes a few milliseconds under the library's lock."""

MOST_TRIED = 20
"""Pictures that a stranger ever had by itself; then nothing is exchanged any more: the best are found long before."""

CLEARLY = MARGIN
"""How much nearer than its threshold a face must lie before it is learnt from, and twice how much the next person must be
further away: what is only just matched may be somebody else, and would draw the next ones after it."""

NAMELESS = frozenset({"stranger", "\u964c\u751f\u4eba"})
"""Names by which boxes call somebody whom they do not know, whatever list they report."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a site treats strangers.

    Attributes:
        is_automatic: whether a face that is seen twice becomes a stranger by itself.
        waiting: how long a face waits to be seen a second time.
        faces: by how many pictures a stranger is known, at most, 1 or more.
    """

    is_automatic: bool = True
    waiting: timedelta = timedelta(days=7)
    faces: int = 5


SHIPPED_RULES = Rules()
"""Where a site has not said anything else."""


def may_be_stranger(reported: ListName, identity_id: str, identity_name: str) -> bool:
    """Whether the device calls somebody a stranger, or does not name them.

    Args:
        reported: the list that the device reported; staff where it said nothing.
        identity_id: whom the device named; empty if nobody.
        identity_name: the same, as people call them.
    """
    is_called_so = reported is ListName.STRANGER or identity_name.strip().lower() in NAMELESS
    return is_called_so or not (identity_id or identity_name)


def is_named(reported: ListName, identity_id: str, identity_name: str) -> bool:
    """Whether a device that asks for a new stranger (1001) says in the same message that it is somebody else.

    Staff says nothing against it: it is also what holds where a box sends no type, and boxes give strangers names of
    their own. Whoever is a visitor, of the blacklist or VIP to the box is called so by it.

    Args:
        reported: see ``may_be_stranger``.
        identity_id: the same.
        identity_name: the same.
    """
    return reported is not ListName.STAFF and not may_be_stranger(reported, identity_id, identity_name)


def is_fit(findings: Sequence[Finding], *, fiqa_result: bool | None) -> bool:
    """Whether a face is good enough to be kept in the library by itself.

    Args:
        findings: what the gate ``register`` says about the picture.
        fiqa_result: the device's own word; None if it said nothing. False is final: boxes forbid to register it.
    """
    return fiqa_result is not False and all(finding.level != "refuse" for finding in findings)


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A face that nobody knows, seen in one event.

    Attributes:
        event_id: in which.
        digest: of the picture.
        occurred_at: by the device's clock, aware.
        embedding: float32, shape (d,); all that are compared are of one model.
        quality: 0 or more, higher is better.
    """

    event_id: int
    digest: bytes
    occurred_at: datetime
    embedding: Embedding
    quality: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class SecondSighting:
    """That somebody was seen twice.

    Attributes:
        first: the earlier report that counts as the other sighting.
        joined: all that show the same person, ``first`` among them.
    """

    first: Waiting
    joined: tuple[Waiting, ...]


def second_sighting(new: Waiting, waiting: Sequence[Waiting], limit: float) -> SecondSighting | None:
    """Whether a face was seen before, in another picture and at another time.

    Whoever is near to the new face but not to the one it is paired with may be somebody else, and goes on waiting.

    Args:
        new: the face that has just been seen.
        waiting: those that were seen before, in any order.
        limit: up to which Euclidean distance two of them are taken for one person's.

    Returns:
        None where it is the first sighting. Of several the best picture is taken as the first, then the nearest one.
    """
    near = [each for each in waiting if each.event_id != new.event_id and _apart(each, new) <= limit]
    other = [each for each in near if is_another_sighting(new, each)]
    if not other:
        return None
    first = min(other, key=lambda each: (-each.quality, _apart(each, new), each.event_id))
    joined = sorted((each for each in near if _apart(each, first) <= limit), key=lambda each: each.event_id)
    return SecondSighting(first, tuple(joined))


def is_another_sighting(one: Waiting, other: Waiting) -> bool:
    """Whether two reports are two sightings: other events, other pictures, and not at one moment."""
    is_apart = abs(one.occurred_at - other.occurred_at) >= PAUSE
    return one.event_id != other.event_id and one.digest != other.digest and is_apart


def may_learn_from(decision: Decision) -> bool:
    """Whether a matched stranger's face is so clearly that one's that it may stand for the stranger from now on.

    Where only the device's word confirmed the match, or somebody else was about as near, nothing is learnt.
    """
    if decision.status is not Status.MATCHED or decision.list is not ListName.STRANGER or decision.distance is None:
        return False
    is_own = "within_threshold" in decision.reasons
    is_near = decision.distance <= decision.threshold - CLEARLY
    return is_own and is_near and (decision.margin is None or decision.margin >= 2 * CLEARLY)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A picture by which a stranger is known, or may come to be.

    Attributes:
        key: different for each; settles what is equal in everything else, the lower one first.
        embedding: float32, shape (d,).
        quality: 0 to 100, higher is better.
        is_fixed: whether it stays in any case, as those do that somebody vouched for.
    """

    key: int
    embedding: Embedding
    quality: float
    is_fixed: bool = False


def chosen(pictures: Sequence[Known], most: int, same_shot: float) -> list[int]:
    """The pictures that are kept: the best one, then always the one that is best *and* most unlike those kept already.

    Args:
        pictures: all of one person and one model, in any order.
        most: how many may be kept, 1 or more; fixed ones stay even beyond that.
        same_shot: Euclidean distance below which two pictures are the same shot; the second one adds nothing.

    Returns:
        Their keys, rising.
    """
    kept = [each for each in pictures if each.is_fixed]
    left = sorted((each for each in pictures if not each.is_fixed), key=lambda each: each.key)
    while left and len(kept) < most:
        best = max(left, key=lambda each: (_worth(each, kept), each.quality, -each.key))
        if kept and _nearest(best, kept) < same_shot:
            left = [each for each in left if _nearest(each, kept) >= same_shot]
            continue
        kept.append(best)
        left.remove(best)
    return sorted(each.key for each in kept)


def _worth(picture: Known, kept: Sequence[Known]) -> float:
    """Quality times how much the picture adds; 1 is added so that a bad measure does not hide what is unlike."""
    return (picture.quality + 1) * (_nearest(picture, kept) if kept else 1.0)


def _nearest(picture: Known, kept: Sequence[Known]) -> float:
    return min(float(np.linalg.norm(picture.embedding - each.embedding)) for each in kept)


def _apart(one: Waiting, other: Waiting) -> float:
    return float(np.linalg.norm(one.embedding - other.embedding))
