"""The load generator: a process of its own that keeps a fixed number of connections busy and measures each answer."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import uvloop

from benchmarks.events import Request, build_request

PEOPLE_A_CONNECTION = 3


@dataclass(frozen=True)
class Job:
    """What to post, for how long.

    Attributes:
        size: bytes of one event's body.
        first_serial: number of the first event; events of two jobs are different if their serials are.
        fixed: stop after that many events instead of after ``seconds``; 0 is no such limit.
        pace: events a second, all connections together, where the server takes them so fast; 0: as fast as it takes them.
    """

    port: int
    size: int
    seconds: float
    first_serial: int = 0
    path: str = "/HistoryEvent"
    connections: int = 16
    warm_up: float = 0.5
    fixed: int = 0
    pace: float = 0.0


@dataclass(frozen=True)
class Measured:
    """What came of it: rates a second, times in milliseconds."""

    requests: int
    rate: float
    p50: float
    p99: float
    slowest: float
    statuses: dict[str, int] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    next_serial: int = 0
    load_cpu: float = 0.0  # share of one core that the generator itself used


@dataclass
class Tally:
    """Filled while the clock runs."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    broken: int = 0


class Shared:
    """What the connections of one job share: the serial numbers, the clock, the tally."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.serial = job.first_serial
        self.sent = 0
        self.tally = Tally()
        self.measuring_from = float("inf")
        self.until = float("inf")
        self.next_at = time.perf_counter()

    def wait(self) -> float:
        """Seconds until the next event may be sent."""
        if not self.job.pace:
            return 0.0
        now = time.perf_counter()
        self.next_at = max(self.next_at, now - 1.0) + 1.0 / self.job.pace
        return self.next_at - now

    def next_serial(self) -> int | None:
        if time.perf_counter() >= self.until or (self.job.fixed and self.sent >= self.job.fixed):
            return None
        self.serial += 1
        self.sent += 1
        return self.serial


class Client(asyncio.Protocol):
    """One keep-alive connection: sends the next event as soon as the last is answered."""

    def __init__(self, shared: Shared, requests: list[Request]) -> None:
        self._shared = shared
        self._requests = requests
        self._received = bytearray()
        self._started = 0.0
        self._transport: asyncio.Transport | None = None
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self._transport.set_write_buffer_limits(high=1 << 24)

    def start(self) -> None:
        serial = self._shared.next_serial()
        assert self._transport is not None
        if serial is None:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()
            return
        request = self._requests[serial % len(self._requests)].renew(serial)
        self._started = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        head = received.find(b"\r\n\r\n")
        if head < 0:
            return
        if len(received) < head + 4 + content_length(received, head):
            return
        self._note(head)
        received.clear()
        wait = self._shared.wait()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.start)
        else:
            self.start()

    def _note(self, head: int) -> None:
        now = time.perf_counter()
        if self._started < self._shared.measuring_from:
            return
        tally = self._shared.tally
        tally.latencies.append(now - self._started)
        tally.statuses[self._received[9:12].decode()] += 1
        for word in (b'"new"', b'"duplicate"', b'"quarantined"'):
            if word in self._received[head:]:
                tally.results[word.decode().strip('"')] += 1

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self._shared.tally.broken += 1
            self.done.set_result(None)


def content_length(received: bytearray, head: int) -> int:
    """Bytes of the answer's body; every server measured here says it."""
    lowered = bytes(received[:head]).lower()
    start = lowered.index(b"content-length:") + 15
    end = lowered.find(b"\r\n", start)
    return int(lowered[start : end if end >= 0 else head])


async def drive(job: Job) -> Measured:
    """Runs a job in this process's loop."""
    shared = Shared(job)
    loop = asyncio.get_running_loop()
    clients = []
    for number in range(job.connections):
        people = range(number * PEOPLE_A_CONNECTION, (number + 1) * PEOPLE_A_CONNECTION)
        requests = [build_request(job.size, person, number, job.path) for person in people]
        _, client = await loop.create_connection(
            lambda requests=requests: Client(shared, requests),  # type: ignore[misc]  # a default binds the loop's value
            "127.0.0.1",
            job.port,
        )
        clients.append(client)
    cpu = time.process_time()
    began = time.perf_counter()
    shared.measuring_from = began + (0 if job.fixed else job.warm_up)
    shared.until = float("inf") if job.fixed else shared.measuring_from + job.seconds
    for client in clients:
        client.start()
    await asyncio.wait_for(asyncio.gather(*(client.done for client in clients)), job.seconds + job.warm_up + 60)
    now = time.perf_counter()
    return _measured(shared, now - max(shared.measuring_from, began), (time.process_time() - cpu) / (now - began))


def _measured(shared: Shared, seconds: float, load_cpu: float) -> Measured:
    latencies = sorted(shared.tally.latencies) or [0.0]
    return Measured(
        requests=len(shared.tally.latencies),
        rate=round(len(shared.tally.latencies) / seconds, 1),
        p50=round(latencies[len(latencies) // 2] * 1000, 2),
        p99=round(latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))] * 1000, 2),
        slowest=round(latencies[-1] * 1000, 2),
        statuses=dict(shared.tally.statuses),
        results=dict(shared.tally.results),
        broken=shared.tally.broken,
        next_serial=shared.serial + 1,
        load_cpu=round(load_cpu, 2),
    )


def measure(job: Job) -> Measured:
    """Runs a job in a process of its own and waits for what it measured."""
    return collect(begin(job))


def begin(job: Job) -> "subprocess.Popen[str]":
    """Starts a job; ``collect`` waits for it."""
    command = [sys.executable, "-m", "benchmarks.load", json.dumps(asdict(job))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def collect(process: "subprocess.Popen[str]") -> Measured:
    output, _ = process.communicate(timeout=300)
    if process.returncode:
        raise RuntimeError("the load generator failed; its error stands above")
    answer: dict[str, Any] = json.loads(output)
    return Measured(**answer)


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(drive(Job(**json.loads(sys.argv[1])))))))
