"""Erases a person with 10 000 events while senders go on: when nobody sees it, when it is done, how long the intake takes."""

import argparse
import base64
import io
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import requests
from PIL import Image

from benchmarks.contenders import READY, environment, fresh_folder
from benchmarks.logins import logged_in
from benchmarks.starting import Command, running

NAME, IDENTITY = "Somebody To Erase", "erase-1"
BATCH, SENDERS, PAUSE = 100, 4, 0.02
QUIET_SECONDS = 5.0
PATIENCE = 300.0
SIDE = 64


@dataclass(frozen=True)
class Erased:
    """Seconds; the intake's are those of one request's answer."""

    events: int
    invisible_after: float
    done_after: float
    quiet_p99: float
    p99: float
    slowest: float
    requests: int


@dataclass
class Senders:
    """Post one event after another, each in a thread, and note how long each answer took."""

    url: str
    seconds: list[float] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def send(self, sender: int) -> None:
        session = requests.Session()
        picture = _picture(sender)
        number = 0
        while not self.stopping.wait(PAUSE):
            number += 1
            body = _event(10_000_000 * sender + number, f"sender-{sender}", picture)
            started = time.perf_counter()
            _ok(session.post(f"{self.url}/HistoryEvent", json=body, timeout=60))
            self.seconds.append(time.perf_counter() - started)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.send, args=(number,)) for number in range(1, SENDERS + 1)]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            self.stopping.set()
            for each in threads:
                each.join()


def measure(events: int) -> Erased:
    """A server of its own with recognition off: what is measured is the erasing."""
    with fresh_folder() as folder:
        settings = environment(folder) | {"GATEHOUSE_RECOGNITION": "off"}
        settings.pop("GATEHOUSE_UPSTREAM_URL")
        serve = Command(["Event_Receive_server.py", "serve"], settings, READY)
        with running(sys.executable, serve) as server:
            return _measured(f"http://127.0.0.1:{server.port}", events)


def _measured(url: str, events: int) -> Erased:
    http = logged_in(url)
    person = _ok(http.post(f"{url}/v1/people", json={"name": NAME, "external_id": IDENTITY}, timeout=60))["id"]
    for start in range(0, events, BATCH):
        items = [_event(number, IDENTITY, _picture(number + 100)) for number in range(start, start + BATCH)]
        _ok(requests.post(f"{url}/HistoryEvent", json=items, timeout=60))
    senders = Senders(url)
    with senders.at_work():
        time.sleep(QUIET_SECONDS)
        quiet = p99(senders.seconds)
        senders.seconds.clear()
        started = time.perf_counter()
        erasure = _ok(http.delete(f"{url}/v1/people/{person}", params={"erase": "true"}, timeout=60))
        seen = _ok(http.get(f"{url}/v1/events", params={"q": IDENTITY}, timeout=60))["items"]
        invisible = time.perf_counter() - started
        if seen:
            raise RuntimeError("the erased person is still seen")
        _wait(http, f"{url}/v1/erasures/{erasure['id']}")
        done = time.perf_counter() - started
        found = list(senders.seconds)
    return Erased(
        events=events,
        invisible_after=round(invisible, 4),
        done_after=round(done, 2),
        quiet_p99=round(quiet, 4),
        p99=round(p99(found), 4),
        slowest=round(max(found), 4),
        requests=len(found),
    )


def _wait(http: requests.Session, place: str) -> None:
    until = time.monotonic() + PATIENCE
    while _ok(http.get(place, timeout=60))["state"] != "done":
        if time.monotonic() > until:
            raise RuntimeError("the erasure is not done")
        time.sleep(0.2)


def _event(number: int, identity: str, picture: str) -> dict[str, Any]:
    inner = {"device_ip": "10.0.0.21", "dev_sno": "BENCH", "person_type": 1, "recognize_face": picture}
    return {
        "identity_id": identity,
        "identity_name": identity,
        "timestamp": 1_700_000_000_000 + number,
        "want_action": "0",
        "ext_data": inner,
    }


def _picture(number: int) -> str:
    """Another picture for each number, about 4 KB."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(number).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    return base64.b64encode(buffer.getvalue()).decode()


def _ok(answer: requests.Response) -> Any:
    answer.raise_for_status()
    return answer.json()


def p99(seconds: list[float]) -> float:
    """The 99th of a hundred."""
    return float(np.percentile(seconds, 99))


def main() -> None:
    """Prints what was measured beside what is wanted of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.events)
    if options.json:
        print(json.dumps(asdict(found), indent=2))
        return
    print(f"{found.events} events of one person, {found.requests} requests meanwhile")
    print(f"invisible after  {found.invisible_after:8.3f} s   wanted: 1")
    print(f"done after       {found.done_after:8.1f} s   wanted: 60")
    print(f"intake p99       {found.p99 * 1000:8.1f} ms  wanted: 250, undisturbed {found.quiet_p99 * 1000:.1f}")
    print(f"slowest          {found.slowest * 1000:8.1f} ms")


if __name__ == "__main__":
    main()
