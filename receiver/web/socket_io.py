"""Socket.IO for front ends of ServerAPI: today's clients through python-socketio, those of version 2 through an adapter of ours."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

import engineio
import socketio

from receiver.domain.errors import Busy
from receiver.web.arrivals import CONNECTION_HANDLE, Scope, peer_of
from receiver.web.audience import NAMESPACE, Audience
from receiver.web.engine_io_3 import EngineIo3, new_sid, query_of
from receiver.web.live import ConnectionHandle, Receive, Send
from receiver.web.relay import Relay

# Nobody has more to say than a name and a token.
MESSAGE_BYTES = 16_384
BODY_SECONDS = 15.0
# What a client does not take; more, and it has gone.
QUEUE_LENGTH = 200

# Whatever a client says wrongly would be an error of ours there; its connection is ended, and that is all.
QUIET = logging.getLogger("socketio.quiet")
QUIET.setLevel(logging.CRITICAL)


class _EngineServer(engineio.AsyncServer):  # type: ignore[misc]
    """Names its sessions as we do, and waits for no client when it ends one."""

    def generate_id(self) -> str:
        """Of a new session."""
        return new_sid()

    async def disconnect(self, sid: str) -> None:
        """Ends a session; its last packet goes to whoever still asks for it.

        The library would wait until that packet is taken: for ever where a client that polls has gone, for its session is not
        found any more.
        """
        socket = self.sockets.pop(sid, None)
        if socket is not None:
            await socket.close(wait=False, reason=self.reason.SERVER_DISCONNECT)


class _Line:
    """A client of today."""

    kind = "eio4"

    def __init__(self, server: "_Server", sid: str, peer: str) -> None:
        self._server = server
        self._sid = sid
        self.peer = peer
        self.handle: ConnectionHandle | None = None

    async def say(self, name: str, data: Mapping[str, Any]) -> None:
        """Sends an event."""
        socket = self._server.eio.sockets.get(self._sid)
        if socket is not None and socket.queue.qsize() >= QUEUE_LENGTH:
            await self.close()
            return
        sid = self._server.manager.sid_from_eio_sid(self._sid, NAMESPACE)
        if sid is not None:
            await self._server.emit(name, data, to=sid, namespace=NAMESPACE)

    async def close(self) -> None:
        """Ends the connection."""
        await self._server.eio.disconnect(self._sid)


class _Server(socketio.AsyncServer):  # type: ignore[misc]
    """Brings its connections to the audience, from their beginning: a client may never join a namespace."""

    def __init__(self, audience: Audience) -> None:
        super().__init__(
            async_mode="asgi",
            namespaces=[NAMESPACE],
            # Who somebody is he says by a token; no cookie is looked at, so any page may ask.
            cors_allowed_origins="*",
            cors_credentials=False,
            max_http_buffer_size=MESSAGE_BYTES,
            http_compression=False,
            logger=QUIET,
            engineio_logger=QUIET,
        )
        self._audience = audience
        self.lines: dict[str, _Line] = {}
        self.on("*", self._hear, namespace=NAMESPACE)

    async def _hear(self, name: str, sid: str, *arguments: Any) -> None:
        key = self.manager.eio_sid_from_sid(sid, NAMESPACE)
        if key is not None:
            await self._audience.hear(key, name, arguments)

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        scope = environ["asgi.scope"]
        self.lines[eio_sid] = line = _Line(self, eio_sid, peer_of(scope))
        if scope["type"] == "websocket":
            line.handle = scope.get(CONNECTION_HANDLE)
        self._audience.arrive(eio_sid, line)

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        # What comes behind the end of its connection would join a namespace that nobody leaves any more.
        if eio_sid in self.lines:
            await super()._handle_eio_message(eio_sid, data)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self.lines.pop(eio_sid, None)
        self._audience.leave(eio_sid)
        await super()._handle_eio_disconnect(eio_sid, reason)

    def _engineio_server_class(self) -> type[_EngineServer]:
        return _EngineServer


class SocketIo:
    """An ASGI application for everything below /socket.io/."""

    def __init__(self, audience: Audience, relay: Relay | None = None) -> None:
        self._audience = audience
        self._relay = relay
        self._old = EngineIo3(audience)
        self._server = _Server(audience)
        self._new = socketio.ASGIApp(self._server, socketio_path=None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request or WebSocket, each version by its own."""
        query = query_of(scope)
        body = b""
        try:
            if "sid" not in query:
                self._audience.check_room(peer_of(scope))
            if scope["type"] == "http":
                body = await _body(receive)
        except (Busy, _Refused) as error:
            await _refuse(scope, send, 503 if isinstance(error, Busy) else 413)
            return
        sid = query.get("sid", "")
        if self._relay is not None and self._relay.is_other(sid):
            await self._pass_on(self._relay, sid, body, (scope, receive, send))
            return
        if scope["type"] == "http":
            receive = _replayed(body, receive)
        await (self._old if query.get("EIO") == "3" else self._today)(scope, receive, send)

    async def _pass_on(self, relay: Relay, sid: str, body: bytes, connection: tuple[Scope, Receive, Send]) -> None:
        """To the process that has the session."""
        scope, receive, send = connection
        if scope["type"] == "http":
            await relay.ask(sid, scope, body, send)
        else:
            await relay.connect(sid, scope, receive, send)

    async def _today(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A client of today; what it says beyond its protocol ends its own connection alone."""
        query = query_of(scope)
        line = self._server.lines.get(query.get("sid", ""))
        if line is not None and scope["type"] == "websocket":
            line.handle = scope.get(CONNECTION_HANDLE)
            self._audience.move(query["sid"])
        await self._new(scope, receive, send)

    async def end(self) -> None:
        """Ends all connections: the server stops."""
        await self._audience.end()
        await self._server.eio.shutdown()


class _Refused(Exception):
    """A body is too large, too slow, or was never whole."""


async def _body(receive: Receive) -> bytes:
    """The whole body of a request."""
    found, has_more = b"", True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            while has_more:
                message = await receive()
                found += message.get("body", b"")
                has_more = message.get("more_body", False)
                if len(found) > MESSAGE_BYTES or message["type"] == "http.disconnect":
                    raise _Refused
    if has_more:
        raise _Refused
    return found


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Tells the body once, and then what comes."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def tell() -> Any:
        return left.pop() if left else await receive()

    return tell


async def _refuse(scope: Scope, send: Send, status: int) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1013})
        return
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close"), (b"retry-after", b"5")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"busy" if status == 503 else b"too large"})  # noqa: PLR2004
