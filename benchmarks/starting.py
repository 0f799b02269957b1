"""Starts the server to be measured on a port that the system chose, waits until it answers, and ends it again."""

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH_DIR = ROOT / ".bench"  # on the project's own disk: a memory disk would have no fsync to wait for
LOG = BENCH_DIR / "servers.log"
STARTS_WITHIN = 30.0  # seconds
ENDS_WITHIN = 30.0


@dataclass(frozen=True)
class Command:
    """How something is started.

    Attributes:
        arguments: after the Python interpreter; ``{port}`` is replaced.
        ready_path: answers 200 when it is ready; empty: as soon as the port is open.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_path: str = ""


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    port: int
    pid: int
    seconds_to_ready: float


@contextlib.contextmanager
def running(python: str, command: Command) -> Iterator[Running]:
    """The server, for as long as the block lasts; what it says goes to the log in ``.bench``."""
    port = free_port()
    started = time.monotonic()
    process = start(python, command, port)
    try:
        _wait(process, port, command.ready_path)
        yield Running(port, process.pid, time.monotonic() - started)
    finally:
        end(process)


def start(python: str, command: Command, port: int = 0) -> "subprocess.Popen[bytes]":
    """Starts it without waiting for anything."""
    BENCH_DIR.mkdir(exist_ok=True)
    arguments = [part.format(port=port) for part in command.arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEHOUSE_")}
    environment |= {name: value.format(port=port) for name, value in command.environment.items()}
    with LOG.open("wb") as log:
        return subprocess.Popen([python, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log)


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: "subprocess.Popen[bytes]", port: int, ready_path: str) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended at once with {process.returncode}; {LOG} says why")
        if _is_ready(port, ready_path):
            return
        time.sleep(0.02)
    raise RuntimeError(f"the server was not ready within {STARTS_WITHIN:.0f} s; {LOG} may say why")


def _is_ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.connect()
        if not path:
            return True
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
