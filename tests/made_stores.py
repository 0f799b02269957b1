"""Stores that are as the migrations leave them: made by the real ones once in each process of the tests, then copied.

Migrating an empty store takes longer than most tests do. Tests that are about migrating and first starts begin with nothing
instead: `open_store` on an empty folder, and the fixtures whose names begin with ``empty``.
"""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from receiver.assembly.house import House, open_house
from receiver.settings import Settings
from receiver.store import audit
from receiver.store.store import MAIN_FILE, PICTURES_FILE, Store, open_store

POSTGRES = "GATEHOUSE_TEST_POSTGRES_URL"
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


@contextlib.contextmanager
def made_database() -> Iterator[str]:
    """The address of a PostgreSQL database at the newest revision, gone after the block."""
    with _database(_pattern_database()) as url:
        yield url


@contextlib.contextmanager
def empty_database() -> Iterator[str]:
    """The address of a PostgreSQL database without any table, gone after the block."""
    with _database("template1") as url:
        yield url


def in_schema(name: str, database_url: str) -> str:
    """The address of a schema of that database, which is made where it is missing."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}"'.encode())
    return f"{database_url}{'&' if '?' in database_url else '?'}options=-csearch_path%3D{name}"


def forget() -> None:
    """At the end of the tests: the patterns go."""
    if _pattern_files.cache_info().currsize:
        shutil.rmtree(_pattern_files())
        _pattern_files.cache_clear()
    if _pattern_database.cache_info().currsize:
        _drop(_pattern_database())
        _pattern_database.cache_clear()


@cache
def _pattern_files() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-pattern-"))
    _migrate("", folder)
    return folder


@cache
def _pattern_database() -> str:
    name = _create("template1")
    with tempfile.TemporaryDirectory() as folder:
        _migrate(_address(name), Path(folder))
    return name


def _migrate(database_url: str, folder: Path) -> None:
    store = open_store(database_url, folder)
    store.upgrade()
    store.close()
    audit.open_audit(database_url, folder).close()


@contextlib.contextmanager
def _database(pattern: str) -> Iterator[str]:
    name = _create(pattern)
    try:
        yield _address(name)
    finally:
        _drop(name)


def _create(pattern: str) -> str:
    # Named after the database of the run: whoever ends a run by force finds what is left by its name.
    name = f"{urlsplit(os.environ[POSTGRES]).path.strip('/')}_{uuid.uuid4().hex[:12]}"
    _tell(f'CREATE DATABASE "{name}" TEMPLATE "{pattern}"')
    return name


def _drop(name: str) -> None:
    _tell(f'DROP DATABASE "{name}" WITH (FORCE)')


def _tell(statement: str) -> None:
    with psycopg.connect(os.environ[POSTGRES], autocommit=True) as connection:
        connection.execute(statement.encode())


def _address(name: str) -> str:
    return urlsplit(os.environ[POSTGRES])._replace(path=f"/{name}").geturl()
