"""Work in the background that leaves the intake its turn: after every step it rests as long as the step took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# A long step is followed by no longer a rest than this.
LONGEST = 0.25


class Pace:
    """Half of the time for the work, half for everybody else.

    Args:
        is_stopping: asked between steps.
        rest: waits some seconds.
    """

    def __init__(
        self, is_stopping: Callable[[], bool] = lambda: False, rest: Callable[[float], object] = time.sleep
    ) -> None:
        self.is_stopping = is_stopping
        self.rest = rest

    @contextmanager
    def step(self) -> Iterator[None]:
        """Around one transaction."""
        started = time.monotonic()
        yield
        self.rest(min(LONGEST, time.monotonic() - started))
