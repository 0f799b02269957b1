"""JSON that nests or counts without end is the client's mistake, never ours."""

import pytest

from receiver.store import tables
from receiver.web.app import BoundedJson
from tests.receiver.boxes import count
from tests.receiver.web.site import Site

DEEP = b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
DEEP_OBJECTS = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
HUGE = b'{"name": ' + b"9" * 10_000 + b"}"


@pytest.mark.parametrize(
    "body", [DEEP, DEEP_OBJECTS, HUGE, b"{", b'{"name": NaN}', b"\xff", b'{"name": "\xed\xa0\x80"}']
)
def test_json_without_bounds_is_a_400(site: Site, body: bytes) -> None:
    person = site.enrol("Ann Example")
    for path, method in (
        ("/v1/people", "POST"),
        (f"/v1/people/{person}", "PATCH"),
        (f"/v1/people/{person}/faces", "POST"),
    ):
        answer = site.client.open(path, method=method, data=body, content_type="application/json")
        assert (answer.status_code, answer.content_type) == (400, "application/problem+json"), (path, answer.data[:200])
    assert count(site.store, tables.person) == 1
    assert site.get(f"/v1/people/{person}")["name"] == "Ann Example"
    assert isinstance(site.app.json, BoundedJson)
