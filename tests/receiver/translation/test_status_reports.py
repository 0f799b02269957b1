"""Status reports in our words."""

import math
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.domain.device_status import DeviceStatus
from receiver.translation import device_status
from schemas import bodies
from schemas.device_status import read
from schemas.errors import UnreadableBody, UnreadableItem


def status_of(document: Any) -> DeviceStatus:
    return device_status.to_status(read(document))


def test_t21_addresses_are_split_and_repetitions_dropped() -> None:
    assert status_of({"gateway_ip": " 10.0.0.1  10.0.0.2,10.0.0.1 "}).addresses == ("10.0.0.1", "10.0.0.2")
    assert len(status_of({"gateway_ip": " ".join(f"10.0.0.{n}" for n in range(99))}).addresses) == 16


def test_t21_figures_are_flat_and_as_sent() -> None:
    figures = {
        "sw_version": "V2\n\u7248 ", "cpu_usage": 6.5, "fan_speed": "0r/min", "box_usage": None, "nan": math.nan, "huge": 2**70,
        "memory_info": {"total_memory": "11.51G", "system": {"free": 1}}, "emmc": {"mount_status": True}, "list": [1],
    }  # fmt: skip
    assert status_of({"gateway_ext_data": figures}).figures == {
        "sw_version": "V2\n\u7248", "cpu_usage": 6.5, "fan_speed": "0r/min", "huge": str(2**70),
        "memory_info.total_memory": "11.51G", "memory_info.system.free": 1, "emmc.mount_status": True, "list": "[1]",
    }  # fmt: skip


def test_the_hardware_address_is_found_in_either_place_and_written_one_way() -> None:
    for document in (
        {"gateway_mac": "E0-A5-09-00-0E-6D"},
        {"gateway_ext_data": {"gateway_mac": "e0:a5:09:00:0e:6d"}},
        {"hex_mac": "0xe0a509000e6d"},
    ):
        assert status_of(document).mac == "e0:a5:09:00:0e:6d"
    assert status_of({"gateway_mac": "Unknown"}).mac == "unknown"


def test_t09_a_capture_device_is_split_and_its_credentials_removed() -> None:
    camera = {
        "ep_id": "L__rtsp://u:p@10.0.0.4/1__2",
        "ep_url": "rtsp://u:p@10.0.0.4/1__2",
        "ep_ip": "10.0.0.4",
        "ep_status": "Online",
    }
    (found,) = status_of({"sub_devices": [{**camera, "ep_location": "rtsp://u:p@h/"}]}).sub_devices
    assert (found.owner, found.address, found.url) == ("L", "rtsp://10.0.0.4/1__2", "rtsp://10.0.0.4/1__2")
    assert (found.ep_id, found.status, found.extra) == (
        "L__rtsp://10.0.0.4/1__2",
        "online",
        {"ep_location": "rtsp://h/"},
    )


def test_old_codes_for_state_and_direction_are_words() -> None:
    devices = [{"epStatus": str(code), "direction": code - 1} for code in (1, 2, 3)]
    found = status_of({"deviceList": devices}).sub_devices
    assert [(each.status, each.direction) for each in found] == [("online", "in"), ("offline", "out"), ("unknown", "2")]


def test_a_port_out_of_range_is_none() -> None:
    assert status_of({"gateway_port": "80"}).port == 80
    assert status_of({"gateway_port": 99999}).port is None


def test_too_much_of_anything_is_cut_and_noted() -> None:
    status = status_of(
        {"gateway_ext_data": {str(n): n for n in range(300)}, "sub_devices": [{}] * 1001, "gateway_name": "x" * 300}
    )
    assert (len(status.figures), len(status.sub_devices), len(status.name)) == (200, 1000, 255)
    assert status.notes == ("too_many:figures", "too_many:sub_devices")


KEYS = st.sampled_from(
    [
        "dev_sno",
        "gateway_ip",
        "gateway_name",
        "gateway_ext_data",
        "gateway_mac",
        "gateway_port",
        "sub_devices",
        "ep_id",
        "ep_ip",
        "ep_url",
        "direction",
        "x",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)


@settings(deadline=None)
@given(JSON | st.dictionaries(KEYS, JSON))
def test_any_json_is_a_status_or_one_of_the_stated_errors(value: Any) -> None:
    try:
        message = read(bodies.read_json(repr(value).encode("utf-8", "surrogatepass")))
    except (UnreadableBody, UnreadableItem):
        return
    status = device_status.to_status(message)
    for mapping in (status.figures, status.extra, *(sub.extra for sub in status.sub_devices)):
        assert orjson.loads(orjson.dumps(dict(mapping))) == mapping
