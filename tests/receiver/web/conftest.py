"""The whole web side over a SQLite store in a folder of the test's own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from receiver import bootstrap
from receiver.settings import Settings
from receiver.store import devices, quarantine
from receiver.store.store import Store
from receiver.web.app import Services
from receiver.web.calling import by_address
from receiver.web.front import Front, FrontHooks, FrontLimits
from tests.made_stores import made_house
from tests.receiver.web.logins import client_of
from tests.receiver.web.site import Site, open_site

BODY_LIMIT = 3 * 1024 * 1024


@dataclass(frozen=True)
class Web:
    """The application and what is behind it."""

    app: Flask
    store: Store
    folder: Path

    @property
    def client(self) -> FlaskClient:
        return client_of(self.app)

    @property
    def services(self) -> Services:
        found: Services = self.app.extensions["gatehouse"]
        return found

    def front(self, *, body_seconds: float = 30, threads: int = 4, body_limit: int = BODY_LIMIT) -> Front:
        statuses, rounds = self.services.statuses, bootstrap.rounds_of(self.services)
        return Front(
            self.app.wsgi_app,
            FrontLimits(body_limit, body_seconds, threads, self.folder, frozenset(rounds)),
            FrontHooks(
                by_address(rounds),
                lambda peer: statuses.note_problem(peer, "body_too_large"),
            ),
        )

    def devices(self) -> list[Any]:
        with self.store.read() as tx:
            return devices.listed(tx, 0, 99)

    def quarantined(self) -> list[Any]:
        with self.store.read() as tx:
            return quarantine.listed(tx, None, None, 99)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One for a whole module: its tests send different things."""
    folder = tmp_path_factory.mktemp("web")
    house = made_house(Settings(data_dir=folder, body_limit=BODY_LIMIT, recognition="off", device_trust="open"))
    app = bootstrap.make_app(house)
    yield Web(app, house.store, folder)
    house.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of the test's own where one kind of database is enough."""
    with open_site(tmp_path) as opened:
        yield opened


@pytest.fixture
def any_site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    """A site of the test's own on each kind of database; its time zone is two hours ahead."""
    with open_site(tmp_path, database_url, timezone="Africa/Maputo") as opened:
        yield opened
