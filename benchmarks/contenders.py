"""The three that take the same events: the receiver, a bare view under the same server, and what people write instead."""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.load import Job, Measured, measure
from benchmarks.logins import PASSWORD
from benchmarks.starting import BENCH_DIR, Command, Running, running

READY = "/v1/health/ready"
SETTLE = 3.0  # seconds after which the others of several processes are ready too


@dataclass(frozen=True)
class Contender:
    """One of the three, with one process or with several that share its port."""

    letter: str
    name: str
    arguments: tuple[str, ...]
    ready_path: str = ""
    path: str = "/HistoryEvent"
    processes: int = 1


# As delivered: one process each.
THIS_SERVER = Contender("a", "this server, one web process", ("Event_Receive_server.py", "web"), READY)
BARE = Contender("b", "bare Flask view, same front, one process", ("-m", "benchmarks.bare"))
RIVAL = Contender("c", "FastAPI, pydantic, SQLAlchemy; def, one process", ("-m", "benchmarks.rival"))
RIVAL_IN_THE_LOOP = replace(RIVAL, name="the same; async def, one process", path="/in-the-loop/HistoryEvent")

# Each of them has an option for more.
SEVERAL = 2
THESE_SERVERS = replace(THIS_SERVER, name=f"this server, {SEVERAL} web processes", processes=SEVERAL)
BARES = replace(BARE, name=f"bare Flask view, same front, {SEVERAL} processes", processes=SEVERAL)
RIVALS = replace(RIVAL_IN_THE_LOOP, name=f"the same; async def, {SEVERAL} workers", processes=SEVERAL)
CONTENDERS = (THIS_SERVER, BARE, RIVAL, RIVAL_IN_THE_LOOP, THESE_SERVERS, BARES, RIVALS)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """A data folder on the project's disk that is gone afterwards."""
    BENCH_DIR.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="data-", dir=BENCH_DIR))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def environment(folder: Path, processes: int = 1) -> dict[str, str]:
    """For whichever of them is started."""
    return {
        # Says that the port is shared.
        "GATEHOUSE_WEB_PROCESSES": str(processes),
        "RIVAL_WORKERS": str(processes),
        "GATEHOUSE_HOST": "127.0.0.1",
        "GATEHOUSE_PORT": "{port}",
        "GATEHOUSE_DATA_DIR": str(folder),
        # The measured boxes are known: what is measured is the work, not a refusal.
        "GATEHOUSE_DEVICE_TRUST": "open",
        "GATEHOUSE_ADMIN_PASSWORD": PASSWORD,
        # Nobody listens there: the rows for passing events on are written all the same.
        "GATEHOUSE_UPSTREAM_URL": "http://127.0.0.1:9/HistoryEvent",
        "RIVAL_PORT": "{port}",
        "RIVAL_DATABASE": str(folder / "rival.db"),
    }


def command(contender: Contender, folder: Path) -> Command:
    arguments = contender.arguments
    if contender.processes > 1 and contender.letter != "c":  # uvicorn starts its workers itself
        arguments = ("-m", "benchmarks.several", str(contender.processes), *arguments)
    return Command(arguments, environment(folder, contender.processes), contender.ready_path)


@contextmanager
def on_fresh_data(contender: Contender) -> Iterator[Running]:
    """The contender, ready, with nothing in its database."""
    with fresh_folder() as folder, running(sys.executable, command(contender, folder)) as server:
        yield server


def one_round(contender: Contender, size: int, seconds: float) -> Measured:
    """Its rate at one size, on fresh data."""
    with on_fresh_data(contender) as server:
        if contender.processes > 1:
            time.sleep(SETTLE)  # the first of them is ready
        return checked(contender.name, measure(Job(server.port, size, seconds, path=contender.path)))


def checked(name: str, measured: Measured) -> Measured:
    """A figure only counts if every event was answered 200 and new."""
    if measured.broken or measured.results != {"new": measured.requests}:
        raise RuntimeError(f"{name} did not take every event as new: {measured}")
    return measured
