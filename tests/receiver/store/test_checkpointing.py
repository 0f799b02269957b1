"""Write-ahead logs go over into their databases beside the commits, and begin anew however long somebody writes."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from receiver.domain.errors import Unavailable
from receiver.store.checkpointing import Checkpointing
from receiver.store.database import JOURNAL_BYTES, Database

ROW = b"x" * 200_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file with one table."""
    found = Database(f"sqlite:///{tmp_path / 'a.sqlite'}")
    with found.write() as tx:
        tx.execute(text("CREATE TABLE kept (id INTEGER PRIMARY KEY, data BLOB)"))
    yield found
    found.close()


def add(database: Database, number: int) -> None:
    with database.write() as tx:
        tx.execute(text("INSERT INTO kept VALUES (:id, :data)"), {"id": number, "data": ROW})


def ids(path: Path) -> list[int]:
    """What somebody reads who has nothing but the database's own file."""
    with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as alone:
        return [row[0] for row in alone.execute("SELECT id FROM kept ORDER BY id")]


def test_a_log_that_was_taken_over_is_in_the_file_and_begins_anew(database: Database) -> None:
    assert database.path is not None
    add(database, 1)
    taken = database.take_log_over()
    assert taken >= len(ROW)
    assert ids(database.path) == [1]
    add(database, 2)
    assert database.take_log_over() < taken + len(ROW)
    assert ids(database.path) == [1, 2]


def test_a_reader_with_an_old_view_keeps_the_log_and_sees_what_it_saw(database: Database) -> None:
    add(database, 1)
    with database.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM kept")).scalar() == 1
        add(database, 2)
        first = database.take_log_over()
        add(database, 3)
        assert database.take_log_over() > first
        assert tx.execute(text("SELECT count(*) FROM kept")).scalar() == 1
    database.take_log_over()
    assert database.path is not None
    assert ids(database.path) == [1, 2, 3]


def test_under_a_writer_without_a_pause_the_log_stays_short(database: Database) -> None:
    assert database.path is not None
    found = threading.Event()
    original = database.take_log_over

    def take_over() -> int:
        taken = original()
        found.set()
        return taken

    database.take_log_over = take_over  # type: ignore[method-assign]
    checkpointing = Checkpointing([database])
    checkpointing.start()
    for number in range(4 * JOURNAL_BYTES // len(ROW)):
        add(database, number)
    checkpointing.close()
    assert found.is_set()
    assert Path(f"{database.path}-wal").stat().st_size <= JOURNAL_BYTES + 10 * len(ROW)


def test_what_does_not_answer_just_now_is_left_to_the_next_commits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    both = threading.Event()

    def fail() -> int:
        tries.append(len(tries))
        if len(tries) == 2:
            both.set()
        raise Unavailable("storage_unavailable", "the disk has gone")

    monkeypatch.setattr(database, "take_log_over", fail)
    checkpointing = Checkpointing([database])
    checkpointing.start()
    number = 0
    while not both.wait(0.01):
        add(database, number)
        number += 1
    checkpointing.close()
    assert len(tries) >= 2
