"""Two Gatehouses in a row: the box is cut off and goes on; back again, the hub has everything once, and knows whose it is."""

import re
from pathlib import Path
from typing import Any

import requests

from tests.receiver.boxes import history, text_of
from tests.system.conftest import MakeSite
from tests.system.processes import Site, eventually

BOXES = ("GATEBOX1", "GATEBOX2")
BACKLOG = 150
PATIENCE = 150.0


def tells(site: Site, numbers: range) -> None:
    """Each of the boxes tells of its passages, in order, with a picture."""
    for box in BOXES:
        items = [history(number, box=box, ext_data={"recognize_face": text_of(number % 50)}) for number in numbers]
        for start in range(0, len(items), 50):
            answer = requests.post(f"{site.url}/HistoryEvent", json=items[start : start + 50], timeout=60)
            assert answer.status_code == 200, answer.text
            assert {each["result"] for each in answer.json()["data"]["items"]} == {"new"}


def by_device(site: Site) -> dict[str, list[str]]:
    """Device -> what it told of, in the order of receipt."""
    found: dict[str, list[str]] = {}
    for row in reversed(site.every("/v1/events")):
        found.setdefault(row["device"]["licence"], []).append(row["occurred_at"])
    return found


def test_a_box_that_was_cut_off_drains_in_order_and_the_hub_knows_the_box(make_site: MakeSite, tmp_path: Path) -> None:
    hub = make_site(RECOGNITION="off", DEVICE_TRUST="secret")
    box = make_site(RECOGNITION="off")
    hub.start("serve")
    box.start("serve")
    eventually(hub.is_ready)
    eventually(box.is_ready)
    device = hub_knows(hub, box, tmp_path)
    tells(box, range(5))
    eventually(lambda: sum(map(len, by_device(hub).values())) == 10)
    hub.stop()
    # The line is cut: the box takes in what its gates tell, and keeps it for the hub; half way it is restarted.
    tells(box, range(5, BACKLOG))
    box.kill("serve")
    eventually(lambda: not box.is_ready())
    box.start("serve")
    eventually(box.is_ready)
    tells(box, range(BACKLOG, 2 * BACKLOG))
    eventually(lambda: box.get("/v1/subscriptions/1")["figures"]["waiting"] == 2 * (2 * BACKLOG - 5))
    hub.start("serve")
    eventually(hub.is_ready)
    hub.forget_login()

    def is_drained() -> bool:
        return int(box.get("/v1/subscriptions/1")["figures"]["waiting"]) == 0

    eventually(is_drained, PATIENCE)
    told = by_device(hub)
    assert set(told) == set(BOXES)
    for events in told.values():
        assert len(events) == len(set(events)) == 2 * BACKLOG
        assert events == sorted(events)
    assert told == by_device(box)
    assert_known(hub, device)
    figures: dict[str, Any] = box.get("/v1/subscriptions/1")["figures"]
    assert figures["recorded"] == figures["delivered"] == 4 * BACKLOG


def hub_knows(hub: Site, box: Site, folder: Path) -> int:
    """The hub makes a secret for the box, and the box signs with it; the device's id at the hub."""
    added = hub.run("devices", "add", "--name", "north gate", "--hub")
    assert added.returncode == 0, added.stderr
    device = int(re.findall(r"Device (\d+)", added.stdout)[0])
    secret = re.findall(r"whsec_\S+", hub.run("devices", "secret", str(device)).stdout)[0]
    (folder / "secret").write_text(secret, encoding="utf-8")
    made = box.run(
        *("subscriptions", "add", "hub", "--target", f"url={hub.url}/HistoryEvent"),
        *("--secret-file", f"signing_secret={folder / 'secret'}"),
    )
    assert made.returncode == 0, made.stderr
    return device


def assert_known(hub: Site, device: int) -> None:
    """The boxes behind it are the hub's devices by the word of the box that signed."""
    known = {each["id"]: each for each in hub.every("/v1/devices")}
    assert known[device]["name"] == "north gate"
    behind = [each for each in known.values() if each["licence"] in BOXES]
    assert len(behind) == len(BOXES)
    assert all(each["vouched_by"] == device for each in behind)
    # Nobody else is believed.
    answer = requests.post(f"{hub.url}/HistoryEvent", json=history(10**6, box="STRANGER"), timeout=30)
    assert answer.json()["data"]["items"][0]["reason"] == "device_pending"
