"""Calls the WSGI application: one request for a thread of the pool, or many of the intake with one commit for all."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import Response

from receiver.domain.errors import GatehouseError
from receiver.web.later import IN_LINE, LATER, Later
from receiver.web.problems import known, unexpected

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Environ = dict[str, Any]

# Requests that share a commit: enough to share the disk's flush, few enough not to wait long for each other.
GROUP_SIZE = 64


class Caller:
    """Calls the application and, where views have lined something up, commits it before the answers are made."""

    def __init__(self, wsgi_app: WsgiApp, flush: Callable[[], None]) -> None:
        self._wsgi_app = wsgi_app
        self._flush = flush

    def answers(self, environs: Sequence[Environ]) -> list[Answer | None]:
        """The answers to some requests, in their order; None for one that is to be called elsewhere."""
        answers = [self._call_alone(environ) for environ in environs]
        if any(environ[LATER] is not None for environ in environs):
            self._flush()
        return [
            answer if environ[LATER] is None else _after_flush(environ[LATER])
            for environ, answer in zip(environs, answers, strict=True)
        ]

    def answer(self, environ: Environ) -> Answer:
        """The answer to one request, however long it takes."""
        (answer,) = self.answers([environ])
        if answer is None:
            raise RuntimeError("a view left a line that it was not in")
        return answer

    def _call_alone(self, environ: Environ) -> Answer:
        try:
            return self._call(environ)
        except Exception as error:  # noqa: BLE001 - what Flask itself cannot answer is one request's 500, not the others'
            environ[LATER] = None
            return _from_flask(unexpected(error))

    def _call(self, environ: Environ) -> Answer:
        environ[LATER] = None
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

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._queue: queue.SimpleQueue[tuple[Environ, asyncio.Future[Answer | None]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def answer(self, environ: Environ) -> Answer | None:
        """The answer to one request, or None if it takes too long to be answered among others."""
        environ[IN_LINE] = True
        if self._thread is None:
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._run, args=(loop,), name="intake", daemon=True)
            self._thread.start()
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._queue.put((environ, future))
        return await future

    def close(self) -> None:
        """Answers what is waiting and ends the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while (first := self._queue.get()) is not None:
            group = [first, *self._more()]
            try:
                answers: list[Any] = list(self._caller.answers([environ for environ, _ in group]))
            except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits for the answers
                answers = [error] * len(group)
            loop.call_soon_threadsafe(_deliver, [future for _, future in group], answers)

    def _more(self) -> list[tuple[Environ, "asyncio.Future[Answer | None]"]]:
        """What else is there at once."""
        found: list[tuple[Environ, asyncio.Future[Answer | None]]] = []
        with contextlib.suppress(queue.Empty):
            while len(found) < GROUP_SIZE:
                following = self._queue.get_nowait()
                if following is None:
                    self._queue.put(None)
                    break
                found.append(following)
        return found


def _deliver(futures: Sequence["asyncio.Future[Answer | None]"], answers: Sequence[Any]) -> None:
    for future, answer in zip(futures, answers, strict=True):
        if future.cancelled():
            continue
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def _after_flush(later: Later | str) -> Answer | None:
    """One request's answer; what went wrong with it is not the others' business."""
    if isinstance(later, str):
        return None
    error = later.future.exception()
    if error is not None:
        return _from_flask(known(error) if isinstance(error, GatehouseError) else unexpected(error))
    document = later.document(later.future.result())
    return 200, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(document))], document


def _from_flask(answer: Response) -> Answer:
    data = answer.get_data()
    return answer.status_code, _encoded([*answer.headers, ("content-length", str(len(data)))]), data


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
