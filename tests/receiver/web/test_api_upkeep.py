"""Devices, quarantine, health, and the interface's own description."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from receiver.domain.errors import Unavailable
from receiver.services.intake.recording import Sender
from receiver.store import tables
from receiver.translation import originals
from receiver.translation import sophon as translation
from schemas.errors import UnreadableItem
from tests.receiver.boxes import HISTORY, LICENCE, count, history
from tests.receiver.web.site import Site, is_problem

UNREADABLE: dict[str, Any] = {"identity_id": "E1", "marks": "of no generation"}


def test_devices_are_listed_each_with_its_gates(any_site: Site) -> None:
    any_site.told(1)
    any_site.told(2, ext_data={"ep_id": f"{LICENCE}__10.0.0.22", "device_ip": "10.0.0.22"})
    any_site.told(3, ext_data={"dev_sno": "B2", "ep_id": "B2__10.0.0.23", "device_ip": "10.0.0.23"})
    first = any_site.get("/v1/devices", limit=1)
    second = any_site.get("/v1/devices", limit=1, cursor=first["next"])
    assert [each["licence"] for each in first["items"] + second["items"]] == [LICENCE, "B2"]
    assert second["next"] is None
    assert [gate["address"] for gate in first["items"][0]["gates"]] == ["10.0.0.21", "10.0.0.22"]


def test_a_devices_newest_status_is_shown(site: Site) -> None:
    site.told(1)
    sent = site.client.post("/DeviceStatus", json={"dev_sno": LICENCE, "cpu": 5, "sub_devices": []})
    assert sent.status_code == 200, sent.get_data(as_text=True)
    assert all("status" in each for each in site.get("/v1/devices")["items"])


def held(site: Site, item: object = UNREADABLE) -> dict[str, Any]:
    (recorded,) = site.services.intake.record([item], HISTORY)
    assert recorded.result == "quarantined"
    found: dict[str, Any] = site.get("/v1/quarantine")["items"][0]
    return found


def test_what_cannot_be_read_is_listed_and_given_back(any_site: Site) -> None:
    item = held(any_site)
    held(any_site)
    (again,) = any_site.get("/v1/quarantine", state="held")["items"]
    assert (again["id"], again["times"], again["form"], again["peer"]) == (item["id"], 2, "item", "10.0.0.9")
    raw = any_site.client.get(f"/v1/quarantine/{item['id']}/raw")
    assert json.loads(raw.data) == UNREADABLE
    assert len(raw.data) == again["size"]
    assert (raw.content_type, raw.headers["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert any_site.get("/v1/quarantine", state="replayed")["items"] == []


def test_quarantine_is_listed_in_pages(any_site: Site) -> None:
    ids = [held(any_site, {"odd": number})["id"] for number in range(3)]
    first = any_site.get("/v1/quarantine", limit=2)
    second = any_site.get("/v1/quarantine", limit=2, cursor=first["next"])
    assert [each["id"] for each in first["items"] + second["items"]] == ids[::-1]


def test_what_is_still_unreadable_stays(site: Site) -> None:
    item = held(site)
    for _ in range(2):
        assert is_problem(site.client.post(f"/v1/quarantine/{item['id']}/replay"), 422, "still_unreadable")
    (after,) = site.get("/v1/quarantine")["items"]
    assert after["state"] == "held"
    assert after["times"] == 1, "our own replay is not the box's resending"


def test_a_broken_body_stays_too(site: Site) -> None:
    for _ in range(2):
        answer = site.client.post("/HistoryEvent", data=b"{ broken", content_type="application/json")
    assert answer.get_json()["data"]["items"][0]["result"] == "quarantined"
    (item,) = site.get("/v1/quarantine")["items"]
    assert (item["form"], item["content_type"]) == ("body", "application/json")
    assert is_problem(site.client.post(f"/v1/quarantine/{item['id']}/replay"), 422, "still_unreadable")


@contextmanager
def older_program() -> Iterator[None]:
    """While this holds, no item can be read, as by a program that does not know the generation yet."""

    def refuse(*_args: object) -> Any:
        raise UnreadableItem("no_generation", "an older program")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation, "to_event", refuse)
        yield


def test_an_item_that_an_update_can_read_becomes_its_event(any_site: Site) -> None:
    with older_program():
        item = held(any_site, history(7))
    answer = any_site.client.post(f"/v1/quarantine/{item['id']}/replay")
    assert answer.status_code == 200
    (replayed,) = answer.get_json()["items"]
    assert replayed["result"] == "new"
    (after,) = any_site.get("/v1/quarantine", state="replayed")["items"]
    assert after["event_id"] == replayed["event_id"]
    (original,) = any_site.get(f"/v1/events/{replayed['event_id']}/messages")["items"]
    assert original["message"] == history(7)
    again = any_site.client.post(f"/v1/quarantine/{item['id']}/replay").get_json()["items"]
    assert again == [{"result": "duplicate", "event_id": replayed["event_id"]}]


def test_a_body_that_an_update_can_read_becomes_its_events(site: Site) -> None:
    body = originals.dumps([history(1), history(2)])
    sender = Sender("10.0.0.9", "/HistoryEvent", HISTORY.channel, "application/json")
    for _ in range(2):
        site.services.intake.record_unreadable(body, "not_json", "an older program", sender)
    (item,) = site.get("/v1/quarantine")["items"]
    answer = site.client.post(f"/v1/quarantine/{item['id']}/replay")
    assert [each["result"] for each in answer.get_json()["items"]] == ["new", "new"]
    assert count(site.store, tables.event) == 2


def test_an_item_that_is_not_there_is_told_so(site: Site) -> None:
    for answer in (site.client.get("/v1/quarantine/9/raw"), site.client.post("/v1/quarantine/9/replay")):
        assert is_problem(answer, 404, "no_such_item")


def test_a_server_that_works_is_live_and_ready(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 10**12)
    assert any_site.get("/v1/health/live") == {"status": "live", "problems": []}
    assert any_site.get("/v1/health/ready") == {"status": "ready", "problems": []}


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage(10**13, 0, size))


def not_ready(site: Site) -> list[str]:
    answer = site.client.get("/v1/health/ready")
    assert answer.status_code == 503
    assert answer.get_json()["status"] == "not_ready"
    found: list[str] = answer.get_json()["problems"]
    assert site.client.get("/v1/health/live").status_code == 200
    return found


def test_a_server_with_little_room_is_not_ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 2**30 - 1)
    (problem,) = not_ready(site)
    assert problem.startswith("disk_reserve: 1023 MiB")


def test_a_server_without_its_store_is_not_ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise Unavailable("storage_unavailable", "the database does not answer")

    free(monkeypatch, 10**12)
    monkeypatch.setattr(site.store, "ping", away)
    assert not_ready(site) == ["storage_unavailable: the database does not answer"]


def test_a_data_folder_that_is_gone_is_not_ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_folder: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(shutil, "disk_usage", gone)
    (problem,) = not_ready(site)
    assert "No such file" in problem


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield f"{method} {path}", operation


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref" and isinstance(value, str))
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_description_is_whole(site: Site) -> None:
    document = site.get("/v1/openapi.json")
    assert document["openapi"].startswith("3.")
    assert {"title", "version"} <= document["info"].keys()
    for name, operation in operations(document):
        assert operation["responses"], name
        assert operation.get("summary"), name
        assert all("description" in each or "$ref" in each for each in operation["responses"].values()), name
        declared = {each["name"] for each in operation.get("parameters", []) if each.get("in") == "path"}
        shared = {each["name"] for each in document["paths"][name.split()[1]].get("parameters", [])}
        assert set(re.findall(r"{(\w+)}", name)) == declared | shared, name
    for reference in set(references(document)):
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node, reference


def test_the_description_names_every_route_of_ours(site: Site) -> None:
    document = site.get("/v1/openapi.json")
    described = {name for name, _ in operations(document)}
    braces = re.compile(r"<(?:[^:>]+:)?(\w+)>")
    ours = {
        f"{method.lower()} " + braces.sub(r"{\1}", rule.rule)
        for rule in site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1/") and rule.rule != "/v1/openapi.json"
    }
    assert described == ours


def test_the_page_to_try_it_works_offline(site: Site) -> None:
    page = site.client.get("/docs/")
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert site.client.get("/docs").status_code in {200, 301, 308}
    sources = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert sources
    assert re.findall(r"https?://(?!localhost\b)[\w.-]+", text) == []
    for source in sources:
        name = source.removeprefix("./").removeprefix("/docs/")
        with site.client.get(f"/docs/{name}") as answer:
            assert answer.status_code == 200, source
