"""Every documented example shape of every generation is read; the values are our own."""

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas import sophon
from schemas.errors import UnreadableItem

LICENCE = "ABCDEF000120240101000001"
PICTURE = "/9j/4AAQSkZJRg=="
MOMENT = datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)

GRAB_QUALITY = {
    "confidence": 90, "face_id": 12, "pitch": 0, "yaw": 0, "roll": 0, "age": 4, "eye_dist": 82, "sex": 1,
    "rect": {"top": 1, "bottom": 2, "left": 3, "right": 4}, "rel_rect": {"top": 1, "bottom": 2, "left": 3, "right": 4},
}  # fmt: skip
BOX_QUALITY = {
    "age": 4, "sex": 1, "fiqa_result": True, "success": ["face_size", "clarity"], "fails": [],
    "info": {"face_size": 255.0, "clarity": 1.28, "headpose": {"roll_angle": 10.1, "pitch_angle": 14.4, "yaw_angle": 7.3},
             "partial": False, "brightness": 0.83},
}  # fmt: skip


def generation_a(**ext_data: Any) -> dict[str, Any]:
    return {
        "identity_id": "E1007", "identity_name": "Test Person", "group_name": "default_group", "reg_pic": PICTURE,
        "timestamp": 1700000000123, "score": 0.81, "want_action": "0",
        "ext_data": {"device_ip": "10.0.0.21", "ep_id": f"{LICENCE}__10.0.0.21", "dev_sno": LICENCE, "person_type": 1,
                     "device_type": "0", "spot_pic": PICTURE, "recognize_face": PICTURE, "grab_fiqa_info": {},
                     "box_fiqa_info": {}, **ext_data},
    }  # fmt: skip


def generation_b(**changes: Any) -> dict[str, Any]:
    return {
        "api_version": "1.0", "identity_id": "E1007", "identity_name": "Test Person",
        "identity_info": {"face_ids": ["53be"], "image_id": "7bab", "type": 1, "permission_ids": ["9ded"]},
        "timestamp": 1700000000123, "out_timestamp": 1700000002500, "score": 93.4, "want_action": "0", "person_type": 1,
        "reg_pic": PICTURE, "spot_pic": PICTURE, "ir_pic": "", "recognize_face": PICTURE,
        "ep_info": {"ep_id": f"{LICENCE}__rtsp://10.0.0.40:554/ch1", "ep_type": "rtsp", "ep_ip": "10.0.0.40",
                    "ep_name": "east door", "device_id": "3f09148d-0000-48fb-a29f-95bb9d23ff51"},
        "dev_sno": LICENCE,
        "recognize_face_attr": {"point": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "box": [1261, 31, 1375, 176], "age": None,
                                "gender": "male", "glasses": None, "mask": None, "hat": None, "expression": None,
                                "feature": []},
        **changes,
    }  # fmt: skip


def generation_c(**changes: Any) -> dict[str, Any]:
    return {
        "api_version": "2.0", "identity_id": "E1007", "identity_name": "Test Person", "timestamp": 1700000000123,
        "in_timestamp": 1700000000123, "out_timestamp": 1700000003700, "score": 94.8, "post_action": "0",
        "user_type": "employee",
        "media_device_info": {"media_device_id": "fb4e", "media_device_type": "rtsp", "media_device_ip": "10.0.0.40",
                              "media_device_name": "east door"},
        "mq_license_key": LICENCE, "reg_image": PICTURE, "spot_image": PICTURE, "ir_image": "",
        "recognize_face_image": PICTURE,
        "recognize_face_attr": {"gender": None, "box": [50, 23, 173, 183], "feature_base64_str": "AAAA", "point": [81.9]},
        **changes,
    }  # fmt: skip


def real_time(**changes: Any) -> dict[str, Any]:
    return {
        "identity_id": "E1007", "identity_name": "Test Person", "group_name": "default_group", "timestamp": 1700000000123,
        "score": 0.78,
        "ext_data": {"device_ip": "10.0.0.21", "person_type": 1, "device_type": "0", "spot_pic": PICTURE,
                     "grab_fiqa_info": {}, "box_fiqa_info": {}},
        **changes,
    }  # fmt: skip


def kinds(message: sophon.Message) -> dict[str, tuple[str, ...]]:
    return {picture.kind: picture.path for picture in message.pictures}


def test_every_field_of_generation_a_arrives() -> None:
    message = sophon.read(generation_a(ir_pic=PICTURE, info={"age": "youth", "gender": "male", "glasses": "no"}))
    assert (message.generation, message.identity_id, message.identity_name) == ("A", "E1007", "Test Person")
    assert (message.group, message.score, message.want_action) == ("default_group", 0.81, "0")
    assert message.timestamp == MOMENT
    assert (message.device_ip, message.ep_id, message.device_type) == ("10.0.0.21", f"{LICENCE}__10.0.0.21", "0")
    assert (message.licence, message.person_type) == (LICENCE, 1)
    assert message.attributes == {"age": "youth", "gender": "male", "glasses": "no"}
    assert kinds(message) == {
        "face": ("ext_data", "recognize_face"),
        "scene": ("ext_data", "spot_pic"),
        "infrared": ("ext_data", "ir_pic"),
        "library": ("reg_pic",),
    }
    assert (message.extra, message.notes) == ({}, ())


def test_a_stranger_of_generation_a_brings_both_words_about_quality() -> None:
    item = generation_a(person_type=4, grab_fiqa_info=GRAB_QUALITY, box_fiqa_info=BOX_QUALITY)
    message = sophon.read({**item, "identity_name": "stranger", "reg_pic": "", "want_action": "1001"})
    assert (message.person_type, message.want_action, message.fiqa_result) == (4, "1001", True)
    assert (message.grab_quality, message.box_quality) == (GRAB_QUALITY, BOX_QUALITY)
    assert "library" not in kinds(message)


def test_the_oldest_generation_a_has_neither_action_nor_gate() -> None:
    item = generation_a()
    del item["want_action"]
    item["ext_data"] = {"spot_pic": PICTURE, "dev_sno": LICENCE}
    message = sophon.read(item)
    assert (message.generation, message.want_action, message.ep_id, message.person_type) == ("A", "0", "", None)


def test_every_field_of_generation_b_arrives() -> None:
    message = sophon.read(generation_b(recognize_face_attr={"age": "youth", "mask": "0", "feature_binary": "AAAA"}))
    assert (message.generation, message.api_version, message.identity_id) == ("B", "1.0", "E1007")
    assert message.identity_info == generation_b()["identity_info"]
    assert message.timestamp == MOMENT
    assert message.out_timestamp == datetime(2023, 11, 14, 22, 13, 22, 500000, tzinfo=UTC)
    assert (message.score, message.want_action, message.person_type) == (93.4, "0", 1)
    assert (message.ep_id, message.device_type) == (f"{LICENCE}__rtsp://10.0.0.40:554/ch1", "rtsp")
    assert (message.device_ip, message.device_name) == ("10.0.0.40", "east door")
    assert (message.device_id, message.licence) == ("3f09148d-0000-48fb-a29f-95bb9d23ff51", LICENCE)
    assert message.attributes == {"age": "youth", "mask": "0", "feature_binary": "AAAA"}
    assert kinds(message) == {"face": ("recognize_face",), "scene": ("spot_pic",), "library": ("reg_pic",)}
    assert (message.extra, message.notes) == ({}, ())


def test_an_unbound_box_of_generation_b_reports_a_stranger() -> None:
    item = generation_b(
        identity_id="1602612036.3828533", identity_name="stranger", identity_info={}, dev_sno="", person_type=4
    )
    item["ep_info"]["ep_id"] = "0xe0a509261422__rtsp://192.168.1.100:8554/ch103"
    message = sophon.read(item)
    assert (message.generation, message.identity_id, message.licence) == ("B", "1602612036.3828533", "")
    assert message.ep_id == "0xe0a509261422__rtsp://192.168.1.100:8554/ch103"


def test_every_field_of_generation_c_arrives() -> None:
    item = generation_c(user_type="vip", post_action="1002", ir_image=PICTURE)
    item["media_device_info"]["media_device_url"] = "rtsp://10.0.0.40/1"
    message = sophon.read(item)
    assert (message.generation, message.api_version, message.person_type, message.want_action) == (
        "C",
        "2.0",
        5,
        "1002",
    )
    assert (message.timestamp, message.in_timestamp) == (MOMENT, MOMENT)
    assert message.out_timestamp == datetime(2023, 11, 14, 22, 13, 23, 700000, tzinfo=UTC)
    assert (message.device_id, message.device_type, message.device_ip) == ("fb4e", "rtsp", "10.0.0.40")
    assert (message.device_name, message.device_url) == ("east door", "rtsp://10.0.0.40/1")
    assert (message.licence, message.score) == (LICENCE, 94.8)
    assert message.attributes["feature_base64_str"] == "AAAA"
    assert kinds(message) == {
        "face": ("recognize_face_image",),
        "scene": ("spot_image",),
        "library": ("reg_image",),
        "infrared": ("ir_image",),
    }
    assert (message.extra, message.notes) == ({}, ())


def test_a_posted_real_time_event_is_generation_a_without_action_and_box() -> None:
    message = sophon.read(real_time())
    assert (message.generation, message.want_action, message.ep_id, message.licence) == ("A", "0", "", "")
    assert (message.device_ip, message.identity_id) == ("10.0.0.21", "E1007")


def test_a_web_socket_event_of_generation_a_has_its_device_id_at_the_top() -> None:
    info = {"name": "stranger", "type": 4, "image_id": "7bab", "addTime": "2020-10-13"}
    message = sophon.read(real_time(device_id="3f09148d", identity_info=info))
    assert (message.generation, message.device_id, message.identity_info) == ("A", "3f09148d", info)


@pytest.mark.parametrize("register_key", ["register_image", "reg_pic"])
def test_a_web_socket_event_of_generation_c_is_flat(register_key: str) -> None:
    item = {
        "timestamp": 1700000000123, "identity_id": "E1007", "identity_name": "Test Person", "score": 0.62,
        "media_device_ip": "10.0.0.40", "media_device_id": "fb4e", "media_device_type": "rtsp", "event_id": "1607062639.7",
        "recognize_face_image": f"data:image/jpeg;base64,{PICTURE}", register_key: PICTURE,
    }  # fmt: skip
    message = sophon.read(item)
    assert (message.generation, message.event_id, message.device_ip) == ("C", "1607062639.7", "10.0.0.40")
    assert kinds(message) == {"face": ("recognize_face_image",), "library": (register_key,)}


def test_a_look_alike_sender_with_looser_types_is_read() -> None:
    item = real_time(timestamp=1700000000.123, device_id="3f09")
    item["ext_data"]["recognize_face_attr"] = {"glasses": "no glasses", "age": 30}
    message = sophon.read(item)
    assert (message.timestamp, message.attributes) == (MOMENT, {"glasses": "no glasses", "age": 30})


@pytest.mark.parametrize("item", [None, 5, "text", True, [1], [{}]])
def test_what_is_no_object_is_no_event(item: Any) -> None:
    with pytest.raises(UnreadableItem) as caught:
        sophon.read(item)
    assert caught.value.reason == "not_an_object"


@pytest.mark.parametrize("item", [{}, {"hello": 1}, {"timestamp": 1700000000}, {"gateway_sn": "SN1"}])
def test_an_object_without_a_generations_mark_is_no_event(item: dict[str, Any]) -> None:
    with pytest.raises(UnreadableItem) as caught:
        sophon.read(item)
    assert caught.value.reason == "not_an_event"


@pytest.mark.parametrize(
    "item",
    [
        {"ext_data": {}},
        {"ep_info": {"ep_ip": "10.0.0.1"}, "timestamp": "yesterday"},
        {"mq_license_key": LICENCE, "media_devices": []},
        {"ext_data": {"spot_pic": "xxx", "recognize_face": ""}, "identity_id": ""},
    ],
)
def test_an_event_needs_a_time_an_identity_or_a_picture(item: dict[str, Any]) -> None:
    with pytest.raises(UnreadableItem) as caught:
        sophon.read(item)
    assert caught.value.reason == "nothing_to_say"


@pytest.mark.parametrize(
    "item",
    [
        {"ext_data": {}, "timestamp": 1700000000},
        {"ext_data": {}, "identity_id": 7},
        {"ext_data": {"spot_pic": PICTURE}},
        {"ep_info": None, "identity_name": "stranger"},
        {"group_name": "g", "identity_id": "7"},
        {"user_type": "car", "recognize_face_image": PICTURE},
    ],
)
def test_one_of_the_three_is_enough(item: dict[str, Any]) -> None:
    assert sophon.read(item).generation in "ABC"
