"""Whose word a message is: decided from what is known alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.errors import Invalid
from receiver.domain.trust import Claim, Known, Mode, Standing, State, Why, is_within, read_bound, resolve

HERE, THERE = "10.0.0.9", "10.9.9.9"
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
BOX = Known(1, "licence:N", "N", State.TRUSTED, address=HERE)
FROM_BOX = Claim("N", HERE)


def adopt(claim: Claim, *known: Known) -> Standing:
    return resolve(Mode.ADOPT, claim, known)


def test_a_trusted_licence_is_believed_at_its_address_and_nowhere_else() -> None:
    assert (adopt(FROM_BOX, BOX).id, adopt(FROM_BOX, BOX).is_trusted) == (1, True)
    elsewhere = adopt(Claim("N", THERE), BOX)
    assert (elsewhere.id, elsewhere.state, elsewhere.why) == (None, State.PENDING, Why.OTHER_ADDRESS)
    assert elsewhere.scope != adopt(FROM_BOX, BOX).scope
    assert elsewhere.place != adopt(FROM_BOX, BOX).place


@pytest.mark.parametrize("bound", ["10.9.0.0/16", "any", "10.9.9.9"])
def test_a_bound_takes_the_place_of_the_address(bound: str) -> None:
    assert adopt(Claim("N", THERE), replace(BOX, bound=bound)).id == 1
    assert (adopt(FROM_BOX, replace(BOX, bound=bound)).id == 1) == (bound == "any")


def test_whoever_nobody_knows_is_pending_under_a_name_and_address_of_its_own() -> None:
    first, second = adopt(Claim("M", HERE), BOX), adopt(Claim("M", THERE), BOX)
    assert (first.state, first.why, first.is_held) == (State.PENDING, Why.UNKNOWN, True)
    assert first.key != second.key
    known = Known(2, first.key, "M", State.PENDING, address=HERE)
    again = adopt(Claim("M", HERE), BOX, known)
    assert (again.id, again.key, again.state, again.scope) == (2, first.key, State.PENDING, first.scope)


def test_a_key_that_another_device_has_is_not_given_twice() -> None:
    moved = Known(2, f"licence:N@{HERE}", "N", State.TRUSTED, bound="192.168.0.0/16", address=HERE)
    found = adopt(FROM_BOX, moved)
    assert (found.id, found.state) == (None, State.PENDING)
    assert found.key != moved.key


def test_the_narrowest_word_counts_and_of_two_the_block() -> None:
    everywhere = replace(BOX, bound="any")
    blocked = Known(2, "x", "N", State.BLOCKED, address=THERE)
    assert adopt(Claim("N", THERE), everywhere, blocked).state is State.BLOCKED
    assert adopt(FROM_BOX, everywhere, blocked).id == 1
    assert adopt(Claim("N", THERE), replace(BOX, bound=THERE), blocked).state is State.BLOCKED


def test_a_device_with_a_key_is_believed_with_it_and_not_without() -> None:
    keyed = replace(BOX, proof=KEY)
    assert adopt(Claim("N", THERE, "", (KEY,)), keyed).id == 1
    assert adopt(Claim("another name", THERE, "", (KEY,)), keyed).id == 1
    assert adopt(FROM_BOX, keyed).why is Why.NO_KEY
    assert adopt(Claim("N", HERE, "", (OTHER_KEY,)), keyed).why is Why.WRONG_KEY
    assert not adopt(Claim("N", HERE, "", (OTHER_KEY,)), keyed).is_trusted


def test_a_key_is_good_only_within_a_bound_that_somebody_has_set() -> None:
    keyed = replace(BOX, proof=KEY, bound="10.0.0.0/24")
    assert adopt(Claim("N", HERE, "", (KEY,)), keyed).is_trusted
    assert not adopt(Claim("N", THERE, "", (KEY,)), keyed).is_trusted


def test_what_looks_like_a_key_does_not_hurt_a_device_without_one() -> None:
    assert adopt(Claim("N", HERE, "", (OTHER_KEY,)), BOX).is_trusted


def test_with_secret_only_a_key_is_believed() -> None:
    assert resolve(Mode.SECRET, FROM_BOX, [BOX]).why is Why.NO_KEY
    assert resolve(Mode.SECRET, Claim("N", HERE, "", (OTHER_KEY,)), [BOX]).why is Why.WRONG_KEY
    assert resolve(Mode.SECRET, Claim("N", HERE, "", (KEY,)), [replace(BOX, proof=KEY)]).is_trusted
    hub = Known(5, "named:h", "", State.TRUSTED, address=HERE, is_hub=True)
    assert not resolve(Mode.SECRET, Claim("M", HERE), [hub]).is_trusted


def test_a_blocked_device_is_blocked_whatever_it_shows() -> None:
    blocked = replace(BOX, state=State.BLOCKED)
    for mode in Mode:
        assert resolve(mode, FROM_BOX, [blocked]).state is State.BLOCKED
        assert resolve(mode, Claim("N", THERE, "", (KEY,)), [replace(blocked, proof=KEY)]).state is State.BLOCKED


def test_a_trusted_hub_vouches_for_the_devices_in_its_messages() -> None:
    hub = Known(5, "named:h", "", State.TRUSTED, address=THERE, is_hub=True)
    found = adopt(Claim("M", THERE), hub)
    assert (found.id, found.is_trusted, found.vouched_by) == (None, True, 5)
    known = Known(6, found.key, "M", State.PENDING, address=THERE, vouched_by=5)
    assert (adopt(Claim("M", THERE), hub, known).id, adopt(Claim("M", THERE), hub, known).is_trusted) == (6, True)
    assert adopt(Claim("M", THERE), hub, replace(known, state=State.BLOCKED)).state is State.BLOCKED
    assert not adopt(Claim("M", HERE), hub).is_trusted
    for other in (replace(hub, state=State.BLOCKED), replace(hub, is_hub=False), replace(hub, state=State.PENDING)):
        assert not adopt(Claim("M", THERE), other).is_trusted


def test_a_hub_with_a_key_vouches_with_it_only() -> None:
    hub = Known(5, "named:h", "", State.TRUSTED, proof=KEY, is_hub=True)
    assert adopt(Claim("M", THERE, "", (KEY,)), hub).vouched_by == 5
    assert not adopt(Claim("M", THERE), hub).is_trusted
    plain = replace(hub, is_hub=False)
    assert adopt(Claim("M", THERE, "", (KEY,)), plain).id == 5


def test_a_report_without_a_name_is_the_trusted_boxs_whose_gate_it_is() -> None:
    speaking = replace(BOX, speaks_for_gate=True)
    claim = Claim("", HERE, "10.0.0.21")
    assert adopt(claim, speaking).id == 1
    intruder = Known(2, "licence:I@x", "I", State.PENDING, address=HERE, speaks_for_gate=True)
    assert adopt(claim, speaking, intruder).id == 1
    alone = adopt(claim, intruder)
    assert (alone.id, alone.state) == (2, State.PENDING)


def test_where_everybody_is_believed_a_device_is_known_by_its_name_alone() -> None:
    for claim in (FROM_BOX, Claim("N", THERE)):
        found = resolve(Mode.OPEN, claim, [BOX])
        assert (found.id, found.is_trusted, found.scope, found.place) == (1, True, "licence:N", claim.peer)
    assert resolve(Mode.OPEN, Claim("", HERE), []).key == f"address:{HERE}"


STATES = st.sampled_from(State)
PEERS = st.sampled_from([HERE, THERE, "10.0.0.77", "fe80::1", "a proxy's word"])
NAMES = st.sampled_from(["", "N", "M"])
PROOFS = st.sampled_from([None, KEY, OTHER_KEY])
KNOWN = st.lists(
    st.builds(
        Known, id=st.integers(1, 9), key=st.text("ab", min_size=1, max_size=4), name=NAMES, state=STATES,
        bound=st.sampled_from(["", "any", "10.0.0.0/24", HERE]), address=PEERS, proof=PROOFS, is_hub=st.booleans(),
        vouched_by=st.sampled_from([None, 1, 2]), is_catching_up=st.booleans(), speaks_for_gate=st.booleans(),
    ),
    max_size=5, unique_by=lambda row: row.id,
)  # fmt: skip
CLAIMS = st.builds(Claim, NAMES, PEERS, st.sampled_from(["", "10.0.0.21"]), st.sampled_from([(), (KEY,), (OTHER_KEY,)]))


@given(st.sampled_from([Mode.ADOPT, Mode.SECRET]), CLAIMS, KNOWN)
def test_nobody_is_believed_whom_nobody_has_trusted(mode: Mode, claim: Claim, known: list[Known]) -> None:
    found = resolve(mode, claim, known)
    trusted = [row for row in known if row.state is State.TRUSTED]
    if found.is_trusted:
        own = [row for row in trusted if row.id in {found.id, found.vouched_by}]
        assert own
        assert any(row.is_at(claim.peer) or row.proof in claim.proofs for row in own)
        if mode is Mode.SECRET:
            assert any(row.proof in claim.proofs for row in own)
    else:
        assert found.is_held or found.state is State.BLOCKED


@given(st.sampled_from(Mode), CLAIMS, KNOWN)
def test_what_a_pending_device_sends_shares_no_key_with_anybody_else(
    mode: Mode, claim: Claim, known: list[Known]
) -> None:
    found = resolve(mode, claim, known)
    if found.state is State.PENDING:
        assert found.scope == found.place == found.key
        assert found.id is not None or found.key not in {row.key for row in known}
        assert (found.why is None) is False


@given(CLAIMS, KNOWN, st.randoms(use_true_random=False))
def test_the_order_in_which_devices_are_known_changes_nothing(claim: Claim, known: list[Known], chance: object) -> None:
    shuffled = list(known)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolve(Mode.ADOPT, claim, known) == resolve(Mode.ADOPT, claim, shuffled)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" ANY ", "any"), ("10.0.0.9", "10.0.0.9"), ("10.0.0.9/32", "10.0.0.9"), ("10.0.0.9/24", "10.0.0.0/24"),
        ("::ffff:10.0.0.9", "10.0.0.9"), ("fe80::1/64", "fe80::/64"),
    ],
)  # fmt: skip
def test_bounds_are_kept_in_one_form(text: str, kept: str) -> None:
    assert read_bound(text) == kept


@pytest.mark.parametrize("text", ["", "box", "10.0.0.9/33", "10.0.0.9/", "10.0.0.9/255.255.255.0", "10.0.0", "/24"])
def test_what_is_no_bound_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_bound(text)
    assert refused.value.reason == "bad_address"


@pytest.mark.parametrize(
    ("bound", "peer", "is_in"),
    [
        ("10.0.0.0/24", "10.0.0.9", True), ("10.0.0.0/24", "10.0.1.9", False), ("10.0.0.9", "::ffff:10.0.0.9", True),
        ("fe80::/64", "fe80::1%eth0", True), ("10.0.0.0/24", "fe80::1", False), ("any", "anything", True),
        ("x", "x", True), ("x", "y", False), ("", "", True), ("10.0.0.0/24", "x", False), ("fe80::/24", "10.0.0.9", False),
    ],
)  # fmt: skip
def test_an_address_is_within_its_bound(bound: str, peer: str, *, is_in: bool) -> None:
    assert is_within(bound, peer) is is_in
