"""A real HTTP server upstream that behaves as badly as it is told: everything that a forwarder must live through."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import orjson

# Longer than any time-out of a forwarder: a test that fails must end all the same.
PATIENCE = 120.0
RETRY_AFTER = 7


class Behaviour(StrEnum):
    """What becomes of one request."""

    TAKES = "takes"
    DIES = "dies"  # the connection ends once the request has come
    HANGS = "hangs"  # nothing is answered until the sender gives up; the message is not kept
    IS_LATE = "is_late"  # kept at once, answered 200 when the sender has given up already
    FAILS = "fails"  # 500
    THROTTLES = "throttles"  # 429 with Retry-After
    IS_GONE = "is_gone"  # 410
    REFUSES = "refuses"  # 400
    ECHOES = "echoes"  # 500, and says back what shows who sent it
    BREAKS_OFF = "breaks_off"  # kept; the connection ends within the answer's first line
    BREAKS_OFF_LATER = "breaks_off_later"  # kept; the connection ends in the middle of the answer's body


# After these the receiver has the message.
KEEPING = frozenset({Behaviour.TAKES, Behaviour.IS_LATE, Behaviour.BREAKS_OFF, Behaviour.BREAKS_OFF_LATER})
# What is answered before the connection ends.
HALVES = {
    Behaviour.DIES: b"",
    Behaviour.BREAKS_OFF: b"HTTP/1.1 20",
    Behaviour.BREAKS_OFF_LATER: b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it",
}
# Headers that tell nothing of who sends.
USUAL = frozenset({"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"})
OURS = ("webhook-", "x-gatehouse-")
ANSWERS: dict[Behaviour, tuple[int, dict[str, str]]] = {
    Behaviour.TAKES: (200, {}),
    Behaviour.IS_LATE: (200, {}),
    Behaviour.FAILS: (500, {}),
    Behaviour.THROTTLES: (429, {"Retry-After": str(RETRY_AFTER)}),
    Behaviour.IS_GONE: (410, {}),
    Behaviour.REFUSES: (400, {}),
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it came, and what became of it."""

    headers: dict[str, str]
    body: bytes
    behaviour: Behaviour
    at: datetime

    @property
    def events(self) -> list[int]:
        """The events that it tells of, by the header."""
        return [int(each) for each in self.headers.get("x-gatehouse-event", "").split(",") if each]

    @property
    def message_id(self) -> str:
        """The same whenever the same is sent again."""
        return self.headers.get("webhook-id", "")

    @property
    def document(self) -> Any:
        return orjson.loads(self.body)


class BadReceiver:
    """Serves on one port for as long as it is up; what it was sent outlives its deaths.

    ``plan`` says for one request after another how it behaves; at its end, and without one, it is ``usual``. What tells of
    one of the events ``refused`` it refuses whatever else is said; ``clock`` is whose time it is.
    """

    def __init__(
        self,
        plan: Iterable[Behaviour] = (),
        usual: Behaviour = Behaviour.TAKES,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.usual = usual
        self.refused: set[int] = set()
        self._clock = clock
        self.arrivals: list[Arrival] = []
        self._plan = iter(plan)
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/HistoryEvent"

    def plans(self, plan: Iterable[Behaviour]) -> None:
        """From the next request on."""
        with self._lock:
            self._plan = iter(plan)

    def start(self) -> None:
        """Listens, on the same port as before."""
        self._server = _Server(self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """As a machine that loses its power: nobody listens, and every connection ends."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self._lock:
            for each in self._connections:
                cut(each)
            self._connections.clear()

    def kept(self) -> list[int]:
        """The events that it has, as they came; once more whenever they came again."""
        return [event for each in list(self.arrivals) if each.behaviour in KEEPING for event in each.events]

    def first_kept(self) -> list[int]:
        """The events that it has, each once, in the order in which they first came."""
        return list(dict.fromkeys(self.kept()))

    def of_event(self, event_id: int) -> list[Arrival]:
        return [each for each in list(self.arrivals) if event_id in each.events]

    def arrived(self, headers: dict[str, str], body: bytes) -> Behaviour:
        with self._lock:
            behaviour = next(self._plan, self.usual)
            arrival = Arrival(headers, body, behaviour, self._clock())
            if behaviour in KEEPING and not self.refused.isdisjoint(arrival.events):
                arrival = replace(arrival, behaviour=Behaviour.REFUSES)
            self.arrivals.append(arrival)
            return arrival.behaviour

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, receiver: BadReceiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", receiver.port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever ends connections meets broken ones."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.receiver.opened(self.request)

    def finish(self) -> None:
        self.server.receiver.closed(self.request)
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        behaviour = self.server.receiver.arrived(headers, body)
        if behaviour in HALVES:
            self.close_connection = True
            self.wfile.write(HALVES[behaviour])
            cut(self.request)
            return
        if behaviour in {Behaviour.HANGS, Behaviour.IS_LATE}:
            self.close_connection = True
            # Nothing more comes on this connection: its end is the sender's giving up, whatever its time limit is.
            self.rfile.read(1)
        if behaviour is Behaviour.ECHOES:
            # What shows who sends it, before everything else: of an answer only the beginning is kept.
            words = [value for name, value in headers.items() if name not in USUAL and not name.startswith(OURS)]
            self._say(500, {}, " ".join(words).encode())
        elif behaviour is not Behaviour.HANGS:
            self._say(*ANSWERS[behaviour])

    def _say(self, status: int, headers: dict[str, str], body: bytes = b"{}") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


def cut(connection: socket.socket) -> None:
    """Ends a connection at once; a thread that reads from it wakes up."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
