"""Status reports are kept with their device and gates."""

import threading
from pathlib import Path
from typing import Any

import pytest

from receiver.store import devices
from receiver.store.store import Store
from schemas.errors import UnreadableItem
from tests.receiver.boxes import HISTORY, LICENCE, history, open_intake, statuses_of

REPORT: dict[str, Any] = {
    "gateway_sn": "HQ1", "gateway_name": "north", "gateway_ip": "10.0.0.9 10.0.1.9 ", "gateway_status": "online", "gateway_port": 80,
    "dev_sno": LICENCE, "gateway_ext_data": {"cpu_usage": 6.5, "gateway_mac": "0xe0a50900062b"},
    "sub_devices": [{"ep_id": f"{LICENCE}__10.0.0.21", "ep_name": "door", "ep_ip": "10.0.0.21", "ep_status": "1", "ep_type": "0"}],
}  # fmt: skip


def all_devices(store: Store) -> list[Any]:
    with store.read() as tx:
        return devices.listed(tx, 0, 99)


def test_a_report_is_kept_with_its_device_and_gates_and_the_next_replaces_it(store: Store) -> None:
    statuses = statuses_of(store)
    statuses.record([REPORT], "10.0.0.9")
    changed = [{**REPORT["sub_devices"][0], "ep_status": "offline"}]
    statuses.record([{**REPORT, "gateway_ext_data": {"cpu_usage": 7}, "sub_devices": changed}], "10.0.0.8")
    (device,) = all_devices(store)
    assert (device.licence, device.serial, device.name, device.mac) == (LICENCE, "HQ1", "north", "e0:a5:09:00:06:2b")
    assert (device.address, device.status["addresses"], device.status["status"]) == (
        "10.0.0.8",
        ["10.0.0.9", "10.0.1.9"],
        "online",
    )
    assert device.status["figures"] == {"cpu_usage": 7}
    assert device.status_at == device.last_seen
    with store.read() as tx:
        (gate,) = devices.gates_of(tx, {device.id})[device.id]
    assert (gate.name, gate.status, gate.ip) == ("door", "offline", "10.0.0.21")


def test_status_and_events_speak_of_one_device_and_one_gate(store: Store, tmp_path: Path) -> None:
    statuses_of(store).record([REPORT], "10.0.0.9")
    with open_intake(store, tmp_path) as intake:
        intake.record([history()], HISTORY)
    (device,) = all_devices(store)
    with store.read() as tx:
        (gate,) = devices.gates_of(tx, {device.id})[device.id]
    assert gate.name == "door"
    assert device.status["status"] == "online"


def test_what_is_no_report_is_refused(store: Store) -> None:
    with pytest.raises(UnreadableItem):
        statuses_of(store).record(["junk"], "10.0.0.9")
    assert all_devices(store) == []


def test_a_report_without_any_name_belongs_to_its_address(store: Store) -> None:
    statuses_of(store).record([{}], "10.0.0.9")
    statuses_of(store).note_problem("10.0.0.9", "body_too_large")
    statuses_of(store).note_problem("10.0.0.7", "body_too_large")
    assert [(row.key, row.problem) for row in all_devices(store)] == [
        ("address:10.0.0.9", "body_too_large"),
        ("address:10.0.0.7", "body_too_large"),
    ]


def test_first_reports_of_one_device_at_once_make_one_device(store: Store, tmp_path: Path) -> None:
    start = threading.Barrier(9)
    failed: list[BaseException] = []

    def report() -> None:
        start.wait(30)
        try:
            statuses_of(store).record([REPORT], "10.0.0.9")
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failed.append(error)

    threads = [threading.Thread(target=report) for _ in range(8)]
    for each in threads:
        each.start()
    with open_intake(store, tmp_path) as intake:
        start.wait(30)
        (recorded,) = intake.record([history()], HISTORY)
    for each in threads:
        each.join()
    assert failed == []
    assert recorded.result == "new"
    assert len(all_devices(store)) == 1


@pytest.mark.parametrize("odd", ["a\x00b", "\ud800", "\U0001f600" * 3000, 2**80, float("nan"), None, {"x": "\ud800"}])
def test_odd_values_everywhere_are_kept_or_noted(store: Store, odd: object) -> None:
    text = odd if isinstance(odd, str) else "k"
    report = dict.fromkeys(REPORT, odd) | {
        "gateway_ext_data": {text: odd, "deep": {text: [odd]}}, text: odd,
        "sub_devices": [dict.fromkeys((*REPORT["sub_devices"][0], "ep_url", "direction", text), odd)] * 3,
    }  # fmt: skip
    statuses_of(store).record([report], "10.0.0.9")
    assert len(all_devices(store)) == 1
