"""Forms and multipart bodies become the document that they mean."""

import json
from typing import Any

import pytest

from schemas.forms import from_form

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
PICTURE = "/9j/4AAQSkZJRg=="
EVENT = {"identity_id": "E1", "timestamp": 1, "ext_data": {"device_ip": "10.0.0.2"}}


def test_fields_are_plain_text_or_json_text() -> None:
    document = from_form(
        {"identity_id": ["007"], "score": ["0.81"], "timestamp": ["1700000000123"], "ext_data": ['{"a": 1}']}
    )
    assert document == {"identity_id": "007", "score": 0.81, "timestamp": 1700000000123, "ext_data": {"a": 1}}


@pytest.mark.parametrize("text", ["{'a': None}", '{"a": NaN'[:9] + "}"])
def test_a_nested_field_may_be_a_look_alike_of_json(text: str) -> None:
    assert list(from_form({"identity_id": ["E1"], "ext_data": [text]})["ext_data"]) == ["a"]


def test_a_field_that_only_looks_like_json_stays_text() -> None:
    assert from_form({"identity_name": ["{x}"], "identity_id": ["1"]})["identity_name"] == "{x}"


@pytest.mark.parametrize("name", ["spot_pic", "ext_data[spot_pic]", "ext_data.spot_pic"])
@pytest.mark.parametrize("content", [JPEG, PICTURE.encode()])
def test_a_file_under_a_pictures_name_is_the_picture(name: str, content: bytes) -> None:
    document = from_form({"identity_id": ["E1"], "ext_data": ['{"a": 1}'], name: [content]})
    expected: dict[str, Any] = {"identity_id": "E1", "ext_data": {"a": 1}}
    (expected["ext_data"] if name != "spot_pic" else expected)["spot_pic"] = PICTURE
    assert document == expected


def test_a_file_of_json_is_read() -> None:
    assert from_form({"identity_id": ["E1"], "ext_data": [b'{"a": 1}']}) == {"identity_id": "E1", "ext_data": {"a": 1}}
    assert from_form({"file": [json.dumps(EVENT).encode()]}) == EVENT
    assert from_form({"file": [b"{broken"], "identity_id": ["1"]})["file"] == "{broken"


@pytest.mark.parametrize("name", ["data", "event", "anything"])
def test_a_lone_field_may_hold_the_whole_event(name: str) -> None:
    assert from_form({name: [json.dumps(EVENT)]}) == EVENT
    assert from_form({name: [json.dumps([EVENT, EVENT])]}) == [EVENT, EVENT]


def test_pictures_beside_the_whole_event_are_put_to_it() -> None:
    assert from_form({"data": [json.dumps(EVENT)], "spot_pic": [JPEG]}) == {**EVENT, "spot_pic": PICTURE}


def test_a_lone_container_is_not_taken_for_the_event() -> None:
    assert from_form({"ext_data": ['{"a": 1}']}) == {"ext_data": {"a": 1}}


@pytest.mark.parametrize("name", ['{"identity_id": "a', '{"identity_id": "a=b&c", "ext_data": {}}'])
def test_json_posted_as_a_form_is_read(name: str) -> None:
    fields: dict[str, list[str | bytes]] = (
        {name: [""]} if name.endswith("}") else {name: ["b"], 'c", "ext_data": {}}': [""]}
    )
    assert from_form(fields) == {"identity_id": "a=b&c", "ext_data": {}}


def test_repeated_fields_become_a_list_and_none_is_nothing() -> None:
    assert from_form({"ext_data": ["device_ip", "spot_pic"], "identity_id": ["1"], "x": []}) == {
        "ext_data": ["device_ip", "spot_pic"],
        "identity_id": "1",
    }
    assert from_form({}) == {}


def test_a_nested_name_beside_a_container_that_is_text_is_dropped() -> None:
    assert from_form({"ext_data": ["junk"], "ext_data[a]": ["1"]}) == {"ext_data": "junk"}
