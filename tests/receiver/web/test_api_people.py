"""/v1/people: enrolling with JSON and forms, changing, taking out; the gallery hears of it."""

import io
import json
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from receiver.store import tables
from recognition.engine import RecognitionError
from tests.receiver.boxes import count, jpeg, text_of
from tests.receiver.faces import face_of, sighting
from tests.receiver.web.site import Site, is_problem


def changes(site: Site) -> list[int]:
    with site.store.read() as tx:
        return list(
            tx.execute(select(tables.gallery_change.c.person_id).order_by(tables.gallery_change.c.id)).scalars()
        )


def form(site: Site, path: str, faces: list[int], field: str = "pictures", **fields: str) -> TestResponse:
    files = [(io.BytesIO(jpeg(face)), f"{face}.jpg") for face in faces]
    return site.client.post(path, data={**fields, field: files}, content_type="multipart/form-data")


def test_a_person_is_enrolled_with_json(site: Site) -> None:
    answer = site.client.post(
        "/v1/people",
        json={"name": "Ann Example", "list": "vip", "external_id": "E1", "note": "n", "pictures": [text_of(1), text_of(99)]},
    )  # fmt: skip
    assert answer.status_code == 201
    found = answer.get_json()
    assert (found["name"], found["list"], found["note"]) == ("Ann Example", "vip", "n")
    assert found["identities"] == [{"external_id": "E1", "device": None, "device_group": None}]
    assert [(each["is_used"], each["reason"]) for each in found["pictures"]] == [(True, None), (False, "no_face")]
    assert [each["id"] for each in found["faces"]] == [found["pictures"][0]["face"]]
    assert site.client.get(found["picture"]["url"]).data == jpeg(1)
    assert changes(site) == [found["id"]]


@pytest.mark.parametrize("field", ["pictures", "picture", "pictures[]"])
def test_a_person_is_enrolled_with_a_form(site: Site, field: str) -> None:
    answer = form(site, "/v1/people", [1, 101], field, name="Ann Example", list="visitor", external_id="E1")
    assert answer.status_code == 201, answer.get_data(as_text=True)
    found = answer.get_json()
    assert (found["name"], found["list"], len(found["faces"])) == ("Ann Example", "visitor", 2)


def test_a_person_without_a_picture_is_enrolled(site: Site) -> None:
    assert site.get(f"/v1/people/{site.enrol('Faceless')}")["faces"] == []


def test_nothing_is_stored_of_pictures_that_cannot_be_used(site: Site) -> None:
    site.engine.prepare(30, RecognitionError("engine_crashed", "it ended"))
    site.engine.prepare(31, [sighting(face_of(1), inter_eye_distance=3.0)])
    bad = [text_of(29), text_of(30), text_of(404), text_of(31), "bm8gcGljdHVyZQ=="]
    for path in ("/v1/people", f"/v1/people/{site.enrol('Other')}/faces"):
        document: dict[str, Any] = {"pictures": bad} | ({"name": "Ann Example"} if path == "/v1/people" else {})
        answer = site.client.post(path, json=document)
        assert is_problem(answer, 422, "no_usable_face")
        found = answer.get_json()["pictures"]
        reasons = [each["reason"] for each in found]
        assert reasons[:3] == ["no_face", "engine_crashed", "truncated"]
        assert all(reasons)
        assert not any(each["is_used"] for each in found)
    assert [each["name"] for each in site.get("/v1/people")["items"]] == ["Other"]
    assert (count(site.store, tables.face), site.services.pictures.get(bytes(32))) == (0, None)
    with site.store.pictures.read() as tx:
        assert tx.execute(select(tables.picture.c.digest)).all() == []


@pytest.mark.parametrize(("reason", "status"), [("busy", 503), ("recognition_off", 503), ("model_missing", 503)])
def test_what_speaks_of_the_server_is_no_fault_of_the_picture(site: Site, reason: str, status: int) -> None:
    site.engine.prepare(30, RecognitionError(reason, "why"))
    answer = site.client.post("/v1/people", json={"name": "Ann Example", "pictures": [text_of(30)]})
    assert is_problem(answer, status, reason)
    assert answer.headers["Retry-After"] == "5"


def test_an_external_id_is_one_persons(site: Site) -> None:
    first = site.enrol("One", external_id="E1")
    second = site.enrol("Two", external_id="E2")
    assert is_problem(site.client.post("/v1/people", json={"name": "X", "external_id": "E1"}), 409, "external_id_taken")
    taken = site.client.patch(f"/v1/people/{second}", json={"external_id": "E1", "name": "never"})
    assert is_problem(taken, 409, "external_id_taken")
    assert site.get(f"/v1/people/{second}")["name"] == "Two"
    assert site.client.patch(f"/v1/people/{first}", json={"external_id": "E1"}).status_code == 200
    assert site.client.patch(f"/v1/people/{first}", json={"external_id": ""}).get_json()["identities"] == []
    assert site.client.patch(f"/v1/people/{second}", json={"external_id": "E1"}).status_code == 200


def test_a_change_of_list_reaches_the_gallery(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    before, first = len(changes(site)), site.told(1, 1)
    site.desk.work()
    changed = site.client.patch(f"/v1/people/{person}", json={"list": "blacklist", "name": "B", "note": "x"}).get_json()
    assert (changed["list"], changed["name"], changed["note"]) == ("blacklist", "B", "x")
    assert changes(site)[before:] == [person]
    second = site.told(2, 1)
    site.desk.work()
    assert [site.get(f"/v1/events/{each}")["list"] for each in (first, second)] == ["staff", "blacklist"]
    assert site.ids("/v1/blacklist/hits") == [second]


def test_a_person_taken_out_is_known_no_more_and_the_events_stay(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    event = site.told(1, 1)
    site.desk.work()
    answer = site.client.delete(f"/v1/people/{person}")
    assert (answer.status_code, answer.data) == (204, b"")
    shown = site.get(f"/v1/events/{event}")["decision"]
    assert (shown["status"], shown["person"]) == ("matched", None)
    after = site.told(2, 1)
    site.desk.work()
    assert site.get(f"/v1/events/{after}")["decision"]["status"] == "unknown"
    assert (count(site.store, tables.face), changes(site)[-1]) == (0, person)


def test_faces_are_added(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    added = site.client.post(f"/v1/people/{person}/faces", json={"pictures": [text_of(101)]})
    assert added.status_code == 201
    assert form(site, f"/v1/people/{person}/faces", [102]).status_code == 201
    assert len(site.get(f"/v1/people/{person}")["faces"]) == 3


def test_somebody_who_is_not_there_is_told_so(site: Site) -> None:
    calls = [
        site.client.get("/v1/people/7"), site.client.patch("/v1/people/7", json={"name": "x"}), site.client.delete("/v1/people/7"),
        site.client.post("/v1/people/7/faces", json={"pictures": [text_of(1)]}), form(site, "/v1/people/7/faces", [1]),
    ]  # fmt: skip
    for answer in calls:
        assert is_problem(answer, 404, "no_such_person")


@pytest.mark.parametrize(
    "document",
    [
        {}, {"name": ""}, {"name": "x" * 256}, {"name": "a\x00"}, {"name": 5}, {"name": None}, {"name": "x", "list": "friend"},
        {"name": "x", "nam": "y"}, {"name": "x", "pictures": "y"}, {"name": "x", "pictures": [1]}, [], "x", 5, None,
        {"name": "x", "pictures": ["a"] * 51}, {"name": "x", "external_id": "y" * 256},
    ],
)  # fmt: skip
def test_a_person_that_does_not_fit_is_told_what_does_not(site: Site, document: Any) -> None:
    body = json.dumps(document)
    answer = site.client.post("/v1/people", data=body, content_type="application/json")
    assert is_problem(answer, 422, "invalid_arguments")
    assert count(site.store, tables.person) == 0


@pytest.mark.parametrize("picture", ["", "!!", "data:image/jpeg;base64,", "é"])
def test_what_is_no_base64_is_told_so(site: Site, picture: str) -> None:
    answer = site.client.post("/v1/people", json={"name": "x", "pictures": [picture]})
    assert is_problem(answer, 422, "bad_base64")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"{", "application/json", 400), (b"{}", "text/plain", 415), (b"", "", 415), (b"\xff", "application/json", 400)],
)
def test_a_body_that_is_no_json_is_a_clear_answer(site: Site, body: bytes, content_type: str, status: int) -> None:
    answer = site.client.post("/v1/people", data=body, content_type=content_type)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


def test_a_change_that_names_nothing_known_is_refused(site: Site) -> None:
    person = site.enrol("Ann Example")
    for document in ({"nam": "x"}, {"list": "friend"}, {"name": ""}, {"name": None}):
        assert is_problem(site.client.patch(f"/v1/people/{person}", json=document), 422, "invalid_arguments")


def test_people_are_listed_by_list_and_words_in_pages(any_site: Site) -> None:
    ids = [any_site.enrol(f"Person {number}", list="visitor" if number % 2 else "staff") for number in range(5)]
    first = any_site.get("/v1/people", limit=2)
    rest = any_site.get("/v1/people", limit=500, cursor=first["next"])
    assert [each["id"] for each in first["items"] + rest["items"]] == ids[::-1]
    assert any_site.ids("/v1/people", list="visitor") == [ids[3], ids[1]]
    assert any_site.ids("/v1/people", q="son 4") == [ids[4]]
