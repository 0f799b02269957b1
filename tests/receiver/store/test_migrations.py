"""Migrations make exactly the declared tables."""

import multiprocessing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from receiver.domain.errors import SetupError
from receiver.store import migrating, tables
from receiver.store.store import Store, open_store

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

SPAWN = multiprocessing.get_context("spawn")


def test_migrations_make_the_declared_tables(store: Store) -> None:
    if store.main is store.pictures:
        assert migrating.drift(store.main, [tables.main, tables.picture_store]) == []
    else:
        assert migrating.drift(store.main, [tables.main]) == []
        assert migrating.drift(store.pictures, [tables.picture_store]) == []


def test_a_changed_table_is_seen_as_drift(store: Store) -> None:
    with store.write() as tx:
        tx.execute(text("ALTER TABLE gate ADD COLUMN surplus INTEGER"))
    assert migrating.drift(store.main, [tables.main]) != []


def test_the_newest_revision_is_alembics_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrating.FOLDER))
    assert migrating.newest() == ScriptDirectory.from_config(config).get_current_head()


def test_an_upgraded_store_is_current_and_may_be_upgraded_again(store: Store) -> None:
    assert store.is_current()
    store.upgrade()
    assert store.is_current()
    store.ping()


def test_an_empty_store_is_not_current(empty_database_url: str, tmp_path: Path) -> None:
    empty = open_store(empty_database_url, tmp_path)
    assert not empty.is_current()
    empty.close()


def _upgrade(database_url: str, folder: Path, results: "Queue[str]") -> None:
    opened = open_store(database_url, folder)
    opened.upgrade()
    opened.close()
    results.put("upgraded")


def test_processes_that_start_together_upgrade_once(empty_database_url: str, tmp_path: Path) -> None:
    results: Queue[str] = SPAWN.Queue()
    starting = [SPAWN.Process(target=_upgrade, args=(empty_database_url, tmp_path, results)) for _ in range(3)]
    for each in starting:
        each.start()
    assert [results.get(timeout=60) for _ in starting] == ["upgraded"] * 3
    for each in starting:
        each.join()


def test_another_kind_of_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError):
        open_store("mysql://host/name", tmp_path)


@pytest.mark.parametrize("name", ["with blanks", "what?is=this", "100%25", "#1", "größe"])
def test_a_data_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    opened = open_store("", tmp_path / name)
    opened.upgrade()
    opened.close()
    assert sorted(path.name for path in (tmp_path / name).glob("*.sqlite")) == ["gatehouse.sqlite", "pictures.sqlite"]
    assert [path.name for path in tmp_path.iterdir()] == [name]
