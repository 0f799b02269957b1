"""When a subscription's deliveries go out: at once, every so often, by a cron expression, or in a daily window.

All functions are told the time. A cron expression that names hours counts on the wall clock: when the clocks are put forward,
what falls into the missing hour runs at its end; when they are put back, it runs the first time only. One for every hour
counts real time.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

from receiver.domain.errors import Invalid

LONGEST_EVERY = 86_400.0
# What cron expressions are counted in while they are asked for a time on the wall: no zone's rules.
WALL = UTC
FIELDS = 5
HOUR = 1
# Nights that a clock change shifts or leaves out in a row, and then some.
MOST_TRIES = 10


class ScheduleKind(StrEnum):
    """How the times are told."""

    NOW = "now"
    EVERY = "every"
    CRON = "cron"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times.

    Attributes:
        kind: which of the others count.
        seconds: of ``every``.
        cron: five fields; weekdays as numbers count from Monday = 0.
        window_from: of ``window``, included; on the wall clock.
        window_to: excluded; before ``window_from`` it is the next day's.
        timezone: name of the zone of ``cron`` and ``window``.
    """

    kind: ScheduleKind = ScheduleKind.NOW
    seconds: float = 0.0
    cron: str = ""
    window_from: time = time()
    window_to: time = time()
    timezone: str = "UTC"


AT_ONCE = Schedule()


def check(schedule: Schedule) -> None:
    """Refuses times that nobody can keep.

    Raises:
        Invalid: with the reason ``bad_schedule``.
    """
    try:
        ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid("bad_schedule", f"there is no time zone {schedule.timezone!r}") from error
    if schedule.kind is ScheduleKind.EVERY and not 0 < schedule.seconds <= LONGEST_EVERY:
        raise Invalid("bad_schedule", "every: above 0 and at most 86400 seconds")
    if schedule.kind is ScheduleKind.WINDOW and schedule.window_from == schedule.window_to:
        raise Invalid("bad_schedule", "a window begins and ends at different times")
    if schedule.kind is ScheduleKind.CRON:
        _check_cron(schedule)


def _check_cron(schedule: Schedule) -> None:
    if len(schedule.cron.split()) != FIELDS:
        raise Invalid("bad_schedule", "a cron expression has five fields, like '*/10 0-5 * * *'")
    try:
        first = next_after(schedule, datetime(2000, 1, 1, tzinfo=UTC))
    except ValueError as error:
        raise Invalid("bad_schedule", f"the cron expression cannot be read: {error}") from error
    if first is None:
        raise Invalid("bad_schedule", "that time never comes")


def is_open(schedule: Schedule, now: datetime) -> bool:
    """Whether anything may be sent now; only a window is ever closed."""
    if schedule.kind is not ScheduleKind.WINDOW:
        return True
    wall = now.astimezone(ZoneInfo(schedule.timezone)).time()
    if schedule.window_from < schedule.window_to:
        return schedule.window_from <= wall < schedule.window_to
    return wall >= schedule.window_from or wall < schedule.window_to


def has_runs(schedule: Schedule) -> bool:
    """Whether it begins at certain moments, each of which sends what was there then; otherwise it sends all the while."""
    return schedule.kind in {ScheduleKind.EVERY, ScheduleKind.CRON}


def next_after(schedule: Schedule, now: datetime) -> datetime | None:
    """The next moment at which a run begins, later than ``now``, in UTC; None if there is none."""
    if schedule.kind is ScheduleKind.EVERY:
        return now + timedelta(seconds=schedule.seconds)
    if schedule.kind is not ScheduleKind.CRON:
        return None
    zone = ZoneInfo(schedule.timezone)
    is_hourly = bool(re.match(r"\*", schedule.cron.split()[HOUR]))
    return _next_real(schedule.cron, zone, now) if is_hourly else _next_on_the_wall(schedule.cron, zone, now)


def settled(schedule: Schedule, planned: datetime | None, now: datetime) -> datetime | None:
    """When the next run begins, by what was planned earlier: what was missed begins at once, and once.

    A plan further away than two runs was made by a clock that has been wrong since; one nearer is kept, so that a clock
    that is put back repeats nothing.
    """
    first = next_after(schedule, now)
    if planned is None or first is None or planned <= now:
        return first if planned is None else planned
    second = next_after(schedule, first)
    return first if second is not None and planned > second else planned


def _next_on_the_wall(cron: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """By the wall clock: an hour that comes twice counts once, one that is missing counts at its end."""
    # What is put forward out of a missing hour still is to come just after it.
    wall = now.astimezone(zone).replace(tzinfo=WALL) - timedelta(hours=3)
    for _ in range(MOST_TRIES * 60 * 24):
        found = _next_wall(cron, wall)
        if found is None:
            return None
        moment = found.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if moment > now:
            return moment
        wall = found
    return None


def _next_real(cron: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """By real time: an hour that comes twice has its runs twice, a missing one none."""
    start = now
    for _ in range(MOST_TRIES):
        offset = start.astimezone(zone).utcoffset() or timedelta()
        found = _next_wall(cron, start.replace(tzinfo=WALL) + offset)
        if found is None:
            return None
        moment = (found - offset).astimezone(UTC)
        if moment.astimezone(zone).utcoffset() == offset:
            return moment
        # The clocks change before that: from there on it is counted anew, the moment of the change included.
        start = _change_between(zone, start, moment) - timedelta(microseconds=1)
        offset_then = (start + timedelta(microseconds=1)).astimezone(zone).utcoffset() or timedelta()
        found = _next_wall(cron, start.replace(tzinfo=WALL) + offset_then)
        if found is None:
            return None
        moment = (found - offset_then).astimezone(UTC)
        if moment.astimezone(zone).utcoffset() == offset_then:
            return moment
        start += timedelta(microseconds=1)
    return None


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first moment, to the second, at which the zone's offset is not that of ``before`` any more."""
    low, high = before.replace(microsecond=0), after
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _next_wall(cron: str, wall: datetime) -> datetime | None:
    """The next time on the wall after ``wall``; both wear UTC only so that no zone's rules come in."""
    found: datetime | None = _trigger(cron).get_next_fire_time(None, wall + timedelta(microseconds=1))
    return found


@lru_cache(maxsize=256)
def _trigger(cron: str) -> CronTrigger:
    return CronTrigger.from_crontab(cron, timezone=WALL)
