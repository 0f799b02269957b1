"""What all tests share: stores on a real SQLite file and a real PostgreSQL, and the summary of what was left out."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.services.accounts.passwords import HashParameters
from receiver.services.audit import acting
from receiver.store.store import Store
from tests import clients, made_stores
from tests.made_databases import POSTGRES
from tests.made_stores import EMPTY, MIGRATED, made_store

# What some tests need besides this program: their marker, and what to do to run them too.
SERVERS = {
    "postgres": (POSTGRES, "need PostgreSQL", "postgresql://postgres@127.0.0.1/test"),
    "mqtt": ("GATEHOUSE_TEST_MQTT_URL", "need an MQTT broker", "mqtt://127.0.0.1:1883"),
    "amqp": ("GATEHOUSE_TEST_AMQP_URL", "need RabbitMQ", "amqp://guest:guest@127.0.0.1:5672"),
}
HINTS = {
    marker: f"{need}. To run them too, set {variable}, e.g. {example}"
    for marker, (variable, need, example) in SERVERS.items()
} | {"npm": "run the Socket.IO clients of npm. To run them too, install node and run ./scripts/clients"}
# Tests of running servers.
WITH_SERVERS = ("tests/system/", "tests/security/", "tests/conversations/")
# Time, memory in KiB and lanes of a hash.
CHEAP = (1, 64, 1)
# Marker -> how many tests were left out for what is not there.
LEFT_OUT = pytest.StashKey[dict[str, int]]()


def pytest_configure() -> None:
    """CI must have everything: every server, and the clients of npm."""
    if os.environ.get("CI") and missing():
        raise pytest.UsageError(f"CI must have everything; there are tests that {HINTS[missing()[0]]}")


def missing() -> list[str]:
    """The markers of tests that cannot run here."""
    found = [marker for marker, (variable, _, _) in SERVERS.items() if not os.environ.get(variable)]
    return found if clients.are_there() else [*found, "npm"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs something that is not there is left out, and the summary says so."""
    config.stash[LEFT_OUT] = {}
    for marker in missing():
        kept = [item for item in items if not item.get_closest_marker(marker)]
        config.stash[LEFT_OUT][marker] = len(items) - len(kept)
        items[:] = kept
    processes = getattr(config, "workerinput", {}).get("workercount")
    if processes:
        items[:] = in_shares(items, processes)


def in_shares(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """For several processes, each of which is given a part of the whole at first: whole modules, and those before the others
    that start servers and wait for them, or one of these would be left alone for the end.
    """
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.nodeid.partition("::")[0], []).append(item)
    waiting = [module for name, module in modules.items() if name.startswith(WITH_SERVERS)]
    others = [module for name, module in modules.items() if not name.startswith(WITH_SERVERS)]
    shares = [(*waiting[share::processes], *others[share::processes]) for share in range(processes)]
    return [item for share in shares for module in share for item in module]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where several processes share the tests each of them leaves out the same ones, and tells the first process.

    What the tests made for all of them goes.
    """
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash.get(LEFT_OUT, {})
    made_stores.forget()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a process told."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says in words what was left out."""
    for marker, number in config.stash.get(LEFT_OUT, {}).items():
        if number:
            terminalreporter.write_line(f"Left out: {number} tests that {HINTS[marker]}", yellow=True)


@pytest.fixture(autouse=True, scope="session")
def _cheap_hashes() -> Iterator[None]:
    """A password's hash is made to be dear; in tests of other things it was a third of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HashParameters.__init__, "__defaults__", CHEAP)
        yield


@pytest.fixture(autouse=True)
def _nobody_acts_afterwards() -> Iterator[None]:
    """Whoever has acted in a test does not in the next one."""
    yield
    assert acting.actor() == acting.NOBODY


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL database of this test's own, as the migrations leave it."""
    with MIGRATED.taken() as url:
        yield url


@pytest.fixture
def empty_postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL database of this test's own, without any table."""
    with EMPTY.taken() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Empty for SQLite in the data folder, else a PostgreSQL address: tests that take it run on both."""
    if request.param == "sqlite":
        return ""
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """The same, for tests about the way to the first tables."""
    if request.param == "sqlite":
        return ""
    found: str = request.getfixturevalue("empty_postgres_url")
    return found


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """An open, empty store."""
    opened = made_store(tmp_path, database_url)
    yield opened
    opened.close()
