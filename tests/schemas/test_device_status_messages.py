"""Status reports in all their versions; the values are our own."""

from typing import Any

import pytest

from schemas import device_status
from schemas.errors import UnreadableItem

LICENCE = "ABCDEF000120240101000001"
BOX = {
    "gateway_ip": "10.0.0.10 192.168.150.1",
    "gateway_name": "box1",
    "gateway_status": "online",
    "gateway_sn": "SN0001",
}
GATE = {
    "ep_id": f"{LICENCE}__10.0.0.21",
    "ep_name": "gate 1",
    "ep_ip": "10.0.0.21",
    "ep_status": "online",
    "ep_type": "0",
}


def test_the_first_version_is_read() -> None:
    figures = {"sw_version": "V2R4C01", "cpu_usage": 6.5, "memory_usage": 0.77, "temperature": 37}
    message = device_status.read(
        {**BOX, "dev_sno": LICENCE, "gateway_port": 80, "gateway_ext_data": figures, "sub_devices": [{**GATE, "ep_location": "95274d2c"}]}
    )  # fmt: skip
    assert (message.licence, message.serial, message.name) == (LICENCE, "SN0001", "box1")
    assert (message.addresses, message.status, message.port) == ("10.0.0.10 192.168.150.1", "online", 80.0)
    assert message.figures == figures
    (gate,) = message.sub_devices
    assert (gate.ep_id, gate.name, gate.ip) == (GATE["ep_id"], "gate 1", "10.0.0.21")
    assert (gate.status, gate.device_type, gate.extra) == ("online", "0", {"ep_location": "95274d2c"})
    assert (message.extra, message.notes) == ({}, ())


def test_the_versions_with_nested_figures_are_read() -> None:
    figures = {"cpu_info": {"cpu_rate": 0.1, "info": {"cpu_freg": "1.5G"}}, "box_usage": None, "fan_speed": "0r/min"}
    assert device_status.read({**BOX, "gateway_ext_data": figures}).figures == figures


def test_the_last_version_names_its_reporter() -> None:
    message = device_status.read({**BOX, "reporter_id": "north", "gateway_mac": "e0:a5:09:00:0e:6d", "emmc": {"a": 1}})
    assert (message.licence, message.mac, message.extra) == ("north", "e0:a5:09:00:0e:6d", {"emmc": {"a": 1}})


@pytest.mark.parametrize("key", ["sub_devices", "media_devices"])
def test_a_report_of_capture_devices_alone_is_read(key: str) -> None:
    camera = {
        "media_device_id": "fb4e", "media_device_name": "east", "media_device_ip": "10.0.0.40", "media_device_type": "rtsp",
        "media_device_url": "rtsp://10.0.0.40/1", "media_device_status": "offline", "permission_id": "0",
    }  # fmt: skip
    message = device_status.read({"mq_license_key": LICENCE, key: [camera]})
    (found,) = message.sub_devices
    assert message.licence == LICENCE
    assert (found.ep_id, found.name, found.ip, found.device_type) == ("fb4e", "east", "10.0.0.40", "rtsp")
    assert (found.url, found.status, found.extra) == ("rtsp://10.0.0.40/1", "offline", {"permission_id": "0"})


def test_a_device_list_is_read_too() -> None:
    device = {
        "epId": f"{LICENCE}__10.0.0.21",
        "direction": 0,
        "epType": "0",
        "epName": "gate 1",
        "epIp": "10.0.0.21",
        "epStatus": "1",
    }
    for document in (
        {"devSno": LICENCE, "deviceList": [device]},
        {"actionType": 1, "devSno": LICENCE, "deviceInfo": device},
    ):
        message = device_status.read(document)
        (found,) = message.sub_devices
        assert (message.licence, found.ep_id, found.direction, found.status) == (LICENCE, device["epId"], "0", "1")


def test_t07_nothing_is_required() -> None:
    assert device_status.read({}) == device_status.StatusMessage()


@pytest.mark.parametrize(
    ("key", "junk"),
    [("gateway_ext_data", "x"), ("gateway_ext_data", [1]), ("sub_devices", 5), ("sub_devices", "{"), ("gateway_port", "web"),
     ("gateway_ip", {"a": 1}), ("gateway_name", ["a"]), ("gateway_sn", True)],
)  # fmt: skip
def test_t17_junk_is_noted_and_kept_and_takes_nothing_with_it(key: str, junk: Any) -> None:
    message = device_status.read({**BOX, "dev_sno": LICENCE, key: junk})
    assert message.licence == LICENCE
    assert message.notes == (f"unreadable:{key}",)
    assert message.extra == {key: junk}


def test_t17_junk_of_one_capture_device_leaves_the_others() -> None:
    message = device_status.read({"sub_devices": [{**GATE, "ep_ip": {}}, 5, None, GATE]})
    assert [sub.ip for sub in message.sub_devices] == ["", "10.0.0.21"]
    assert message.notes == ("unreadable:ep_ip",)


def test_t21_addresses_may_be_a_list_and_containers_text() -> None:
    message = device_status.read(
        {"gateway_ip": ["10.0.0.1", "10.0.0.2"], "gateway_ext_data": "{'a': 1}", "sub_devices": [GATE]}
    )
    assert (message.addresses, message.figures) == ("10.0.0.1 10.0.0.2", {"a": 1})


@pytest.mark.parametrize("document", [None, 5, "x", [], [{}]])
def test_what_is_no_object_is_no_status(document: Any) -> None:
    with pytest.raises(UnreadableItem, check=lambda error: error.reason == "not_an_object"):
        device_status.read(document)
