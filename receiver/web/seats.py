"""How many are told live at once: of whom we know, by account; of whom we do not know yet, by address."""

import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from receiver import metrics
from receiver.domain.errors import Busy

# Of all places one account, or one address, may hold one in so many.
SHARE = 2


class Seats:
    """Places of one kind.

    Args:
        most: places in all.
        share: one holder has at most one in so many of them.
    """

    def __init__(self, most: int, share: int = SHARE) -> None:
        self._most = most
        self._share = share
        self._held: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    def check(self, holder: Hashable) -> None:
        """Whether there is a place.

        Raises:
            Busy: ``too_many_live``.
        """
        with self._lock:
            is_full = self._held.total() >= self._most
            has_share = self._held[holder] >= max(1, self._most // self._share)
            if not self._held[holder]:
                del self._held[holder]
        if is_full or has_share:
            metrics.LIVE_REFUSED.inc()
            raise Busy("too_many_live", "as many live connections are open as there may be; come again in a while")

    def take(self, holder: Hashable) -> None:
        """Takes a place, there or not: whoever takes one has checked a moment ago."""
        with self._lock:
            self._held[holder] += 1

    def give_back(self, holder: Hashable) -> None:
        """Gives a place back."""
        with self._lock:
            self._held[holder] -= 1
            if self._held[holder] <= 0:
                del self._held[holder]

    @contextmanager
    def taken(self, holder: Hashable) -> Iterator[None]:
        """A place for the time of the block."""
        self.take(holder)
        try:
            yield
        finally:
            self.give_back(holder)

    def number(self, holder: Hashable | None = None) -> int:
        """Places that are taken, by everybody or by one."""
        with self._lock:
            return self._held.total() if holder is None else self._held.get(holder, 0)
