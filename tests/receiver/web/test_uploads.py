"""Pictures in requests to /v1/detect, /v1/verify and /v1/search: the three ways to send one, and what is told of bad ones."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recognition.engine import RecognitionError
from recognition.headers import ImageError
from tests.receiver.boxes import jpeg, text_of
from tests.receiver.faces import face_of, sighting
from tests.receiver.web.pictures_sent import MULTIPART, ROUTES, file, post
from tests.receiver.web.site import Site, is_problem


def as_form(client: FlaskClient, path: str, picture: bytes, options: dict[str, Any]) -> TestResponse:
    return client.post(f"/v1/{path}", data={"picture": file(picture), **options}, content_type=MULTIPART)


def as_form_text(client: FlaskClient, path: str, picture: bytes, options: dict[str, Any]) -> TestResponse:
    text = base64.b64encode(picture).decode()
    return client.post(f"/v1/{path}", data={"picture": text, **options}, content_type=MULTIPART)


def as_json(client: FlaskClient, path: str, picture: bytes, options: dict[str, Any]) -> TestResponse:
    return client.post(f"/v1/{path}", json={"picture": base64.b64encode(picture).decode(), **options})


def as_data_address(client: FlaskClient, path: str, picture: bytes, options: dict[str, Any]) -> TestResponse:
    text = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
    return client.post(f"/v1/{path}", query_string=options, json={"picture": text})


def as_body(client: FlaskClient, path: str, picture: bytes, options: dict[str, Any]) -> TestResponse:
    return client.post(f"/v1/{path}", query_string=options, data=picture, content_type="image/jpeg")


def as_bytes(client: FlaskClient, path: str, picture: bytes, options: dict[str, Any]) -> TestResponse:
    return client.post(f"/v1/{path}", query_string=options, data=picture, content_type="application/octet-stream")


WAYS = pytest.mark.parametrize("way", [as_form, as_form_text, as_json, as_data_address, as_body, as_bytes])


@WAYS
def test_a_picture_may_come_in_three_ways(site: Site, way: Any) -> None:
    person = site.enrol("Ann Example", 1)
    detected = way(site.client, "detect", jpeg(1), {"gate": "register", "embedding": "true"}).get_json()
    assert detected == post(site, "detect", 1, gate="register", embedding=True)
    assert detected["sightings"][0]["quality"]["gate"] == "register"
    verified = way(site.client, "verify", jpeg(1), {"person": person}).get_json()
    assert verified["decision"]["status"] == "matched"
    searched = way(site.client, "search", jpeg(1), {"in": "people,events", "candidates": 1}).get_json()
    assert [each["person"]["id"] for each in searched["faces"][0]["candidates"]] == [person]
    assert "past" in searched


def test_what_stands_beside_the_picture_goes_before_the_query(site: Site) -> None:
    answer = site.client.post("/v1/detect?gate=register", json={"picture": text_of(1), "gate": "recognise"})
    assert answer.get_json()["sightings"][0]["quality"]["gate"] == "recognise"


def test_words_may_be_repeated_listed_or_joined(site: Site) -> None:
    ways = [
        site.client.post("/v1/search?in=strangers&in=events", data=jpeg(1), content_type="image/png"),
        site.client.post("/v1/search?in=strangers, events", data=jpeg(1), content_type="image/png"),
        site.client.post("/v1/search", json={"picture": text_of(1), "in": ["strangers", "events"]}),
        site.client.post("/v1/search", data={"picture": file(jpeg(1)), "in": ["strangers", "events"]}, content_type=MULTIPART),
    ]  # fmt: skip
    assert [(each.status_code, "past" in each.get_json()) for each in ways] == [(200, True)] * 4


def test_a_field_that_nobody_filled_in_does_not_count(site: Site) -> None:
    form = {"picture": file(jpeg(1)), "max_distance": "", "gate": "", "in": "events"}
    answer = site.client.post("/v1/search?limit=&candidates=1", data=form, content_type=MULTIPART)
    assert (answer.status_code, "past" in answer.get_json()) == (200, True)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("body", [{}, {"picture": None}, {"picture": ""}, {"picture": "xxx"}])
def test_a_missing_picture_is_told(site: Site, route: str, body: dict[str, Any]) -> None:
    assert is_problem(site.client.post(f"/v1/{route}", json=body), 422, "missing_picture")


@pytest.mark.parametrize("route", ROUTES)
def test_an_empty_body_or_file_is_a_missing_picture(site: Site, route: str) -> None:
    answers = [
        site.client.post(f"/v1/{route}"),
        site.client.post(f"/v1/{route}", content_type="image/jpeg"),
        site.client.post(f"/v1/{route}", data={"picture": file(b"", "")}, content_type=MULTIPART),
        site.client.post(f"/v1/{route}", data={}, content_type=MULTIPART),
    ]
    assert all(is_problem(each, 422, "missing_picture") for each in answers)


@pytest.mark.parametrize("text", ["!!", 5, ["a"], {"a": 1}, "é"])
def test_what_is_no_base64_is_told(site: Site, text: Any) -> None:
    assert is_problem(site.client.post("/v1/detect", json={"picture": text}), 422, "bad_base64")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400), (b"[]", "application/json", 422), (b"null", "application/json", 422),
        (jpeg(1), "application/x-www-form-urlencoded", 415), (jpeg(1), "text/plain", 415), (jpeg(1), "", 415),
    ],
)  # fmt: skip
@pytest.mark.parametrize("route", ROUTES)
def test_a_body_that_cannot_be_taken_is_a_clear_answer(
    site: Site, route: str, body: bytes, content_type: str, status: int
) -> None:
    answer = site.client.post(f"/v1/{route}", data=body, content_type=content_type)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("route", "options"),
    [
        ("detect", {"gate": "front"}), ("detect", {"embedding": "perhaps"}), ("detect", {"person": 1}), ("detect", {"other": "x"}),
        ("verify", {"person": 0}), ("verify", {"person": "x"}), ("verify", {"person": 2**63}), ("verify", {"persn": 1}),
        ("verify", {"person": 1.5}), ("search", {"limit": 1.5}), ("search", {"candidates": 0.5}),
        ("search", {"in": "nowhere"}), ("search", {"in": []}), ("search", {"in": [None]}), ("search", {"limit": 0}), ("search", {"candidates": 51}),
        ("search", {"max_distance": -1}), ("search", {"max_distance": "nan"}), ("search", {"from": "soon"}), ("search", {"cursor": "1"}),
        ("search", {"cursor": f"1.{2**63}"}), ("search", {"cursor": "999999999999999999.1"}), ("search", {"gate": "\x00"}),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_told(site: Site, route: str, options: dict[str, Any]) -> None:
    answer = site.client.post(f"/v1/{route}", json={"picture": text_of(1), **options})
    assert is_problem(answer, 422, "invalid_arguments"), answer.get_data(as_text=True)
    assert list(answer.get_json()["errors"]) == list(options)


@pytest.mark.parametrize(
    "options",
    [
        {"gate": "north"},
        {"from": "2026-01-01", "to": "2026-02-01"},
        {"max_distance": 0.5, "in": ["people", "strangers"]},
    ],
)
def test_what_narrows_past_events_is_not_passed_over_where_none_are_searched(
    site: Site, options: dict[str, Any]
) -> None:
    answer = site.client.post("/v1/search", json={"picture": text_of(1), **options})
    assert is_problem(answer, 422, "invalid_arguments")
    errors = answer.get_json()["errors"]
    assert errors.keys() == options.keys() - {"in"}
    assert all("put `events` into `in`" in text for texts in errors.values() for text in texts)
    assert post(site, "search", 1, **(options | {"in": "events"}))["past"]["is_complete"] is True


def test_a_period_that_ends_before_it_begins_is_told(site: Site) -> None:
    bounds = {"in": "events", "from": "2026-02-01T00:00:01Z", "to": "2026-02-01"}
    answer = site.client.post("/v1/search", json={"picture": text_of(1), **bounds})
    assert is_problem(answer, 422, "invalid_arguments")
    assert answer.get_json()["errors"] == {"from": ["must not be after `to`"]}
    # A time without a zone is the site's, two hours ahead.
    post(site, "search", 1, **(bounds | {"from": "2026-02-01T00:00:00"}))


def test_broken_json_is_told_as_such(site: Site) -> None:
    for body in (b"{", b'{"picture": "\xff"}', b"[" * 100_000, b'{"picture": NaN}'):
        for path in ("detect", "people"):
            answer = site.client.post(f"/v1/{path}", data=body, content_type="application/json")
            assert is_problem(answer, 400, "bad_request")
            assert answer.get_json()["detail"].startswith("the body is no JSON that can be read")


def test_a_form_with_too_many_files_is_told(site: Site) -> None:
    forms: list[dict[str, Any]] = [
        {"picture": [file(jpeg(1)), file(jpeg(2))]},
        {"picture": file(jpeg(1)), "face": file(jpeg(2))},
        {"picture": file(jpeg(1)), "other": file(jpeg(2))},
    ]
    for form in forms:
        answer = site.client.post("/v1/detect", data=form, content_type=MULTIPART)
        assert is_problem(answer, 422, "invalid_arguments")
    assert is_problem(
        site.client.post("/v1/verify", data={"other": file(jpeg(1))}, content_type=MULTIPART), 422, "missing_picture"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"no picture", "not_a_picture"), (jpeg(1)[:20], "truncated"), (jpeg(404), "truncated"), (b"\xff\xd8\xff\xd9" * 9, "cannot_decode")],
)  # fmt: skip
@pytest.mark.parametrize("route", ROUTES)
def test_a_bad_picture_is_told_with_its_reason(site: Site, route: str, data: bytes, reason: str) -> None:
    person = site.enrol("Ann Example", 1)
    options = {"person": person} if route == "verify" else {}
    assert is_problem(as_body(site.client, route, data, options), 422, reason)


def test_too_many_pixels_are_told_before_any_engine_is_asked(site: Site) -> None:
    site.engine.seen.clear()
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (99_999).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0\0\0\0\0"
    assert is_problem(as_body(site.client, "detect", header, {}), 422, "too_many_pixels")


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (RecognitionError("busy", "why"), 503, "busy"),
        (RecognitionError("recognition_off", "why"), 503, "recognition_off"),
        (RecognitionError("model_missing", "why"), 503, "model_missing"),
        (RecognitionError("model_corrupt", "why"), 503, "model_corrupt"),
        (RecognitionError("engine_crashed", "why"), 422, "engine_crashed"),
        (ImageError("cannot_decode", "why"), 422, "cannot_decode"),
    ],
)
@pytest.mark.parametrize("route", ROUTES)
def test_an_engines_error_is_the_pictures_or_the_servers(
    site: Site, route: str, error: RecognitionError, status: int, reason: str
) -> None:
    site.engine.prepare(30, error)
    person = site.enrol("Ann Example", 1)
    options = {"person": person} if route == "verify" else {}
    answer = site.client.post(f"/v1/{route}", json={"picture": text_of(30), **options})
    assert is_problem(answer, status, reason)
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize("route", ["verify", "search"])
def test_a_picture_seen_with_another_model_is_to_be_sent_again(site: Site, route: str) -> None:
    person = site.enrol("Ann Example", 1)
    site.engine.prepare(30, [replace(sighting(face_of(1)), model="another-model")])
    options = {"person": person} if route == "verify" else {}
    answer = site.client.post(f"/v1/{route}", json={"picture": text_of(30), **options})
    assert is_problem(answer, 503, "wrong_model")
    assert "try again" in answer.get_json()["detail"]
