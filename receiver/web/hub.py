"""The newest announcements in memory, for everybody in this process who is told live: one thread follows the database.

Nobody has a queue here. Whoever is told has a position, and asks for what is behind it; so a slow reader costs nothing but
its own place, and one that has fallen far behind reads from the database again, like one that comes back after a while.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import structlog

from receiver.domain.accounts import Limits
from receiver.domain.errors import Unavailable
from receiver.services.alerting.announcing import Announcement, Announcing

# What is kept in memory: more than comes while somebody reads one page.
KEPT = 1000
# The net behind the bell, and how often the end of the process is looked for.
POLL_SECONDS = 1.0
# Threads that look things up for those who are told live; they never wait for the pool that answers requests.
THREADS = 2
SIGHTS = 500

T = TypeVar("T")
log = structlog.get_logger("live")


class Hub:
    """Follows from the first reader on; belongs to the event loop, but for its thread."""

    def __init__(self, announcing: Announcing) -> None:
        self._announcing = announcing
        self._kept: deque[Announcement] = deque(maxlen=KEPT)
        self._floor = 0
        self._started: asyncio.Future[None] | None = None
        self._changed: asyncio.Future[None] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="live")
        self._sights: dict[tuple[Limits, tuple[int, ...]], asyncio.Task[set[int]]] = {}

    @property
    def newest(self) -> int:
        """The number up to which this process has followed."""
        return self._kept[-1].id if self._kept else self._floor

    async def start(self) -> None:
        """Begins to follow; the second time it waits until that has happened."""
        if self._started is None:
            loop = asyncio.get_running_loop()
            self._started, self._changed = loop.create_future(), loop.create_future()
            self._thread = threading.Thread(target=self._follow, args=(loop,), name="announcements", daemon=True)
            self._thread.start()
        await asyncio.shield(self._started)

    def close(self) -> None:
        """Ends the threads."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._pool.shutdown(wait=True)

    def changed(self) -> asyncio.Future[None]:
        """Done as soon as there is more than now; shared by all readers: wait for it, never cancel it."""
        if self._changed is None:
            raise RuntimeError("the hub has not been started")
        return self._changed

    async def after(self, position: int) -> Sequence[Announcement]:
        """What comes next behind a position, at most a page of it; from memory, as a rule."""
        if position >= self.newest:
            return ()
        if position >= self._floor:
            return [each for each in self._kept if each.id > position]
        # From further back than what is in memory: as far as this process has followed, so that nobody is told twice.
        found = await self.look_up(lambda: self._announcing.after(position))
        return [each for each in found if each.id <= self.newest]

    async def resume(self, last_id: int | None) -> tuple[int, bool]:
        """Where somebody goes on who has seen everything up to a number, and whether something may have been missed."""
        if last_id is None:
            return self.newest, False
        if self._floor <= last_id <= self.newest:
            return last_id, False
        oldest, newest = await self.look_up(self._announcing.bounds)
        is_there = oldest - 1 <= last_id <= newest
        return (last_id, False) if is_there else (self.newest, True)

    async def in_sight(self, found: Sequence[Announcement], limits: Limits) -> Collection[int]:
        """The ids of the alerts among them that an account with these limits may see; asked once for all such accounts."""
        # All their numbers: some ask about a whole page, others about what was opened in it.
        key = (limits, tuple(each.id for each in found))
        if key not in self._sights:
            if len(self._sights) >= SIGHTS:
                self._sights.clear()
            ids = {each.alert_id for each in found}
            looking = self.look_up(lambda: self._announcing.in_sight(ids, limits))
            self._sights[key] = asyncio.create_task(looking)
        try:
            return await asyncio.shield(self._sights[key])
        except Unavailable:
            self._sights.pop(key, None)
            raise

    async def look_up(self, work: Callable[[], T]) -> T:
        """What the database says."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listens, and only then looks where the end is."""
        self._until_it_works(self._announcing.listen)
        bounds = self._until_it_works(self._announcing.bounds)
        if bounds is None:
            return
        position = bounds[1]
        _tell(loop, self._note_begin, position)
        while not self._stopping.is_set():
            found = self._until_it_works(partial(self._next, position))
            if found:
                position = found[-1].id
                _tell(loop, self._take, found)

    def _next(self, position: int) -> Sequence[Announcement]:
        found = self._announcing.after(position)
        if not found:
            self._announcing.wait(POLL_SECONDS)
        return found

    def _until_it_works(self, work: Callable[[], T]) -> T | None:
        """What it comes to, however often it fails before; None if the process ends first."""
        while not self._stopping.is_set():
            try:
                return work()
            except Unavailable as error:
                log.warning("cannot_follow", why=error.detail)
            except Exception:  # no other thread follows: without it nobody would be told anything any more
                log.exception("cannot_follow")
            self._stopping.wait(POLL_SECONDS)
        return None

    def _note_begin(self, newest: int) -> None:
        self._floor = newest
        if self._started is not None and not self._started.done():
            self._started.set_result(None)

    def _take(self, found: Sequence[Announcement]) -> None:
        for each in found:
            if len(self._kept) == KEPT:
                self._floor = self._kept[0].id
            self._kept.append(each)
        told = self.changed()
        self._changed = asyncio.get_running_loop().create_future()
        told.set_result(None)


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[..., Any], argument: object) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(call, argument)
