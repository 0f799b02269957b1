"""What is kept of whom devices know, and when the library looks at them by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.adoption import Kept, Told, is_lasting, may_begin_by_itself, news, percent, same_name

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def told(minutes: int, name: str = "Ann", digest: bytes | None = b"a", reported: str = "staff") -> Told:
    return Told(name, reported, digest, NOON + timedelta(minutes=minutes), minutes)


def kept_after(*events: Told) -> Kept:
    row: dict[str, object] = {}
    for each in events:
        kept = Kept(**{name: row[name] for name in Kept.__dataclass_fields__}) if row else None  # type: ignore[arg-type]
        row |= news(kept, each, NOON + timedelta(hours=1))
    return Kept(**{name: row[name] for name in Kept.__dataclass_fields__})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("identity_id", "name", "reported", "want_action", "lasting"),
    [
        ("E1", "Ann", "staff", "0", True),
        ("E1", "", "visitor", "0", True),
        ("E1", "Ann", "blacklist", "0", True),
        ("", "Ann", "staff", "0", False),
        ("1602612036.3828533", "stranger", "stranger", "0", False),
        ("13028", "Stranger ", "staff", "0", False),
        ("13028", "陌生人", "staff", "0", False),
        ("6103d242", "stranger", "stranger", "1001", False),
        ("6103d242", "stranger", "stranger", "1002", True),
    ],
)
def test_only_who_means_somebody_for_good_is_kept(
    identity_id: str, name: str, reported: str, want_action: str, *, lasting: bool
) -> None:
    assert is_lasting(identity_id, name, reported, want_action) is lasting


def test_the_newest_by_the_devices_clock_counts() -> None:
    kept = kept_after(told(5, "Ann", b"a"), told(9, "Anna", b"b", "vip"), told(7, "Old", b"c", "visitor"), told(1))
    assert (kept.name, kept.list, kept.digest) == ("Anna", "vip", b"b")
    assert (kept.first_seen, kept.last_seen) == (NOON + timedelta(minutes=1), NOON + timedelta(minutes=9))


def test_an_event_without_a_picture_or_a_name_takes_neither_away() -> None:
    kept = kept_after(told(1, "Ann", b"a"), told(2, "", None))
    assert (kept.name, kept.digest) == ("Ann", b"a")


def test_a_late_picture_is_better_than_none() -> None:
    assert kept_after(told(5, digest=None), told(3, digest=b"a")).digest == b"a"


def test_the_same_again_changes_only_when_it_was_seen_last() -> None:
    kept = kept_after(told(1))
    assert news(kept, told(2), NOON) == {"last_seen": NOON + timedelta(minutes=2), "event_id": 2}


def test_a_clock_that_ran_ahead_does_not_silence_the_device_for_years() -> None:
    ahead = 60 * 24 * 365
    assert kept_after(told(ahead, "Ann"), told(5, "Anna")).name == "Anna"
    assert kept_after(told(60 * 20, "Ann"), told(5, "Anna")).name == "Ann"


@given(st.permutations(range(6)))
def test_the_order_of_arrival_changes_nothing(order: list[int]) -> None:
    events = [told(minute, f"name {minute}", bytes([minute])) for minute in order]
    kept = kept_after(*events)
    assert (kept.name, kept.digest) == ("name 5", b"\x05")
    assert (kept.first_seen, kept.last_seen) == (NOON, NOON + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("state", "reason", "reported", "is_automatic", "may"),
    [
        ("known", None, "staff", True, True),
        ("known", None, "staff", False, False),
        ("known", None, "stranger", True, False),
        ("refused", "too_blurred", "staff", True, True),
        ("refused", "removed", "staff", True, False),
        ("adopted", None, "staff", False, True),
    ],
)
def test_nobody_comes_in_by_himself_unless_the_site_wants_it(
    state: str, reason: str | None, reported: str, *, is_automatic: bool, may: bool
) -> None:
    assert may_begin_by_itself(state, reason, reported, is_automatic=is_automatic) is may


def test_names_are_the_same_however_they_are_written() -> None:
    assert same_name("Li  Wei ", "li wei")
    assert same_name("\N{FULLWIDTH LATIN CAPITAL LETTER A}nn", "ann")
    assert not same_name("Li Wei", "Li Wen")
    assert not same_name("", "")


def test_an_adoption_is_whole_only_when_nothing_waits() -> None:
    assert percent({}, 0) == 100
    assert percent({"adopted": 199}, 1) == 99
    assert percent({"adopted": 1, "refused": 1}, 2) == 50
