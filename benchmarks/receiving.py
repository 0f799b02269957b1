"""Somebody who is told, in a process of its own: takes each POST and counts it, and says how many it has had."""

import asyncio
import sys

import uvloop

DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Receiver(asyncio.Protocol):
    """One connection."""

    had = 0

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0 or self._transport is None:
            return
        if self._received.startswith(b"GET"):
            body = str(Receiver.had).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            self._received.clear()
            return
        lowered = bytes(self._received[:head]).lower()
        start = lowered.index(b"content-length:") + 15
        length = int(lowered[start:].split(b"\r\n", 1)[0])
        if len(self._received) >= head + 4 + length:
            Receiver.had += 1
            del self._received[: head + 4 + length]
            self._transport.write(DONE)


async def receive(port: int) -> None:
    """Until it is ended."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(receive(int(sys.argv[1])))
