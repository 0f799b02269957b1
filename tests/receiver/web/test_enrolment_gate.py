"""The enrolment gate over HTTP: nobody gets somebody else's face without being told, and what is refused leaves nothing."""

import hashlib
import threading
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from receiver.store import tables
from tests.receiver.boxes import count, jpeg, text_of
from tests.receiver.faces import face_of, sighting
from tests.receiver.web.site import Site, is_problem


def add(site: Site, name: str, *shades: int, **values: Any) -> TestResponse:
    return site.client.post("/v1/people", json={"name": name, "pictures": [text_of(each) for each in shades], **values})


def add_faces(site: Site, person: int, *shades: int, **values: Any) -> TestResponse:
    document = {"pictures": [text_of(each) for each in shades], **values}
    return site.client.post(f"/v1/people/{person}/faces", json=document)


def states(site: Site, person: int) -> list[str]:
    return [each["state"] for each in site.get(f"/v1/people/{person}/faces")["items"]]


def kept(site: Site) -> tuple[int, int, int]:
    """How many people, faces and pictures there are."""
    with site.store.pictures.read() as tx:
        pictures = len(tx.execute(select(tables.picture.c.digest)).all())
    return count(site.store, tables.person), count(site.store, tables.face), pictures


def test_a_look_alike_is_refused_with_name_picture_and_measure(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 1)
    before = kept(any_site)
    answer = add(any_site, "Somebody Else", 101)
    assert is_problem(answer, 409, "look_alike")
    assert f"Ann Example (person {person})" in answer.get_json()["detail"]
    (picture,) = answer.get_json()["pictures"]
    assert (picture["is_used"], picture["reason"], picture["face"]) == (False, "look_alike", None)
    (finding,) = picture["findings"]
    assert (finding["level"], finding["measure"], finding["value"]) == ("refuse", "distance", pytest.approx(0.101))
    assert finding["person"] == {"id": person, "name": "Ann Example", "list": "staff"}
    assert finding["limit"] > finding["value"]
    assert any_site.client.get(finding["picture"]["url"]).data == jpeg(1)
    assert kept(any_site) == before


def test_whoever_insists_is_obeyed_and_remembered(any_site: Site) -> None:
    any_site.enrol("Ann Example", 1)
    answer = add(any_site, "A Twin", 101, override=True)
    assert answer.status_code == 201
    found = answer.get_json()
    (picture,), (face,) = found["pictures"], found["faces"]
    assert (picture["is_used"], picture["insisted"]) == (True, ["look_alike"])
    assert (face["insisted"], face["state"]) == (["look_alike"], "current")
    assert face["insisted_at"] is not None


def test_nothing_is_recorded_of_an_override_that_nothing_needed(site: Site) -> None:
    found = add(site, "Ann Example", 1, override=True).get_json()
    assert (found["faces"][0]["insisted"], found["faces"][0]["insisted_at"]) == ([], None)


def test_a_face_that_contradicts_the_persons_own_is_refused(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 1)
    before = kept(any_site)
    answer = add_faces(any_site, person, 2)
    assert is_problem(answer, 409, "contradiction")
    (finding,) = answer.get_json()["pictures"][0]["findings"]
    assert (finding["reason"], finding["level"], finding["person"]) == ("contradiction", "refuse", None)
    assert finding["value"] > finding["limit"]
    assert any_site.client.get(finding["picture"]["url"]).data == jpeg(1)
    assert kept(any_site) == before
    assert add_faces(any_site, person, 2, override=True).status_code == 201


def test_pictures_of_one_request_that_show_two_people_are_refused(site: Site) -> None:
    answer = add(site, "Ann Example", 1, 2)
    assert is_problem(answer, 409, "contradiction")
    assert [each["findings"][0]["other"] for each in answer.get_json()["pictures"]] == [1, 0]
    assert kept(site) == (0, 0, 0)


def test_one_wrong_picture_among_several_is_the_one_that_is_told(site: Site) -> None:
    site.engine.prepare(103, [sighting(face_of(1, off=0.05))])
    answer = add(site, "Ann Example", 1, 101, 102, 103, 2)
    assert is_problem(answer, 409, "contradiction")
    assert [each["reason"] for each in answer.get_json()["pictures"]] == [None] * 4 + ["contradiction"]


def test_nearly_is_a_warning(site: Site) -> None:
    site.engine.prepare(30, [sighting(face_of(1, off=0.57))])
    person = site.enrol("Ann Example", 1)
    answer = add_faces(site, person, 30)
    assert answer.status_code == 201
    (finding,) = answer.get_json()["pictures"][0]["findings"]
    assert (finding["reason"], finding["level"]) == ("contradiction", "warn")


def test_a_stranger_who_is_enrolled_is_a_warning(site: Site) -> None:
    stranger = site.enrol("stranger 1", 1, list="stranger")
    answer = add(site, "Ann Example", 101)
    assert answer.status_code == 201
    (finding,) = answer.get_json()["pictures"][0]["findings"]
    assert (finding["reason"], finding["level"], finding["person"]["id"]) == ("look_alike", "warn", stranger)


def test_poor_quality_is_refused_with_422_and_may_be_insisted_on(site: Site) -> None:
    site.engine.prepare(30, [sighting(face_of(5), inter_eye_distance=20.0)])
    answer = add(site, "Ann Example", 30)
    assert is_problem(answer, 422, "no_usable_face")
    assert answer.get_json()["pictures"][0]["findings"][0]["reason"] == "face_too_small"
    assert kept(site) == (0, 0, 0)
    insisted = add(site, "Ann Example", 30, override=True)
    assert insisted.status_code == 201
    assert insisted.get_json()["faces"][0]["insisted"] == ["face_too_small"]


def test_no_face_can_never_be_insisted_on(site: Site) -> None:
    assert is_problem(add(site, "Nobody", 29, override=True), 422, "no_usable_face")
    assert kept(site) == (0, 0, 0)


def test_of_several_faces_the_largest_is_taken(site: Site) -> None:
    # The smaller one is surer, and the picture is refused for the two.
    pair = [sighting(face_of(5), size=40, score=2.0), sighting(face_of(6), size=200, score=0.3)]
    site.engine.prepare(30, [sighting(each.embedding, size=each.box.right - 1, score=each.score, single_face_present=0.9) for each in pair])  # fmt: skip
    assert is_problem(add(site, "Ann Example", 30), 422, "no_usable_face")
    person = add(site, "Ann Example", 30, override=True).get_json()
    assert person["pictures"][0]["faces"] == 2
    event = site.told(1, 6, identity_id="", identity_name="")
    site.desk.work()
    assert site.get(f"/v1/events/{event}")["decision"]["person"]["id"] == person["id"]


def test_two_enrolments_of_one_face_at_once_make_one_person(any_site: Site) -> None:
    start = threading.Barrier(6)
    codes: list[int] = []

    def enrol(number: int) -> None:
        start.wait(30)
        codes.append(add(any_site, f"Person {number}", 1 if number % 2 else 101).status_code)

    threads = [threading.Thread(target=enrol, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(codes) == [201] + [409] * 5
    assert kept(any_site)[:2] == (1, 1)


def test_the_same_picture_again_changes_nothing(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 1)
    answer = add_faces(any_site, person, 1, 1)
    assert answer.status_code == 201
    assert [(each["is_used"], each["reason"]) for each in answer.get_json()["pictures"]] == [
        (True, "already_there")
    ] * 2
    assert states(any_site, person) == ["current"]


def test_a_picture_twice_in_one_request_is_one_face(site: Site) -> None:
    found = add(site, "Ann Example", 1, 1).get_json()
    assert len({each["face"] for each in found["pictures"]}) == len(found["faces"]) == 1


def test_an_upload_may_take_the_place_of_what_was_current_and_be_taken_back(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 1)
    assert add_faces(any_site, person, 101, replace=True).status_code == 201
    assert states(any_site, person) == ["former", "current"]
    first, second = (each["id"] for each in any_site.get(f"/v1/people/{person}/faces")["items"])
    event = any_site.told(1, 1)
    any_site.desk.work()
    decision = any_site.get(f"/v1/events/{event}")["decision"]
    assert (decision["face"], decision["face_picture"]["digest"]) == (second, hashlib.sha256(jpeg(101)).hexdigest())
    restored = any_site.client.patch(f"/v1/faces/{first}", json={"state": "current", "replace": True})
    assert (restored.status_code, restored.get_json()["findings"]) == (200, [])
    assert states(any_site, person) == ["current", "former"]
    again = any_site.told(2, 1)
    any_site.desk.work()
    assert any_site.get(f"/v1/events/{again}")["decision"]["face"] == first


def test_somebody_else_does_not_take_the_place(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    assert is_problem(add_faces(site, person, 2, replace=True), 409, "contradiction")
    assert states(site, person) == ["current"]


def test_a_former_face_that_is_uploaded_again_is_current_again(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    add_faces(site, person, 101, replace=True)
    assert add_faces(site, person, 1).status_code == 201
    assert states(site, person) == ["current", "current"]


def test_a_face_that_is_set_aside_is_not_looked_for(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 1)
    (face,) = any_site.get(f"/v1/people/{person}")["faces"]
    shown = any_site.client.patch(f"/v1/faces/{face['id']}", json={"state": "set_aside"}).get_json()
    assert (shown["state"], shown["person"]["id"]) == ("set_aside", person)
    event = any_site.told(1, 1)
    any_site.desk.work()
    assert any_site.get(f"/v1/events/{event}")["decision"]["status"] == "unknown"


def test_a_face_is_not_restored_that_is_somebody_elses_by_now(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    (face,) = site.get(f"/v1/people/{person}")["faces"]
    site.client.patch(f"/v1/faces/{face['id']}", json={"state": "former"})
    other = site.enrol("Somebody Else", 101)
    answer = site.client.patch(f"/v1/faces/{face['id']}", json={"state": "current"})
    assert is_problem(answer, 409, "look_alike")
    assert answer.get_json()["pictures"][0]["findings"][0]["person"]["id"] == other
    assert states(site, person) == ["former"]
    insisted = site.client.patch(f"/v1/faces/{face['id']}", json={"state": "current", "override": True})
    assert (insisted.status_code, insisted.get_json()["insisted"]) == (200, ["look_alike"])


def test_a_restored_face_must_fit_the_current_ones_unless_it_is_alone(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    (right,) = site.get(f"/v1/people/{person}")["faces"]
    add_faces(site, person, 2, replace=True, override=True)
    assert is_problem(site.client.patch(f"/v1/faces/{right['id']}", json={"state": "current"}), 409, "contradiction")
    back = site.client.patch(f"/v1/faces/{right['id']}", json={"state": "current", "replace": True})
    assert back.status_code == 200
    assert states(site, person) == ["current", "former"]


def test_a_face_is_taken_out(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 1, 101)
    first, second = any_site.get(f"/v1/people/{person}")["faces"]
    assert first["models"] == ["prepared"]
    assert any_site.client.delete(f"/v1/faces/{first['id']}").status_code == 204
    assert [each["id"] for each in any_site.get(f"/v1/people/{person}/faces")["items"]] == [second["id"]]
    assert is_problem(any_site.client.get(f"/v1/faces/{first['id']}"), 404, "no_such_face")


def test_a_face_that_is_not_there_is_told(site: Site) -> None:
    for answer in (
        site.client.get("/v1/faces/7"),
        site.client.patch("/v1/faces/7", json={"state": "former"}),
        site.client.delete("/v1/faces/7"),
    ):
        assert is_problem(answer, 404, "no_such_face")
    assert is_problem(site.client.get("/v1/people/7/faces"), 404, "no_such_person")
    assert is_problem(site.client.patch("/v1/faces/7", json={"state": "gone"}), 422, "invalid_arguments")


def test_a_face_without_an_embedding_of_the_model_cannot_be_restored(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    (face,) = site.get(f"/v1/people/{person}")["faces"]
    site.client.patch(f"/v1/faces/{face['id']}", json={"state": "former"})
    with site.store.write() as tx:
        tx.execute(tables.face_embedding.delete())
    assert is_problem(site.client.patch(f"/v1/faces/{face['id']}", json={"state": "current"}), 409, "not_embedded")
