"""Who answers whole requests: a thread of the pool each through Flask, or one thread for many of the intake."""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flask import Response

from receiver.web.arrivals import Arrival, environ_of
from receiver.web.problems import unexpected

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# The answers to some requests, in their order; None for one that is to be answered by the application instead.
Round = Callable[[Sequence[Arrival]], list[Answer | None]]
Waiting = tuple[Arrival, "asyncio.Future[Answer | None]"]

# Requests that share a commit: enough to share the disk's flush, few enough not to wait long for each other.
GROUP_SIZE = 64
# How long a round waits, step by step, for more requests while they keep coming. A commit costs as much as reading ten events.
STEP_SECONDS = 0.0005
STEPS = 8


class Caller:
    """Calls the WSGI application."""

    def __init__(self, wsgi_app: WsgiApp) -> None:
        self._wsgi_app = wsgi_app

    def answer(self, arrival: Arrival) -> Answer:
        """The answer to one request, however long it takes."""
        try:
            return self._call(environ_of(arrival))
        except Exception as error:  # noqa: BLE001 - what Flask itself cannot answer is a 500 too
            return from_flask(unexpected(error, arrival.path))

    def _call(self, environ: dict[str, Any]) -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _exc_info: Any = None
        ) -> Callable[[bytes], None]:
            started[:] = [(status, headers)]
            return lambda _data: None

        chunks = self._wsgi_app(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        status, headers = started[0]
        return int(status[:3]), _encoded(headers), body


class IntakeLine:
    """One thread that answers whatever has come in since its last round.

    Handing each request to a thread of its own, each event to a committing one and each answer back cost more than the
    work itself: most of it was threads waking each other and waiting for the interpreter lock.
    """

    def __init__(self, answer_round: Round) -> None:
        self._answer_round = answer_round
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def answer(self, arrival: Arrival) -> Answer | None:
        """The answer to one request, or None if the application is to answer it."""
        loop = asyncio.get_running_loop()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(loop,), name="intake", daemon=True)
            self._thread.start()
        future: asyncio.Future[Answer | None] = loop.create_future()
        self._queue.put((arrival, future))
        return await future

    def close(self) -> None:
        """Answers what is waiting and ends the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        expected = 1
        while (first := self._queue.get()) is not None:
            group = self._gathered(first, expected)
            try:
                answers: list[Any] = list(self._answer_round([arrival for arrival, _ in group]))
            except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits for the answers
                answers = [error] * len(group)
            loop.call_soon_threadsafe(_deliver, [future for _, future in group], answers)
            expected = len(group) + self._queue.qsize()

    def _gathered(self, first: Waiting, expected: int) -> list[Waiting]:
        """The first request and those that are there, or come while a round as large as the last one can still be hoped for.

        Those who were just answered together send their next events a moment later, one after the other. Without a pause the
        first of them would go alone, and the others wait for its commit. A sender who was alone is never made to wait.
        """
        group = [first, *self._more(GROUP_SIZE - 1)]
        for _ in range(STEPS):
            if len(group) >= min(expected, GROUP_SIZE):
                break
            time.sleep(STEP_SECONDS)
            more = self._more(GROUP_SIZE - len(group))
            if not more:
                break
            group += more
        return group

    def _more(self, most: int) -> list[Waiting]:
        """What else is there at once."""
        found: list[Waiting] = []
        with contextlib.suppress(queue.Empty):
            while len(found) < most:
                following = self._queue.get_nowait()
                if following is None:
                    self._queue.put(None)
                    break
                found.append(following)
        return found


def by_address(rounds: Mapping[str, Round]) -> Round:
    """A round of requests to several addresses: each goes to whoever answers there, those of one together."""

    def answers(arrivals: Sequence[Arrival]) -> list[Answer | None]:
        places: dict[Round, list[int]] = {}
        for place, arrival in enumerate(arrivals):
            places.setdefault(rounds[arrival.path], []).append(place)
        found: list[Answer | None] = [None] * len(arrivals)
        for answer_round, its in places.items():
            for place, answer in zip(its, answer_round([arrivals[each] for each in its]), strict=True):
                found[place] = answer
        return found

    return answers


def _deliver(futures: Sequence["asyncio.Future[Answer | None]"], answers: Sequence[Any]) -> None:
    for future, answer in zip(futures, answers, strict=True):
        if future.cancelled():
            continue
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def from_flask(answer: Response) -> Answer:
    """A Flask response as an answer."""
    data = answer.get_data()
    answer.headers["Content-Length"] = str(len(data))
    return answer.status_code, _encoded(answer.headers), data


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
