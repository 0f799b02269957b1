"""What is left of a message about an erased person, and which bodies name somebody."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.translation.redacting import is_redacted, names_somebody, redacted, spellings, tells_of
from tests.receiver.boxes import history

NAME = "Zoë 王小明"
TEXTS = st.text(max_size=8)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


def test_time_and_place_stay_and_all_else_goes() -> None:
    message = history(
        5, identity_name=NAME, ext_data={"recognize_face": "abc", "info": {"phone": "1"}, "new_key": NAME}
    )
    found = redacted(message, {NAME})
    assert is_redacted(found)
    assert not is_redacted(message)
    assert found["timestamp"] == message["timestamp"]
    assert found["ext_data"]["device_ip"] == "10.0.0.21"
    assert "identity_id" not in found
    assert found["ext_data"].keys() <= {"device_ip", "ep_id", "dev_sno", "person_type", "device_type"}


def test_a_container_that_came_as_text_is_opened() -> None:
    found = redacted({"ext_data": json.dumps({"device_ip": "10.0.0.1", "info": "x"})}, set())
    assert found["ext_data"] == {"device_ip": "10.0.0.1"}
    assert redacted({"ext_data": "{broken"}, set())["ext_data"] == {}


def test_a_kept_value_that_holds_the_name_goes_too() -> None:
    found = redacted({"ext_data": {"device_ip": "7", "ep_id": f"door of {NAME}", "dev_sno": "17"}}, {NAME, "7"})
    assert found["ext_data"] == {"dev_sno": "17"}


@given(document=VALUES, where=TEXTS)
def test_no_document_keeps_the_name_anywhere(document: Any, where: str) -> None:
    found = redacted({where: {"deep": NAME}, "ext_data": document, "ep_name": f"a{NAME}b", "x": document}, {NAME})
    assert NAME not in json.dumps(found, ensure_ascii=False)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"identity_name": NAME}).encode(),
        json.dumps({"identity_name": NAME}).upper().replace("ZO", "Zo").encode(),
        json.dumps({"identity_name": NAME}, ensure_ascii=False).encode(),
        NAME.encode("gb18030"),
        urlencode({"name": NAME, "id": "x"}).encode(),
        b'{"identity_id": "17", "broken',
        b"identity_id=17&x=1",
    ],
)
def test_a_body_that_names_somebody_is_found(body: bytes) -> None:
    assert names_somebody(body, spellings([NAME], ["17"]))


@pytest.mark.parametrize("body", [b"", b'{"identity_id": "171"}', b"id=1&x=17", '{"name": "王小红"}'.encode()])
def test_a_body_that_names_nobody_is_left(body: bytes) -> None:
    assert not names_somebody(body, spellings([NAME], ["17"]))


@pytest.mark.parametrize(
    ("text", "name", "is_told"),
    [
        ("photos/ZOË 王小明.jpg", NAME, True), ("clients/1.jpg", "Li", False), ("in/li_1.jpg", "Li", True),
        ("王伟.zip", "王伟", True), ("people.zip", "", False),
    ],
)  # fmt: skip
def test_a_text_tells_of_a_name_in_any_capitals_and_of_a_short_one_as_a_word(
    text: str,
    name: str,
    is_told: bool,  # noqa: FBT001
) -> None:
    assert tells_of(text, {name}) == is_told
