"""HTTP/1.1 for clients that mean harm or are slow: bounds on connections, on a request's head, and on the time for it and for taking an answer."""

import asyncio
import socket
import struct
from collections import Counter
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from receiver import metrics
from receiver.domain.addresses import owner_of, plain_address
from receiver.setting_networks import Network
from receiver.web.arrivals import CONNECTION, CONNECTION_HANDLE
from receiver.web.proxies import is_within

HEAD_SECONDS = 15.0
# Of a request's head, its address among them; the parser itself would keep whatever comes.
HEAD_BYTES = 65_536
HEAD_LINES = 128
# Within this time whoever has not taken the whole of an answer must have taken some of it.
ANSWER_SECONDS = 30.0
# Of all connections one address may hold one in so many; a proxy speaks for many addresses.
SHARE = 4
NO_LINGER = struct.pack("ii", 1, 0)
BAD_HTTP = (HTTPStatus.BAD_REQUEST, "bad_http", "that is no request of HTTP/1.1")
HEAD_TOO_LARGE = (
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head_too_large",
    f"a request's head may have {HEAD_LINES} lines and {HEAD_BYTES} bytes",
)


class _HeadTooLarge(Exception):
    """Tells the parser to stop."""


class _Counted:
    """What both protocols do: a connection has its place, and a client that takes nothing of what it is told is let go."""

    held: ClassVar[Counter[str]] = Counter()
    # Those of whom it is known who they are, told live for as long as they like: bounded by who let them in.
    live: ClassVar[set[Any]] = set()

    loop: asyncio.AbstractEventLoop
    transport: Any
    owner: str | None = None
    _answer_watch: asyncio.TimerHandle | None = None
    _left = 0

    def hold(self) -> None:
        """The connection is one of those who are told live: it takes no place from its address, and none from the others."""
        self.give_back()
        self.live.add(self)

    def drop(self) -> None:
        """Ends the connection at once, whatever is still to be sent."""
        # What the system still holds of the answer goes too, or it would try for minutes to send it.
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.transport.abort()

    def pause_writing(self) -> None:
        """The client does not take its answer as fast as it is given; from now on it is watched."""
        super().pause_writing()  # type: ignore[misc]
        self._watch_answer()

    def resume_writing(self) -> None:
        """The client has taken nearly all."""
        self._stop_watch()
        super().resume_writing()  # type: ignore[misc]

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went away."""
        self._stop_watch()
        self.give_back()
        self.live.discard(self)
        super().connection_lost(exc)  # type: ignore[misc]

    def give_back(self) -> None:
        """The address has one connection less."""
        if self.owner is not None:
            self.held[self.owner] -= 1
            if self.held[self.owner] <= 0:
                del self.held[self.owner]
            self.owner = None

    def _watch_answer(self) -> None:
        self._stop_watch()
        self._left = self.transport.get_write_buffer_size()
        self._answer_watch = self.loop.call_later(ANSWER_SECONDS, self._look_at_answer)

    def _look_at_answer(self) -> None:
        """A client that takes nothing at all would keep its answer in memory for ever."""
        self._answer_watch = None
        if self.transport.get_write_buffer_size() >= self._left:
            metrics.CONNECTIONS_REFUSED.labels("reader").inc()
            self.drop()
        else:
            self._watch_answer()

    def _stop_watch(self) -> None:
        if self._answer_watch is not None:
            self._answer_watch.cancel()
            self._answer_watch = None


class PatientProtocol(_Counted, HttpToolsProtocol):
    """uvicorn's protocol; from the first byte of a request its head must be whole within ``HEAD_SECONDS``."""

    most: ClassVar[int] = 1000
    proxies: ClassVar[tuple[Network, ...]] = ()

    _deadline: asyncio.TimerHandle | None = None
    _is_in_head = False
    _head_bytes = 0
    _line_bytes = 0
    _is_too_large = False

    def connection_made(self, transport: Any) -> None:
        """Starts the clock: a connection over which nothing comes is closed too; one too many is closed at once."""
        super().connection_made(transport)
        peer = ""
        if self.client:
            peer = plain_address(self.client[0])
            self.client = (peer, self.client[1])
        why = self._too_many(peer)
        if why:
            metrics.CONNECTIONS_REFUSED.labels(why).inc()
            transport.abort()
            return
        self.owner = owner_of(peer)
        self.held[self.owner] += 1
        self._start_clock()

    def data_received(self, data: bytes) -> None:
        """Bounds a head that is still coming: the parser tells of a line only when it has ended."""
        under_way: RequestResponseCycle | None = self.cycle
        if under_way is None or under_way.response_complete:
            # Blank lines begin no message, and would keep the connection for ever.
            self._start_clock()
        super().data_received(data)
        if self._is_in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """A further request on a connection that was kept."""
        self._start_clock()
        self._is_in_head, self._head_bytes, self._line_bytes = True, 0, 0
        super().on_message_begin()
        self.scope[CONNECTION] = self.client[0] if self.client else ""  # type: ignore[literal-required]
        self.scope[CONNECTION_HANDLE] = self  # type: ignore[literal-required]

    def on_header(self, name: bytes, value: bytes) -> None:
        """One line of the head."""
        super().on_header(name, value)
        self._line_bytes += len(name) + len(value)
        if len(self.headers) > HEAD_LINES or len(self.url) + self._line_bytes > HEAD_BYTES:
            self._is_too_large = True
            raise _HeadTooLarge

    def on_headers_complete(self) -> None:
        """The head is whole; from here the front's deadline for the body holds."""
        self._is_in_head = False
        self._stop_clock()
        super().on_headers_complete()

    def send_400_response(self, _msg: str) -> None:
        """The parser refused what came."""
        self._refuse(HEAD_TOO_LARGE if self._is_too_large else BAD_HTTP)

    def handle_websocket_upgrade(self) -> None:
        """The connection goes on as a WebSocket, and keeps its place."""
        super().handle_websocket_upgrade()
        following = self.transport.get_protocol()
        if isinstance(following, PatientWebSocket):
            following.owner, self.owner = self.owner, None
        if self.transport.is_closing():
            self.give_back()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went away."""
        self._stop_clock()
        super().connection_lost(exc)

    def _too_many(self, peer: str) -> str:
        """Why there is no room for a connection of that address; empty where there is."""
        if not peer:
            return ""  # another process of ours, which has counted it
        if len(self.connections) - len(self.live) > self.most:
            return "all"
        if self.held[owner_of(peer)] >= max(1, self.most // SHARE) and not is_within(peer, self.proxies):
            return "address"
        return ""

    def _refuse(self, why: tuple[HTTPStatus, str, str]) -> None:
        """Answers what no application has seen, and ends the connection."""
        status, reason, detail = why
        metrics.CONNECTIONS_REFUSED.labels(reason).inc()
        body = orjson.dumps(
            {"type": "about:blank", "status": status.value, "title": reason, "reason": reason, "detail": detail}
        )
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _start_clock(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class PatientWebSocket(_Counted, WebSocketsSansIOProtocol):
    """uvicorn's protocol of WebSockets, with the place that the connection had before."""

    def handle_connect(self, event: Any) -> None:
        """The request that began as one of HTTP."""
        super().handle_connect(event)
        if hasattr(self, "scope"):  # the request was one for a WebSocket
            self.scope[CONNECTION_HANDLE] = self  # type: ignore[literal-required]


def protocols_of(most: int, proxies: tuple[Network, ...]) -> tuple[type[PatientProtocol], type[PatientWebSocket]]:
    """The protocols with these bounds, of HTTP and of WebSockets; they count together."""
    shared: dict[str, Any] = {"held": Counter(), "live": set()}
    bounded = type("BoundedProtocol", (PatientProtocol,), {"most": most, "proxies": proxies, **shared})
    return bounded, type("BoundedWebSocket", (PatientWebSocket,), shared)
