"""The enrolment gate with real photographs: two men, one of them in three pictures, and a scene with both."""

import base64
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from receiver import bootstrap
from receiver.bootstrap import House
from receiver.services.intake.recording import RECOGNISE
from receiver.settings import Settings
from receiver.store import outbox
from receiver.web.device_paths import HISTORY_PATHS
from tests.made_stores import made_house
from tests.photos import ANOTHER_MAN, ONE_MAN, TWO_FACES, photo
from tests.receiver.boxes import LICENCE, history
from tests.receiver.web.logins import client_of

LEASE_END = datetime(2100, 1, 1, tzinfo=UTC) - datetime.now(UTC)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = made_house(Settings(data_dir=tmp_path_factory.mktemp("gate"), device_trust="open"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(house: House) -> FlaskClient:
    return client_of(bootstrap.make_app(house))


@pytest.fixture(autouse=True)
def empty(client: FlaskClient) -> Iterator[None]:
    """Each test begins with nobody in the library."""
    yield
    for person in client.get("/v1/people").get_json()["items"]:
        client.delete(f"/v1/people/{person['id']}")


def text_of(name: str) -> str:
    return base64.b64encode(photo(name).read_bytes()).decode()


def add(client: FlaskClient, name: str, *pictures: str, **values: Any) -> TestResponse:
    return client.post("/v1/people", json={"name": name, "pictures": [text_of(each) for each in pictures], **values})


def add_faces(client: FlaskClient, person: int, *pictures: str, **values: Any) -> TestResponse:
    document = {"pictures": [text_of(each) for each in pictures], **values}
    return client.post(f"/v1/people/{person}/faces", json=document)


def reasons(answer: TestResponse) -> list[list[tuple[str, str]]]:
    return [[(each["reason"], each["level"]) for each in one["findings"]] for one in answer.get_json()["pictures"]]


def test_one_man_cannot_be_enrolled_twice_unless_somebody_insists(client: FlaskClient) -> None:
    first = add(client, "One Man", ONE_MAN[0])
    assert first.status_code == 201, first.get_data(as_text=True)
    again = add(client, "Another Name", ONE_MAN[1])
    assert (again.status_code, again.get_json()["reason"]) == (409, "look_alike")
    alike = next(each for each in again.get_json()["pictures"][0]["findings"] if each["reason"] == "look_alike")
    assert (alike["person"]["name"], alike["person"]["id"]) == ("One Man", first.get_json()["id"])
    assert client.get(alike["picture"]["url"]).data == photo(ONE_MAN[0]).read_bytes()
    insisted = add(client, "Another Name", ONE_MAN[1], override=True)
    assert insisted.status_code == 201
    assert "look_alike" in insisted.get_json()["faces"][0]["insisted"]


def test_another_man_is_no_look_alike(client: FlaskClient) -> None:
    assert add(client, "One Man", *ONE_MAN[:2]).status_code == 201
    other = add(client, "Another Man", ANOTHER_MAN)
    assert other.status_code == 201
    assert ("look_alike", "refuse") not in reasons(other)[0]


def test_another_mans_picture_contradicts_the_persons_own(client: FlaskClient) -> None:
    person = add(client, "One Man", ONE_MAN[0]).get_json()["id"]
    wrong = add_faces(client, person, ANOTHER_MAN)
    assert (wrong.status_code, wrong.get_json()["reason"]) == (409, "contradiction")
    right = add_faces(client, person, ONE_MAN[1])
    assert right.status_code == 201
    assert len(right.get_json()["faces"]) == 2


def test_two_men_in_one_request_are_not_one_person(client: FlaskClient) -> None:
    mixed = add(client, "One Man", ONE_MAN[0], ANOTHER_MAN)
    assert (mixed.status_code, mixed.get_json()["reason"]) == (409, "contradiction")
    assert client.get("/v1/people").get_json()["items"] == []


def test_of_two_men_on_one_picture_the_larger_is_taken_when_somebody_insists(client: FlaskClient) -> None:
    assert (add(client, "One Man", TWO_FACES).status_code) == 422
    taken = add(client, "One Man", TWO_FACES, override=True)
    assert taken.status_code == 201
    (picture,) = taken.get_json()["pictures"]
    assert (picture["faces"], "several_faces" in picture["insisted"]) == (2, True)
    person = taken.get_json()["id"]
    # The larger one, at the left, is the man of the other pictures.
    assert client.post("/v1/verify", json={"picture": text_of(ONE_MAN[0]), "person": person}).get_json()["decision"]["status"] == "matched"  # fmt: skip


def test_a_picture_without_a_face_is_never_taken(client: FlaskClient) -> None:
    grey = io.BytesIO()
    Image.new("RGB", (400, 400), (128, 128, 128)).save(grey, "JPEG")
    text = base64.b64encode(grey.getvalue()).decode()
    answer = client.post("/v1/people", json={"name": "Nobody", "pictures": [text], "override": True})
    assert (answer.status_code, answer.get_json()["reason"]) == (422, "no_usable_face")
    assert answer.get_json()["pictures"][0]["reason"] == "no_face"


def work(house: House) -> None:
    """What a worker does with the events that wait."""
    recogniser = bootstrap._make_recogniser(house, bootstrap.make_engines(house), bootstrap.make_decider(house))
    while True:
        with house.store.write() as tx:
            tasks = outbox.claim(tx, RECOGNISE, 1, datetime.now(UTC), LEASE_END)
        if not tasks:
            return
        recogniser.handle(tasks[0])


def tell(client: FlaskClient, number: int, picture: str, **changes: Any) -> None:
    answer = client.post(HISTORY_PATHS[0], json=history(number, reg_pic=text_of(picture), **changes))
    assert answer.status_code == 200, answer.get_data(as_text=True)


def newest(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/events", query_string={"limit": 1}).get_json()["items"][0]
    return found


def test_a_box_renews_its_mans_picture_and_nobody_elses(client: FlaskClient, house: House) -> None:
    """1002, with its way back."""
    person = add(client, "One Man", ONE_MAN[0], external_id="E1007").get_json()["id"]
    tell(client, 10, ONE_MAN[1], want_action="1002")
    work(house)
    assert newest(client)["registration"] == {"outcome": "replaced", "reason": "same_person"}
    tell(client, 20, ANOTHER_MAN, want_action="1002")
    work(house)
    conflict = newest(client)
    assert (conflict["registration"]["outcome"], conflict["review"]) == ("review", "identity_conflict")
    tell(client, 5, ONE_MAN[2], want_action="1002")
    work(house)
    assert newest(client)["registration"] == {"outcome": "unchanged", "reason": "late_message"}
    faces = client.get(f"/v1/people/{person}/faces").get_json()["items"]
    assert [(each["state"], each["source"]) for each in faces] == [("former", "upload"), ("current", "device_1002")]
    restored = client.patch(f"/v1/faces/{faces[0]['id']}", json={"state": "current", "replace": True})
    assert restored.status_code == 200
    assert [each["state"] for each in client.get(f"/v1/people/{person}/faces").get_json()["items"]] == ["current", "former"]  # fmt: skip


def test_a_box_sends_another_mans_face_and_somebody_decides(client: FlaskClient, house: House) -> None:
    """1002 of somebody else: both faces are shown, the new one becomes the current one, and there is a way back."""
    person = add(client, "One Man", ONE_MAN[0], external_id="E1008").get_json()["id"]
    tell(client, 70, ANOTHER_MAN, want_action="1002", identity_id="E1008")
    work(house)
    query = {"kind": "identity_conflict", "person": person}
    (item,) = client.get("/v1/reviews", query_string=query).get_json()["items"]
    assert (item["event"], item["detail"]["distance"] > item["detail"]["limit"]) == (newest(client)["id"], True)
    shown = {each["role"]: client.get(each["url"]).data for each in item["pictures"]}
    assert shown == {"new": photo(ANOTHER_MAN).read_bytes(), "current": photo(ONE_MAN[0]).read_bytes()}
    thumbnail = client.get(item["pictures"][0]["thumbnail"])
    assert Image.open(io.BytesIO(thumbnail.data)).width == 200
    accepted = client.post(f"/v1/reviews/{item['id']}/accept")
    assert accepted.status_code == 200, accepted.get_data(as_text=True)

    def verified(picture: str) -> str:
        asked = client.post("/v1/verify", json={"picture": text_of(picture), "person": person})
        return str(asked.get_json()["decision"]["status"])

    assert [verified(each) for each in (ANOTHER_MAN, ONE_MAN[1])] == ["matched", "not_matched"]
    old, new = client.get(f"/v1/people/{person}/faces").get_json()["items"]
    assert [(each["state"], each["source"]) for each in (old, new)] == [
        ("former", "upload"),
        ("current", "device_1002"),
    ]
    assert new["insisted"] == ["identity_conflict"]
    assert client.patch(f"/v1/faces/{old['id']}", json={"state": "current", "replace": True}).status_code == 200
    assert [verified(each) for each in (ANOTHER_MAN, ONE_MAN[1])] == ["not_matched", "matched"]


def test_a_boxes_new_stranger_is_known_by_its_id_afterwards(client: FlaskClient, house: House) -> None:
    """1001."""
    tell(client, 30, ONE_MAN[0], want_action="1001", identity_id="S1")
    work(house)
    first = newest(client)
    assert first["registration"]["outcome"] == "registered"
    person = first["decision"]["person"]["id"]
    identities = client.get(f"/v1/people/{person}").get_json()["identities"]
    assert [(each["external_id"], each["device"]) for each in identities] == [("S1", first["device"]["id"])]
    assert first["device"]["licence"] == LICENCE
    tell(client, 60_040, ONE_MAN[1], identity_id="S1", ext_data={"recognize_face": text_of(ONE_MAN[1])})
    work(house)
    again = newest(client)["decision"]
    assert (again["person"]["id"], again["reasons"][0]) == (person, "claim_confirmed")
    assert client.get(again["face_picture"]["url"]).data == photo(ONE_MAN[0]).read_bytes()
