"""Sees when the clock is put back: what it has put off while it ran ahead must not wait until it is there again."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from receiver.domain.errors import Unavailable
from receiver.store import clock_steps
from receiver.store.store import Store

# What a clock is put right by all the time is less.
STEP_SECONDS = 60.0

log = structlog.get_logger("worker")


class ClockSteps:
    """Compares the clock with one that nobody puts back."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        running: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._running = running
        # Seconds from the other clock to this one, as far ahead as it ever was; None before the first look.
        self._ahead: float | None = None

    def look(self) -> bool:
        """Has everything due that waits for a mistaken time; True if the clock was put back since the last look.

        The first look finds what an earlier process has left.
        """
        now = self._clock()
        ahead = now.timestamp() - self._running()
        put_back = 0.0 if self._ahead is None else self._ahead - ahead
        if self._ahead is not None and put_back <= STEP_SECONDS:
            self._ahead = max(self._ahead, ahead)
            return False
        try:
            with self._store.write() as tx:
                number = clock_steps.pull_in(tx, now, is_put_back=put_back > 0)
        except Unavailable as error:
            log.warning("job_failed", job="look-at-clock", reason=error.reason, detail=error.detail)
            return False
        self._ahead = ahead
        if number or put_back:
            log.warning("clock_was_ahead", seconds=round(put_back), made_due=number)
        return put_back > 0
