"""Trusting with real processes: the quick start as a new user does it, and a worker that is killed while it catches up."""

from typing import Any

import requests

from tests.receiver.boxes import LICENCE, history
from tests.system.conftest import MakeSite
from tests.system.processes import Site, Upstream, eventually

EVENTS = 200


def post(site: Site, items: list[Any], path: str = "/HistoryEvent") -> list[str]:
    answer = requests.post(f"{site.url}{path}", json=items, timeout=60)
    assert answer.status_code == 200, answer.text
    return [each["reason"] for each in answer.json()["data"]["items"]]


def test_a_worker_that_is_killed_while_it_catches_up_loses_and_doubles_nothing(
    make_site: MakeSite, upstream: Upstream, empty_database_url: str
) -> None:
    site = make_site(
        empty_database_url, DEVICE_TRUST="adopt", RECOGNITION="off", UPSTREAM_URL=upstream.url, UPSTREAM_EVERY="1"
    )
    site.start("web")
    eventually(site.is_ready)
    assert set(post(site, [history(number) for number in range(EVENTS)])) == {"device_pending"}
    assert site.every("/v1/events", verified="true") == []
    trusted = site.run("devices", "trust", "1")
    assert trusted.returncode == 0, trusted.stderr

    def has_begun() -> bool:
        return bool(site.get("/v1/events", verified="true", limit=1)["items"])

    for _ in range(3):
        site.start("worker")
        eventually(has_begun)
        site.kill("worker")
    more = [history(EVENTS + number) for number in range(20)]
    post(site, more)
    site.start("worker")

    def is_done() -> bool:
        return site.every("/v1/events", verified="false") == [] and len(set(upstream.ids())) == EVENTS + len(more)

    eventually(is_done)
    ids = [each["id"] for each in reversed(site.every("/v1/events"))]
    assert list(upstream.ids()) == ids
    assert len(ids) == EVENTS + len(more)
    (device,) = site.every("/v1/devices")
    assert device["kept"] == {"waiting": 0, "left": 0}


def test_as_a_new_user_does_it(make_site: MakeSite) -> None:
    """Something posts, waits as pending, is trusted by the line that the log gives, and is processed; a key then binds it."""
    site = make_site(DEVICE_TRUST="adopt", RECOGNITION="off")
    site.start("serve")
    eventually(site.is_ready)
    assert post(site, [history(1)]) == ["device_pending"]

    def told() -> list[str]:
        log = (site.data_dir.parent / f"{site.data_dir.name}-serve.log").read_text()
        return [line for line in log.splitlines() if "device_pending" in line]

    (line,) = eventually(told)
    assert f"licence:{LICENCE}@127.0.0.1" in line
    assert "python Event_Receive_server.py devices trust 1" in line
    assert "1  pending" in site.run("devices", "list", "--state", "pending").stdout
    assert "is trusted at 127.0.0.1" in site.run("devices", "trust", "1").stdout
    eventually(lambda: len(site.every("/v1/events", verified="true")) == 1)
    made = site.run("devices", "key", "1").stdout
    key = made.splitlines()[1].strip()
    assert post(site, [history(2)]) == ["device_pending"]
    assert post(site, [history(2)], f"/in/{key}/HistoryEvent") == [None]
    assert 'gatehouse_devices_pending_total{why="unknown"} 1.0' in site.http.get(f"{site.url}/metrics", timeout=30).text
    site.stop()
    assert key not in site.logs()
    assert key not in (site.data_dir.parent / f"{site.data_dir.name}-serve.log").read_text()
