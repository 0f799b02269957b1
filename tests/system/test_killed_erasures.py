"""kill -9 in the middle of an erasure: it goes on where it was, the intake never stops, and nothing is left."""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from receiver.store import erasures
from receiver.store.store import open_store
from tests.receiver.boxes import history, text_of
from tests.receiver.erasing import files_with
from tests.system.conftest import MakeSite
from tests.system.processes import SCRIPT, Site, eventually

NAME, IDENTITY = "Quilliam Erasable", "QX-778-ZZ"
HIM = {"identity_id": IDENTITY, "identity_name": NAME}
EVENTS = 600


def post(site: Site, items: list[Any]) -> None:
    answer = requests.post(f"{site.url}/HistoryEvent", json=items, timeout=30)
    assert answer.status_code == 200, answer.text


def known(site: Site) -> int:
    """He is in the library, and boxes have seen him often."""
    document = {"name": NAME, "external_id": IDENTITY}
    person = site.http.post(f"{site.url}/v1/people", json=document, timeout=30).json()["id"]
    for start in range(0, EVENTS, 100):
        numbers = range(start, start + 100)
        post(site, [history(each, ext_data={"recognize_face": text_of(each)}, **HIM) for each in numbers])
    return int(person)


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    made: Site = make_site(RECOGNITION="off")
    made.start("web")
    eventually(made.is_ready)
    return made


def test_an_erasure_outlives_its_worker(site: Site) -> None:
    person = known(site)
    path = f"/v1/people/{person}"
    answer = site.http.delete(f"{site.url}{path}", params={"erase": "true"}, timeout=30)
    assert answer.status_code == 202
    # Nobody has begun with the bytes, and nobody sees him any more.
    assert site.every("/v1/events") == site.every("/v1/people") == []
    place = answer.headers["Location"]
    sent = 0
    while True:
        site.start("worker")
        before = site.get(place)["counts"].get("events", 0)

        def has_gone_on(before: int = before) -> bool:
            shown = site.get(place)
            return bool(shown["state"] == "done" or shown["counts"].get("events", 0) > before)

        eventually(has_gone_on)
        # Meanwhile the gate goes on, and is answered.
        post(site, [history(10_000 + sent, identity_id="else", identity_name="Somebody Else")])
        sent += 1
        if site.get(place)["state"] == "done" or sent > 3:
            break
        site.kill("worker")
        lease_over(site)

    def is_done() -> bool:
        return bool(site.get(place)["state"] == "done")

    eventually(is_done)
    counts = site.get(place)["certificate"]["counts"]
    assert (counts["people"], counts["events"], counts["messages"]) == (1, EVENTS, EVENTS)
    assert counts["pictures_deleted"] == EVENTS
    assert len(site.every("/v1/events")) == EVENTS + sent
    site.stop()
    if not site.environment["GATEHOUSE_DATABASE_URL"]:
        needles = [NAME.encode(), IDENTITY.encode()]
        assert files_with(site.data_dir, needles) == set()


def lease_over(site: Site) -> None:
    """The claim of a worker that was killed ends after a minute; this test does not wait for it."""
    store = open_store(site.environment["GATEHOUSE_DATABASE_URL"], site.data_dir)
    try:
        with store.write() as tx:
            for row in erasures.listed(tx, None, 9):
                erasures.lease(tx, row.id, datetime.now(UTC))
    finally:
        store.close()


def test_the_command_erases_and_prints_the_certificate(site: Site) -> None:
    person = known(site)
    exported = site.data_dir.parent / "his.zip"
    assert site.run("people", "export", str(person), "--to", str(exported)).returncode == 0
    assert exported.stat().st_size > 1000
    ended = site.run("people", "erase", str(person), "--yes")
    assert ended.returncode == 0, ended.stderr
    assert f"{EVENTS}  events" in ended.stdout
    assert "backups: kept for 30 days" in ended.stdout
    assert site.every("/v1/people") == []


def test_a_command_that_is_stopped_leaves_it_to_the_worker(site: Site) -> None:
    person = known(site)
    command = [sys.executable, str(SCRIPT), "people", "erase", str(person), "--yes"]
    process = subprocess.Popen(
        command, env=site.environment, cwd=site.data_dir.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )

    def is_under_way() -> bool:
        found = site.every("/v1/erasures")
        return bool(found) and found[0]["counts"].get("events", 0) > 0

    eventually(is_under_way)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, (output, errors)
    (erasure,) = site.every("/v1/erasures")
    if erasure["state"] != "done":
        assert b"a worker goes on with it" in errors
        lease_over(site)
        site.start("worker")

    def is_done() -> bool:
        return bool(site.every("/v1/erasures")[0]["state"] == "done")

    eventually(is_done)
