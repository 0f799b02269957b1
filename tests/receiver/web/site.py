"""The web side with prepared faces in place of the engine's process, and a worker's recogniser beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from receiver.assembly import repair, review_desk
from receiver.assembly.house import House
from receiver.services.deciding.deciding import Decider
from receiver.services.deciding.library import Library
from receiver.services.looking.looking import Looking
from receiver.services.looking.searching import Searching
from receiver.services.looking.seeing import Seeing
from receiver.services.people.enrolling import EnrolmentGate
from receiver.services.people.keeping_faces import KeepingFaces
from receiver.services.people.people import People
from receiver.settings import Settings, load
from receiver.store.store import Store
from receiver.web.app import Services
from recognition.engine import Sighting
from tests.made_stores import made_house
from tests.receiver.boxes import HISTORY, history, text_of
from tests.receiver.faces import MODEL, Desk, PreparedEngine, face_of, read_prepared, sighting
from tests.receiver.web.lent_apps import lent_app
from tests.receiver.web.logins import client_of

PIXELS = 1_000_000
# Further pictures of the face of person 1.
ANOTHER_VIEW = (101, 102)


@dataclass(frozen=True)
class Site:
    """Asked and told as a program would, one request after another."""

    app: Flask
    store: Store
    engine: PreparedEngine
    desk: Desk

    @property
    def client(self) -> FlaskClient:
        return client_of(self.app)

    @property
    def services(self) -> Services:
        found: Services = self.app.extensions["gatehouse"]
        return found

    def told(self, number: int = 0, face: int | None = None, **changes: Any) -> int:
        """Records an event with the crop of that number; its id."""
        inner = changes.pop("ext_data", {}) | ({"recognize_face": text_of(face)} if face is not None else {})
        (recorded,) = self.services.intake.record([history(number, ext_data=inner, **changes)], HISTORY)
        assert recorded.result == "new"
        return recorded.event_id or 0

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of an answer that must be 200."""
        answer = self.client.get(path, query_string=query)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()

    def ids(self, path: str = "/v1/events", **query: Any) -> list[int]:
        return [each["id"] for each in self.get(path, **query)["items"]]

    def enrol(self, name: str, *faces: int, **values: Any) -> int:
        document = {"name": name, "pictures": [text_of(face) for face in faces], **values}
        answer = self.client.post("/v1/people", json=document)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        return int(answer.get_json()["id"])


def is_problem(answer: TestResponse, status: int, reason: str) -> bool:
    """Whether the answer is a problem document of that kind."""
    document = answer.get_json(force=True, silent=True) or {}
    return (answer.status_code, answer.content_type, document.get("reason"), document.get("status")) == (
        status, "application/problem+json", reason, status,
    )  # fmt: skip


@contextmanager
def open_site(folder: Path, database_url: str = "", **environ: str) -> Iterator[Site]:
    """A site whose engine knows picture n, for n from 1 to 20, as the face of person n, and ANOTHER_VIEW of the first."""
    # Most tests are not about trust: everybody is believed.
    given = {f"GATEHOUSE_{name.upper()}": value for name, value in ({"device_trust": "open"} | environ).items()}
    settings = load(
        {"GATEHOUSE_DATA_DIR": str(folder), "GATEHOUSE_DATABASE_URL": database_url} | given, folder=folder / "none"
    )
    house = made_house(settings)
    engine = PreparedEngine()
    for number in range(1, 21):
        engine.prepare(number, [sighting(face_of(number))])
    for number in ANOTHER_VIEW:
        engine.prepare(number, [sighting(face_of(1, off=number / 1000))])

    try:
        with lent_app(house) as app:
            yield _site_with(house, app, engine)
    finally:
        house.close()


def _site_with(house: House, app: Flask, engine: PreparedEngine) -> Site:
    settings: Settings = house.settings

    def see(data: bytes) -> list[Sighting]:
        return engine.sightings(read_prepared(data))

    desk = Desk(house.store, engine)
    seeing = Seeing(see, PIXELS, settings.quality_limits)
    decider = Decider(Library(MODEL, settings.fpir, settings.blacklist_fpir, desk.scales))
    gate = EnrolmentGate(decider, settings.quality_limits)
    people = People(house.store, house.pictures, see, PIXELS, gate)
    answering = review_desk.DeskParts(see, people, gate, decider, app.extensions["gatehouse"].replaying)
    app.extensions["gatehouse"] = replace(
        app.extensions["gatehouse"],
        people=people,
        **repair.services_of(house, gate),
        reviewing=review_desk.services_of(house, answering)["reviewing"],
        faces=KeepingFaces(house.store, gate),
        looking=Looking(house.store, seeing, decider, lambda model: desk.scales[model].verification),
        searching=Searching(house.store, seeing, decider, lambda model: desk.scales[model].verification),
    )
    return Site(app, house.store, engine, desk)
