"""Listeners for benchmarks: open streams and Socket.IO connections, written out on the wire, that note when they are told."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 60.0


class Stream:
    """One open live stream; when each alert was told, by its id."""

    def __init__(self) -> None:
        self.told: dict[int, float] = {}
        self.is_ready = asyncio.Event()

    async def read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b"event: ready"):
                self.is_ready.set()
            elif line.startswith(b"data: ") and b'"change":"opened"' in line:
                alert = json.loads(line[6:])["alert"]
                self.told[alert["event_id"] or alert["id"]] = time.perf_counter()


@asynccontextmanager
async def streams(port: int, token: str, number: int) -> AsyncIterator[Sequence[Stream]]:
    """So many streams, all of them ready."""
    request = f"GET /v1/live HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    opened, tasks, writers = [Stream() for _ in range(number)], [], []
    try:
        for stream in opened:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            writers.append(writer)
            tasks.append(asyncio.create_task(stream.read(reader)))
            await asyncio.wait_for(stream.is_ready.wait(), PATIENCE)
        yield opened
    finally:
        for task in tasks:
            task.cancel()
        for writer in writers:
            writer.close()


class FrontEnd:
    """One Socket.IO client; when it was told of alerts."""

    def __init__(self) -> None:
        self.told: list[float] = []
        self.is_added = asyncio.Event()

    async def listen(self, line: ClientConnection, token: str) -> None:
        ask = json.dumps(["get_alert", {"username": "bench", "token": token}])
        async for message in line:
            text = message if isinstance(message, str) else message.decode()
            if text.startswith("0"):
                await line.send("40/alert,")
            elif text == "2":
                await line.send("3")
            elif text.startswith("40/alert,"):
                await line.send(f"42/alert,{ask}")
            elif "my_response" in text:
                self.is_added.set()
            elif "an_alert" in text:
                self.told.append(time.perf_counter())


@asynccontextmanager
async def front_ends(port: int, token: str, number: int) -> AsyncIterator[Sequence[FrontEnd]]:
    """So many clients of today over WebSocket, all of them listening."""
    opened = [FrontEnd() for _ in range(number)]
    address = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
    async with contextlib.AsyncExitStack() as stack:
        tasks = []
        for each in opened:
            line = await stack.enter_async_context(connect(address, compression=None))
            tasks.append(asyncio.create_task(each.listen(line, token)))
        await asyncio.wait_for(asyncio.gather(*(each.is_added.wait() for each in opened)), PATIENCE)
        try:
            yield opened
        finally:
            for task in tasks:
                task.cancel()
