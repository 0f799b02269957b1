"""HistoryEvent, RealTimeEvent and DeviceStatus in every dress that boxes give them."""

import gzip
import io
import json
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from receiver.store import devices
from receiver.web.device_paths import HISTORY_PATHS, REAL_TIME_PATHS, STATUS_PATHS
from tests.receiver.boxes import history, jpeg, real_time, text_of
from tests.receiver.web.conftest import BODY_LIMIT, Web

NAMED_IN_THE_DOCUMENTATION = {
    "/HistoryEvent", "/EventServer/api/HistoryEvent", "/EventServer/api/SophonFogHistoryEvent", "/box/cross/record/report",
    "/box/v2/cross/record/report", "/get_record", "/RealTimeEvent", "/EventServer/api/SophonFogRelEvent", "/updateWTVInfo",
    "/DeviceStatus", "/EventServer/api/SophonFogStatus", "/MonitorServer/api/SophonFogStatus", "/box/monitor/status/report",
    "/box/monitor/device/status/report", "/box/media/monitor/status/report", "/box/device/sync", "/brain/service/device/operate",
}  # fmt: skip


def items(answer: TestResponse) -> list[dict[str, Any]]:
    """What became of each item, of an answer of success."""
    assert answer.status_code == 200, answer.data
    document = answer.get_json()
    assert (document["status"], document["message"]) == (0, "SUCCESS")
    found: list[dict[str, Any]] = document["data"]["items"]
    assert all(each.keys() == {"event_id", "result", "reason"} for each in found)
    return found


def results(answer: TestResponse) -> list[str]:
    return [each["result"] for each in items(answer)]


def post(
    web: Web, body: bytes, content_type: str | None = None, path: str = "/HistoryEvent", **headers: str
) -> TestResponse:
    return web.client.post(path, data=body, content_type=content_type, headers=headers)


def is_clear(answer: TestResponse) -> bool:
    """200, or a 4xx that says why."""
    if answer.status_code == 200:
        return answer.content_type == "application/json" and orjson.loads(answer.data)["message"] == "SUCCESS"
    problem = orjson.loads(answer.data)
    return (
        400 <= answer.status_code < 500
        and answer.content_type == "application/problem+json"
        and bool(problem["reason"])
    )


def test_every_documented_path_is_there() -> None:
    assert {*HISTORY_PATHS, *REAL_TIME_PATHS, *STATUS_PATHS} >= NAMED_IN_THE_DOCUMENTATION


@pytest.mark.parametrize("path", HISTORY_PATHS)
def test_every_path_of_history_events_takes_one(web: Web, path: str) -> None:
    assert results(web.client.post(path, json=history(identity_id=path))) == ["new"]
    assert results(web.client.post(path, json=history(identity_id=path))) == ["duplicate"]


@pytest.mark.parametrize("path", REAL_TIME_PATHS)
def test_every_path_of_real_time_events_takes_one(web: Web, path: str) -> None:
    assert results(web.client.post(path, json=real_time(identity_id=path))) == ["new"]


@pytest.mark.parametrize("path", STATUS_PATHS)
def test_every_path_of_states_takes_one(web: Web, path: str) -> None:
    report = {
        "dev_sno": "STATUS" + path,
        "gateway_name": "north",
        "sub_devices": [{"ep_id": "o__10.0.0.1", "ep_name": "door"}],
    }
    answer = web.client.post(path, json=report)
    assert (answer.status_code, answer.get_json()) == (200, {"status": 0, "message": "SUCCESS", "data": None})
    (found,) = [row for row in web.devices() if row.licence == "STATUS" + path]
    assert found.name == "north"
    assert found.status_at is not None
    with web.store.read() as tx:
        (gate,) = devices.gates_of(tx, {found.id})[found.id]
    assert (gate.address, gate.name) == ("10.0.0.1", "door")


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "text/plain", "APPLICATION/JSON; charset=utf-8", "x", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", '\xff;;;="']
)  # fmt: skip
def test_json_is_taken_with_any_content_type(web: Web, content_type: str | None) -> None:
    body = orjson.dumps(history(identity_id=f"type {content_type}"))
    assert results(post(web, body, content_type)) == ["new"]


def test_forms_are_taken(web: Web) -> None:
    item = history(identity_id="form", reg_pic=text_of(1))
    fields = {key: value if isinstance(value, str) else json.dumps(value) for key, value in item.items()}
    kept = post(web, urlencode(fields).encode(), "application/x-www-form-urlencoded")
    assert results(kept) == ["new"]
    again = post(web, orjson.dumps(item))
    assert items(again) == [{"event_id": items(kept)[0]["event_id"], "result": "duplicate", "reason": None}]


def test_multipart_fields_and_files_are_taken(web: Web) -> None:
    item = history(identity_id="multipart")
    fields: dict[str, Any] = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in item.items()
    }
    fields["reg_pic"] = (io.BytesIO(jpeg(2)), "face.jpg")
    answer = web.client.post("/HistoryEvent", data=fields, content_type="multipart/form-data")
    assert results(answer) == ["new"]
    whole = web.client.post(
        "/HistoryEvent",
        data={"data": (io.BytesIO(orjson.dumps(history(identity_id="in a file"))), "e.json")},
        content_type="multipart/form-data",
    )
    assert results(whole) == ["new"]


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_gzip_is_unpacked(web: Web, encoding: str) -> None:
    body = gzip.compress(orjson.dumps(history(identity_id=f"packed {encoding}")))
    assert results(post(web, body, "application/json", **{"Content-Encoding": encoding})) == ["new"]


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "identity", "", "\x80", "deflate" * 99])
def test_an_odd_content_encoding_is_a_clear_answer(web: Web, encoding: str) -> None:
    assert is_clear(
        post(web, b"\x8b\x00junk" + encoding.encode(), "application/json", **{"Content-Encoding": encoding})
    )


def test_a_gzip_bomb_is_refused_and_its_device_flagged(web: Web) -> None:
    bomb = gzip.compress(b"[" + b"0," * BODY_LIMIT + b"0]")
    for _ in range(2):
        answer = post(web, bomb, "application/json", **{"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.get_json()["reason"]) == (413, "body_too_large")
    assert "body_too_large" in {row.problem for row in web.devices()}


def test_a_batch_of_a_hundred_is_taken(web: Web) -> None:
    batch = [history(number, identity_id="batch", reg_pic=text_of(3)) for number in range(100)]
    found = items(web.client.post("/HistoryEvent", json=[*batch, {"no": "event"}, None]))
    assert [each["result"] for each in found] == ["new"] * 100 + ["quarantined"] * 2
    assert [each["reason"] for each in found[-2:]] == ["not_an_event", "not_an_object"]
    assert len({each["event_id"] for each in found[:100]}) == 100


def test_a_broken_body_is_refused_once_and_then_quarantined(web: Web) -> None:
    for _ in range(2):
        body = b'{"identity_id": "cut'
    first = post(web, body)
    assert (first.status_code, first.content_type, first.get_json()["reason"]) == (
        400,
        "application/problem+json",
        "not_json",
    )
    second = post(web, body)
    assert items(second) == [{"event_id": None, "result": "quarantined", "reason": "not_json"}]
    assert results(post(web, body, "text/plain\x00")) == ["quarantined"]
    (held,) = [row for row in web.quarantined() if row.reason == "not_json" and row.size == len(body)]
    assert (held.times, held.form) == (2, "body")


@pytest.mark.parametrize("path", ["/HistoryEvent", "/RealTimeEvent", "/DeviceStatus"])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_form_of_more_than_a_thousand_parts_is_refused_before_it_is_taken_apart(
    web: Web, path: str, encoding: str
) -> None:
    item = urlencode({"identity_id": f"parts {path}", "timestamp": "1697610960384", "person_type": "2"})
    for parts, status in ((997, 200), (998, 400)):
        body = f"{item}&{'a&' * (parts - 1)}a".encode()
        sent = gzip.compress(body) if encoding else body
        answer = post(web, sent, "application/x-www-form-urlencoded", path)
        assert answer.status_code == status
    assert answer.get_json()["reason"] == "bad_form"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000, b"[" * 60 + b"]" * 60, b'{"a":' * 500 + b"1" + b"}" * 500, b"9" * 1_000_000, b"-" + b"9" * 5000 + b".5e99999",
        b'{"identity_id": %b, "ext_data": {}}' % (b"9" * 1_000_000), b'{"identity_id": 1e400, "ext_data": {}, "timestamp": 1e-400}',
        b'{"ext_data": {"\\u0000": "\\u0000"}, "identity_id": "\\u0000\\ud800", "\\u0000": 1}', b"\x00" * 1000, b"", b" ", b"null",
        b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b'{"ext_data": {"ext_data": {}}, "identity_id": {"a": [1]}}', b"{'a': b'\\xff'}", b"NaN",
        b'"' + b"\\" * 100_001 + b'"', b"'" * 100_001, b"{" + b'"a":1,' * 200_000 + b'"b":2}', b"(" * 50_000,
    ],
)  # fmt: skip
def test_hostile_json_is_a_clear_answer_each_time(web: Web, body: bytes) -> None:
    assert is_clear(post(web, body, "application/json"))
    assert is_clear(post(web, body, "application/json"))
    assert is_clear(post(web, body, path="/DeviceStatus"))


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=b", "multipart/form-data; boundary=" + "b" * 300]
)  # fmt: skip
@pytest.mark.parametrize(
    "body", [b"no form", b"--b", b"--b\r\n\r\n", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", b'--b\r\nContent-Disposition: form-data; name="\xff"; filename="\x00"\r\n\r\nx\r\n--b--\r\n' * 3]
)  # fmt: skip
def test_a_broken_multipart_is_a_clear_answer_each_time(web: Web, content_type: str, body: bytes) -> None:
    assert is_clear(post(web, body, content_type))
    assert is_clear(post(web, body, content_type))


def test_a_form_of_very_many_parts_is_a_clear_answer(web: Web) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
    assert is_clear(post(web, part * 2000 + b"--b--\r\n", "multipart/form-data; boundary=b"))


@pytest.mark.parametrize("path", ["/HistoryEvent", "/RealTimeEvent", "/DeviceStatus"])
def test_another_method_is_refused_with_what_is_allowed(web: Web, path: str) -> None:
    answer = web.client.get(path)
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert "POST" in answer.headers["Allow"]


def test_an_unknown_address_is_a_problem_document(web: Web) -> None:
    answer = web.client.post("/NoEvent", data=b"{}")
    assert (answer.status_code, answer.get_json()["reason"]) == (404, "not_found")


KEYS = st.sampled_from(
    ["identity_id", "identity_name", "timestamp", "ext_data", "ep_info", "media_device_info", "person_type", "want_action",
     "score", "reg_pic", "spot_pic", "recognize_face", "dev_sno", "ep_id", "device_ip", "info", "group_name", "user_type",
     "box_fiqa_info", "fiqa_result", "sub_devices", "gateway_ext_data", "gateway_sn", "data", "event_id"]
) | st.text(st.characters(codec=None), max_size=5)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
PATHS = st.sampled_from(["/HistoryEvent", "/RealTimeEvent", "/DeviceStatus"])


@settings(max_examples=120, deadline=None)
@given(document=JSON | st.dictionaries(KEYS, JSON, max_size=6), path=PATHS)
def test_any_json_is_a_clear_answer(web: Web, document: Any, path: str) -> None:
    assert is_clear(post(web, json.dumps(document).encode(), "application/json", path))


@settings(max_examples=80, deadline=None)
@given(body=st.binary(max_size=200), content_type=st.sampled_from([None, "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]), encoding=st.sampled_from(["", "gzip"]), path=PATHS)  # fmt: skip
def test_any_bytes_are_a_clear_answer(
    web: Web, body: bytes, content_type: str | None, encoding: str, path: str
) -> None:
    assert is_clear(post(web, body, content_type, path, **({"Content-Encoding": encoding} if encoding else {})))


@settings(max_examples=60, deadline=None)
@given(fields=st.lists(st.tuples(KEYS, st.text(st.characters(codec=None), max_size=20) | JSON.map(json.dumps)), max_size=6), path=PATHS)  # fmt: skip
def test_any_form_is_a_clear_answer(web: Web, fields: list[tuple[str, str]], path: str) -> None:
    body = "&".join(
        f"{quote(key, errors='surrogatepass')}={quote(value, errors='surrogatepass')}" for key, value in fields
    )
    assert is_clear(post(web, body.encode(), "application/x-www-form-urlencoded", path))
