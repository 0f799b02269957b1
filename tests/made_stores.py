"""Stores that are as the migrations leave them: made by the real ones once in each process of the tests, then copied.

Migrating an empty store takes longer than most tests do. Tests that are about migrating and first starts begin with nothing
instead: `open_store` on an empty folder, and the fixtures whose names begin with ``empty``.
"""

import shutil
import tempfile
from functools import cache
from pathlib import Path

import psycopg

from receiver.assembly.house import House, open_house
from receiver.settings import Settings
from receiver.store import audit
from receiver.store.store import MAIN_FILE, PICTURES_FILE, Store, open_store
from tests.made_databases import KeptDatabase, MigratedDatabase, Shelf

FILES = (MAIN_FILE, PICTURES_FILE, audit.FILE)


def made_store(folder: Path, database_url: str = "") -> Store:
    """An open store at the newest revision; empty, if nothing was in the folder or the database before."""
    if database_url == "":
        make_files(folder)
    opened = open_store(database_url, folder)
    opened.upgrade()
    return opened


def made_house(settings: Settings) -> House:
    """What a process opens at its start, over such a store."""
    if settings.database_url == "":
        make_files(settings.data_dir)
    return open_house(settings)


def make_files(folder: Path) -> None:
    """Puts an empty SQLite store and audit log into the folder; what is there already stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if not (folder / name).exists():
            shutil.copyfile(_pattern_files() / name, folder / name)


def in_schema(name: str, database_url: str) -> str:
    """The address of a schema of that database, which is made where it is missing."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}"'.encode())
    return f"{database_url}{'&' if '?' in database_url else '?'}options=-csearch_path%3D{name}"


def forget() -> None:
    """At the end of the tests: what was made for all of them goes."""
    if _pattern_files.cache_info().currsize:
        shutil.rmtree(_pattern_files())
        _pattern_files.cache_clear()
    for shelf in (EMPTY, MIGRATED):
        shelf.clear()


@cache
def _pattern_files() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-pattern-"))
    _migrate("", folder)
    return folder


def _migrate(database_url: str, folder: Path) -> None:
    store = open_store(database_url, folder)
    store.upgrade()
    store.close()
    audit.open_audit(database_url, folder).close()


EMPTY = Shelf(KeptDatabase)
MIGRATED = Shelf(lambda: MigratedDatabase(lambda url: _migrate(url, Path())))
