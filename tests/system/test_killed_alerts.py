"""kill -9 between an alert and its announcement: both come, each once, to whoever listens from then on."""

import multiprocessing
import os
import random
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from receiver.services.alerting.alerting import Alerting
from receiver.services.alerting.event_alerts import EventAlerts
from receiver.services.alerting.judging import TOPIC, Judging
from receiver.services.alerting.rule_book import RuleBook
from receiver.store import announcements, outbox
from receiver.store.store import Store, open_store
from tests.receiver.alarms import alerts_of, announced
from tests.receiver.boxes import HISTORY, history, open_intake
from tests.system.conftest import MakeSite
from tests.system.processes import Site, eventually

SPAWN = multiprocessing.get_context("spawn")
EVENTS = 60
FIRST_TIME = 1_700_000_000_000


def claim_and_judge(store: Store) -> None:
    """As a worker does; the lease of one that died is over at once."""
    now = datetime.now(UTC)
    with store.write() as tx:
        tasks = outbox.claim(tx, TOPIC, 1, now, timedelta())
    Judging(store, EventAlerts(Alerting(store, lambda: None), RuleBook(UTC))).handle(tasks)


def die_before_announcing(database_url: str, folder: Path) -> None:
    """The worker's process: the alert is written, and then the power goes."""

    def die(*_arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    announcements.note = die  # type: ignore[assignment]
    claim_and_judge(open_store(database_url, folder))


def test_a_worker_that_dies_before_it_announces_leaves_the_alert_to_the_next(
    database_url: str, store: Store, tmp_path: Path
) -> None:
    with open_intake(store, tmp_path, is_recognising=False) as intake:
        intake.record([history(ext_data={"person_type": 3})], HISTORY)
    process = SPAWN.Process(target=die_before_announcing, args=(database_url, tmp_path))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert (alerts_of(store), announced(store)) == ([], [])
    claim_and_judge(store)
    (alert,) = alerts_of(store)
    assert announced(store) == [("opened", alert.id)]


def post_hits(site: Site, taken: set[int]) -> None:
    """A box that tells of somebody else on the blacklist each time, and sends again until it is answered."""
    for number in range(EVENTS):
        inner = {"device_ip": "10.0.0.9", "ep_id": "BOX__10.0.0.9", "dev_sno": "BOX", "person_type": 3}
        message = {
            "identity_id": f"B{number}", "identity_name": "", "timestamp": FIRST_TIME + number, "want_action": "0",
            "ext_data": inner,
        }  # fmt: skip
        while True:
            answer = requests.post(f"{site.url}/HistoryEvent", json=message, timeout=10)
            if answer.status_code == 200:
                taken.add(answer.json()["data"]["items"][0]["event_id"])
                break
        time.sleep(0.05)


def opened_since(site: Site, last: int) -> list[int]:
    """The events of the alerts that a console which was away since then is told of as opened."""
    headers = {"Last-Event-ID": str(last)}
    answer = site.http.get(f"{site.url}/v1/live", params={"change": "opened"}, headers=headers, stream=True, timeout=30)
    found: list[int] = []
    with answer:
        for line in answer.iter_lines(chunk_size=1):
            if line.startswith(b"data: ") and "alert" in (said := orjson.loads(line[6:])):
                found.append(said["alert"]["event_id"])
            if len(found) == EVENTS:
                break
    return found


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_killed_workers_lose_no_announcement_and_tell_nothing_twice(
    database: str, request: pytest.FixtureRequest, make_site: MakeSite
) -> None:
    url = "" if database == "sqlite" else request.getfixturevalue("postgres_url")
    site = make_site(url, RECOGNITION="off")
    site.start("web", "worker")
    eventually(site.is_ready)
    taken: set[int] = set()
    posting = threading.Thread(target=post_hits, args=(site, taken), daemon=True)
    posting.start()
    chance = random.Random(7)
    while posting.is_alive():
        time.sleep(chance.uniform(0.5, 1.5))
        site.kill("worker")
        site.start("worker")
    # A lease of 30 seconds brings back what a killed worker had claimed.
    eventually(lambda: len(site.every("/v1/alerts")) == EVENTS)
    alerts = site.every("/v1/alerts")
    assert sorted(each["event"] for each in alerts) == sorted(taken)
    assert sorted(opened_since(site, 0)) == sorted(taken)
