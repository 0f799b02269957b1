"""Second opinions on real photographs: the man of the badge, another man behind it, and a picture that tells nobody."""

import base64
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageFilter

from receiver import bootstrap
from receiver.bootstrap import House
from receiver.services.intake.recording import RECOGNISE
from receiver.settings import Settings
from receiver.store import outbox, reviews, tables
from receiver.store.database import Row
from receiver.web.device_paths import HISTORY_PATHS
from tests.made_stores import made_house
from tests.photos import ANOTHER_MAN, ONE_MAN, photo
from tests.receiver.boxes import history
from tests.receiver.web.logins import client_of

LEASE = timedelta(hours=1)
MINUTE = 60_000


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = made_house(Settings(data_dir=tmp_path_factory.mktemp("opinions"), device_trust="open"))
    yield opened
    opened.close()


@pytest.fixture
def client(house: House) -> FlaskClient:
    return client_of(bootstrap.make_app(house))


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def blurred(name: str) -> bytes:
    """As of somebody who runs past: a face is still found."""
    out = io.BytesIO()
    with Image.open(photo(name)) as image:
        image.convert("RGB").filter(ImageFilter.GaussianBlur(image.width / 75)).save(out, "JPEG")
    return out.getvalue()


def pass_by(client: FlaskClient, house: House, number: int, live: bytes, **changes: Any) -> dict[str, Any]:
    """A box tells of E1007 at the gate; what a worker makes of it."""
    message = history(number * MINUTE, ext_data={"recognize_face": text_of(live)}, **changes)
    answer = client.post(HISTORY_PATHS[0], json=message)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    recogniser = bootstrap._make_recogniser(house, bootstrap.make_engines(house), bootstrap.make_decider(house))
    with house.store.write() as tx:
        (task,) = outbox.claim(tx, RECOGNISE, 1, datetime.now(UTC), LEASE)
    recogniser.handle(task)
    found: dict[str, Any] = client.get("/v1/events", query_string={"limit": 1}).get_json()["items"][0]
    return found


def asked(house: House) -> list[Row]:
    with house.store.read() as tx:
        return list(tx.execute(tables.review.select().where(tables.review.c.kind == "second_opinion")))


def words(event: dict[str, Any]) -> tuple[str, str, str | None]:
    opinion = event["second_opinion"]
    device = opinion["device_picture"]
    return opinion["says"], opinion["library"]["says"], device and device["says"]


def test_a_gate_is_fooled_and_somebody_is_shown_by_whom(client: FlaskClient, house: House) -> None:
    one, again, third = (photo(name).read_bytes() for name in ONE_MAN)
    another = photo(ANOTHER_MAN).read_bytes()
    badge = {"reg_pic": text_of(third)}
    # Before he is in the library only the box's own picture can speak for him.
    unknown = pass_by(client, house, 0, again, **badge)
    assert words(unknown) == ("agrees", "cannot_tell", "agrees")
    assert unknown["second_opinion"]["library"]["reasons"] == ["not_in_library"]
    person = client.post(
        "/v1/people", json={"name": "One Man", "external_id": "E1007", "pictures": [text_of(one)]}
    ).get_json()["id"]
    assert words(pass_by(client, house, 1, again, **badge)) == ("agrees", "agrees", "agrees")
    bad = pass_by(client, house, 2, blurred(ANOTHER_MAN), **badge)
    assert words(bad) == ("cannot_tell", "cannot_tell", "cannot_tell")
    assert "too_blurred" in bad["second_opinion"]["library"]["reasons"]
    assert asked(house) == []

    fooled = pass_by(client, house, 3, another, **badge)
    assert words(fooled) == ("disagrees", "disagrees", "disagrees")
    assert fooled["second_opinion"]["why"] == "face_disagrees"
    (item,) = asked(house)
    assert (item.person_id, item.event_id, item.reason, item.state) == (person, fooled["id"], "face_disagrees", "open")
    with house.store.read() as tx:
        shown = {each.role: each.digest.hex() for each in reviews.pictures_of(tx, [item.id])[item.id]}
    expected = {"live": another, "reported": third, "current": one}
    assert {role: client.get(f"/v1/pictures/{digest}").data for role, digest in shown.items()} == expected
    assert [each["id"] for each in client.get("/v1/events?second_opinion=disagrees").get_json()["items"]] == [
        fooled["id"]
    ]


def test_a_library_gone_wrong_is_told_from_a_fooled_gate(client: FlaskClient, house: House) -> None:
    """Somebody enrolled the wrong picture under the id: the box's own picture says so."""
    one, again, _ = (photo(name).read_bytes() for name in ONE_MAN)
    wrong = text_of(photo(ANOTHER_MAN).read_bytes())
    client.post("/v1/people", json={"name": "One Man", "external_id": "E1007", "pictures": [wrong]})
    event = pass_by(client, house, 0, again, reg_pic=text_of(one))
    assert words(event) == ("disagrees", "disagrees", "agrees")
    assert [each.reason for each in asked(house)] == ["library_disagrees"]
