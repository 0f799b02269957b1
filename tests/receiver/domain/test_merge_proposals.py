"""Proposed merges: whoever is grouped is near to all of the group, and what is known to be two people stays two."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.merge_proposals import Near, couple, groups, merge_limit, proposals
from receiver.domain.scales import DLIB, MIRRORED, Scale

couples = st.tuples(st.integers(1, 9), st.integers(1, 9)).filter(lambda pair: pair[0] < pair[1])
near_lists = st.dictionaries(couples, st.floats(0, 0.6)).map(
    lambda found: [Near(*pair, distance) for pair, distance in found.items()]
)


def test_a_chain_is_no_group() -> None:
    chain = [Near(1, 2, 0.1), Near(2, 3, 0.2), Near(3, 4, 0.1)]
    assert groups(chain) == [[1, 2], [3, 4]]


def test_the_most_faces_are_kept_then_the_oldest_and_the_nearest_comes_first() -> None:
    near = [Near(1, 2, 0.3), Near(1, 3, 0.2), Near(2, 3, 0.1), Near(4, 5, 0.05)]
    found = proposals(near, {1: 2, 2: 5, 3: 1, 4: 1, 5: 1})
    assert [(each.kept, each.other, each.distance, each.group) for each in found] == [
        (4, 5, 0.05, 2),
        (2, 3, 0.1, 3),
        (2, 1, 0.3, 3),
    ]


def test_two_people_are_not_joined_through_a_third() -> None:
    near = [Near(1, 2, 0.3), Near(1, 3, 0.1), Near(2, 3, 0.2)]
    assert groups(near, {(2, 1)}) == [[1, 3]]


@given(near_lists, st.sets(couples))
def test_groups_are_whole_apart_and_share_nobody(near: list[Near], apart: set[tuple[int, int]]) -> None:
    allowed = {each.couple for each in near} - apart
    found = groups(near, apart)
    assert all(set(combinations(group, 2)) <= allowed for group in found)
    members = [each for group in found for each in group]
    assert len(members) == len(set(members))
    # Nothing that could be one group is left as two.
    alone = [[each] for each in {one for pair in allowed for one in pair} - set(members)]
    for one, other in combinations(found + alone, 2):
        assert not all(couple(a, b) in allowed for a in one for b in other)


@given(near_lists, st.sets(couples), st.randoms())
def test_the_order_of_the_pairs_does_not_matter(near: list[Near], apart: set[tuple[int, int]], random: object) -> None:
    mixed = list(near)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    faces = dict.fromkeys(range(10), 1)
    found = proposals(near, faces, apart)
    assert proposals(mixed, faces, apart) == found
    assert not {each.couple for each in found} & apart
    assert len({each.other for each in found}) == len(found)


@pytest.mark.parametrize("scale", [DLIB, MIRRORED])
def test_the_more_strangers_the_nearer_they_must_be(scale: Scale) -> None:
    limits = [merge_limit(number, scale) for number in (2, 10, 100, 1000, 10_000)]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] == scale.verification
    assert limits[-1] < 0.45
