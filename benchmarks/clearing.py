"""Retention over a large past while events come in: how much goes, and how long the intake takes meanwhile."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import READY, environment
from benchmarks.erasing import QUIET_SECONDS, Senders, p99
from benchmarks.million import DAYS
from benchmarks.starting import Command, end, running, start

PATIENCE = 1800.0


@dataclass(frozen=True)
class Cleared:
    """What retention did; the intake's figures are seconds of one request's answer."""

    days: int
    seconds: float
    quiet_p99: float
    p99: float
    slowest: float
    requests: int


def measure_clearing(folder: Path, days: int) -> Cleared:
    """The oldest ``days`` of the past go, by the command that a worker runs by itself every hour."""
    settings = environment(folder) | {"GATEHOUSE_RECOGNITION": "off", "GATEHOUSE_RETENTION": f"events={DAYS - days}"}
    settings.pop("GATEHOUSE_UPSTREAM_URL")
    web = Command(["Event_Receive_server.py", "web"], settings, READY)
    with running(sys.executable, web) as server:
        senders = Senders(f"http://127.0.0.1:{server.port}")
        with senders.at_work():
            time.sleep(QUIET_SECONDS)
            quiet = p99(senders.seconds)
            senders.seconds.clear()
            started = time.perf_counter()
            clearing = start(sys.executable, Command(["Event_Receive_server.py", "retention"], settings), server.port)
            try:
                clearing.wait(PATIENCE)
            finally:
                end(clearing)
            if clearing.returncode:
                raise RuntimeError(f"retention failed: {clearing.returncode}")
            took = time.perf_counter() - started
            found = list(senders.seconds)
    return Cleared(days, round(took, 1), round(quiet, 4), round(p99(found), 4), round(max(found), 4), len(found))
