"""Whatever is asked under /v1, the answer is clear: 2xx, 3xx or a 4xx problem document, never a 500."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.receiver.boxes import text_of
from tests.receiver.web.site import Site, open_site

TEXT = st.text(st.characters(codec=None), max_size=8)
NAMES = st.sampled_from(["limit", "cursor", "list", "device", "person", "decision", "want_action", "from", "to", "q", "width", "state"]) | TEXT  # fmt: skip
VALUES = (
    st.sampled_from(["1", "500", "staff", "matched", "1001", "0001-01-01T00:00:00", "9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00",
                     "9999-12-31T23:59:59-14:00", "2024-02-29", "1e3", str(2**63), "held", "%", "\\", "²"])
    | st.integers().map(str) | st.datetimes().map(lambda moment: moment.isoformat()) | TEXT
)  # fmt: skip
PATHS = st.sampled_from(["events", "events/1", "events/1/messages", "blacklist/hits", "strangers", "people", "people/1", "imports", "imports/1", "imports/1/rows", "imports/1/report", "devices", "quarantine", "quarantine/1/raw", "health/live", "openapi.json", "pictures/" + "0" * 64])  # fmt: skip
FIELDS = st.sampled_from(["name", "list", "external_id", "note", "pictures"]) | TEXT
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just(text_of(1)) | st.just("staff")
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4), max_leaves=8)  # fmt: skip
PERSON = st.fixed_dictionaries({"name": TEXT}, optional={"external_id": TEXT, "note": TEXT, "list": st.just("vip"), "pictures": st.lists(JSON, max_size=2)})  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("any"), timezone="Asia/Shanghai") as opened:
        opened.told(1, 1)
        opened.enrol("Ann Example", 1)
        yield opened


def is_clear(answer: TestResponse) -> bool:
    if answer.status_code < 400:
        return True
    document = answer.get_json(force=True, silent=True) or {}
    return (
        answer.status_code < 500
        and answer.content_type == "application/problem+json"
        and isinstance(document.get("reason"), str)
        and document["status"] == answer.status_code
    )


@settings(max_examples=300, deadline=None)
@given(path=PATHS, query=st.lists(st.tuples(NAMES, VALUES), max_size=3))
def test_any_question_has_a_clear_answer(shared: Site, path: str, query: list[tuple[str, str]]) -> None:
    text = "&".join(f"{quote(n, errors='surrogatepass')}={quote(v, errors='surrogatepass')}" for n, v in query)
    assert is_clear(shared.client.get(f"/v1/{path}?{text}"))


@settings(max_examples=200, deadline=None)
@given(
    call=st.sampled_from([("post", "people"), ("patch", "people/1"), ("post", "people/1/faces"), ("post", "quarantine/1/replay")]),
    document=PERSON | JSON,
)  # fmt: skip
def test_any_document_has_a_clear_answer(shared: Site, call: tuple[str, str], document: Any) -> None:
    method, path = call
    answer = shared.client.open(
        f"/v1/{path}", method=method, data=json.dumps(document), content_type="application/json"
    )
    assert is_clear(answer)


@settings(max_examples=80, deadline=None)
@given(body=st.binary(max_size=100), content_type=st.sampled_from(["application/json", "multipart/form-data; boundary=b", "application/json; charset=utf-16", "", "a/b"]))  # fmt: skip
def test_any_bytes_have_a_clear_answer(shared: Site, body: bytes, content_type: str) -> None:
    assert is_clear(shared.client.post("/v1/people", data=body, content_type=content_type))
