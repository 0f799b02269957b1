"""Which sightings are one person at one moment, and what their common decision may change of what was decided alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from receiver.domain.identity import Decision, Status

Embedding: TypeAlias = npt.NDArray[np.float32]

WINDOW = timedelta(seconds=5)
"""Sightings at one gate that lie further apart in time are two passages."""

MOST = 5
"""Pictures that are averaged at most: more change little, and a crowd of events at one gate must not become dear."""

CLOSE_SHARE = 0.40 / 0.58
"""Two embeddings belong together up to this share of their model's verification threshold: 0.40 for dlib's network.

No pair of different people of 9.1 million lies below 0.40 but three in a million, so nobody's picture is averaged with
somebody else's; of two pictures of one person taken on different days about a third do, of two taken by one camera
within seconds nearly all."""

SAME_SHOT_SHARE = 0.20 / 0.58
"""Below this share two pictures are the same shot, cut or compressed anew: 0.20 for dlib's network.

Such a picture adds no knowledge, and must not be counted: the threshold for a mean of two is stricter because two
independent pictures bring the mean nearer to everybody. Measured on 119 people of the development photographs: a face
cut out of its scene lies 0.05 from the scene's (quality 92), 0.10 at 0.8 of the size and quality 85 (at most 0.14), 0.19
at 0.6 and quality 60; of independent pictures of one person none was nearer than 0.20, with mirror averaging 0.8 %."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The distances of one model.

    Attributes:
        close: up to here two embeddings are averaged.
        same_shot: below this they are the same shot.
    """

    close: float
    same_shot: float


def reach_of(verification_threshold: float) -> Reach:
    """The distances of the model whose verification threshold (Euclidean, above 0) is given."""
    return Reach(verification_threshold * CLOSE_SHARE, verification_threshold * SAME_SHOT_SHARE)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One event's face.

    Attributes:
        event_id: the event.
        occurred_at: aware UTC.
        identity_id: whom the device named; empty if nobody.
        embeddings: one or more, float32, all of one model and of one length; the first is the face decided on.
        status: what was decided of the event; None before.
        person_id: whom it was matched to; None if nobody, or somebody who is no longer in the library.
    """

    event_id: int
    occurred_at: datetime
    identity_id: str
    embeddings: tuple[Embedding, ...]
    status: Status | None = None
    person_id: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """An event's face with those that belong to it.

    Attributes:
        seen: the event whose group it is.
        others: the events that join it, the nearest in time first; each adds at least one embedding.
        embeddings: all embeddings to be averaged, the event's own first; at most MOST.
    """

    seen: Seen
    others: tuple[Seen, ...]
    embeddings: tuple[Embedding, ...]


def one_face(embeddings: Sequence[Embedding], reach: Reach) -> list[int]:
    """Which of several embeddings show the face of the first and add to it: their places, the first one's included.

    Args:
        embeddings: of one model; the first counts in any case.
        reach: the model's distances.

    Returns:
        Places in ``embeddings``, at most MOST; empty if there are none.
    """
    kept: list[int] = []
    for place, each in enumerate(embeddings):
        is_new = all(_apart(each, embeddings[one]) >= reach.same_shot for one in kept)
        if len(kept) < MOST and is_new and _apart(each, embeddings[0]) <= reach.close:
            kept.append(place)
    return kept


def groups_with(newcomer: Seen, present: Sequence[Seen], reach: Reach) -> list[Group]:
    """The groups that a newcomer changes: its own, and that of each event that it joins; all of one gate.

    Args:
        newcomer: the event that has just been decided on.
        present: the others of twice WINDOW around it: also neighbours of its neighbours count.
        reach: the model's distances.

    Returns:
        Groups of two or more events, the newcomer's own first where it has one.
    """
    everybody = [newcomer, *present]
    own = group_of(newcomer, present, reach)
    theirs = [group_of(one, everybody, reach) for one in present if _is_neighbour(newcomer, one, reach)]
    changed = [group for group in theirs if newcomer in group.others]
    return [own, *changed] if own.others else changed


def group_of(seen: Seen, others: Iterable[Seen], reach: Reach) -> Group:
    """The event with the others that show the same person at the same moment; all of one gate.

    An event joins if it lies within WINDOW and close by its first embedding, and if its device names nobody else than
    those who are in already. The nearest in time are asked first; the order in which events are given does not matter.
    """
    names = {seen.identity_id} - {""}
    embeddings = list(seen.embeddings[:MOST])
    joined: list[Seen] = []
    for other in sorted(others, key=lambda one: _order(seen, one)):
        if not _is_neighbour(seen, other, reach) or (other.identity_id and names - {other.identity_id}):
            continue
        added = [
            each
            for each in other.embeddings
            if _apart(each, embeddings[0]) <= reach.close
            and all(_apart(each, known) >= reach.same_shot for known in embeddings)
        ][: MOST - len(embeddings)]
        if added:
            names |= {other.identity_id} - {""}
            embeddings += added
            joined.append(other)
    return Group(seen, tuple(joined), tuple(embeddings))


def may_revise(group: Group, fused: Decision) -> bool:
    """Whether the decision of the group's mean takes the place of what was decided of its event.

    What was matched stays as it is: fusion finds people, it takes nobody's name away and withdraws no alert. A name that
    contradicts what one of the others was matched to alone is not given.

    Args:
        group: the event and those that join it, with what was decided of each up to now.
        fused: what the mean of all says, under its own threshold.
    """
    if not group.others or group.seen.status is Status.MATCHED:
        return False
    named = {one.person_id for one in group.others if one.status is Status.MATCHED} - {None}
    return fused.status is not Status.MATCHED or named <= {fused.person_id}


def _order(seen: Seen, other: Seen) -> tuple[timedelta, float, int]:
    """By nearness in time, then in looks; the number settles what is equal in both."""
    return abs(other.occurred_at - seen.occurred_at), _apart(seen.embeddings[0], other.embeddings[0]), other.event_id


def _is_neighbour(seen: Seen, other: Seen, reach: Reach) -> bool:
    return (
        other.event_id != seen.event_id
        and abs(other.occurred_at - seen.occurred_at) <= WINDOW
        and _apart(seen.embeddings[0], other.embeddings[0]) <= reach.close
    )


def _apart(one: Embedding, other: Embedding) -> float:
    return float(np.linalg.norm(one - other))
