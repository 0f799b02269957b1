"""Looks people up over HTTP among many events: the person, the visits, and fifty events, as a page about somebody does.

Every tenth time it is the one who was seen far more often than all others.
"""

import json
import random
import sys
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from benchmarks.contenders import READY, environment
from benchmarks.logins import logged_in
from benchmarks.million import OFTEN_SEEN, Built
from benchmarks.starting import Command, running

ASKED, EVERY = 200, 10
ENDPOINTS = {
    "the person": "/v1/people/{id}",
    "the timeline": "/v1/people/{id}/visits?limit=50",
    "50 events": "/v1/events?person={id}&limit=50",
}
WHOLE = "all three, one after another"
WHOLE_OFTEN = "all three, of whom is seen most often"


@dataclass(frozen=True)
class Looked:
    """Milliseconds of one question, over all that were asked."""

    p50: float
    p99: float
    slowest: float


def measure_lookups(folder: Path, built: Built) -> dict[str, Looked]:
    """A web process over the data; the same people each time, in no order, so that not everything is warm."""
    settings = environment(folder) | {"GATEHOUSE_RECOGNITION": "off"}
    settings.pop("GATEHOUSE_UPSTREAM_URL")
    web = Command(["Event_Receive_server.py", "web"], settings, READY)
    chosen = random.Random(1)
    with running(sys.executable, web) as server:
        token = str(logged_in(f"http://127.0.0.1:{server.port}").headers["Authorization"])
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        whom = [
            OFTEN_SEEN if number % EVERY == 0 else chosen.randint(1, built.people) for number in range(1, ASKED + 1)
        ]
        times = [_ask(connection, token, person) for person in whom]
    found = {name: _summary([each[name] for each in times]) for name in times[0]}
    often = [each[WHOLE] for person, each in zip(whom, times, strict=True) if person == OFTEN_SEEN]
    return found | {WHOLE_OFTEN: _summary(often)}


def _ask(connection: HTTPConnection, token: str, person: int) -> dict[str, float]:
    """From the question to the last byte of the answer; what a client then makes of it is not the server's time."""
    found = {}
    for name, path in ENDPOINTS.items():
        started = time.perf_counter()
        connection.request("GET", path.format(id=person), headers={"Authorization": token})
        answer = connection.getresponse()
        body = answer.read()
        found[name] = (time.perf_counter() - started) * 1000
        document = json.loads(body)
        if answer.status != HTTPStatus.OK or not document.get("items", [document]):
            raise RuntimeError(f"nothing is known of person {person} at {path}: {body[:200]!r}")
    return found | {WHOLE: sum(found.values())}


def _summary(times: list[float]) -> Looked:
    p50, p99 = np.percentile(times, [50, 99])
    return Looked(round(float(p50), 1), round(float(p99), 1), round(max(times), 1))
