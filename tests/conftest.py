"""What all tests share: stores on a real SQLite file and a real PostgreSQL, and the summary of what was left out."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from receiver.store.store import Store, open_store
from tests import clients

POSTGRES = "GATEHOUSE_TEST_POSTGRES_URL"
# Marker -> how many tests were left out for what is not there.
LEFT_OUT = pytest.StashKey[dict[str, int]]()
HINTS = {
    "postgres": f"need PostgreSQL. To run them too, set {POSTGRES}, e.g. postgresql://postgres@127.0.0.1/test",
    "npm": "run the Socket.IO clients of npm. To run them too, install node and run ./scripts/clients",
}


def pytest_configure() -> None:
    """CI must have everything: a PostgreSQL server, since the store is tested on it too, and the clients of npm."""
    if os.environ.get("CI") and missing():
        raise pytest.UsageError(f"CI must have everything; there are tests that {HINTS[missing()[0]]}")


def missing() -> list[str]:
    """The markers of tests that cannot run here."""
    found = [] if os.environ.get(POSTGRES) else ["postgres"]
    return found if clients.are_there() else [*found, "npm"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a PostgreSQL server, or without node, the tests that need it are left out, and the summary says so."""
    config.stash[LEFT_OUT] = {}
    for marker in missing():
        kept = [item for item in items if not item.get_closest_marker(marker)]
        config.stash[LEFT_OUT][marker] = len(items) - len(kept)
        items[:] = kept


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where several processes share the tests each of them leaves out the same ones, and tells the first process."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash.get(LEFT_OUT, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a process told."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says in words what was left out."""
    for marker, number in config.stash.get(LEFT_OUT, {}).items():
        if number:
            terminalreporter.write_line(f"Left out: {number} tests that {HINTS[marker]}", yellow=True)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A PostgreSQL database address whose tables go into a schema of this test's own."""
    base = os.environ[POSTGRES]
    schema = f"gatehouse_{uuid.uuid4().hex}"
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"')
    separator = "&" if "?" in base else "?"
    yield f"{base}{separator}options=-csearch_path%3D{schema}"
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA "{schema}" CASCADE')
        connection.execute(f'DROP SCHEMA IF EXISTS "{schema}_audit" CASCADE')


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Empty for SQLite in the data folder, else a PostgreSQL address: tests that take it run on both."""
    if request.param == "sqlite":
        return ""
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """An open, empty store."""
    opened = open_store(database_url, tmp_path)
    opened.upgrade()
    yield opened
    opened.close()
