"""The breaker opens at the first failure, is probed at least once a minute for ever, and closes at the first success."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.breaker import FAILING_AFTER, LONGEST_PAUSE, Breaker, failed, pause, throttled, worked

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLOSED = Breaker(0, NOW)


def after(failures: int) -> Breaker:
    breaker = CLOSED
    for _ in range(failures):
        breaker = failed(breaker, breaker.due_at, "HTTP 500", lambda: 0.5, is_probe=True)
    return breaker


@given(failures=st.integers(1, 100_000), chance=st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_a_minute_and_are_jittered_to_half(failures: int, chance: float) -> None:
    longest = min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10))
    assert longest / 2 <= pause(failures, lambda: chance) <= longest
    assert pause(failures, lambda: chance) <= pause(failures + 1, lambda: chance)


def test_it_opens_at_once_and_is_told_after_a_while() -> None:
    assert after(1).is_open
    assert not after(FAILING_AFTER - 1).is_failing
    assert after(FAILING_AFTER).is_failing
    assert after(FAILING_AFTER).failing_since == NOW


def test_what_was_under_way_when_it_opened_counts_with_it() -> None:
    opened = failed(CLOSED, NOW, "HTTP 500", lambda: 0.5, is_probe=False)
    assert failed(opened, NOW, "HTTP 502", lambda: 0.5, is_probe=False) == Breaker(1, opened.due_at, NOW, "HTTP 502")


def test_a_success_closes_it_and_everything_is_due() -> None:
    later = NOW + timedelta(days=90)
    assert worked(after(500), later) == Breaker(0, min(after(500).due_at, later))
    assert worked(CLOSED, later) == CLOSED


def test_retry_after_is_obeyed_and_is_no_failure() -> None:
    waiting = throttled(after(9), NOW, 120)
    assert not waiting.is_open
    assert waiting.due_at == NOW + timedelta(seconds=120)
    # What was under way meanwhile does not shorten it.
    assert worked(waiting, NOW).due_at == waiting.due_at
    assert throttled(waiting, NOW, 1).due_at == waiting.due_at
    assert throttled(CLOSED, NOW, 10**9).due_at == NOW + timedelta(days=1)
