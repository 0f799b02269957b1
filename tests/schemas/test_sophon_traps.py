"""The traps that the vendor's documentation sets for a reader of messages, by their numbers in our list of them."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas import bodies, forms, sophon
from schemas.base64_text import decode_picture_text
from schemas.sophon_shapes import generation_of

PICTURE = "/9j/4AAQSkZJRg=="
MOMENT = datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)


def event(**changes: Any) -> dict[str, Any]:
    return {"identity_id": "E1", "timestamp": 1700000000123, "ext_data": {"device_ip": "10.0.0.2"}, **changes}


def inside(**ext_data: Any) -> dict[str, Any]:
    return event(ext_data={"device_ip": "10.0.0.2", **ext_data})


@pytest.mark.parametrize(
    "timestamp",
    [1700000000123, 1700000000123.0, "1700000000123", " 1700000000123 ", "1700000000123.0", 1700000000.123,
     "1700000000.123", 1700000000123000, "”1700000000123“", "2023-11-14T22:13:20.123+00:00", "2023-11-14T23:13:20.123+01:00"],
)  # fmt: skip
def test_t01_a_clock_counts_seconds_or_milliseconds_as_number_or_text(timestamp: Any) -> None:
    assert sophon.read(event(timestamp=timestamp)).timestamp == MOMENT


def test_t01_ten_digits_are_whole_seconds() -> None:
    assert sophon.read(event(timestamp=1700000000)).timestamp == MOMENT.replace(microsecond=0)


@pytest.mark.parametrize(
    "timestamp",
    [
        0,
        -1,
        5,
        True,
        10**30,
        1e300,
        "soon",
        [1],
        {},
        math.nan,
        math.inf,
        "9" * 400,
        "2023-11-14 22:13:20",
        86400,
        4102444800,
    ],
)
def test_t01_an_absurd_time_is_none_and_noted(timestamp: Any) -> None:
    message = sophon.read(event(timestamp=timestamp))
    assert message.timestamp is None
    assert message.notes == ("unreadable:timestamp",)
    assert "timestamp" in message.extra


def test_t02_the_leaving_time_is_told_apart_by_size_too() -> None:
    item = {"ep_info": {}, "identity_id": "E1", "out_timestamp": 1700000000.123}
    assert sophon.read(item).out_timestamp == MOMENT
    assert sophon.read({**item, "out_timestamp": "1700000000123"}).out_timestamp == MOMENT


@pytest.mark.parametrize("value", ["0", 0, 0.0])
def test_t03_text_and_numbers_trade_types(value: Any) -> None:
    message = sophon.read(inside(device_type=value, person_type="4", dev_sno=12345))
    assert (message.device_type, message.person_type, message.licence) == ("0", 4, "12345")
    assert sophon.read(event(identity_id=13028.0)).identity_id == "13028"


@pytest.mark.parametrize(
    "body",
    [
        """{'identity_id': 'E1', 'timestamp': 1700000000123, 'ext_data': {'device_ip': None, 'ok': True, 'quote': "it's"}}""",
        """{"identity_id": "E1", "timestamp": 1700000000123, "ext_data": {"device_ip": null, "ok": true, "quote": "it's",},}""",
        """{"identity_id": "E1", // who
            "timestamp": 1700000000123\uff0c"ext_data": {"device_ip": null, "ok": true, "quote": “it's”}}""",
    ],
)
def test_t04_python_literals_and_the_papers_typography_are_read(body: str) -> None:
    assert bodies.read_json(body.encode()) == event(ext_data={"device_ip": None, "ok": True, "quote": "it's"})


@pytest.mark.parametrize(
    "text",
    [
        PICTURE,
        f"data:image/jpeg;base64,{PICTURE}",
        f"data:image/jpg;base64,{PICTURE}\n",
        "/9j/\n4AAQ\r\nSkZJRg==\n",
        PICTURE.rstrip("="),
        f"b'{PICTURE}'",
        f'b"{PICTURE}"',
        "b'/9j/4AAQ\\nSkZJRg==\\n'",
        PICTURE.replace("/", "_"),
        PICTURE.replace("/", "\\/"),
    ],
)
def test_t05_base64_comes_in_many_dresses(text: str) -> None:
    decoded = decode_picture_text(text)
    assert decoded is not None
    assert decoded.data == b"\xff\xd8\xff\xe0\x00\x10JFIF"


@pytest.mark.parametrize("placeholder", ["", "xxx", None, " ", "null", "None", 0, False, {}, []])
def test_t05_a_placeholder_is_no_picture(placeholder: Any) -> None:
    assert decode_picture_text(placeholder) is None
    assert sophon.read(event(reg_pic=placeholder)).pictures == ()


@pytest.mark.parametrize(
    "ext_data",
    ['{"device_ip": "10.0.0.2", "person_type": 4}', "{'device_ip': '10.0.0.2', 'person_type': 4, 'x': None}"],
)
def test_t06_nested_text_is_read_again(ext_data: str) -> None:
    for item in (event(ext_data=ext_data), forms.from_form({"identity_id": ["E1"], "ext_data": [ext_data]})):
        message = sophon.read(item)
        assert (message.generation, message.device_ip, message.person_type) == ("A", "10.0.0.2", 4)


@pytest.mark.parametrize("junk", ["device_ip", ["device_ip", "spot_pic"], 5, True, "{broken"])
def test_t06_key_names_instead_of_an_object_are_noted_and_the_event_is_kept(junk: Any) -> None:
    message = sophon.read(event(ext_data=junk))
    assert (message.generation, message.identity_id) == ("A", "E1")
    assert message.notes == ("unreadable:ext_data",)
    assert message.extra["ext_data"] == junk


@pytest.mark.parametrize("missing", [None, "", ...])
def test_t07_a_missing_field_never_refuses_an_event(missing: Any) -> None:
    empty = (
        {}
        if missing is ...
        else {"ep_id": missing, "dev_sno": missing, "person_type": missing, "box_fiqa_info": missing}
    )
    message = sophon.read(event(ext_data=empty, score=None, group_name=None))
    assert (message.ep_id, message.licence, message.person_type, message.score) == ("", "", None, None)
    assert message.notes == ()


def test_t10_both_places_of_a_field_are_looked_at_and_the_generations_own_counts() -> None:
    outside = sophon.read(event(person_type=4, dev_sno="L1", spot_pic=PICTURE))
    assert (outside.generation, outside.person_type, outside.licence) == ("A", 4, "L1")
    assert outside.pictures[0].path == ("spot_pic",)
    both = sophon.read({**inside(person_type=4), "person_type": 1})
    assert both.person_type == 4


@pytest.mark.parametrize("identity", ["6103d242-0000-4303-a2c9-5942e6ba73d6", "1602612036.3828533", "", "13028"])
def test_t11_a_strangers_id_may_be_anything(identity: str) -> None:
    assert sophon.read(event(identity_id=identity)).identity_id == identity


def test_t11_an_id_sent_as_a_number_keeps_its_digits() -> None:
    assert sophon.read(event(identity_id=1602612036.3828533)).identity_id == "1602612036.3828533"
    body = b'{"identity_id": 123456789012345678901234567890, "ext_data": {}}'
    assert sophon.read(bodies.read_json(body)).identity_id == "123456789012345678901234567890"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [(1, 1), ("3", 3), (3.0, 3), ("5.0", 5), ("stranger", 4), ("VIP", 5), ("”2“", 2), ("blacklist", 3), (None, None)],
)
def test_t13_a_person_type_is_a_number_a_text_or_a_word(sent: Any, meant: int | None) -> None:
    message = sophon.read(inside(person_type=sent))
    assert (message.person_type, message.notes) == (meant, ())


@pytest.mark.parametrize("junk", [0, 6, 1.5, -1, "car", "x", [], {"a": 1}, True, math.nan, 10**40])
def test_t13_a_junk_person_type_is_noted_and_kept_raw(junk: Any) -> None:
    message = sophon.read(inside(person_type=junk))
    assert message.person_type is None
    assert message.notes == ("unreadable:person_type",)
    assert message.extra["person_type"] is junk


@pytest.mark.parametrize(("sent", "read"), [(0.16, 0.16), (94.8, 94.8), ("93.4", 93.4), ("6.5%", 6.5), (1, 1.0)])
def test_t14_a_score_keeps_its_scale(sent: Any, read: float) -> None:
    assert sophon.read(event(score=sent)).score == read


@pytest.mark.parametrize("junk", [math.nan, math.inf, "NaN", "high", [], True, 10**400])
def test_t14_a_score_that_is_no_number_is_none(junk: Any) -> None:
    message = sophon.read(event(score=junk))
    assert (message.score, message.notes) == (None, ("unreadable:score",))


def test_t16_a_body_is_one_object_or_many() -> None:
    assert bodies.items(event()) == [event()]
    assert bodies.items([event()] * 100) == [event()] * 100
    assert bodies.items([]) == []


def test_t17_unknown_fields_are_kept_with_their_place() -> None:
    message = sophon.read({**inside(new_thing=[1], spot_pic=PICTURE), "another": {"a": None}})
    assert message.extra == {"another": {"a": None}, "ext_data": {"new_thing": [1]}}
    assert message.notes == ()


def test_t17_one_bad_field_takes_no_other_with_it() -> None:
    item = event(
        identity_name=["x"], score={}, want_action=[7], identity_info=3, api_version={"a": 1},
        ext_data={"person_type": "?", "info": "{", "box_fiqa_info": 1, "ep_id": [], "device_ip": "10.0.0.2"},
    )  # fmt: skip
    message = sophon.read(item)
    assert (message.identity_id, message.timestamp, message.device_ip) == ("E1", MOMENT, "10.0.0.2")
    assert sorted(message.notes) == sorted(
        f"unreadable:{key}"
        for key in ("identity_name", "score", "want_action", "identity_info", "api_version", "person_type", "info",
                    "box_fiqa_info", "ep_id")
    )  # fmt: skip


def test_t18_a_misspelt_key_is_a_key_like_any_other() -> None:
    assert sophon.read(event(grap_fiqa_info={"a": 1})).extra == {"grap_fiqa_info": {"a": 1}}


@pytest.mark.parametrize("key", ["feature", "feature_binary", "feature_base64_str"])
def test_t19_a_face_vector_is_kept_as_sent_under_each_of_its_names(key: str) -> None:
    vector: Any = [0.25] * 512 if key == "feature" else "AACAPg=="
    item = {"ep_info": {}, "identity_id": "E1", "recognize_face_attr": {key: vector}}
    assert sophon.read(item).attributes == {key: vector}


@pytest.mark.parametrize("attributes", [{"age": None}, {"age": "youth"}, {"age": 4}, {"mask": "2"}, {"mask": "yes"}])
def test_t20_attributes_are_kept_whatever_their_type(attributes: dict[str, Any]) -> None:
    assert sophon.read(inside(info=attributes)).attributes == attributes


def test_t22_a_group_is_one_name_or_a_list_of_them() -> None:
    assert sophon.read(event(group_name="a")).group == "a"
    assert sophon.read(event(group_name=["a", "b"])).group == "a,b"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("1001", "1001"), (1001, "1001"), (1002.0, "1002"), ("”0“", "0"), ("", "0"), (None, "0"), (" 1002 ", "1002")],
)
def test_t27_an_action_is_text_or_number_and_absent_means_nothing(sent: Any, meant: str) -> None:
    assert sophon.read(event(want_action=sent)).want_action == meant


@pytest.mark.parametrize("junk", ["1003", 7, 1001.5, "register", True, []])
def test_t27_an_unknown_action_does_nothing_and_is_noted(junk: Any) -> None:
    message = sophon.read(event(want_action=junk))
    assert (message.want_action, message.notes, message.extra) == (
        "0",
        ("unreadable:want_action",),
        {"want_action": junk},
    )


@pytest.mark.parametrize(
    ("item", "generation"),
    [
        ({"ext_data": {}, "ep_info": {}, "user_type": "vip"}, "C"),
        ({"ext_data": {}, "ep_info": {}}, "B"),
        ({"ext_data": {}, "person_type": 1, "dev_sno": ""}, "A"),
        ({"ext_data": None, "person_type": 1}, "B"),
        ({"identity_id": "1", "want_action": "0"}, "A"),
        ({"identity_id": "1", "recognize_face_attr": {}}, "B"),
        ({"identity_id": "1"}, ""),
    ],
)
def test_t29_the_generation_is_told_by_the_shape(item: dict[str, Any], generation: str) -> None:
    assert generation_of(item) == generation


@pytest.mark.parametrize(
    ("outer", "inner", "result"),
    [
        (None, True, True),
        (None, "false", False),
        (False, True, False),
        (True, False, False),
        ("1", None, True),
        (None, "?", None),
    ],
)
def test_a_no_about_the_quality_counts_wherever_it_stands(outer: Any, inner: Any, *, result: bool | None) -> None:
    item = inside(fiqa_result=outer, box_fiqa_info={"fiqa_result": inner})
    assert sophon.read(item).fiqa_result is result
