"""Real photographs through the whole web side: the engine's process, its models, the library and what is answered."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from receiver import bootstrap
from receiver.bootstrap import House
from receiver.settings import Settings
from receiver.store import library, people
from tests.made_stores import made_house
from tests.photos import ANOTHER_MAN, ONE_MAN, PARTLY_COVERED, TWO_FACES, WITH_ALPHA, photo
from tests.receiver.web.logins import client_of


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = made_house(Settings(data_dir=tmp_path_factory.mktemp("engine")))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(house: House) -> FlaskClient:
    return client_of(bootstrap.make_app(house))


def text_of(name: str) -> str:
    return base64.b64encode(photo(name).read_bytes()).decode()


def ask(client: FlaskClient, route: str, name: str, **options: object) -> dict[str, object]:
    answer = client.post(f"/v1/{route}", json={"picture": text_of(name), **options})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, object] = answer.get_json()
    return found


def decision(client: FlaskClient, name: str, **options: object) -> dict[str, object]:
    found = ask(client, "verify", name, **options)["decision"]
    assert isinstance(found, dict)
    return found


def test_faces_are_detected_with_their_embedding(client: FlaskClient) -> None:
    found = ask(client, "detect", TWO_FACES, embedding=True, gate="register")["sightings"]
    assert isinstance(found, list)
    assert len(found) == 2
    for face in found:
        assert len(face["embedding"]) == 128
        assert face["quality"]["scores"].keys() >= face["quality"]["measures"].keys()
        assert all(0 <= each <= 100 for each in face["quality"]["scores"].values())
    assert found[0]["box"][0] < found[1]["box"][0]
    assert [face["is_foremost"] for face in found] == [True, False]
    assert found[0]["model"] == "dlib-resnet-v1"


@pytest.mark.parametrize("other", [*ONE_MAN[1:], WITH_ALPHA])
def test_one_mans_pictures_match(client: FlaskClient, other: str) -> None:
    found = decision(client, ONE_MAN[0], other=text_of(other))
    assert (found["status"], found["model"]) == ("matched", "dlib-resnet-v1+mirror")


@pytest.mark.parametrize("other", ONE_MAN)
def test_another_mans_picture_does_not_match(client: FlaskClient, other: str) -> None:
    assert decision(client, ANOTHER_MAN, other=text_of(other))["status"] == "not_matched"


def test_an_enrolled_man_is_found_and_another_one_is_not(client: FlaskClient) -> None:
    pictures = [text_of(name) for name in ONE_MAN[:2]]
    person = client.post("/v1/people", json={"name": "One Man", "pictures": pictures}).get_json()["id"]
    searched = ask(client, "search", TWO_FACES)["faces"]
    assert isinstance(searched, list)
    known, unknown = searched
    assert (known["decision"]["status"], known["decision"]["person"]["id"]) == ("matched", person)
    assert (unknown["decision"]["status"], unknown["decision"]["person"]) == ("unknown", None)
    assert [each["person"]["id"] for each in unknown["candidates"]] == [person]
    assert known["candidates"][0]["distance"] < unknown["candidates"][0]["distance"]
    assert decision(client, ONE_MAN[2], person=person)["status"] == "matched"
    assert decision(client, ANOTHER_MAN, person=person)["status"] == "not_matched"
    assert client.delete(f"/v1/people/{person}").status_code == 204


@pytest.mark.parametrize("name", PARTLY_COVERED)
def test_half_a_face_is_clearly_answered(client: FlaskClient, name: str) -> None:
    assert decision(client, name, other=text_of(ANOTHER_MAN))["status"] in {"not_matched", "poor_quality", "no_face"}


def test_half_a_file_is_told(client: FlaskClient) -> None:
    data = photo(ANOTHER_MAN).read_bytes()
    answer = client.post("/v1/detect", data=data[: len(data) // 2], content_type="image/jpeg")
    assert (answer.status_code, answer.get_json()["reason"]) == (422, "truncated")


def test_a_library_that_moves_is_followed_without_a_restart(client: FlaskClient, house: House) -> None:
    before = "dlib-resnet-v1+mirror"
    for model in ("dlib-resnet-v1", before):
        with house.store.write(lock=people.GALLERY_LOCK) as tx:
            library.switch(tx, model, datetime.now(UTC))
        assert decision(client, ONE_MAN[0], other=text_of(ONE_MAN[1]))["model"] == model
        assert ask(client, "search", ONE_MAN[0])["model"] == model


def troubles(kind: str) -> float:
    return REGISTRY.get_sample_value("gatehouse_engine_troubles_total", {"kind": kind}) or 0.0


def test_an_engine_that_dies_is_counted_and_the_caller_answered(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    pool = bootstrap.make_pool(house)
    data = photo(ANOTHER_MAN).read_bytes()
    before = troubles("crash")
    (face,) = pool.sightings(data)
    process = pool._seats[0].process
    assert process is not None
    process.kill()
    (again,) = pool.sightings(data)
    assert again.box == face.box
    assert troubles("crash") == before + 1
    assert "engine_ended" in capfd.readouterr().out


def test_an_engines_process_is_set_up_as_the_settings_say(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, cnn_detector="never", pixel_limit=1234, engine_processes=3, web_threads=6)
    opened = made_house(settings)
    pool = bootstrap.make_pool(opened)
    setup = pool._setup()
    opened.close()
    said = (setup.name, setup.cache_dir, setup.pixel_limit, setup.embedder, setup.cnn)
    assert said == ("onnx", tmp_path / "models", 1234, "dlib-resnet-v1", "never")
    # With web_threads=6 nobody waits beside the three who are served but one, so that others have threads left.
    assert (len(pool._seats), pool._limits.line) == (3, 1)


def test_no_more_engines_than_half_of_the_threads_can_wait_for(tmp_path: Path) -> None:
    opened = made_house(Settings(data_dir=tmp_path, engine_processes=16, web_threads=4))
    pool = bootstrap.make_pool(opened)
    opened.close()
    assert (len(pool._seats), pool._limits.line) == (2, 1)


def test_a_server_without_recognition_says_so(tmp_path: Path) -> None:
    opened = made_house(Settings(data_dir=tmp_path, recognition="off"))
    off = client_of(bootstrap.make_app(opened))
    for route in ("detect", "search"):
        answer = off.post(f"/v1/{route}", json={"picture": text_of(ANOTHER_MAN)})
        assert (answer.status_code, answer.get_json()["reason"]) == (503, "recognition_off")
    opened.close()
