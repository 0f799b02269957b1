"""Whatever is posted to /v1/detect, /v1/verify and /v1/search, the answer is clear: 200 or a 4xx problem document, never a 500."""

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.receiver.boxes import jpeg, text_of
from tests.receiver.faces import MODEL, face_of
from tests.receiver.past import NOON, Past
from tests.receiver.web.site import Site, open_site
from tests.receiver.web.test_api_any import JSON, TEXT, is_clear

ROUTES = st.sampled_from(["detect", "verify", "search"])
NAMES = (
    st.sampled_from(["picture", "other", "person", "gate", "embedding", "in", "candidates", "limit", "max_distance", "from", "to", "device", "cursor"])
    | TEXT
)  # fmt: skip
VALUES = (
    st.sampled_from(["1", "enrol", "true", "people", "events", "people,strangers,events", "0.5", "nan", "inf", "-1", "1e400", "0001-01-01T00:00:00",
                     "9999-12-31T23:59:59-14:00", "0.0", "-1.1", f"1.{2**63}", "-62135596800000000.1", "253402300799999999.9", str(2**63), "the gate", text_of(1)])
    | st.integers().map(str) | st.datetimes().map(lambda moment: moment.isoformat()) | TEXT
)  # fmt: skip
OPTIONS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
PICTURES = st.sampled_from([jpeg(1), jpeg(2), jpeg(29), jpeg(404), jpeg(1)[:30], b""]) | st.binary(max_size=60)
DOCUMENTS = st.dictionaries(NAMES, JSON | VALUES, max_size=5)
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat()) | st.sampled_from(
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59.999999Z",
        "1969-12-31",
        "2024-02-29 00:00:00 0530",
    ]
)
CURSORS = st.tuples(st.integers(-(10**18), 10**18), st.integers(0, 2**64)).map(lambda pair: f"{pair[0]}.{pair[1]}")
SEARCHES = st.fixed_dictionaries(
    {"in": st.sampled_from(["events", "people,events", "strangers, events,events"]) | st.just(["events"])},
    optional={
        "from": MOMENTS, "to": MOMENTS, "cursor": CURSORS, "limit": st.integers(1, 200), "candidates": st.integers(0, 50),
        "max_distance": st.floats(0, 10), "gate": VALUES, "device": VALUES,
    },
)  # fmt: skip
WHOLE = DOCUMENTS.map(lambda document: {"picture": text_of(1)} | document)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("any"), timezone="Asia/Shanghai") as opened:
        opened.enrol("Ann Example", 1)
        Past(opened.store, MODEL).event(NOON, face_of(1))
        yield opened


def address(route: str, options: list[tuple[str, str]]) -> str:
    text = "&".join(f"{quote(n, errors='surrogatepass')}={quote(v, errors='surrogatepass')}" for n, v in options)
    return f"/v1/{route}?{text}"


@settings(max_examples=300, deadline=None)
@given(route=ROUTES, options=OPTIONS, document=WHOLE | DOCUMENTS | JSON)
def test_any_document_has_a_clear_answer(
    shared: Site, route: str, options: list[tuple[str, str]], document: Any
) -> None:
    answer = shared.client.post(address(route, options), data=json.dumps(document), content_type="application/json")
    assert is_clear(answer)


@settings(max_examples=300, deadline=None)
@given(wanted=SEARCHES)
def test_any_search_of_the_past_has_a_clear_answer(shared: Site, wanted: dict[str, Any]) -> None:
    document = json.dumps({"picture": text_of(1), **wanted})
    assert is_clear(shared.client.post("/v1/search", data=document, content_type="application/json"))


@settings(max_examples=200, deadline=None)
@given(route=ROUTES, options=OPTIONS, picture=PICTURES)
def test_any_picture_with_any_options_has_a_clear_answer(
    shared: Site, route: str, options: list[tuple[str, str]], picture: bytes
) -> None:
    assert is_clear(shared.client.post(address(route, options), data=picture, content_type="image/jpeg"))


@settings(max_examples=200, deadline=None)
@given(route=ROUTES, fields=OPTIONS, files=st.lists(st.tuples(NAMES, PICTURES), max_size=3))
def test_any_form_has_a_clear_answer(
    shared: Site, route: str, fields: list[tuple[str, str]], files: list[tuple[str, bytes]]
) -> None:
    form: dict[str, list[Any]] = {}
    for name, value in [*fields, *((name, (io.BytesIO(data), "a.jpg")) for name, data in files)]:
        sendable = name.encode("utf-8", "replace").decode()
        text = value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        form.setdefault(sendable, []).append(text)
    assert is_clear(shared.client.post(f"/v1/{route}", data=form, content_type="multipart/form-data"))


@settings(max_examples=100, deadline=None)
@given(
    route=ROUTES,
    body=st.binary(max_size=100),
    content_type=st.sampled_from(["application/json", "multipart/form-data; boundary=b", "multipart/form-data", "application/json; charset=utf-16", "image/", "", "a/b"]),
)  # fmt: skip
def test_any_bytes_have_a_clear_answer(shared: Site, route: str, body: bytes, content_type: str) -> None:
    assert is_clear(shared.client.post(f"/v1/{route}", data=body, content_type=content_type))
