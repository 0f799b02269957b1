"""Hands what belongs to another web process's session over to it: with several of them a client's next poll may come to any.

Each process of a machine listens on a socket in the data folder beside the port that all of them share, and a session's id begins with
the number of its process.
"""

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from urllib.parse import quote

import httptools
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import WebSocketException

from receiver.web.arrivals import Scope
from receiver.web.live import Receive, Send

FOLDER = "lines"
# What is passed on of a request's head.
HEADERS = frozenset({b"content-type", b"origin"})
# Polls are answered within less.
ANSWER_SECONDS = 60.0
CHUNK = 65_536
MESSAGE_BYTES = 65_536


class _Answer:
    """What the other process answers, as it is read."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        if name.lower() not in {b"transfer-encoding", b"content-length", b"connection", b"date"}:
            self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self.body += body


class Relay:
    """The sockets of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        folder = data_dir / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        # Addressed through the open folder: a socket's path may have 107 bytes only, a data folder's more.
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def listening(self) -> socket.socket:
        """This process's own socket."""
        self._sweep()
        path = Path(self._address(str(os.getpid())))
        path.unlink(missing_ok=True)
        own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        own.bind(str(path))
        return own

    def is_other(self, sid: str) -> bool:
        """Whether a session is another process's, which is there."""
        owner = sid.partition("-")[0]
        is_number = owner.isdecimal() and len(owner) < 12 and owner != str(os.getpid())  # noqa: PLR2004 - a process's number
        return is_number and Path(self._address(owner)).exists()

    def close(self) -> None:
        """Takes this process's socket away."""
        Path(self._address(str(os.getpid()))).unlink(missing_ok=True)
        os.close(self._fd)

    async def ask(self, sid: str, scope: Scope, body: bytes, send: Send) -> None:
        """Has the other process answer one request."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._asked(sid.partition("-")[0], scope, body)
        except (OSError, TimeoutError, httptools.HttpParserError):
            await send({"type": "http.response.start", "status": 503, "headers": [(b"retry-after", b"5")]})
            await send({"type": "http.response.body", "body": b""})
            return
        status = answer.parser.get_status_code()
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def connect(self, sid: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a WebSocket's messages on, both ways, until one side ends it."""
        await receive()
        path = self._address(sid.partition("-")[0])
        try:
            async with unix_connect(
                path, _target("ws://line", scope), compression=None, max_size=MESSAGE_BYTES
            ) as other:
                await send({"type": "websocket.accept"})
                back = asyncio.create_task(_back(other, send))
                with contextlib.suppress(WebSocketException):
                    while (message := await receive())["type"] == "websocket.receive":
                        await other.send(message.get("text") or message.get("bytes") or "")
                await other.close()
                await back
        except (OSError, TimeoutError, WebSocketException):
            with contextlib.suppress(OSError, RuntimeError):
                await send({"type": "websocket.close", "code": 1011})

    async def _asked(self, owner: str, scope: Scope, body: bytes) -> _Answer:
        reader, writer = await asyncio.open_unix_connection(self._address(owner))
        try:
            head = f"{scope['method']} {_target('', scope)} HTTP/1.1\r\nhost: line\r\nconnection: close\r\n".encode()
            kept = [name + b": " + value + b"\r\n" for name, value in scope["headers"] if name in HEADERS]
            writer.write(head + b"".join(kept) + f"content-length: {len(body)}\r\n\r\n".encode() + body)
            answer = _Answer()
            while chunk := await reader.read(CHUNK):
                answer.parser.feed_data(chunk)
            return answer
        finally:
            writer.close()

    def _address(self, name: str) -> str:
        return f"/proc/self/fd/{self._fd}/{name}"

    def _sweep(self) -> None:
        """Takes away the sockets of processes that ended without saying so."""
        for path in Path(self._address("")).iterdir():
            if path.name.isdecimal() and not Path(f"/proc/{path.name}").exists():
                path.unlink(missing_ok=True)


def _target(base: str, scope: Scope) -> str:
    return f"{base}{quote(scope['path'])}?{scope['query_string'].decode('latin-1')}"


async def _back(other: ClientConnection, send: Send) -> None:
    with contextlib.suppress(WebSocketException, OSError):
        async for message in other:
            await send({"type": "websocket.send", "text" if isinstance(message, str) else "bytes": message})
    with contextlib.suppress(OSError, RuntimeError):
        await send({"type": "websocket.close"})
