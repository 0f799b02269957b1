"""Which strangers may be one person: near pairs sorted into groups in which everybody is near to everybody."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from receiver.domain.scales import Scale
from receiver.domain.thresholds import threshold_for

WRONG_SHARE = 0.05
"""Of strangers who are alone in truth, the share for whom a merge is proposed.

Wrong pairs come two strangers at a time, so that one in forty costs a look in vain. A search calls one in a hundred by a
wrong name; here nobody is called by any, so that five times as many are let through."""

Couple = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Near:
    """Two people who lie near to each other; ``one`` has the lower id.

    Attributes:
        distance: between the means of their faces, aligned to what it would be between single pictures; Euclidean.
    """

    one: int
    other: int
    distance: float

    @property
    def couple(self) -> Couple:
        return self.one, self.other


@dataclass(frozen=True, slots=True)
class Proposal:
    """That ``other`` is the same person as ``kept``.

    Attributes:
        kept: who has more faces, or was there first.
        other: who would be merged into that one.
        distance: see Near.
        group: how many strangers are taken for this one person, both included.
    """

    kept: int
    other: int
    distance: float
    group: int

    @property
    def couple(self) -> Couple:
        return couple(self.kept, self.other)


def couple(one: int, other: int) -> Couple:
    """Two people in the order in which pairs are named."""
    return (one, other) if one < other else (other, one)


def merge_limit(strangers: int, scale: Scale) -> float:
    """Up to which aligned distance two of so many strangers are proposed to be one; Euclidean, never beyond verification."""
    return threshold_for(WRONG_SHARE, max(strangers - 1, 1), scale)


def groups(near: Iterable[Near], apart: Collection[Couple] = ()) -> list[list[int]]:
    """Groups of two or more, each in which all pairs are near and none is known to be two people.

    The nearest pairs come first (complete linkage), so that a chain of people each near to the next is no group.

    Args:
        near: each pair once, in any order.
        apart: pairs that must not be in one group, in any order.
    """
    ordered = sorted(near, key=lambda each: (each.distance, each.couple))
    forbidden = {couple(*each) for each in apart}
    allowed = {each.couple for each in ordered} - forbidden
    group_of: dict[int, list[int]] = {}
    for pair in ordered:
        mine, theirs = (group_of.setdefault(each, [each]) for each in pair.couple)
        if mine is theirs or any(couple(*each) not in allowed for each in product(mine, theirs)):
            continue
        mine.extend(theirs)
        group_of.update(dict.fromkeys(theirs, mine))
    found = {id(each): each for each in group_of.values() if len(each) > 1}
    return sorted(sorted(each) for each in found.values())


def proposals(near: Iterable[Near], faces: Mapping[int, int], apart: Collection[Couple] = ()) -> list[Proposal]:
    """What to propose, nearest first: in each group everybody is merged into the one with the most faces.

    Args:
        near: see ``groups``.
        faces: how many faces each of them has.
        apart: see ``groups``.
    """
    near = list(near)
    distance = {each.couple: each.distance for each in near}
    found = []
    for group in groups(near, apart):
        kept = min(group, key=lambda each: (-faces[each], each))
        found += [Proposal(kept, each, distance[couple(kept, each)], len(group)) for each in group if each != kept]
    return sorted(found, key=lambda each: (each.distance, each.couple))
