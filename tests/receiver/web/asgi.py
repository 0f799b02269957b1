"""Speaks to an ASGI application as a server would, message by message."""

import asyncio
from collections.abc import Coroutine, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from receiver.web.front import Front

Message = MutableMapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Answered:
    """One answer; status 0 if there was none."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


def scope_of(path: str, headers: Sequence[tuple[bytes, bytes]] = (), method: str = "POST", **more: Any) -> Message:
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode("utf-8", "replace"), "query_string": b"", "root_path": "", "headers": list(headers),
        "client": ("10.0.0.9", 4711), "server": ("127.0.0.1", 9528), **more,
    }  # fmt: skip


def chunks_of(*chunks: bytes) -> list[Message]:
    last = len(chunks) - 1
    return [{"type": "http.request", "body": chunk, "more_body": at < last} for at, chunk in enumerate(chunks)]


async def talk(front: Front, scope: Message, told: Sequence[Message]) -> Answered:
    """The answer to a request that tells ``told`` and then nothing more, ever."""
    left = list(told)
    sent: list[Message] = []

    async def receive() -> Message:
        if left:
            return left.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: Message) -> None:
        sent.append(message)

    await front(scope, receive, send)
    if not sent:
        return Answered(0, {}, b"")
    assert sent[0]["type"] == "http.response.start"
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answered(sent[0]["status"], dict(sent[0]["headers"]), body)


async def stop(front: Front) -> list[str]:
    """Starts and stops the front as a server does, so that its threads end; what it answers."""
    told: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Message:
        return told.pop(0)

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await front({"type": "lifespan"}, receive, send)
    return sent


def run(front: Front, conversation: Coroutine[Any, Any, T]) -> T:
    """What a conversation with the front comes to; the front is stopped afterwards, whatever happens."""

    async def whole() -> T:
        try:
            return await conversation
        finally:
            await stop(front)

    return asyncio.run(whole())


def ask(
    front: Front, path: str, body: bytes = b"", headers: Sequence[tuple[bytes, bytes]] = (), **more: Any
) -> Answered:
    """One whole request; the front is stopped afterwards."""
    return run(front, talk(front, scope_of(path, headers, **more), chunks_of(body)))
