"""The words and the shares of the review list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.review_words import WORDS
from receiver.domain.reviews import ReviewKind, ReviewState, adoption_key, fair_shares, pair_key
from schemas.reviews import KINDS, STATES

COUNTS = st.dictionaries(st.sampled_from(list(ReviewKind)), st.integers(0, 600))


def test_every_kind_has_words_of_its_own() -> None:
    assert WORDS.keys() == set(ReviewKind)
    assert len({words.sentence for words in WORDS.values()}) == len(ReviewKind)


def test_the_interface_names_all_kinds_and_states() -> None:
    assert (set(KINDS), set(STATES)) == (set(ReviewKind), set(ReviewState))


def test_a_pair_is_the_same_in_whichever_order_it_is_named() -> None:
    assert pair_key("look_alike", 7, 3) == pair_key("look_alike", 3, 7) != pair_key("proposed_merge", 3, 7)


@pytest.mark.parametrize("external_id", ["", "7", "x" * 255, "\ud800"])
def test_a_key_fits_its_column_whatever_the_id(external_id: str) -> None:
    assert len(adoption_key(2**62, external_id)) <= 200


@given(COUNTS, st.integers(1, 500))
def test_a_page_is_full_if_there_is_enough_and_nobody_gets_more_than_there_is(
    available: dict[str, int], room: int
) -> None:
    shares = fair_shares(available, room)
    assert sum(shares.values()) == min(room, sum(available.values()))
    assert all(shares[kind] <= available[kind] for kind in available)


@given(COUNTS, st.integers(len(ReviewKind), 500))
def test_whoever_waits_gets_no_less_than_others_by_more_than_a_round(available: dict[str, int], room: int) -> None:
    shares = fair_shares(available, room)
    waiting = [shares[kind] for kind in available if shares[kind] < available[kind]]
    assert all(each >= room // max(1, len(available)) for each in waiting)
