"""The circuit breaker of one destination: open while the other side does not work, probed at least once a minute."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
# Failures in a row after which it is said to be failing: a restart of the other side should wake nobody.
FAILING_AFTER = 5
# An answer may name any date; what is further away than this is taken for a mistake.
LONGEST_THROTTLE = 86_400.0
SHORTEST_THROTTLE = 1.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of a destination.

    Attributes:
        failures: in a row; 0: closed.
        due_at: nothing is sent before; while it is open, the next probe.
        failing_since: the first of the failures in a row.
        detail: what the other side said last, for people.
    """

    failures: int
    due_at: datetime
    failing_since: datetime | None = None
    detail: str = ""

    @property
    def is_open(self) -> bool:
        return self.failures > 0

    @property
    def is_failing(self) -> bool:
        """Whether it is told to people."""
        return self.failures >= FAILING_AFTER


def pause(failures: int, chance: Callable[[], float]) -> float:
    """Seconds until the next probe after so many failures in a row: doubling up to a minute, jittered to half."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10)) * (0.5 + 0.5 * chance())


def failed(breaker: Breaker, now: datetime, detail: str, chance: Callable[[], float], *, is_probe: bool) -> Breaker:
    """After a failure. What was still under way when it opened counts with what opened it."""
    if breaker.is_open and not is_probe:
        return replace(breaker, detail=detail)
    failures = breaker.failures + 1
    due_at = now + timedelta(seconds=pause(failures, chance))
    return Breaker(failures, due_at, breaker.failing_since or now, detail)


def throttled(breaker: Breaker, now: datetime, seconds: float) -> Breaker:
    """After an answer that says when to come again; whoever says that works."""
    wait = min(LONGEST_THROTTLE, max(SHORTEST_THROTTLE, seconds))
    until = now + timedelta(seconds=wait)
    return Breaker(0, until if breaker.is_open else max(breaker.due_at, until), None, breaker.detail)


def worked(breaker: Breaker, now: datetime) -> Breaker:
    """After a success: closed, unless somebody asked us to wait."""
    return Breaker(0, min(breaker.due_at, now) if breaker.is_open else breaker.due_at)
