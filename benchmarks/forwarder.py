"""Passing on while events come in at half their rate, small and large; then what a backlog of a million changes."""

import argparse
import http.client
import json
import sqlite3
import statistics
import sys
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.aims import Aim, at_least, below, print_aims
from benchmarks.contenders import THIS_SERVER, checked, command, fresh_folder
from benchmarks.load import Job, Measured, begin, collect, measure
from benchmarks.machine import facts, memory
from benchmarks.starting import BENCH_DIR, Command, end, running, start
from receiver.services.forwarding.claiming import Claiming
from receiver.services.publishing.book import SubscriptionBook
from receiver.store.store import MAIN_FILE, Store, open_store

# What a message without pictures has, and one with the usual three.
SIZES = {"small": (2 * 1024, 300), "150 KiB": (150 * 1024, 150)}
BACKLOG = 1_000_000
LANES = 200
CLAIMS = 200
NOBODY = "http://127.0.0.1:9/HistoryEvent"
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :backlog)
INSERT INTO delivery (subscription_id, device_id, topic, event_id, message_id, state, size, created_at)
SELECT :subscription, 100000 + i % :lanes, 'event', 100000000 + i, 100000000 + i, 'waiting', 2000, :now FROM n
"""
FILL_LANES = """
INSERT INTO lane (subscription_id, device_id, due_at, recorded, waiting, waiting_bytes)
SELECT subscription_id, device_id, :now, count(*), count(*), sum(size) FROM delivery WHERE device_id >= 100000
GROUP BY subscription_id, device_id
"""


@dataclass(frozen=True)
class Passing:
    """One size: what came in alone, then what came in and went out together, and the worker's memory in MiB."""

    size: str
    alone: float
    taken_in: float
    passed_on: float
    waiting: int
    memory: float


@dataclass(frozen=True)
class Backlog:
    """Medians, without and with what waits: events a second, milliseconds of a claim."""

    intake_empty: float
    intake_full: float
    claim_empty: float
    claim_full: float


def measure_passing(size_name: str, seconds: float) -> Passing:
    """The intake alone fills the backlog; then a worker sends while half as much comes in."""
    size, _ = SIZES[size_name]
    receiver = Command(["-m", "benchmarks.receiving", "{port}"])
    with fresh_folder() as folder, running(sys.executable, receiver) as other:
        # Nobody sends yet: only the worker does.
        told = _told(command(THIS_SERVER, folder), f"http://127.0.0.1:{other.port}/")
        with running(sys.executable, told) as server:
            alone = checked("alone", measure(Job(server.port, size, seconds)))
            arguments = ["Event_Receive_server.py", "worker", "--recognition", "off"]
            worker = start(sys.executable, replace(told, arguments=arguments), server.port)
            try:
                _wait_for_first(other.port)
                job = Job(server.port, size, seconds, alone.next_serial, pace=alone.rate / 2)
                had, load = _had(other.port), begin(job)
                began = time.monotonic()
                taken_in = checked("together", collect(load))
                passed_on = (_had(other.port) - had) / (time.monotonic() - began)
                used = memory(worker.pid).pss
            finally:
                end(worker)
        return Passing(size_name, alone.rate, taken_in.rate, round(passed_on, 1), _waiting(folder), used)


def measure_backlog(rounds: int, seconds: float) -> Backlog:
    """Two data folders side by side, A B A B, one with a million deliveries that wait."""
    with fresh_folder() as empty, fresh_folder() as full:
        for folder in (empty, full):
            with running(sys.executable, _told(command(THIS_SERVER, folder), NOBODY)):
                pass
        _fill(full)
        intake: dict[Path, list[float]] = {empty: [], full: []}
        claims: dict[Path, list[float]] = {empty: [], full: []}
        for number in range(rounds):
            for folder in (empty, full):
                intake[folder].append(_intake(folder, seconds, number).rate)
                claims[folder].append(_claim(folder))
        return Backlog(
            *(round(statistics.median(intake[folder]), 1) for folder in (empty, full)),
            *(round(statistics.median(claims[folder]), 3) for folder in (empty, full)),
        )


def judge(passing: list[Passing], backlog: Backlog) -> list[Aim]:
    """Against what was wanted."""
    aims = [at_least(f"{each.size}: passed on a second", each.passed_on, SIZES[each.size][1]) for each in passing]
    aims += [
        at_least(f"{each.size}: share of half the intake", 2 * each.taken_in / each.alone, 0.95) for each in passing
    ]
    million = f"with {BACKLOG} waiting"
    aims.append(below(f"{million}: times the intake's time", round(backlog.intake_empty / backlog.intake_full, 3), 1.2))
    aims.append(below(f"{million}: times the claim's time", round(backlog.claim_full / backlog.claim_empty, 3), 1.2))
    return aims


def _told(told: Command, url: str) -> Command:
    return replace(
        told, environment={**told.environment, "GATEHOUSE_UPSTREAM_URL": url, "GATEHOUSE_UPSTREAM_EVERY": "1"}
    )


def _intake(folder: Path, seconds: float, number: int) -> Measured:
    with running(sys.executable, _told(command(THIS_SERVER, folder), NOBODY)) as server:
        return checked("the intake", measure(Job(server.port, SIZES["small"][0], seconds, number * 1_000_000)))


def _fill(folder: Path) -> None:
    connection = sqlite3.connect(folder / MAIN_FILE, isolation_level=None)
    (subscription,) = connection.execute("SELECT id FROM subscription").fetchone()
    now = int(time.time() * 1_000_000)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(FILL, {"backlog": BACKLOG, "lanes": LANES, "subscription": subscription, "now": now})
    connection.execute(FILL_LANES, {"now": now})
    connection.execute("COMMIT")
    connection.close()


def _claim(folder: Path) -> float:
    """Median milliseconds of claiming a turn, in this process; each claim is undone before the next one."""
    store = open_store("", folder)
    try:
        _make_due(store, is_planned=True)
        claiming = Claiming(store, SubscriptionBook(is_recognising=False))
        times = []
        for _ in range(CLAIMS):
            began = time.perf_counter()
            turn = claiming.claim(datetime.now(UTC), {})
            times.append((time.perf_counter() - began) * 1000)
            if turn is None:
                raise RuntimeError("there was nothing to claim")
            _make_due(store, is_planned=False)
        return statistics.median(times)
    finally:
        store.close()


def _make_due(store: Store, *, is_planned: bool) -> None:
    with store.write() as tx:
        cursor = tx.connection.cursor()
        cursor.execute("UPDATE lane SET due_at = 0, attempts = 0")
        if is_planned:
            cursor.execute("UPDATE subscription SET run_up_to = (SELECT max(id) FROM delivery)")


def _had(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    had = int(connection.getresponse().read())
    connection.close()
    return had


def _wait_for_first(port: int) -> None:
    until = time.monotonic() + 60
    while _had(port) == 0:
        if time.monotonic() > until:
            raise RuntimeError("nothing was passed on within a minute")
        time.sleep(0.1)


def _waiting(folder: Path) -> int:
    connection = sqlite3.connect(f"file:{folder / MAIN_FILE}?mode=ro", uri=True, timeout=10)
    (waiting,) = connection.execute("SELECT coalesce(sum(waiting), 0) FROM lane").fetchone()
    connection.close()
    return int(waiting)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./scripts/bench forwarder", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each is measured (default 10)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds with and without a backlog (default 3)")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args()
    BENCH_DIR.mkdir(exist_ok=True)
    machine = facts(BENCH_DIR)
    passing = [measure_passing(name, options.seconds) for name in SIZES]
    backlog = measure_backlog(options.rounds, min(5.0, options.seconds))
    aims = judge(passing, backlog)
    if options.json:
        parts = {"passing": [asdict(each) for each in passing], "backlog": asdict(backlog)}
        print(json.dumps({"machine": machine, **parts, "aims": [asdict(aim) for aim in aims]}, indent=2))
        return
    for name, value in machine.items():
        print(f"{name}: {value}")
    for each in passing:
        print(
            f"{each.size}: {each.alone}/s come in alone; then {each.taken_in}/s come in and {each.passed_on}/s are passed on, "
            f"{each.waiting} wait at the end; the worker has {each.memory} MiB"
        )
    print(f"{asdict(backlog)}\n")
    print_aims(aims)


if __name__ == "__main__":
    main()
