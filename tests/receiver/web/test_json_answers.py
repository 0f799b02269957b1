"""What an answer holds arrives as it is, also what JSON's fastest writer does not write."""

from datetime import UTC, datetime

import pytest
from flask import Flask, jsonify

from receiver.web.app import BoundedJson
from tests.receiver.web.conftest import Web


@pytest.fixture
def app() -> Flask:
    made = Flask("answers")
    made.json = BoundedJson(made)
    return made


def test_moments_names_and_numbers_are_written_alike_by_both_writers(app: Flask) -> None:
    values = {"at": datetime(2026, 5, 1, 12, tzinfo=UTC), "name": "王小明", "share": 0.25}
    with app.test_request_context():
        fast, slow = jsonify(values), jsonify(values | {"odd": "\ud800", "large": 2**70})
    assert fast.get_json() == {"at": "2026-05-01T12:00:00+00:00", "name": "王小明", "share": 0.25}
    assert fast.mimetype == slow.mimetype == "application/json"
    # The application's own reader takes neither; clients' readers take both.
    assert b'"large": 1180591620717411303424' in slow.data
    assert b"\\ud800" in slow.data
    assert b"2026-05-01T12:00:00+00:00" in slow.data


def test_what_is_no_json_is_a_mistake_that_shows(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(TypeError):
        jsonify({"what": object()})


def test_pages_are_compact(web: Web) -> None:
    assert web.client.get("/v1/people").data == b'{"items":[],"next":null}'
