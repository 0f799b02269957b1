"""people check on the command line: the whole look, its summary, and what it says where there is nothing to say."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from receiver import cli
from receiver.domain.events import ListName
from receiver.domain.scales import DLIB
from receiver.settings import Settings
from receiver.store import library_checks, outbox, people
from receiver.store.database import Tx
from receiver.store.store import Store, open_store
from tests.made_stores import make_files
from tests.receiver.faces import MODEL, enrol, face_of


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A data folder of the test's own with strangers and staff, and no lower priority for the tests."""
    monkeypatch.chdir(tmp_path)
    make_files(tmp_path / "data")
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(f"GATEHOUSE_{name.upper()}", raising=False)
    monkeypatch.setenv("GATEHOUSE_MODEL", MODEL)
    monkeypatch.setattr(os, "nice", lambda _step: 0)
    monkeypatch.setattr("receiver.bootstrap.make_scales", lambda _house: {MODEL: DLIB})
    assert run("--status").exit_code == 0
    opened = open_store("", tmp_path / "data")
    yield opened
    opened.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, ["people", "check", *arguments])


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def newest(tx: Tx) -> int:
    found = library_checks.newest(tx)
    assert found is not None
    return int(found.id)


def test_it_says_that_it_never_ran(store: Store) -> None:
    assert store.is_sqlite
    text = said("--status")
    assert "By itself: 0 3 * * *." in text
    assert "has not been checked yet: `people check` does it now" in text


def test_it_looks_and_says_what_it_found(store: Store) -> None:
    enrol(store, ListName.STRANGER, face_of(1))
    enrol(store, ListName.STRANGER, face_of(1, off=0.1))
    enrol(store, ListName.STAFF, face_of(2), face_of(3))
    for text in (said(), said("--status")):
        assert "merges of 2 strangers proposed: 1" in text
        assert "pairs who look alike, by 2 faces: 0" in text
        assert "pictures that contradict their person, of 3 people: 1" in text
        assert "pictures that have aged, of 1 people: 0" in text
        assert "older findings that hold no more: 0" in text
        assert "`reviews list` shows what it found" in text
    with store.read() as tx:
        assert outbox.counts(tx) == {}


def test_what_a_worker_has_begun_is_gone_on_with(store: Store) -> None:
    enrol(store, ListName.STAFF, face_of(2), face_of(3))
    now = datetime.now(UTC)
    with store.write() as tx:
        values = {
            "state": "running",
            "stage": "contradictions",
            "counts": {"strangers": {"strangers": 7, "proposed": 5}},
        }
        check_id = library_checks.add(tx, values | {"started_at": now, "updated_at": now})
        outbox.add(tx, library_checks.TOPIC, [check_id], now - timedelta(seconds=1))
    text = said()
    assert f"Check {check_id}, done" in text
    assert "merges of 7 strangers proposed: 5" in text
    assert "contradict their person, of 1 people: 1" in text


def test_a_check_that_fails_says_why(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol(store, ListName.STAFF, face_of(2))
    monkeypatch.setattr("receiver.bootstrap.make_scales", lambda _house: {})
    result = run()
    assert result.exit_code == 1
    assert "failed: no_thresholds; docs/how-to/trouble.md explains it" in result.output


def test_without_recognition_it_works_on_what_is_there(store: Store) -> None:
    enrol(store, ListName.STAFF, face_of(2), face_of(3))
    assert "contradict their person, of 1 people: 1" in said("--recognition", "off")


def test_stopped_by_hand_a_worker_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_all: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("receiver.services.checking.run.CheckingLibrary.run", interrupt)
    assert "a worker goes on with it" in run().output
    with store.read() as tx:
        assert outbox.counts(tx) == {("library_check", "waiting"): 1}
        assert newest(tx)
        assert people.last_change(tx) == 0
