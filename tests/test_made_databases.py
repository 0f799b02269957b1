"""A database that one test has used is for the next one as if nobody had."""

from pathlib import Path

import psycopg
import pytest

from receiver.store import migrating, tables
from receiver.store.store import open_store
from tests.made_stores import MIGRATED

pytestmark = pytest.mark.postgres
USED = (
    "INSERT INTO device (key, first_seen, last_seen) VALUES ('a', now(), now())",
    "UPDATE device_book SET version = version + 5",
    "DELETE FROM alembic_version",
    "SELECT nextval('event_id_seq')",
    "INSERT INTO audit.audit_seal SELECT 1, 1, 'head', now(), 'signature', 'key'",
)


def content(url: str) -> dict[str, object]:
    """All rows and how far the sequences have come."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        rows: dict[str, object] = {
            name: connection.execute(f"SELECT * FROM {name}".encode()).fetchall() for (name,) in tables
        }
        return rows | {"sequences": sorted(connection.execute("SELECT sequencename, last_value FROM pg_sequences"))}


def used(*statements: str) -> tuple[dict[str, object], dict[str, object]]:
    """What a database held before it was used so, and what it holds for the next one who takes it."""
    with MIGRATED.taken() as url:
        before = content(url)
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        assert content(url) != before
    with MIGRATED.taken() as next_url:
        assert next_url == url
        return before, content(next_url)


@pytest.mark.parametrize("statement", USED)
def test_rows_and_numbers_are_put_back(statement: str) -> None:
    before, after = used(statement)
    assert after == before


@pytest.mark.parametrize(
    "statement",
    ["ALTER TABLE gate ADD COLUMN surplus integer", "DROP TABLE delivery", "CREATE TABLE another (id integer)"],
)
def test_tables_are_put_back(statement: str, tmp_path: Path) -> None:
    with MIGRATED.taken() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
    with MIGRATED.taken() as next_url:
        store = open_store(next_url, tmp_path)
        parts = [tables.main, tables.picture_store]
        assert (next_url, store.is_current(), migrating.drift(store.main, parts)) == (url, True, [])
        store.close()


def test_two_at_once_have_one_each() -> None:
    with MIGRATED.taken() as one, MIGRATED.taken() as other:
        assert one != other
