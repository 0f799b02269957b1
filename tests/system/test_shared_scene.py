"""Two people in one frame, one of them is erased: the scene stays, the face does not; real processes and photographs."""

import base64

import numpy as np
import requests

from recognition import load_engine, read_image
from recognition.engine import Embedding, foremost
from tests.photos import ANOTHER_MAN, ONE_MAN, TWO_FACES, photo
from tests.receiver.boxes import history
from tests.system.conftest import MakeSite
from tests.system.processes import Site, eventually

REACH = 0.6


def text_of(name: str) -> str:
    return base64.b64encode(photo(name).read_bytes()).decode()


def enrol(site: Site, name: str, identity: str, picture: str) -> int:
    document = {"name": name, "external_id": identity, "pictures": [text_of(picture)]}
    answer = site.http.post(f"{site.url}/v1/people", json=document, timeout=60)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def passage(identity: str, picture: str) -> dict[str, object]:
    """Both stand in the same frame at the same moment."""
    inner = {"recognize_face": text_of(picture), "spot_pic": text_of(TWO_FACES)}
    return history(1, identity_id=identity, identity_name=identity, ext_data=inner)


def test_only_the_erased_face_goes_from_the_scene_of_two(make_site: MakeSite) -> None:
    site = make_site()
    site.start("serve")
    eventually(site.is_ready)
    person = enrol(site, "One", "one-1", ONE_MAN[0])
    enrol(site, "Another", "another-1", ANOTHER_MAN)
    items = [passage("one-1", ONE_MAN[1]), passage("another-1", ANOTHER_MAN)]
    assert requests.post(f"{site.url}/HistoryEvent", json=items, timeout=30).status_code == 200

    def are_recognised() -> bool:
        return [each["decision"] and each["decision"]["status"] for each in site.every("/v1/events")] == ["matched"] * 2

    eventually(are_recognised)
    place = site.http.delete(f"{site.url}/v1/people/{person}?erase=true", timeout=30).headers["Location"]

    def is_done() -> bool:
        return bool(site.get(place)["state"] == "done")

    eventually(is_done)
    assert site.get(place)["counts"]["pictures_blurred"] == 1
    (other,) = site.every("/v1/events", q="another-1")
    scene = read_image(site.http.get(f"{site.url}{other['pictures']['scene']['url']}", timeout=30).content)
    original = read_image(photo(TWO_FACES).read_bytes())
    assert scene.shape == original.shape
    engine = load_engine()

    def faces_like(picture: str, image: np.ndarray) -> int:
        known = foremost(engine.sightings(read_image(photo(picture).read_bytes())))
        assert known is not None
        return sum(_apart(each.embedding, known.embedding) < REACH for each in engine.sightings(image))

    assert (faces_like(ONE_MAN[2], original), faces_like(ONE_MAN[2], scene)) == (1, 0)
    assert (faces_like(ANOTHER_MAN, original), faces_like(ANOTHER_MAN, scene)) == (1, 1)


def _apart(one: Embedding, other: Embedding) -> float:
    return float(np.linalg.norm(one - other))
