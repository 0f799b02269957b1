"""A recogniser with prepared faces over a SQLite store, where one kind of database is enough."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.services.intake.intake import Intake
from receiver.store.store import Store
from tests.made_stores import made_store
from tests.receiver.boxes import open_intake, subscribe
from tests.receiver.faces import Desk, PreparedEngine, face_of, sighting
from tests.receiver.passing import VIEWS
from tests.receiver.trusted import Gateway, open_gateway


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A store where one kind of database is enough."""
    opened = made_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def engine() -> PreparedEngine:
    """Knows picture n as the face of person n, for n from 1 to 20."""
    prepared = PreparedEngine()
    for number in range(1, 21):
        prepared.prepare(number, [sighting(face_of(number))])
    return prepared


@pytest.fixture
def desk(sqlite_store: Store, engine: PreparedEngine) -> Desk:
    return Desk(sqlite_store, engine)


@pytest.fixture
def intake(sqlite_store: Store, tmp_path: Path) -> Iterator[Intake]:
    with open_intake(sqlite_store, tmp_path) as opened:
        yield opened


@pytest.fixture
def any_desk(store: Store, engine: PreparedEngine) -> Desk:
    for shade, off in VIEWS.items():
        engine.prepare(shade, [sighting(face_of(1, off=off))])
    return Desk(store, engine)


@pytest.fixture
def any_intake(store: Store, tmp_path: Path) -> Iterator[Intake]:
    with open_intake(store, tmp_path) as opened:
        yield opened


@pytest.fixture
def gateway(store: Store, tmp_path: Path) -> Iterator[Gateway]:
    subscribe(store)
    with open_gateway(store, tmp_path) as opened:
        yield opened
