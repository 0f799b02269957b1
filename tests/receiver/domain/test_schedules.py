"""Schedules keep their nights: clocks that are put forward or back neither double nor skip a run."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.domain.errors import Invalid
from receiver.domain.schedules import AT_ONCE, Schedule, ScheduleKind, check, has_runs, is_open, next_after, settled

NIGHT = Schedule(ScheduleKind.CRON, cron="30 2 * * *", timezone="Europe/Berlin")
OFTEN = Schedule(ScheduleKind.CRON, cron="*/20 * * * *", timezone="Europe/Berlin")
# In Berlin two o'clock is left out on 29 March 2026, and comes twice on 25 October.
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)


def runs(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    found = []
    moment = next_after(schedule, start)
    while moment is not None and moment < end:
        found.append(moment)
        moment = next_after(schedule, moment)
    return found


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
def test_a_nightly_run_happens_once_each_night_around_a_clock_change(change: datetime) -> None:
    found = runs(NIGHT, change - timedelta(days=3), change + timedelta(days=3))
    assert len(found) == 6
    gaps = {later - earlier for earlier, later in pairwise(found)}
    assert gaps <= {timedelta(hours=23), timedelta(hours=24), timedelta(hours=25)}


def test_what_falls_into_the_missing_hour_runs_at_its_end() -> None:
    assert next_after(NIGHT, SPRING) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_what_comes_twice_runs_the_first_time() -> None:
    first = next_after(NIGHT, AUTUMN - timedelta(hours=2))
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next_after(NIGHT, first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    # Also asked in the hour that comes again.
    assert next_after(NIGHT, datetime(2026, 10, 25, 1, 10, tzinfo=UTC)) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
def test_what_runs_every_hour_goes_on_by_real_time(change: datetime) -> None:
    found = runs(OFTEN, change - timedelta(minutes=1), change + timedelta(hours=6))
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=20)}
    assert len(found) == 18


@settings(max_examples=200)
@given(
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - as hypothesis wants them
    cron=st.sampled_from(["30 2 * * *", "0 3 * * *", "*/20 * * * *", "15 1,2,3 * * sun", "0 0 1 * *"]),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "UTC"]),
)
def test_the_next_run_is_always_later(moment: datetime, cron: str, zone: str) -> None:
    schedule = Schedule(ScheduleKind.CRON, cron=cron, timezone=zone)
    following = next_after(schedule, moment)
    assert following is not None
    assert following > moment
    again = next_after(schedule, following)
    assert again is not None
    assert again > following


def test_what_was_missed_runs_once_and_then_as_planned() -> None:
    missed = datetime(2026, 5, 1, 0, 30, tzinfo=UTC)
    back = datetime(2026, 5, 9, 12, tzinfo=UTC)
    planned = settled(NIGHT, missed, back)
    assert planned is not None
    assert planned <= back
    assert next_after(NIGHT, back) == datetime(2026, 5, 10, 0, 30, tzinfo=UTC)


def test_a_clock_that_is_put_back_repeats_nothing() -> None:
    """It ran at half past two; then somebody puts the clock back by an hour."""
    planned = datetime(2026, 5, 2, 0, 30, tzinfo=UTC)
    assert settled(NIGHT, planned, datetime(2026, 4, 30, 23, 35, tzinfo=UTC)) == planned


def test_a_plan_by_a_clock_that_was_far_ahead_is_dropped() -> None:
    planned = datetime(2031, 5, 2, 0, 30, tzinfo=UTC)
    assert settled(NIGHT, planned, datetime(2026, 5, 1, 12, tzinfo=UTC)) == datetime(2026, 5, 2, 0, 30, tzinfo=UTC)


def test_every_so_often_is_counted_from_the_last_run() -> None:
    every = Schedule(ScheduleKind.EVERY, seconds=90)
    assert next_after(every, SPRING) == SPRING + timedelta(seconds=90)
    assert has_runs(every)
    assert not has_runs(AT_ONCE)


def test_a_window_over_midnight_is_open_by_the_wall_clock() -> None:
    window = Schedule(ScheduleKind.WINDOW, window_from=time(22), window_to=time(5, 30), timezone="Asia/Shanghai")
    at = [datetime(2026, 1, 1, hour, minute, tzinfo=UTC) for hour, minute in ((13, 59), (14, 0), (21, 29), (21, 30))]
    assert [is_open(window, each) for each in at] == [False, True, True, False]
    day = Schedule(ScheduleKind.WINDOW, window_from=time(8), window_to=time(9))
    assert [is_open(day, datetime(2026, 1, 1, hour, tzinfo=UTC)) for hour in (7, 8, 9)] == [False, True, False]
    assert is_open(AT_ONCE, SPRING)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(ScheduleKind.EVERY),
        Schedule(ScheduleKind.EVERY, seconds=86_401),
        Schedule(ScheduleKind.CRON, cron="* * * *"),
        Schedule(ScheduleKind.CRON, cron="61 * * * *"),
        Schedule(ScheduleKind.CRON, cron="0 0 31 2 *"),
        Schedule(ScheduleKind.WINDOW),
        Schedule(timezone="Nowhere/At_All"),
        Schedule(timezone="../../etc/passwd"),
    ],
)
def test_times_that_nobody_can_keep_are_refused(schedule: Schedule) -> None:
    with pytest.raises(Invalid) as refused:
        check(schedule)
    assert refused.value.reason == "bad_schedule"
