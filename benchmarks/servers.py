"""The same ASGI application under three servers: speed, memory, and how each bears slow and half-open clients."""

import contextlib
import socket
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.bare import DEADLINE as DEADLINE_NAME
from benchmarks.load import Job, Measured, measure
from benchmarks.machine import Memory, facts, memory
from benchmarks.starting import BENCH_DIR, Command, Running, running

APP = "benchmarks.bare:make_front"
SIZES = (16 * 1024, 180 * 1024)
ROUNDS = 3
SECONDS = 4.0
HELD_OPEN = 100
DEADLINE = 5.0  # seconds the front gives a body
PATIENCE = 20.0  # seconds a dripping client is watched
COMMANDS = {
    "uvicorn": ["uvicorn", APP, "--factory", "--port={port}", "--loop=uvloop", "--http=httptools", "--no-access-log",
                "--log-level=error", "--backlog=2048"],
    "granian": ["granian", APP, "--factory", "--port={port}", "--interface=asgi", "--loop=uvloop", "--workers=1", "--http=1",
                "--no-access-log", "--log-level=error", f"--http1-header-read-timeout={int(DEADLINE * 1000)}"],
    "gunicorn": ["gunicorn", f"{APP}()", "--bind=127.0.0.1:{port}", "--worker-class=asgi", "--workers=1",
                 "--asgi-loop=uvloop", "--log-level=error", "--no-control-socket"],
}  # fmt: skip

# glibc gives a freed body's pages back to the kernel and fetches them again for the next one, unless it is told to keep
# some: blocks up to 4 MiB from the heap, of which up to 16 MiB stay. The same two values mallopt() sets from inside.
KEEPING = {"MALLOC_MMAP_THRESHOLD_": str(4 << 20), "MALLOC_TRIM_THRESHOLD_": str(16 << 20)}
VARIANTS: dict[str, dict[str, str]] = {"": {}, " keeping memory": KEEPING}


@dataclass
class Figures:
    """Everything measured of one server."""

    rounds: dict[int, list[Measured]] = field(default_factory=lambda: {size: [] for size in SIZES})
    memory: list[Memory] = field(default_factory=list)
    held: dict[str, Measured] = field(default_factory=dict)
    habits: dict[str, str] = field(default_factory=dict)


def serving(name: str, variant: str = "") -> contextlib.AbstractContextManager[Running]:
    """The application under that server."""
    environment = {DEADLINE_NAME: str(DEADLINE), **VARIANTS[variant]}
    return running(sys.executable, Command(["-m", *COMMANDS[name]], environment))


def half_sent(port: int, count: int, *, is_head_complete: bool) -> list[socket.socket]:
    """Connections that stop in the middle of a request: of its body, or of its headers."""
    head = b"POST /HistoryEvent HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    start = head + (b"Content-Length: 16000\r\n\r\n" + b"x" * 8000 if is_head_complete else b"")
    connections = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(count)]
    for connection in connections:
        connection.sendall(start)
    return connections


def with_half_sent(port: int, *, is_head_complete: bool) -> Measured:
    """The intake of others while a hundred requests are held half sent."""
    connections = half_sent(port, HELD_OPEN, is_head_complete=is_head_complete)
    try:
        return measure(Job(port, SIZES[0], 3.0))
    finally:
        for connection in connections:
            connection.close()


def drip(port: int, *, is_head_complete: bool) -> str:
    """What happens to a client that sends one byte a second."""
    (connection,) = half_sent(port, 1, is_head_complete=is_head_complete)
    started = time.monotonic()
    connection.settimeout(1.0)
    while time.monotonic() - started < PATIENCE:
        try:
            connection.send(b"x")
            answer = connection.recv(1000)
        except TimeoutError:
            continue
        except OSError:
            return f"reset after {time.monotonic() - started:.0f} s"
        finally_at = time.monotonic() - started
        return f"{answer[9:12].decode() if answer else 'closed'} after {finally_at:.0f} s"
    return f"still open after {PATIENCE:.0f} s"


def announce_too_much(port: int) -> str:
    """The answer to a request that says it is far over the limit, while its body is being sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(
            b"POST /HistoryEvent HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 65536
        )
        try:
            return connection.recv(1000)[9:12].decode() or "closed"
        except OSError as error:
            return type(error).__name__


def expect_continue(port: int) -> str:
    """Whether a client that asks before it sends its body (curl does from one MiB on) is told to go on."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
        connection.sendall(
            b"POST /HistoryEvent HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        try:
            first = connection.recv(1000)[9:12].decode()
            connection.sendall(b"abcd")
            return f"{first}, then {connection.recv(1000)[9:12].decode()}"
        except OSError as error:
            return type(error).__name__


def watch_habits(name: str) -> Figures:
    """The behaviours, each on a server that has done nothing else before."""
    figures = Figures()
    with serving(name) as server:
        port = server.port
        figures.held["half bodies"] = with_half_sent(port, is_head_complete=True)
        figures.held["half headers"] = with_half_sent(port, is_head_complete=False)
        figures.habits["over the limit"] = announce_too_much(port)
        figures.habits["100-continue"] = expect_continue(port)
        with ThreadPoolExecutor(2) as pool:
            body = pool.submit(drip, port, is_head_complete=True)
            head = pool.submit(drip, port, is_head_complete=False)
            figures.habits["byte a second, body"] = body.result()
            figures.habits["byte a second, headers"] = head.result()
    return figures


def run() -> dict[str, Figures]:
    found = {name: watch_habits(name) for name in COMMANDS}
    found |= {name + variant: Figures() for variant in VARIANTS if variant for name in COMMANDS}
    for number in range(ROUNDS):
        for variant in VARIANTS:
            for name in COMMANDS:
                figures = found[name + variant]
                for size in SIZES:
                    with serving(name, variant) as server:
                        figures.rounds[size].append(measure(Job(server.port, size, SECONDS)))
                        figures.memory.append(memory(server.pid))
                rates = [figures.rounds[size][-1].rate for size in SIZES]
                print(f"round {number + 1}: {name}{variant} {rates}", file=sys.stderr)
    return found


def row(name: str, figures: Figures) -> str:
    cells = [name]
    for size in SIZES:
        rounds = figures.rounds[size]
        cells += [f"{statistics.median(getattr(each, key) for each in rounds):.{places}f}"
                  for key, places in (("rate", 0), ("p50", 1), ("p99", 1))]  # fmt: skip
    cells.append(f"{max(each.rss for each in figures.memory):.0f}")
    cells.append(f"{max(each.pss for each in figures.memory):.0f}")
    return "| " + " | ".join(cells) + " |"


def report(found: dict[str, Figures]) -> None:
    for name, value in facts(BENCH_DIR).items():
        print(f"{name}: {value}")
    print("\n| server | 16 KiB req/s | p50 ms | p99 ms | 180 KiB req/s | p50 ms | p99 ms | RSS MiB | PSS MiB |")
    print("| --- " * 9 + "|")
    for name, figures in found.items():
        print(row(name, figures))
    print()
    for name, figures in found.items():
        for what, measured in figures.held.items():
            print(f"{name}, {HELD_OPEN} {what} held open: {measured.rate:.0f} req/s, p99 {measured.p99} ms, "
                  f"slowest {measured.slowest} ms, {measured.statuses}, broken {measured.broken}")  # fmt: skip
        for what, said in figures.habits.items():
            print(f"{name}, {what}: {said}")
        loads = [each.load_cpu for rounds in figures.rounds.values() for each in rounds]
        broken = sum(each.broken for rounds in figures.rounds.values() for each in rounds)
        print(f"{name}: load generator used {max(loads):.2f} of a core at most; broken connections {broken}")


if __name__ == "__main__":
    report(run())
