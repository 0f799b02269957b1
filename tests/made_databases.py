"""PostgreSQL databases that test after test of a process is given, put back in between to what they were.

Making and dropping a database for each test would have the server write all its files out each time. Should a test have changed
more than rows, the tables are made anew.
"""

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from receiver.store.database import LINK_LIMITS

POSTGRES = "GATEHOUSE_TEST_POSTGRES_URL"
# Objects that are not the server's own have higher numbers.
FIRST_OWN = 16384
# Everything of the tables but their rows: whoever leaves another one has changed more than rows. What truncating changes is not in it.
SHAPE: LiteralString = """
SELECT md5(coalesce(string_agg(part, ',' ORDER BY part), '')) FROM (
  SELECT concat_ws(' ', oid, relname, relnamespace, relkind, relowner, reloptions) AS part FROM pg_class WHERE oid >= {first}
  UNION ALL SELECT pg_namespace::text FROM pg_namespace WHERE oid >= {first} OR nspname = 'public'
  UNION ALL SELECT pg_attribute::text FROM pg_attribute WHERE attrelid >= {first}
  UNION ALL SELECT pg_attrdef::text FROM pg_attrdef
  UNION ALL SELECT pg_constraint::text FROM pg_constraint WHERE oid >= {first}
  UNION ALL SELECT pg_index::text FROM pg_index WHERE indexrelid >= {first}
  UNION ALL SELECT pg_trigger::text FROM pg_trigger
  UNION ALL SELECT pg_rewrite::text FROM pg_rewrite WHERE oid >= {first}
  UNION ALL SELECT pg_proc::text FROM pg_proc WHERE oid >= {first}
  UNION ALL SELECT setconfig::text FROM pg_db_role_setting
) AS parts
"""
OTHERS: LiteralString = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
OWN_SCHEMAS: LiteralString = """
SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
"""
Name = tuple[str, str]


def limits_of(connection: psycopg.Connection) -> dict[str, str]:
    """How long the connection may be silent."""
    told = connection.info.get_parameters()
    return {name: told[name] for name in LINK_LIMITS if name in told}


class KeptDatabase:
    """One database, made empty."""

    def __init__(self) -> None:
        # Named after the database of the run: whoever ends a run by force finds what is left by its name.
        self.name = f"{urlsplit(os.environ[POSTGRES]).path.strip('/')}_{uuid.uuid4().hex[:12]}"
        self.url = urlsplit(os.environ[POSTGRES])._replace(path=f"/{self.name}").geturl()
        self._tell(SQL("CREATE DATABASE {}"))
        self._own = psycopg.connect(self.url, autocommit=True)

    def put_back(self) -> None:
        """Makes it what it was."""
        self._end_others()
        self._tell(SQL("ALTER DATABASE {} RESET ALL"))
        for (name,) in self._found(SQL(OWN_SCHEMAS)):
            self._own.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(name)))
        self._own.execute("CREATE SCHEMA public")

    def drop(self) -> None:
        self._own.close()
        self._tell(SQL("DROP DATABASE {} WITH (FORCE)"))

    def _tell(self, statement: SQL) -> None:
        with psycopg.connect(os.environ[POSTGRES], autocommit=True) as connection:
            connection.execute(statement.format(Identifier(self.name)))

    def _end_others(self) -> None:
        """Processes that a test has killed, and connections that it has forgotten."""
        self._own.execute(OTHERS)

    def _found(self, statement: Any) -> Sequence[tuple[Any, ...]]:
        return self._own.execute(statement).fetchall()


class MigratedDatabase(KeptDatabase):
    """A database as the migrations leave it."""

    def __init__(self, migrate: Callable[[str], None]) -> None:
        super().__init__()
        self._migrate = migrate
        self._begin()

    def _begin(self) -> None:
        self._migrate(self.url)
        self._shape = self._found(self._of_shape)
        tables = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'audit')"
        self._tables: list[Name] = [(schema, name) for schema, name in self._found(tables)]
        # A few rows are the migrations' own.
        self._kept = {table: self._rows(table) for table in self._with_rows()}
        self._numbers = self._numbered()

    def put_back(self) -> None:
        self._end_others()
        if self._found(self._of_shape) == self._shape:
            self._empty()
        else:
            super().put_back()
            self._begin()

    def _empty(self) -> None:
        used = [table for table in self._with_rows() if table not in self._kept]
        if used:
            self._own.execute(SQL("TRUNCATE {} CASCADE").format(SQL(", ").join(Identifier(*each) for each in used)))
        for table, rows in self._kept.items():
            if self._rows(table) != rows:
                self._write(table, rows)
        for sequence, number in self._numbered().items():
            if number != self._numbers[sequence]:
                self._restart(sequence, self._numbers[sequence])

    @property
    def _of_shape(self) -> Any:
        return SQL(SHAPE).format(first=Literal(FIRST_OWN))

    def _with_rows(self) -> list[Name]:
        asked = SQL(" UNION ALL ").join(
            SQL("SELECT {}, {} WHERE EXISTS (SELECT 1 FROM {})").format(
                Literal(schema), Literal(name), Identifier(schema, name)
            )
            for schema, name in self._tables
        )
        return [(schema, name) for schema, name in self._found(asked)]

    def _rows(self, table: Name) -> bytes:
        with self._own.cursor().copy(SQL("COPY {} TO STDOUT").format(Identifier(*table))) as copy:
            return b"".join(bytes(part) for part in copy)

    def _write(self, table: Name, rows: bytes) -> None:
        self._own.execute(SQL("TRUNCATE {} CASCADE").format(Identifier(*table)))
        with self._own.cursor().copy(SQL("COPY {} FROM STDIN").format(Identifier(*table))) as copy:
            copy.write(rows)

    def _restart(self, sequence: Name, last: int | None) -> None:
        self._own.execute(SQL("ALTER SEQUENCE {} RESTART").format(Identifier(*sequence)))
        if last is not None:
            self._own.execute(SQL("SELECT setval({}::regclass, {})").format(Literal(".".join(sequence)), Literal(last)))

    def _numbered(self) -> dict[Name, int | None]:
        """How far each sequence has come."""
        found = self._found("SELECT schemaname, sequencename, last_value FROM pg_sequences")
        return {(schema, name): last for schema, name, last in found}


class Shelf:
    """The databases of one kind of this process; whoever needs one takes it, and it is put back afterwards."""

    def __init__(self, make: Callable[[], KeptDatabase]) -> None:
        self._make = make
        self._free: list[KeptDatabase] = []

    @contextlib.contextmanager
    def taken(self) -> Iterator[str]:
        """The address of one that nobody else has."""
        database = self._free.pop() if self._free else self._make()
        try:
            yield database.url
            database.put_back()
        except BaseException:
            database.drop()
            raise
        self._free.append(database)

    def clear(self) -> None:
        """All of them go."""
        while self._free:
            self._free.pop().drop()
