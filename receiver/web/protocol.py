"""HTTP/1.1 for clients that mean harm or are slow: bounds on connections, on the time for a request's head and for taking an answer."""

import asyncio
import socket
import struct
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from receiver import metrics
from receiver.setting_networks import Network
from receiver.web.arrivals import CONNECTION, CONNECTION_HANDLE
from receiver.web.proxies import is_within

HEAD_SECONDS = 15.0
# Within this time whoever has not taken the whole of an answer must have taken some of it.
ANSWER_SECONDS = 30.0
# Of all connections one address may hold one in so many; a proxy speaks for many addresses.
SHARE = 4
NO_LINGER = struct.pack("ii", 1, 0)


class _Counted:
    """What both protocols do: a connection has its place, and a client that takes nothing of what it is told is let go."""

    held: ClassVar[Counter[str]] = Counter()
    # Those of whom it is known who they are, told live for as long as they like: bounded by who let them in.
    live: ClassVar[set[Any]] = set()

    loop: asyncio.AbstractEventLoop
    transport: Any
    peer: str | None = None
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
        if self.peer is not None:
            self.held[self.peer] -= 1
            if self.held[self.peer] <= 0:
                del self.held[self.peer]
            self.peer = None

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

    def connection_made(self, transport: Any) -> None:
        """Starts the clock: a connection over which nothing comes is closed too; one too many is closed at once."""
        super().connection_made(transport)
        peer = self.client[0] if self.client else ""
        why = self._too_many(peer)
        if why:
            metrics.CONNECTIONS_REFUSED.labels(why).inc()
            transport.abort()
            return
        self.peer = peer
        self.held[peer] += 1
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def on_message_begin(self) -> None:
        """A further request on a connection that was kept."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)
        super().on_message_begin()
        self.scope[CONNECTION] = self.client[0] if self.client else ""  # type: ignore[literal-required]
        self.scope[CONNECTION_HANDLE] = self  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        """The head is whole; from here the front's deadline for the body holds."""
        self._stop_clock()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """The connection goes on as a WebSocket, and keeps its place."""
        super().handle_websocket_upgrade()
        following = self.transport.get_protocol()
        if isinstance(following, PatientWebSocket):
            following.peer, self.peer = self.peer, None
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
        if self.held[peer] >= max(1, self.most // SHARE) and not is_within(peer, self.proxies):
            return "address"
        return ""

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
