"""Consistent copies of the databases while others write to them: SQLite by VACUUM INTO, PostgreSQL by pg_dump."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import MetaData, Table, func, make_url, select, text

from receiver.domain.errors import Busy, SetupError, Unavailable
from receiver.store import tables
from receiver.store.audit import main_schema_of, schema_of
from receiver.store.audit_tables import audit
from receiver.store.database import Database, Tx

OURS: tuple[MetaData, ...] = (tables.main, tables.picture_store, audit)
VERSIONS = "alembic_version"
LOCK_SECONDS = 10
MOST_TOLD = 500


def vacuum_into(source: Path, target: Path) -> None:
    """Writes a copy of one moment of a SQLite file without its holes; writers go on meanwhile.

    SQLite's stepped backup begins anew whenever somebody writes: at a busy gate it never ends.

    Raises:
        Unavailable: ``backup_failed``.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise Unavailable("backup_failed", f"{source.name} cannot be copied: {error}") from error


def counts_of(path: Path) -> dict[str, int]:
    """Rows of every table of a SQLite file that nobody writes to."""
    names = [str(table.name) for part in OURS for table in part.sorted_tables]
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as connection:
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = {}
        for name in (each for each in names if each in there):
            # A name of our own, and of nothing else.
            found[name] = int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608
        return found


def let_go(path: Path) -> None:
    """Makes sure that no process has the SQLite file open, and takes its log over into it.

    Raises:
        Busy: ``server_running``.
    """
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=1)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        raise Busy("server_running", f"{path.name} is in use: stop the server first") from error
    except sqlite3.DatabaseError:
        # What is damaged may be overwritten: that is what a backup is for.
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)


class Postgres:
    """One PostgreSQL database, by the tools that come with it; a password goes to them by the environment, never on the command line."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self.schemas = (main_schema_of(database_url), schema_of(database_url))

    @contextmanager
    def snapshot(self) -> Iterator[tuple[str, dict[str, int], int]]:
        """One moment of the database: its name for pg_dump, the rows of every table, and how many bytes they take."""
        database = Database(self._url, readers=1)
        try:
            with database.read() as tx:
                name = str(tx.execute(text("SELECT pg_export_snapshot()")).scalar_one())
                yield name, self._counts(tx), self._bytes(tx)
        finally:
            database.close()

    def dump(self, path: Path, snapshot: str) -> None:
        """pg_dump of our tables as of a snapshot.

        Raises:
            SetupError: ``no_pg_dump``.
            Unavailable: ``backup_failed``.
        """
        chosen = [f'--table="{schema}".*' for schema in self.schemas]
        self._run("pg_dump", "--format=custom", "--file", str(path), "--snapshot", snapshot, *chosen)

    def is_empty(self) -> bool:
        """Whether there is nothing of ours yet."""
        database = Database(self._url, readers=1)
        try:
            with database.read() as tx:
                return not tx.dialect.has_table(tx, VERSIONS)
        finally:
            database.close()

    def restore(self, path: Path) -> None:
        """Puts a dump in place of what is there; the audit log stays where it has begun already.

        Raises:
            SetupError: ``no_pg_dump``.
            Busy: ``server_running``.
            Unavailable: ``backup_failed``.
        """
        # A file that cannot be read is found before anything is dropped.
        self._run("pg_restore", "--list", str(path), is_connected=False)
        has_log = self._make_room()
        for schema in self.schemas[: 1 if has_log else 2]:
            self._run(
                "pg_restore",
                "--exit-on-error",
                "--single-transaction",
                f"--schema={schema}",
                str(path),
                is_restoring=True,
            )

    def _make_room(self) -> bool:
        """Drops the main tables, and the audit log's where they are empty; whether the log stays."""
        main, log = self.schemas
        database = Database(self._url, readers=1)
        try:
            with database.write() as tx:
                tx.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
                self._drop(tx, main, (tables.main, tables.picture_store))
                tx.execute(text(f'DROP TABLE IF EXISTS "{main}"."{VERSIONS}"'))
                if tx.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": log}).first() is None:
                    tx.execute(text(f'CREATE SCHEMA "{log}"'))
                has_log = self._has_rows(tx, log)
                if not has_log:
                    self._drop(tx, log, (audit,))
        except Unavailable as error:
            raise Busy("server_running", "the tables are in use: stop the server first") from error
        finally:
            database.close()
        return has_log

    def _has_rows(self, tx: Tx, schema: str) -> bool:
        if not tx.dialect.has_table(tx, "audit_row", schema=schema):
            return False
        return tx.execute(text(f'SELECT 1 FROM "{schema}".audit_row LIMIT 1')).first() is not None  # noqa: S608 - our own name

    def _drop(self, tx: Tx, schema: str, parts: Sequence[MetaData]) -> None:
        for table in (each for part in parts for each in reversed(part.sorted_tables)):
            tx.execute(text(f'DROP TABLE IF EXISTS "{schema}"."{table.name}" CASCADE'))

    def _placed(self) -> Iterator[Table]:
        """Our tables in the schemas in which they are."""
        for part, schema in zip(OURS, (self.schemas[0], *self.schemas), strict=True):
            for table in part.sorted_tables:
                yield table.to_metadata(MetaData(), schema=schema, referred_schema_fn=lambda *_: None)

    def _counts(self, tx: Tx) -> dict[str, int]:
        there = [each for each in self._placed() if tx.dialect.has_table(tx, each.name, schema=each.schema)]
        return {str(each.name): int(tx.execute(select(func.count()).select_from(each)).scalar_one()) for each in there}

    def _bytes(self, tx: Tx) -> int:
        statement = text(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = ANY(:schemas) AND c.relkind = 'r'"
        )
        return int(tx.execute(statement, {"schemas": list(self.schemas)}).scalar_one())

    def _run(self, tool: str, *arguments: str, is_connected: bool = True, is_restoring: bool = False) -> None:
        found = shutil.which(tool)
        if found is None:
            raise SetupError("no_pg_dump", f"{tool} is not installed: it comes with PostgreSQL's client package")
        address, environment = _apart(self._url)
        where = ("--no-owner", "--no-privileges", "--no-password", "--dbname", address) if is_connected else ()
        # The tool itself by its path, our own words and file names; no shell.
        ran = subprocess.run(  # noqa: S603
            [found, *where, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        if ran.returncode:
            told = " ".join(ran.stderr.split())[:MOST_TOLD] or f"{tool} ended with {ran.returncode}"
            what = "Nothing of it is in the database. " if is_restoring else ""
            raise Unavailable("backup_failed", f"{what}{told}")


def _apart(database_url: str) -> tuple[str, Mapping[str, str]]:
    """The address without its password, and the environment that has it."""
    url = make_url(database_url).set(drivername="postgresql")
    password = url.password or url.query.get("password")
    bare = url.set(password=None).difference_update_query(["password"])
    # Without a password it would be rendered as user:***@.
    bare = url.create("postgresql", bare.username, None, bare.host, bare.port, bare.database, bare.query)
    environment = dict(os.environ) | ({"PGPASSWORD": str(password)} if password else {})
    return bare.render_as_string(hide_password=False), environment


def sizes(paths: Iterable[Path]) -> list[int]:
    """Bytes of each file, with what waits in its write-ahead log."""
    return [
        sum(each.stat().st_size for each in (path, path.with_name(path.name + "-wal")) if each.exists())
        for path in paths
    ]
