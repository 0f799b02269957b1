"""What becomes of two people who are one, and what an undo gives back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.corrections import Terms, changed, given_back, merged_fields, merged_note, merged_terms
from receiver.domain.errors import Conflict, Invalid
from receiver.domain.events import ListName
from receiver.domain.people import PersonState, standing

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STAFF, STRANGER, BLACKLIST, VIP = ListName.STAFF, ListName.STRANGER, ListName.BLACKLIST, ListName.VIP
LISTS = st.sampled_from(ListName)
STATES = st.sampled_from(["active", "set_aside", "ignored"])
TIMES = st.one_of(st.none(), st.integers(0, 9).map(lambda days: NOON + days * DAY))
ANY_TERMS = st.builds(Terms, LISTS, STATES, TIMES, TIMES)
VALUES = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3))


def test_the_named_one_s_list_state_and_validity_hold() -> None:
    named, nobody = Terms(VIP, "set_aside", NOON, NOON + DAY), Terms(STRANGER, "active")
    assert merged_terms(named, nobody) == merged_terms(nobody, named) == named


def test_of_two_on_one_list_that_of_who_stays_holds() -> None:
    own, other = Terms(STAFF, "active", NOON), Terms(STAFF, "set_aside", None, NOON)
    assert merged_terms(own, other) == own
    assert merged_terms(Terms(STRANGER, "active"), Terms(STRANGER, "ignored")) == Terms(STRANGER, "active")
    assert merged_terms(Terms(STRANGER, "ignored"), Terms(STRANGER, "active")) == Terms(STRANGER, "ignored")


@pytest.mark.parametrize("wanted", [STAFF, BLACKLIST])
def test_of_two_named_lists_it_must_be_said_which_holds(wanted: ListName) -> None:
    own, other = Terms(STAFF, "active", NOON), Terms(BLACKLIST, "active", None, NOON)
    with pytest.raises(Conflict) as refused:
        merged_terms(own, other)
    assert refused.value.reason == "lists_differ"
    assert merged_terms(own, other, wanted) == (own if wanted is STAFF else other)


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [(STAFF, BLACKLIST, VIP), (STAFF, BLACKLIST, STRANGER), (STAFF, STRANGER, STRANGER), (STRANGER, STRANGER, VIP)],
)
def test_nobody_gets_a_list_of_neither(one: ListName, other: ListName, wanted: ListName) -> None:
    with pytest.raises(Invalid) as refused:
        merged_terms(Terms(one, "active"), Terms(other, "active"), wanted)
    assert refused.value.reason == "list_of_neither"


def test_an_entry_of_the_blacklist_that_is_over_hides_none_that_holds() -> None:
    over = Terms(BLACKLIST, "set_aside", None, NOON)
    holds = Terms(BLACKLIST, "active", NOON, NOON + DAY)
    assert merged_terms(over, holds) == merged_terms(holds, over) == Terms(BLACKLIST, "active", None, NOON + DAY)
    assert merged_terms(holds, Terms(BLACKLIST, "active")) == Terms(BLACKLIST, "active")


@given(own=ANY_TERMS, other=ANY_TERMS, wanted=st.one_of(st.none(), LISTS), days=st.integers(-2, 12))
def test_the_blacklist_is_never_lost_unsaid(own: Terms, other: Terms, wanted: ListName | None, days: int) -> None:
    moment = NOON + days * DAY

    def is_called(each: Terms) -> bool:
        return each.list is BLACKLIST and not standing(each.state, each.valid_from, each.valid_until, moment)

    try:
        result = merged_terms(own, other, wanted)
    except (Conflict, Invalid):
        return
    assert is_called(result) or wanted not in {None, BLACKLIST} or not (is_called(own) or is_called(other))


def test_notes_stand_below_each_other_and_once() -> None:
    assert merged_note("a", "b") == "a\n\nb"
    assert merged_note("", "b") == "b"
    assert merged_note("a", "") == "a"
    assert merged_note("a and b", "b") == "a and b"


def test_of_two_values_of_one_field_that_of_who_stays_counts() -> None:
    assert merged_fields({"a": 1}, {"a": 2, "b": 3}) == {"a": 1, "b": 3}


def test_only_what_changes_is_kept() -> None:
    assert changed({"name": "A", "note": "x"}, {"name": "B", "note": "x"}) == {
        "was": {"name": "A"},
        "became": {"name": "B"},
    }


@given(own=VALUES, other=VALUES, note=st.text(max_size=3), more=st.text(max_size=3))
def test_what_nobody_touched_is_given_back_as_it_was(
    own: dict[str, int], other: dict[str, int], note: str, more: str
) -> None:
    was = {"note": note, "fields": own, "list": "staff"}
    became = {"note": merged_note(note, more), "fields": merged_fields(own, other), "list": "vip"}
    assert was == became | given_back(changed(was, became), became)


@given(own=VALUES, other=VALUES, by_hand=VALUES)
def test_what_somebody_wrote_since_stays(own: dict[str, int], other: dict[str, int], by_hand: dict[str, int]) -> None:
    became = merged_fields(own, other)
    present = became | by_hand
    kept = changed({"fields": own, "list": "staff"}, {"fields": became, "list": "vip"})
    back = given_back(kept, {"fields": present, "list": "blacklist"})
    assert "list" not in back
    fields = back.get("fields", present)
    assert {name: value for name, value in by_hand.items() if became.get(name) != value}.items() <= fields.items()
    assert set(fields) <= set(own) | set(by_hand)


def test_nothing_kept_gives_nothing_back() -> None:
    assert given_back({}, {"note": "x", "fields": {}}) == {}


def test_whoever_is_ignored_is_said_to_be() -> None:
    assert standing(PersonState.IGNORED, None, None, NOON) == ("ignored",)
    assert standing(PersonState.MERGED, None, None, NOON) == ()
