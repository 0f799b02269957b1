"""kill -9 at random moments under load: nothing that was acknowledged is lost, nothing is doubled, everything ends."""

import base64
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import pytest
import requests

from receiver.cli.parent import HOPELESS_FAILURES
from tests.photos import photo
from tests.system.conftest import MakeSite
from tests.system.processes import Site, Upstream, eventually

EVENTS = 100
CONNECTIONS = 4
FIRST_TIME = 1_700_000_000_000


def crop() -> bytes:
    """A small face, quick to read."""
    image = cv2.imread(str(photo("biden.jpg")))
    assert image is not None
    scale = 320 / image.shape[1]
    encoded = cv2.imencode(".jpg", cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))[1]
    return encoded.tobytes()


def event(number: int, picture: bytes) -> dict[str, Any]:
    # A comment behind the picture's end makes each face picture another one.
    unique = base64.b64encode(picture + number.to_bytes(4, "big")).decode()
    return {
        "identity_id": f"K{number:05d}",
        "identity_name": "somebody",
        "timestamp": FIRST_TIME + number,
        "score": 0.7,
        "want_action": "0",
        "ext_data": {
            "device_ip": "10.0.0.9",
            "ep_id": "BOX__10.0.0.9",
            "dev_sno": "BOX",
            "person_type": 1,
            "recognize_face": unique,
        },
    }


class Boxes:
    """Boxes that resend until they are answered 200, as the real ones do."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/HistoryEvent"
        self._picture = crop()
        self._numbers = iter(range(EVENTS))
        self._lock = threading.Lock()
        self.acknowledged: dict[str, set[int]] = {}
        self._threads = [threading.Thread(target=self._post, daemon=True) for _ in range(CONNECTIONS)]
        for thread in self._threads:
            thread.start()

    def are_done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def _post(self) -> None:
        while True:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            time.sleep(0.15)
            message = event(number, self._picture)
            while not self._is_taken(message):
                time.sleep(0.05)

    def _is_taken(self, message: dict[str, Any]) -> bool:
        try:
            answer = requests.post(self._url, json=message, timeout=10)
        except requests.RequestException:
            return False
        if answer.status_code != 200:
            return False
        (item,) = answer.json()["data"]["items"]
        with self._lock:
            self.acknowledged.setdefault(message["identity_id"], set()).add(item["event_id"])
        return True


def kill_at_random(site: Site, boxes: Boxes, chance: random.Random) -> int:
    kills = 0
    while not boxes.are_done():
        time.sleep(chance.uniform(0.3, 1.5))
        victims = chance.choice([("web",), ("worker",), ("web", "worker")])
        site.kill(*victims)
        kills += 1
        site.start(*victims)
        if "web" in victims:
            eventually(site.is_ready)
    return kills


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_nothing_acknowledged_is_lost_or_doubled(
    database: str, request: pytest.FixtureRequest, make_site: MakeSite, upstream: Upstream
) -> None:
    url = "" if database == "sqlite" else request.getfixturevalue("empty_postgres_url")
    site = make_site(url, UPSTREAM_URL=upstream.url, UPSTREAM_EVERY="1")
    site.start("web", "worker")
    eventually(site.is_ready)
    seed = random.SystemRandom().randrange(10**6)
    boxes = Boxes(site.url)
    kills = kill_at_random(site, boxes, random.Random(seed))
    said = f"seed {seed}, {kills} kills\n{site.logs()}"
    assert kills >= 3, said

    def has_ended() -> bool:
        return all(row["recognition"] in {"done", "failed"} for row in site.every("/v1/events"))

    eventually(has_ended)
    stored: dict[str, list[int]] = {}
    for row in site.every("/v1/events"):
        stored.setdefault(row["reported"]["identity_id"], []).append(row["id"])
    assert len(boxes.acknowledged) == EVENTS
    assert {identity: set(ids) for identity, ids in stored.items()} == boxes.acknowledged, said
    assert all(len(ids) == 1 for ids in stored.values()), said
    everything = sorted(event_id for ids in stored.values() for event_id in ids)

    def has_arrived() -> bool:
        return sorted(upstream.ids()) == everything

    eventually(has_arrived)
    # One device: whatever arrived for the first time arrived in the order of receipt.
    assert list(upstream.ids()) == everything, said
    if database == "sqlite":
        assert everything == list(range(1, EVENTS + 1)), said
    listed = site.run("tasks", "list")
    assert "Nothing is waiting" in listed.stdout, listed.stdout


def test_children_end_with_a_killed_parent_and_the_next_start_works(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off", UPSTREAM_URL="http://127.0.0.1:9/")
    site.start("serve")
    eventually(site.is_ready)
    site.kill("serve")

    def is_gone() -> bool:
        return not site.is_ready()

    eventually(is_gone)
    site.start("serve")
    eventually(site.is_ready)
    answer = requests.post(f"{site.url}/HistoryEvent", json=event(1, b""), timeout=10)
    assert answer.json()["data"]["items"][0]["result"] == "new"


def test_a_killed_child_is_started_again(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off")
    site.start("serve")
    eventually(site.is_ready)
    children = [int(pid) for pid in _children(site.running["serve"].pid)]
    assert children
    for pid in children:
        os.kill(pid, signal.SIGKILL)

    def is_gone() -> bool:
        return not site.is_ready()

    eventually(is_gone)
    eventually(site.is_ready)


def test_the_intake_answers_however_often_the_worker_is_killed_at_its_start(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off")
    site.start("serve")
    eventually(site.is_ready)
    log = site.data_dir.parent / f"{site.data_dir.name}-serve.log"
    for number in range(1, HOPELESS_FAILURES + 1):
        os.kill(eventually(lambda: _worker_of(site)), signal.SIGKILL)

        def is_noticed(number: int = number) -> bool:
            return log.read_text().count("worker ended with -9; it is started again") == number

        eventually(is_noticed)
    answer = requests.post(f"{site.url}/HistoryEvent", json=event(1, b""), timeout=10)
    assert answer.json()["data"]["items"][0]["result"] == "new"
    assert site.running["serve"].poll() is None


def _worker_of(site: Site) -> int | None:
    for pid in _children(site.running["serve"].pid):
        if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return int(pid)
    return None


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
