"""The intake while a worker drains a backlog, and what all processes together need before the first picture."""

import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import READY, THIS_SERVER, checked, command, environment, fresh_folder
from benchmarks.load import Job, Measured, measure
from benchmarks.machine import Memory, memory
from benchmarks.starting import Command, end, running, start
from receiver.store.store import MAIN_FILE

BACKLOG = 10_000
SIZE = 16 * 1024
WORKER_STARTS_WITHIN = 60.0  # seconds until its first task is done
SETTLE = 3.0  # seconds after which nothing is still being imported
WAITING = "select count(*) from task where topic = 'recognise'"


@dataclass(frozen=True)
class Draining:
    """The same server, the same data, without and with a worker at work."""

    undisturbed: Measured
    disturbed: Measured
    drained: int  # tasks done while the disturbed rate was measured
    left: int  # tasks that were still waiting at its end


@dataclass(frozen=True)
class Start:
    """From the command to ready, and the memory of everything it started."""

    first_seconds: float
    again_seconds: float
    memory: Memory


def measure_draining(seconds: float) -> Draining:
    """Fills a backlog, then measures the intake twice: nobody drains it, a worker drains it."""
    with fresh_folder() as folder, running(sys.executable, command(THIS_SERVER, folder)) as server:
        filling = checked("the backlog", measure(Job(server.port, SIZE, 120.0, fixed=BACKLOG)))
        undisturbed = checked("undisturbed", measure(Job(server.port, SIZE, seconds, filling.next_serial)))
        worker = start(sys.executable, Command(["Event_Receive_server.py", "worker"], environment(folder)), server.port)
        try:
            _wait_for_progress(folder)
            began, before = waiting(folder), undisturbed.next_serial
            disturbed = checked("disturbed", measure(Job(server.port, SIZE, seconds, before)))
            left = waiting(folder)
        finally:
            end(worker)
    return Draining(undisturbed, disturbed, began + (disturbed.next_serial - 1 - before) - left, left)


def measure_start() -> Start:
    """Starts everything twice on one folder; the memory is that of the second time."""
    with fresh_folder() as folder:
        serve = Command(["Event_Receive_server.py", "serve"], environment(folder), READY)
        with running(sys.executable, serve) as server:
            first = server.seconds_to_ready
        with running(sys.executable, serve) as server:
            time.sleep(SETTLE)
            return Start(round(first, 2), round(server.seconds_to_ready, 2), memory(server.pid))


def waiting(folder: Path) -> int:
    """Recognition tasks not done yet, read beside the server."""
    connection = sqlite3.connect(f"file:{folder / MAIN_FILE}?mode=ro", uri=True, timeout=10)
    try:
        (count,) = connection.execute(WAITING).fetchone()
        return int(count)
    finally:
        connection.close()


def _wait_for_progress(folder: Path) -> None:
    at_first = waiting(folder)
    until = time.monotonic() + WORKER_STARTS_WITHIN
    while waiting(folder) >= at_first:
        if time.monotonic() > until:
            raise RuntimeError("the worker has done none of its tasks within a minute")
        time.sleep(0.2)
