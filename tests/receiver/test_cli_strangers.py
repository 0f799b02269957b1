"""strangers list and show, and what people list says of visits: the library from the command line."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.cli import cli
from receiver.store import people
from receiver.store.store import Store
from tests.made_stores import made_store
from tests.receiver.faces import MODEL, face_of
from tests.receiver.past import Past

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("GATEHOUSE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GATEHOUSE_MODEL", MODEL)
    monkeypatch.setenv("GATEHOUSE_TIMEZONE", "Africa/Maputo")
    monkeypatch.chdir(tmp_path)
    opened = made_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def past(store: Store) -> Past:
    return Past(store, MODEL)


def somebody(past: Past, name: str, *minutes: float, list_name: str = "stranger", gate: str = "north") -> int:
    now = datetime.now(UTC)
    with past.store.write(lock=people.GALLERY_LOCK) as tx:
        row = {"name": name, "list": list_name, "source": "event", "created_at": now, "updated_at": now}
        person = people.add(tx, row)
    place = past.gate(gate)
    for minute in minutes:
        past.event(NOON + timedelta(minutes=minute), face_of(1), at=place, person_id=person, decision="matched")
    return person


def said(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def test_strangers_are_listed_with_their_visits(past: Past) -> None:
    somebody(past, "stranger 1", 0, 5, 60, 120)
    somebody(past, "stranger 2", 200, gate="south")
    somebody(past, "Ann", 10, list_name="staff")
    listed = said("strangers", "list").splitlines()
    assert len(listed) == 2, listed
    first, second = listed
    assert "stranger 2  1 visit (1 event), last 2026-05-01 17:20" in first
    assert "stranger 1  3 visits (4 events), last 2026-05-01 16:00" in second
    (often,) = said("strangers", "list", "--min-visits", "2").splitlines()
    assert "stranger 1" in often
    (there,) = said("strangers", "list", "--gate", "the south gate").splitlines()
    assert "stranger 2" in there
    # The clock of the site is two hours ahead.
    assert "stranger 2" in said("strangers", "list", "--since", "2026-05-01T17:00")
    assert "None." in said("strangers", "list", "--until", "2026-05-01T13:59")
    assert said("strangers", "list", "--limit", "1").splitlines()[1].startswith("... and more")
    assert "Ann  1 visit (1 event), last 2026-05-01 14:10" in said("people", "list")


def test_a_stranger_is_shown_with_gates_and_visits(past: Past) -> None:
    person = somebody(past, "stranger 1", 0, 5, 60)
    lines = said("strangers", "show", str(person)).splitlines()
    assert lines[0] == f"{person}  stranger 1  (active)  2 visits (3 events), last 2026-05-01 15:00"
    assert lines[1:] == [
        "  at the north gate: 3 times, last 2026-05-01 15:00",
        "  visit 2026-05-01 15:00  the north gate  seen 1 times",
        "  visit 2026-05-01 14:00 to 2026-05-01 14:05  the north gate  seen 2 times",
    ]
    assert len(said("strangers", "show", str(person), "--visits", "1").splitlines()) == 3


def test_who_is_no_stranger_is_told_so(past: Past) -> None:
    person = somebody(past, "Ann", 0, list_name="staff")
    for number in (person, person + 1):
        result = CliRunner().invoke(cli, ("strangers", "show", str(number)))
        assert result.exit_code == 1
        assert str(number) in result.output


def test_the_pause_of_the_site_counts(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody(past, "stranger 1", *itertools.accumulate([0, 5, 20, 40]))
    assert "3 visits" in said("strangers", "list")
    monkeypatch.setenv("GATEHOUSE_VISIT_MINUTES", "4")
    assert "4 visits" in said("strangers", "list")
    monkeypatch.setenv("GATEHOUSE_VISIT_MINUTES", "30")
    assert "2 visits" in said("strangers", "list")
