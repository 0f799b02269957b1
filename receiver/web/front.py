"""The ASGI front: reads a request's whole body, within limit and deadline, before a thread of the bounded pool sees it.

Half-sent and slow requests therefore hold a little memory, and never a thread.
"""

import asyncio
import contextlib
import io
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Protocol

from receiver import logs, metrics
from receiver.domain.addresses import owner_of
from receiver.settings import MIB
from receiver.translation.requests import GZIP
from receiver.web.arrivals import STREAM, Arrival, Scope, path_of, peer_of
from receiver.web.body_room import BodyRoom
from receiver.web.calling import Answer, Caller, IntakeLine, Round, WsgiApp, from_flask
from receiver.web.device_paths import starred
from receiver.web.live import LiveStreams
from receiver.web.problems import problem_at

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Larger bodies go to a file, and few of them are answered at the same time: reading one as JSON takes several times its size.
SPOOL_BYTES = MIB
LARGE_AT_ONCE = 2
# Requests that have come in whole and wait for a thread; more than this and the sender is asked to come back.
LINE_LENGTH = 512
DIGITS = 19
SOCKETS_PATH = "/socket.io/"


@dataclass(frozen=True, slots=True)
class FrontLimits:
    """How much a request may be, and who answers it.

    Attributes:
        body_bytes: of its body.
        body_seconds: until its body is there.
        threads: that answer.
        spool_dir: where large bodies wait.
        intake_paths: what is posted there is answered by a thread of its own, many with one commit: slow questions cannot
            hold up events, and more threads would only take the interpreter lock from each other.
        light_paths: those of them where also what the line leaves to the application is answered quickly; elsewhere it may
            take long to read.
    """

    body_bytes: int
    body_seconds: float
    threads: int
    spool_dir: Path
    intake_paths: frozenset[str] = frozenset()
    light_paths: frozenset[str] = frozenset()


class _Refused(Exception):
    """The request is answered by the front itself."""

    def __init__(self, status: int, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.detail = detail


class _Gone(Exception):
    """The client went away before its request was whole."""


@dataclass(slots=True)
class _Body:
    """A request's body as far as it has come: in memory, or in a file once it is large."""

    file: IO[bytes]
    owner: str
    size: int = 0
    in_memory: int = 0
    is_large: bool = False


@dataclass(frozen=True, slots=True)
class FrontHooks:
    """What the front calls.

    Attributes:
        answer_round: the answers to what is posted to the intake paths; what it does not answer, the application does.
        on_too_large: told the address that sent too large a body.
        live: goes on where a view has begun a stream.
        sockets: answers whatever is asked for below the address of Socket.IO.
        line: where other processes hand over what is this one's.
        on_end: ends what those two work with.
    """

    answer_round: Round = lambda arrivals: [None] * len(arrivals)
    on_too_large: Callable[[str], None] = lambda _peer: None
    live: LiveStreams | None = None
    sockets: "Sockets | None" = None
    line: Callable[[], socket.socket | None] = lambda: None
    on_end: Callable[[], None] = lambda: None


class Sockets(Protocol):
    """What speaks Socket.IO: an ASGI application of its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request or WebSocket."""

    async def end(self) -> None:
        """Ends all connections: the server stops."""


class Front:
    """An ASGI application around a WSGI one."""

    def __init__(self, wsgi_app: WsgiApp, limits: FrontLimits, hooks: FrontHooks | None = None) -> None:
        self._limits = limits
        self._hooks = hooks or FrontHooks()
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="answer")
        self._caller = Caller(wsgi_app)
        self._intake = IntakeLine(self._hooks.answer_round)
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._room = BodyRoom()
        self._in_line = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._hooks.sockets is not None and _is_for_sockets(scope):
            await self._hooks.sockets(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    def line(self) -> socket.socket | None:
        """Where other web processes hand over what belongs to a session of this one; None where there are none."""
        return self._hooks.line()

    async def end_live(self) -> None:
        """Ends what would otherwise never end by itself: the server is to stop."""
        if self._hooks.live is not None:
            self._hooks.live.end()
        if self._hooks.sockets is not None:
            await self._hooks.sockets.end()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._intake.close()
                self._pool.shutdown(wait=True)
                self._hooks.on_end()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        body = _Body(io.BytesIO(), owner_of(peer_of(scope)))
        try:
            await self._read(scope, receive, body)
            status, headers, answer = await self._answer(scope, body)
        except _Refused as refused:
            status, headers, answer = self._problem(scope, refused)
        except _Gone:
            return
        finally:
            self._room.leave(body.owner, large=body.is_large, memory=body.in_memory)
            body.file.close()
        wanted = scope.pop(STREAM, None)
        is_stream = wanted is not None and self._hooks.live is not None and status == HTTPStatus.OK
        if not is_stream:
            # uvloop's word for a client that went away a moment ago; whoever hangs up must not fill the log with tracebacks.
            with contextlib.suppress(RuntimeError):
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": answer})
        self._note(scope, (status, body.size), started)
        if is_stream and self._hooks.live is not None:
            await self._hooks.live.run(wanted, headers, (scope, receive, send))

    def _note(self, scope: Scope, answered: tuple[int, int], started: float) -> None:
        status, size = answered
        seconds = time.perf_counter() - started
        metrics.REQUESTS.observe(seconds)
        facts = {"status": status, "ms": round(seconds * 1000, 1), "bytes": size, "peer": peer_of(scope)}
        logs.request_line(starred(scope["path"]), {"method": scope["method"], **facts})

    async def _read(self, scope: Scope, receive: Receive, body: _Body) -> None:
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        # Python refuses to read numbers of thousands of digits; nineteen are beyond any limit already.
        if declared.isdigit() and int(declared[:DIGITS]) > self._limits.body_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                has_more = True
                while has_more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    self._take(body, message.get("body", b""))
                    has_more = message.get("more_body", False)
        except TimeoutError as error:
            seconds = self._limits.body_seconds
            raise _Refused(408, "body_too_slow", f"the whole body must come within {seconds:g} s") from error
        except OSError as error:
            raise _Refused(503, "cannot_spool", "the server has no room for the body just now") from error

    def _take(self, body: _Body, chunk: bytes) -> None:
        if body.size + len(chunk) > self._limits.body_bytes:
            raise self._too_large()
        if body.size + len(chunk) > SPOOL_BYTES and not body.is_large:
            self._spool(body)
        body.size += len(chunk)
        if not body.is_large:
            if not self._room.take_memory(body.owner, len(chunk)):
                raise _Refused(503, "busy", "too many requests at once; send it again in a few seconds")
            body.in_memory += len(chunk)
        body.file.write(chunk)

    def _spool(self, body: _Body) -> None:
        """From here on the body is kept in a file."""
        if not self._room.take_large(body.owner):
            raise _Refused(503, "busy", "too many large requests at once; send it again in a few seconds")
        body.is_large = True
        self._room.leave(body.owner, memory=body.in_memory)
        body.in_memory = 0
        held, body.file = body.file, tempfile.TemporaryFile(dir=self._limits.spool_dir)  # noqa: SIM115 - closed with the request
        held.seek(0)
        body.file.write(held.read())

    def _too_large(self) -> _Refused:
        return _Refused(413, "body_too_large", f"a body may have {self._limits.body_bytes} bytes; send less at once")

    async def _answer(self, scope: Scope, body: _Body) -> Answer:
        if self._in_line >= LINE_LENGTH:
            raise _Refused(503, "busy", "too many requests wait already; send it again in a few seconds")
        body.file.seek(0)
        # What is packed may be a thousand times as large when it is read.
        is_large = body.is_large or body.file.read(len(GZIP)) == GZIP
        body.file.seek(0)
        arrival = Arrival(scope, body.file, body.size)
        self._in_line += 1
        try:
            if not is_large and scope["method"] == "POST" and arrival.path in self._limits.intake_paths:
                answer = await self._intake.answer(arrival)
                if answer is not None:
                    return answer
                # It may take long, and here it holds up nobody.
                is_large = arrival.path not in self._limits.light_paths
                body.file.seek(0)
            return await self._in_pool(arrival, is_large=is_large)
        finally:
            self._in_line -= 1

    async def _in_pool(self, arrival: Arrival, *, is_large: bool) -> Answer:
        loop = asyncio.get_running_loop()
        async with self._large if is_large else contextlib.nullcontext():
            return await loop.run_in_executor(self._pool, self._caller.answer, arrival)

    def _problem(self, scope: Scope, refused: _Refused) -> Answer:
        if refused.status == 413:  # noqa: PLR2004 - Content Too Large
            asyncio.get_running_loop().run_in_executor(self._pool, self._hooks.on_too_large, peer_of(scope))
        answer = problem_at(path_of(scope), refused.status, refused.reason, refused.detail)
        answer.headers["Connection"] = "close"
        return from_flask(answer)


def _is_for_sockets(scope: Scope) -> bool:
    if scope["type"] == "lifespan":
        return False
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path == SOCKETS_PATH or path == SOCKETS_PATH[:-1]
