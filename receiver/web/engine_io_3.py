"""Socket.IO 2 over Engine.IO 3, which libraries of today no longer speak: as much of it as clients need who listen for alerts.

By polling and by WebSocket, from the first to the second; text only; the namespaces ``/`` and ``/alert``. Unlike in later
versions the client sends the pings, a connection is in the root namespace from its beginning, and packets of a poll are counted in
the characters that JavaScript counts.
"""

import array
import asyncio
import contextlib
import json
import os
import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import orjson

from receiver.web.arrivals import CONNECTION_HANDLE, Scope, peer_of
from receiver.web.audience import NAMESPACE, Audience
from receiver.web.live import ConnectionHandle, Receive, Send

PING_SECONDS, TIMEOUT_SECONDS = 25.0, 20.0
# A poll without news ends after so long; the client asks again.
POLL_SECONDS = 25.0
# What a client does not take; more, and it has gone.
QUEUE_LENGTH = 200
# Of one payload.
PACKETS = 16
FIELDS = 20
PROBE = "probe"
OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
CONNECT, DISCONNECT, EVENT, ACK, ERROR = "01234"
# Type, namespace, number of the acknowledgement that is asked for, JSON.
PACKET = re.compile(r"([0-6])(?:(/[^,]{0,200})(?:,|$))?(\d{0,15})(.*)", re.DOTALL)
UNKNOWN_TRANSPORT, UNKNOWN_SESSION, BAD_METHOD, BAD_REQUEST = range(4)
WHAT = ("Transport unknown", "Session ID unknown", "Bad handshake method", "Bad request")


class _Broken(Exception):
    """A client does not keep to the protocol; ``number`` says in which way."""

    def __init__(self, number: int = BAD_REQUEST) -> None:
        super().__init__(WHAT[number])
        self.number = number


class Session:
    """One client, over whichever transport it uses.

    Args:
        scope: of its first request.
        on_shut: called once, when the session is over.
    """

    kind = "eio3"

    def __init__(self, scope: Scope, on_shut: Callable[["Session"], None]) -> None:
        # The beginning names this process, so that another one knows whose it is.
        self.sid = new_sid()
        self.peer = peer_of(scope)
        self.handle: ConnectionHandle | None = None
        self.is_polled = self.is_upgrading = self.is_on_socket = self.is_closed = self.has_joined = False
        self._on_shut = on_shut
        self._packets: deque[str] = deque()
        self._news = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self.stay()

    def stay(self) -> None:
        """The client has given a sign of life."""
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = None if self.is_closed else loop.call_later(PING_SECONDS + TIMEOUT_SECONDS, self.shut)

    def put(self, packet: str) -> None:
        """Lines a packet up for the client; who leaves too many of them has gone."""
        if len(self._packets) >= QUEUE_LENGTH:
            self.shut()
        if not self.is_closed:
            self._packets.append(packet)
            self._news.set()

    def begin_upgrade(self) -> None:
        """From here on polls are told nothing; one that waits is let go."""
        self.is_upgrading = True
        self._news.set()

    def taken(self) -> list[str]:
        """What is there for the client, at once."""
        packets = list(self._packets)
        self._packets.clear()
        if not self.is_closed:
            self._news.clear()
        return packets

    async def news(self, seconds: float | None) -> None:
        """Waits until there may be something, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    def shut(self) -> None:
        """Nothing more is heard, and nothing more lined up; whoever waits is told so."""
        if self.is_closed:
            return
        self.is_closed = True
        self._news.set()
        if self._timer is not None:
            self._timer.cancel()
        self._on_shut(self)

    async def say(self, name: str, data: Mapping[str, Any]) -> None:
        """Sends an event of the namespace."""
        self.put(f"{MESSAGE}{EVENT}{NAMESPACE},{_json([name, data])}")

    async def close(self) -> None:
        """Ends the session."""
        self.put(CLOSE)
        self.shut()


class EngineIo3:
    """An ASGI application for what is asked with ``EIO=3``; bodies are whole, and who may come in has been looked at."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._sessions: dict[str, Session] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request or WebSocket."""
        query = query_of(scope)
        if scope["type"] == "websocket":
            await self._socket((scope, receive, send), query)
            return
        try:
            status, text = 200, await self._answer(scope, receive, query)
        except _Broken as error:
            status, text = 400, _json({"code": error.number, "message": WHAT[error.number]})
        await send({"type": "http.response.start", "status": status, "headers": headers_of(scope, text)})
        await send({"type": "http.response.body", "body": text.encode()})

    async def _answer(self, scope: Scope, receive: Receive, query: Mapping[str, str]) -> str:
        if scope["method"] == "OPTIONS":
            return ""
        if query.get("transport") != "polling" or "j" in query:
            raise _Broken(UNKNOWN_TRANSPORT)
        if "sid" not in query:
            if scope["method"] != "GET":
                raise _Broken(BAD_METHOD)
            return _payload(self._begin(scope, upgrades=["websocket"]).taken())
        session = self._present(scope, query["sid"])
        if scope["method"] == "GET":
            return await self._poll(session)
        for packet in _packets((await receive())["body"]):
            await self._hear(session, packet)
        return "ok"

    def _present(self, scope: Scope, sid: str) -> Session:
        """The session that a poll belongs to."""
        session = self._sessions.get(sid)
        if session is None:
            raise _Broken(UNKNOWN_SESSION)
        if session.is_on_socket or scope["method"] not in {"GET", "POST"}:
            raise _Broken
        return session

    def _begin(self, scope: Scope, upgrades: Sequence[str]) -> Session:
        session = Session(scope, self._forget)
        self._sessions[session.sid] = session
        self._audience.arrive(session.sid, session)
        times = {"pingInterval": int(PING_SECONDS * 1000), "pingTimeout": int(TIMEOUT_SECONDS * 1000)}
        session.put(OPEN + _json({"sid": session.sid, "upgrades": upgrades, **times}))
        session.put(MESSAGE + CONNECT)
        return session

    def _forget(self, session: Session) -> None:
        self._sessions.pop(session.sid, None)
        self._audience.leave(session.sid)

    async def _poll(self, session: Session) -> str:
        """What there is to say, as soon as there is something."""
        if session.is_polled:
            session.shut()
            raise _Broken
        session.is_polled = True
        try:
            await session.news(POLL_SECONDS)
        finally:
            session.is_polled = False
        return _payload(([] if session.is_upgrading else session.taken()) or [NOOP])

    async def _socket(self, connection: tuple[Scope, Receive, Send], query: Mapping[str, str]) -> None:
        scope, receive, send = connection
        await receive()
        session = self._sessions.get(query.get("sid", ""))
        is_wrong = ("sid" in query and session is None) or (session is not None and session.is_on_socket)
        if is_wrong or query.get("transport") != "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        if session is None:
            session = self._begin(scope, upgrades=[])
        elif not await self._upgraded(session, receive, send):
            await send({"type": "websocket.close"})
            return
        session.is_on_socket = True
        session.handle = scope.get(CONNECTION_HANDLE)
        self._audience.move(session.sid)
        await self._talk(session, receive, send)

    async def _upgraded(self, session: Session, receive: Receive, send: Send) -> bool:
        """Whether the client has moved from polling to this WebSocket: it asks, is answered, lets its poll end, and says so."""
        if (await receive()).get("text") != PING + PROBE:
            return False
        session.begin_upgrade()
        await send({"type": "websocket.send", "text": PONG + PROBE})
        is_done = (await receive()).get("text") == UPGRADE and not session.is_on_socket
        session.is_upgrading = False
        return is_done

    async def _talk(self, session: Session, receive: Receive, send: Send) -> None:
        writing = asyncio.create_task(_write(session, send))
        with contextlib.suppress(_Broken):
            while (message := await receive())["type"] == "websocket.receive":
                await self._hear(session, message.get("text") or "")
        session.shut()
        await writing

    async def _hear(self, session: Session, packet: str) -> None:
        """One packet of Engine.IO.

        Raises:
            _Broken: it is none, or one that is not text.
        """
        session.stay()
        kind, rest = packet[:1], packet[1:]
        if kind == MESSAGE:
            await self._message(session, rest)
        elif kind == PING:
            session.put(PONG + rest[: len(PROBE)])
        elif kind == CLOSE:
            session.shut()
        elif kind not in {PONG, UPGRADE, NOOP} or not kind:
            raise _Broken

    async def _message(self, session: Session, text: str) -> None:
        """One packet of Socket.IO."""
        match = PACKET.fullmatch(text)
        if match is None:
            raise _Broken
        kind, space, number, rest = match[1], (match[2] or "/").partition("?")[0], match[3], match[4]
        if kind == CONNECT:
            _join(session, space)
        elif kind == DISCONNECT:
            session.has_joined = session.has_joined and space != NAMESPACE
        elif kind == EVENT and session.has_joined and space == NAMESPACE:
            name, *arguments = _event(rest)
            await self._audience.hear(session.sid, name, arguments)
            if number:
                session.put(f"{MESSAGE}{ACK}{NAMESPACE},{number}[]")


def _join(session: Session, space: str) -> None:
    if space not in {"/", NAMESPACE}:
        session.put(f"{MESSAGE}{ERROR}{space},{_json('Invalid namespace')}")
    elif space == NAMESPACE:
        session.has_joined = True
        session.put(f"{MESSAGE}{CONNECT}{NAMESPACE},")


def _event(text: str) -> list[Any]:
    """An event's name and what belongs to it."""
    try:
        found = orjson.loads(text)
    except ValueError:
        raise _Broken from None
    if not isinstance(found, list) or not found or not isinstance(found[0], str):
        raise _Broken
    return found


async def _write(session: Session, send: Send) -> None:
    """Sends what is lined up, until the session is over."""
    with contextlib.suppress(OSError):  # the client is gone, and the other side of this talk sees it too
        while not session.is_closed:
            await session.news(None)
            for packet in session.taken():
                await send({"type": "websocket.send", "text": packet})
        await send({"type": "websocket.close"})


def _payload(packets: Sequence[str]) -> str:
    """Packets of one poll, each behind its length; all that we say is ASCII."""
    return "".join(f"{len(packet)}:{packet}" for packet in packets)


def _packets(body: bytes) -> list[str]:
    """The packets of a payload; lengths are in UTF-16 units, as JavaScript counts."""
    try:
        units = "".join(map(chr, array.array("H", body.decode().encode("utf-16"))[1:]))
    except UnicodeDecodeError:
        raise _Broken from None
    found: list[str] = []
    while units:
        length, colon, _ = units[:8].partition(":")
        at = len(length) + 1
        if not colon or not length.isdecimal() or len(found) >= PACKETS or at + int(length) > len(units):
            raise _Broken
        packet, units = units[at : at + int(length)], units[at + int(length) :]
        found.append(packet.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return found


def headers_of(scope: Scope, text: str) -> list[tuple[bytes, bytes]]:
    """Headers of an answer to a poll.

    Pages of other sites may listen: who they are they say by a token, and no cookie of ours is looked at here. Clients of that
    age send cookies all the same, and their browsers want both lines.
    """
    found = [
        (b"content-type", b"text/plain; charset=UTF-8"),
        (b"content-length", str(len(text.encode())).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
    if origin is not None:
        found += [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-allow-headers", b"content-type"),
            (b"vary", b"origin"),
        ]
    return found


def query_of(scope: Scope) -> dict[str, str]:
    """The query, of each name the first value; nothing of one that is too long."""
    try:
        found = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}


def new_sid() -> str:
    """An id that nobody guesses; its beginning says which process of this machine has the session."""
    return f"{os.getpid()}-{secrets.token_urlsafe(15)}"


def _json(value: Any) -> str:
    """JSON in ASCII: its length is the same however it is counted."""
    return json.dumps(value, separators=(",", ":"))
