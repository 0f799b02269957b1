"""Errors below a foreign interface's addresses: in its own form, whoever answers, and readable by pages of other sites."""

from typing import Any

import orjson
import pytest
from werkzeug.test import TestResponse

from receiver.domain.errors import Unavailable
from receiver.web import front as front_module
from tests.receiver.web.asgi import Answered, Message, ask, chunks_of, run, scope_of, talk
from tests.receiver.web.conftest import BODY_LIMIT, Web
from tests.receiver.web.site import Site, is_problem

LOG = "/api/v1/log/"


def is_enveloped(answer: Answered, status: int, text: str) -> bool:
    """Whether the front answers so in the envelope of ServerAPI, for everybody to read."""
    document = answer.json
    assert document.keys() == {"code", "status_code", "error"}
    return (answer.status, document["code"], document["status_code"], bool(document["error"])) == (
        status, status, text, True,
    ) and is_open(answer)  # fmt: skip


def is_open(answer: Answered) -> bool:
    return (answer.headers[b"content-type"], answer.headers[b"access-control-allow-origin"]) == (
        b"application/json",
        b"*",
    )


@pytest.mark.parametrize("path", [LOG, "//api/v1//log/", "/api/v1/nothing/"])
def test_a_frame_over_the_limit_is_refused_in_its_envelope(web: Web, path: str) -> None:
    answer = ask(web.front(), path, headers=[(b"content-length", b"%d" % (BODY_LIMIT + 1))])
    assert is_enveloped(answer, 413, "Payload Too Large")
    assert answer.headers[b"connection"] == b"close"
    unlike = ask(web.front(), "/HistoryEvent", headers=[(b"content-length", b"%d" % (BODY_LIMIT + 1))])
    assert unlike.headers[b"content-type"] == b"application/problem+json"


def test_a_slow_frame_is_told_so_in_its_envelope(web: Web) -> None:
    told: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]
    front = web.front(body_seconds=0.05)
    assert is_enveloped(run(front, talk(front, scope_of(LOG), told)), 408, "Request Timeout")


def test_a_frame_that_finds_no_place_in_the_line_is_asked_to_come_again(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_module, "LINE_LENGTH", 0)
    answer = ask(web.front(), LOG, b"{}")
    assert is_enveloped(answer, 503, "Service Unavailable")
    assert answer.headers[b"retry-after"] == b"5"


def test_what_fails_before_the_application_is_told_as_its_framework_does(web: Web) -> None:
    def fail(*_args: Any) -> Any:
        raise RuntimeError

    front = web.front()
    front._caller._wsgi_app = fail
    answer = run(front, talk(front, scope_of("/api/v1/alert/"), chunks_of(b"{}")))
    assert (answer.status, list(answer.json), is_open(answer)) == (500, ["message"], True)


def read(answer: TestResponse) -> tuple[int, Any]:
    """What the application answers there, for everybody to read."""
    assert (answer.content_type, answer.headers["Access-Control-Allow-Origin"]) == ("application/json", "*")
    return answer.status_code, answer.get_json()


def test_an_unknown_address_is_an_envelope_and_an_unknown_verb_a_message(site: Site) -> None:
    status, document = read(site.client.get("/api/v1/nothing/"))
    assert (status, document["code"], document["status_code"]) == (404, 404, "Not found")
    assert is_problem(site.client.get("/api/v2/nothing/"), 404, "not_found")
    for verb in ("PATCH", "TRACE", "BREW"):
        status, document = read(site.client.open("/api/v1/alert/", method=verb))
        assert (status, list(document)) == (405, ["message"])
    # A page follows it only if it may read it.
    moved = site.client.get("/api/v1/alert")
    assert (moved.status_code, moved.headers["Access-Control-Allow-Origin"]) == (308, "*")


def test_a_body_that_the_application_finds_too_large_is_an_envelope(site: Site) -> None:
    site.app.config["MAX_CONTENT_LENGTH"] = 10
    status, document = read(site.client.post("/api/v1/alert/", data=b" " * 11))
    assert (status, document["code"], document["status_code"]) == (413, 413, "Payload Too Large")


def test_a_mistake_of_ours_is_a_message(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_more: Any) -> Any:
        raise RuntimeError("secret")

    monkeypatch.setattr(site.services.vehicles, "by_token", fail)
    status, document = read(site.client.post("/api/v1/alert/", data=orjson.dumps(ALERT)))
    assert (status, list(document), "secret" in str(document)) == (500, ["message"], False)


ALERT = {"token": "t", "truck_id": 1, "alert_init": "2026-03-01 08:00:00", "behavior": "Safe"}


def test_too_many_guesses_are_told_when_to_come_again(any_site: Site) -> None:
    wrong = {"username": "chief", "password": "another"}
    for _ in range(5):
        assert read(any_site.client.post("/api/v1/login/", json=wrong))[0] == 401
    answer = any_site.client.post("/api/v1/login/", json=wrong)
    status, document = read(answer)
    assert (status, document["code"], document["status_code"]) == (429, 429, "Too Many Requests")
    assert int(answer.headers["Retry-After"]) > 0


def test_what_cannot_be_noted_is_told_in_the_envelope(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: Any) -> Any:
        raise Unavailable("storage_unavailable", "away")

    monkeypatch.setattr(site.services.attempts, "count", away)
    answer = site.client.post("/api/v1/login/", json={"username": "chief", "password": "another"})
    assert read(answer) == (503, {"code": 503, "status_code": "Service Unavailable", "error": "away"})
    assert answer.headers["Retry-After"] == "5"
