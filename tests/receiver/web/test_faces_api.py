"""/v1/detect and /v1/verify: what is said of faces, of two of them, and how the description tells of it."""

from dataclasses import replace
from typing import Any

import pytest

from receiver.messages import translate
from recognition.engine import Quality
from schemas import face_examples
from tests.receiver.boxes import jpeg, text_of
from tests.receiver.faces import MODEL, face_of, sighting
from tests.receiver.web.pictures_sent import MULTIPART, ROUTES, file, post
from tests.receiver.web.site import Site, is_problem


def test_a_face_is_told_with_its_quality_and_what_would_help(site: Site) -> None:
    site.engine.prepare(30, [sighting(face_of(1), luminance_mean=20.0, inter_eye_distance=35.0)])
    (face,) = post(site, "detect", 30)["sightings"]
    assert (face["box"], face["landmarks"][0], face["score"], face["is_foremost"]) == (
        [1, 2, 101, 102],
        [1, 2],
        2.0,
        True,
    )
    quality = face["quality"]
    assert (quality["gate"], quality["is_good_enough"]) == ("enrol", False)
    assert quality["measures"] == {"luminance_mean": 20.0, "inter_eye_distance": 35.0}
    dark, small = quality["findings"]
    assert (dark["reason"], dark["level"], dark["measure"], dark["value"]) == (
        "too_dark",
        "refuse",
        "luminance_mean",
        20.0,
    )
    assert (small["reason"], small["level"]) == ("face_too_small", "warn")
    assert dark["value"] < dark["limit"]
    assert dark["advice"].endswith(".")
    assert post(site, "detect", 30)["advice"] == [dark["advice"], small["advice"]]
    assert "embedding" not in face


def test_each_gate_judges_by_its_own_limits(site: Site) -> None:
    site.engine.prepare(30, [sighting(face_of(1), inter_eye_distance=28.0)])
    good = {gate: post(site, "detect", 30, gate=gate)["sightings"][0]["quality"]["is_good_enough"] for gate in ("recognise", "register", "enrol")}  # fmt: skip
    assert good == {"recognise": True, "register": True, "enrol": False}


def test_an_embedding_is_given_where_it_is_asked_for(site: Site) -> None:
    (face,) = post(site, "detect", 3, embedding=True)["sightings"]
    assert (face["embedding"], face["model"]) == (face_of(3).tolist(), MODEL)


def test_advice_is_given_in_the_language_that_is_asked_for(site: Site) -> None:
    site.engine.prepare(30, [sighting(face_of(1), luminance_mean=20.0)])
    english = post(site, "detect", 30)
    wanted = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
    chinese = site.client.post("/v1/detect", json={"picture": text_of(30)}, headers=wanted).get_json()
    assert chinese["advice"] == [translate(each, "zh") for each in english["advice"]] != english["advice"]
    findings = [each["sightings"][0]["quality"]["findings"][0] for each in (english, chinese)]
    assert findings[1] == findings[0] | {"advice": chinese["advice"][0]}


def test_of_several_faces_the_foremost_is_marked_and_advised(site: Site) -> None:
    small = sighting(face_of(2), size=20, luminance_mean=10.0)
    site.engine.prepare(30, [sighting(face_of(1)), small])
    found = post(site, "detect", 30)
    assert [face["is_foremost"] for face in found["sightings"]] == [True, False]
    assert found["advice"] == []


def test_where_there_is_no_face_the_advice_says_so(site: Site) -> None:
    found = post(site, "detect", 29)
    assert found["sightings"] == []
    assert len(found["advice"]) == 1


def test_two_pictures_are_one_persons_up_to_the_threshold(site: Site) -> None:
    site.engine.prepare(30, [sighting(face_of(1, off=0.3))])
    site.engine.prepare(31, [sighting(face_of(1, off=0.7))])
    same = post(site, "verify", 1, other=text_of(30))
    assert (same["decision"]["status"], same["decision"]["reasons"]) == ("matched", ["within_threshold"])
    assert same["decision"]["distance"] == pytest.approx(0.3)
    assert same["decision"]["model"] == MODEL
    assert same["picture"]["face"]["box"] == [1, 2, 101, 102]
    assert (same["other"]["faces"], same["other"]["face"]["quality"]["gate"]) == (1, "recognise")
    other = post(site, "verify", 1, other=text_of(31))["decision"]
    assert (other["status"], other["reasons"]) == ("not_matched", ["beyond_threshold"])
    assert other["distance"] > other["threshold"]
    assert (
        post(site, "verify", 1, other=text_of(31))["decision"] == post(site, "verify", 31, other=text_of(1))["decision"]
    )


def test_two_files_of_a_form_are_compared(site: Site) -> None:
    form = {"picture": file(jpeg(1)), "other": file(jpeg(1))}
    answer = site.client.post("/v1/verify", data=form, content_type=MULTIPART)
    assert answer.get_json()["decision"]["status"] == "matched"


def test_poor_quality_explains_a_miss_and_vetoes_no_match(site: Site) -> None:
    site.engine.prepare(30, [sighting(face_of(1), luminance_mean=5.0)])
    miss = post(site, "verify", 30, other=text_of(2))["decision"]
    assert (miss["status"], miss["reasons"]) == ("poor_quality", ["beyond_threshold", "too_dark"])
    hit = post(site, "verify", 30, other=text_of(1))["decision"]
    assert (hit["status"], hit["reasons"]) == ("matched", ["within_threshold", "too_dark"])


def test_without_a_face_nothing_is_compared(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    for answer in (post(site, "verify", 29, other=text_of(1)), post(site, "verify", 1, other=text_of(29)), post(site, "verify", 29, person=person)):  # fmt: skip
        decision = answer["decision"]
        assert (decision["status"], decision["reasons"], decision["distance"]) == ("no_face", ["no_face"], None)
    assert answer["picture"] == {"faces": 0, "face": None}


def test_somebody_is_verified_by_the_mean_of_their_faces(site: Site) -> None:
    site.engine.prepare(30, [sighting(face_of(1, off=0.2))])
    site.engine.prepare(31, [sighting(face_of(1, off=-0.2))])
    person = site.enrol("Ann Example", 30, 31, list="vip")
    found = post(site, "verify", 1, person=person)
    assert found["person"] == {"id": person, "name": "Ann Example", "list": "vip"}
    assert found["decision"]["status"] == "matched"
    assert found["decision"]["distance"] == pytest.approx(0.0, abs=1e-6)
    faces = [each["id"] for each in site.get(f"/v1/people/{person}")["faces"]]
    assert found["decision"]["face"] in faces
    miss = post(site, "verify", 2, person=person)["decision"]
    assert (miss["status"], miss["face"]) == ("not_matched", None)


def test_somebody_who_cannot_be_compared_with_is_told(site: Site) -> None:
    faceless = site.enrol("Faceless")
    assert is_problem(
        site.client.post("/v1/verify", json={"picture": text_of(1), "person": faceless}), 409, "person_without_face"
    )
    site.engine.seen.clear()
    assert is_problem(site.client.post("/v1/verify", json={"picture": text_of(1), "person": 99}), 404, "no_such_person")


@pytest.mark.parametrize("options", [{}, {"person": 1, "other": text_of(1)}, {"other": None}])
def test_a_picture_is_compared_with_one_thing(site: Site, options: dict[str, Any]) -> None:
    assert is_problem(site.client.post("/v1/verify", json={"picture": text_of(1), **options}), 422, "one_other")


@pytest.mark.parametrize("route", ROUTES)
def test_the_description_names_all_ways(site: Site, route: str) -> None:
    operation = site.get("/v1/openapi.json")["paths"][f"/v1/{route}"]["post"]
    assert set(operation["requestBody"]["content"]) == {MULTIPART, "application/json", "image/*"}
    assert {"200", "422", "503"} <= set(operation["responses"])
    assert all(each["in"] == "query" for each in operation["parameters"])


def shape_of(value: Any) -> Any:
    """What is of what kind, without the values; of a list its first item."""
    if isinstance(value, dict):
        return {name: shape_of(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape_of(each) for each in value[:1]]
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def test_the_examples_are_like_the_answers(site: Site) -> None:
    like = face_examples.FACE["quality"]
    quality = Quality(like["measures"], like["scores"])
    site.engine.prepare(30, [replace(sighting(face_of(1)), quality=quality)])
    person = site.enrol("Ann Example", 1)
    site.enrol("Bea Example", 2)
    site.told(0, 1, identity_id="", identity_name="")
    site.desk.work()
    detected = post(site, "detect", 30, gate="recognise", embedding=True)
    verified = post(site, "verify", 30, person=person)
    searched = post(site, "search", 30, **{"in": "people,events", "from": "2020-01-01"})
    assert shape_of(detected) == shape_of(face_examples.DETECTED)
    assert shape_of(verified) == shape_of(face_examples.VERIFIED)
    assert shape_of(searched) == shape_of(face_examples.SEARCHED)


@pytest.mark.parametrize("route", ROUTES)
def test_an_example_of_a_request_is_taken_as_it_stands(site: Site, route: str) -> None:
    operation = site.get("/v1/openapi.json")["paths"][f"/v1/{route}"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    answer = site.client.post(f"/v1/{route}", json=example | {"picture": text_of(1)})
    assert answer.status_code == 200 or is_problem(answer, 404, "no_such_person")
