"""Who belongs together at one gate and moment, in whatever order they come, and that nothing is ever withdrawn."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.fusion import (
    MOST,
    WINDOW,
    Embedding,
    Group,
    Reach,
    Seen,
    group_of,
    groups_with,
    may_revise,
    one_face,
    reach_of,
)
from receiver.domain.identity import Decision, Status

START = datetime(2026, 1, 1, tzinfo=UTC)
REACH = Reach(close=0.40, same_shot=0.20)
Decide = Callable[[Sequence[Embedding]], Decision]


def at(*place: float) -> Embedding:
    return np.array([*place, 0.0, 0.0][:3], np.float32)


def seen(number: int, *places: Embedding, seconds: float = 0.0, name: str = "", **facts: object) -> Seen:
    found = Seen(number, START + timedelta(seconds=seconds), name, places or (at(0.0),))
    return replace(found, **facts)  # type: ignore[arg-type]


def others(group: Group) -> list[int]:
    return [one.event_id for one in group.others]


def test_dlibs_distances_come_from_its_verification_threshold() -> None:
    reach = reach_of(0.58)
    assert [reach.close, reach.same_shot] == pytest.approx([0.40, 0.20])


def test_a_later_close_sighting_joins() -> None:
    group = group_of(seen(1), [seen(2, at(0.3), seconds=4.9)], REACH)
    assert others(group) == [2]
    assert [each.tolist() for each in group.embeddings] == [[0.0, 0.0, 0.0], [pytest.approx(0.3), 0.0, 0.0]]


@pytest.mark.parametrize(
    ("why", "other"),
    [
        ("another moment", seen(2, at(0.3), seconds=5.1)),
        ("another face", seen(2, at(0.41))),
        ("the same shot", seen(2, at(0.1))),
        ("the same event", seen(1, at(0.3))),
        ("another name", seen(2, at(0.3), name="E2")),
    ],
)
def test_what_does_not_belong_together_is_not_fused(why: str, other: Seen) -> None:
    assert others(group_of(seen(1, name="E1"), [other], REACH)) == [], why


def test_nobody_joins_two_who_contradict_each_other() -> None:
    nearer, farther = seen(2, at(0.3), seconds=1, name="E2"), seen(3, at(0.0, 0.3), seconds=2, name="E3")
    assert others(group_of(seen(1), [farther, nearer], REACH)) == [2]


def test_an_event_without_a_name_joins_one_with_a_name() -> None:
    assert others(group_of(seen(1, name="E1"), [seen(2, at(0.3)), seen(3, at(0.0, 0.3), name="E1")], REACH)) == [2, 3]


def test_all_pictures_of_a_neighbour_count_but_never_more_than_the_bound() -> None:
    many = [at(*(0.3 * np.array(place))) for place in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (0, -1, 0))]
    group = group_of(seen(1), [seen(2, *many[:2], seconds=1), seen(3, *many[2:], seconds=2)], REACH)
    assert (others(group), len(group.embeddings)) == ([2, 3], MOST)
    assert others(group_of(seen(1, at(0.0), *many[:4]), [seen(2, many[4])], REACH)) == []


def test_of_several_pictures_those_of_the_first_ones_face_count_once_each() -> None:
    places = [at(0.0), at(0.1), at(0.3), at(0.9), at(0.0, 0.3)]
    assert one_face(places, REACH) == [0, 2, 4]
    assert one_face([], REACH) == []
    assert one_face([at(0.0), *(at(0.0, 0.0, 0.21 * sign) for sign in (1, -1))], REACH) == [0, 1, 2]


def unknown(_embeddings: Sequence[Embedding]) -> Decision:
    return Decision(Status.UNKNOWN)


def matched(person: int) -> Decision:
    return Decision(Status.MATCHED, person_id=person)


@pytest.mark.parametrize(
    ("own", "neighbour", "fused", "may"),
    [
        (Status.UNKNOWN, seen(2, status=Status.UNKNOWN), matched(1), True),
        (Status.AMBIGUOUS, seen(2, status=Status.UNKNOWN), unknown(()), True),
        (Status.MATCHED, seen(2, status=Status.UNKNOWN), unknown(()), False),
        (Status.MATCHED, seen(2, status=Status.UNKNOWN), matched(1), False),
        (Status.UNKNOWN, seen(2, status=Status.MATCHED, person_id=1), matched(1), True),
        (Status.UNKNOWN, seen(2, status=Status.MATCHED, person_id=2), matched(1), False),
        (Status.UNKNOWN, seen(2, status=Status.MATCHED, person_id=None), matched(1), True),
        (Status.UNKNOWN, None, matched(1), False),
    ],
)
def test_what_the_mean_may_revise(own: Status, neighbour: Seen | None, fused: Decision, *, may: bool) -> None:
    group = Group(seen(1, status=own), () if neighbour is None else (neighbour,), (at(0.0),))
    assert may_revise(group, fused) is may


class Gate:
    """Decides on events as they come, as the service does."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self.events: dict[int, Seen] = {}
        self.history: dict[int, list[tuple[Status, int | None]]] = {}
        self.last: dict[int, Decision] = {}

    def tell(self, event: Seen) -> None:
        present = list(self.events.values())
        self._put(event, self._decide(event.embeddings))
        for group in groups_with(self.events[event.event_id], present, REACH):
            fused = self._decide(group.embeddings)
            if may_revise(group, fused):
                self._put(group.seen, fused)

    def _put(self, event: Seen, decision: Decision) -> None:
        person = decision.person_id
        self.last[event.event_id] = decision
        self.events[event.event_id] = replace(event, status=decision.status, person_id=person)
        self.history.setdefault(event.event_id, []).append((decision.status, person))


def near(people: Sequence[Embedding], threshold: float) -> Decide:
    """Matches the mean to the nearest person; the mean of several must come nearer."""

    def decide(embeddings: Sequence[Embedding]) -> Decision:
        mean = np.mean(embeddings, axis=0)
        distances = [float(np.linalg.norm(mean - one)) for one in people]
        limit = threshold * 0.8 ** (len(embeddings) - 1)
        within = [number for number, distance in enumerate(distances, start=1) if distance <= limit]
        if len(within) > 1:
            return Decision(Status.AMBIGUOUS)
        return matched(within[0]) if within else unknown(embeddings)

    return decide


places = st.tuples(*[st.integers(-8, 8).map(lambda tenth: tenth / 20) for _ in range(3)])
events = st.lists(
    st.tuples(st.integers(0, 90).map(lambda tenth: tenth / 10), places, st.sampled_from(["", "E1", "E2"])),
    min_size=1,
    max_size=6,
    unique_by=(lambda each: each[0], lambda each: each[1]),
).map(
    lambda facts: [
        seen(number, at(*place), seconds=seconds, name=name)
        for number, (seconds, place, name) in enumerate(facts, start=1)
    ]
)
# Near to each other in time and looks, so that most belong together, contradict each other, or are too many.
crowds = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.tuples(*[st.integers(-20, 20).map(lambda place: place / 100) for _ in range(3)]),
        st.sampled_from(["", "", "E1", "E2"]),
    ),
    min_size=2,
    max_size=9,
    unique_by=(lambda each: each[0], lambda each: each[1]),
).map(
    lambda facts: [
        seen(number, at(*place), seconds=hundredths / 100, name=name)
        for number, (hundredths, place, name) in enumerate(facts, start=1)
    ]
)
libraries = st.lists(places.map(lambda place: at(*place)), max_size=3)


def whose_mean(embeddings: Sequence[Embedding]) -> Decision:
    """Nobody, and the distance tells which embeddings were averaged."""
    mean = np.mean(np.sort(np.asarray(embeddings, np.float64), axis=0), axis=0)
    return Decision(Status.UNKNOWN, distance=round(float(mean @ (1.0, 7.0, 49.0)), 5))


@given(crowds, st.data())
def test_where_nothing_is_matched_the_order_of_arrival_does_not_matter(told: list[Seen], data: st.DataObject) -> None:
    ends = []
    for order in (told, data.draw(st.permutations(told))):
        gate = Gate(whose_mean)
        for event in order:
            gate.tell(event)
        ends.append(gate.last)
    assert ends[0] == ends[1]


@given(events, libraries)
def test_a_match_is_never_withdrawn_in_any_order(told: list[Seen], people: list[Embedding]) -> None:
    for order in itertools.islice(itertools.permutations(told), 24):
        gate = Gate(near(people, 0.3))
        for event in order:
            gate.tell(event)
        for past in gate.history.values():
            names = [person for status, person in past if status is Status.MATCHED]
            assert len(set(names)) <= 1
            assert not names or past[-1][0] is Status.MATCHED


@given(events)
def test_groups_stay_within_their_bounds(told: list[Seen]) -> None:
    for event in told:
        group = group_of(event, told, REACH)
        assert 1 <= len(group.embeddings) <= MOST
        assert len({one.identity_id for one in (event, *group.others)} - {""}) <= 1
        assert all(abs(one.occurred_at - event.occurred_at) <= WINDOW for one in group.others)
        assert all(np.linalg.norm(one.embeddings[0] - event.embeddings[0]) <= REACH.close for one in group.others)
