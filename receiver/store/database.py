"""Connections and the two kinds of transaction: write, which on SQLite waits its turn fairly, and read, which cannot write."""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy import Row as SqlRow
from sqlalchemy.exc import InterfaceError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from receiver.domain.errors import Invalid, Unavailable

# What services hold while a transaction is open; they pass it on to the store's functions and nothing else.
Tx = Connection
# What the store's functions give back: the columns of its tables by name.
Row = SqlRow[Any]

BUSY_MILLISECONDS = 30_000
LOG_PAUSE = 0.02
SECURE_DELETE = "secure_delete=ON"
# SQLite's own: what is written of a row of the main tables is mostly one page of each of their indexes.
PAGE_BYTES = 4096
# How large a write-ahead log may grow before it is taken over into the database: four times what SQLite would have, since pages
# of indexes are written over and over, and go over once.
JOURNAL_BYTES = 16 * 1024 * 1024
# Copies what it can without waiting for anybody.
PASSIVE_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"
# Whoever waits for a PostgreSQL whose machine has gone without a word is told within half a minute. Left alone, TCP hopes on for a
# quarter of an hour, and the one thread that takes events in with it. In seconds; the last one in milliseconds.
LINK_LIMITS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# Two transactions of PostgreSQL were in each other's way and one was ended: the same transaction again succeeds.
CONFLICT = "storage_conflict"
CONFLICTS = {"40001", "40P01"}


class Ticket:
    """A fair turn for SQLite writers of all processes: SQLite's own waiting starves whoever does not write back to back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: int | None = None
        self._pid = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            descriptor = self._descriptor()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _descriptor(self) -> int:
        # A descriptor inherited over fork would share its parent's lock instead of waiting for it.
        if self._file is None or self._pid != os.getpid():
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._pid = os.getpid()
        return self._file

    def close(self) -> None:
        if self._file is not None and self._pid == os.getpid():
            os.close(self._file)
        self._file = None


class Database:
    """One database: a SQLite file with its ticket, or a PostgreSQL database."""

    def __init__(self, url: str, *, readers: int = 16, page_bytes: int = PAGE_BYTES) -> None:
        self.is_sqlite = url.startswith("sqlite")
        self.path: Path | None = None
        # Told of each commit to a SQLite file, when others may write again.
        self.on_commit: Callable[[], None] = lambda: None
        self._kept: Connection | None = None
        if self.is_sqlite:
            self.path = path = Path(url.removeprefix("sqlite:///"))
            self._ticket: Ticket | None = Ticket(path.with_name(path.name + ".ticket"))
            self._page_bytes = page_bytes
            self._writer = _sqlite_engine(path, "BEGIN IMMEDIATE", page_bytes, pool_size=1)
            self._copier = _sqlite_engine(path, "BEGIN IMMEDIATE", page_bytes, pool_size=1)
            self._reader = _sqlite_engine(path, "BEGIN", page_bytes, pool_size=readers, is_read_only=True)
        else:
            self._ticket = None
            # Read committed, whatever the server's default: what others have committed is seen by the next statement.
            self._writer = create_engine(
                _psycopg(url),
                pool_size=readers,
                pool_pre_ping=True,
                isolation_level="READ COMMITTED",
                connect_args=link_limits(url),
            )
            self._reader = self._writer.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")

    @property
    def engine(self) -> Engine:
        """For migrations only."""
        return self._writer

    @contextmanager
    def write(self, lock: str | None = None) -> Iterator[Tx]:
        """A transaction that commits at the end of the block, or rolls back if the block raises.

        Args:
            lock: a name; blocks with the same name exclude each other in every process until they have committed.
        """
        if self._ticket is None:
            with _own_errors(), self._writer.begin() as tx:
                if lock is not None:
                    tx.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"gatehouse.{lock}"})
                yield tx
        else:
            # Every SQLite write transaction excludes all others already.
            with _own_errors(), self._ticket.held(), self._kept_writer().begin():
                yield self._kept_writer()
            self.on_commit()

    def _kept_writer(self) -> Connection:
        """The one connection that writes, kept between transactions; only the ticket's holder uses it."""
        if self._kept is None or self._kept.invalidated:
            self._kept = self._writer.connect()
        return self._kept

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A transaction that sees one state of the database and cannot change it."""
        with _own_errors(), self._reader.connect() as tx, tx.begin():
            yield tx

    def deletes_securely(self) -> bool:
        """Whether SQLite overwrites what it deletes; PostgreSQL never does, VACUUM frees it for other rows."""
        if not self.is_sqlite:
            return False
        with self.read() as tx:
            return bool(tx.execute(text("PRAGMA secure_delete")).scalar())

    def take_log_over(self) -> int:
        """SQLite: copies the write-ahead log into the database beside those who write; the log's length in bytes.

        Most of it goes over while others write on. Then they wait for the little that came meanwhile: only a log that is
        copied whole begins anew with the next commit, and would else grow as long as somebody writes.
        """
        if self._ticket is None:
            return 0
        with _own_errors(), self._copier.connect() as connection:
            # The driver's own cursor: SQLAlchemy would begin a transaction first.
            cursor = connection.connection.cursor()
            pages = cursor.execute(PASSIVE_CHECKPOINT).fetchone()[1]
            with self._ticket.held():
                cursor.execute(PASSIVE_CHECKPOINT)
        return int(pages) * self._page_bytes

    def empty_log(self) -> bool:
        """SQLite: moves the write-ahead file's content into the database and cuts it to nothing; False if a reader is in
        the way just now. There is nothing to do on PostgreSQL, whose log is the server's own.
        """
        if not self.is_sqlite:
            return True
        return bool(self._alone("PRAGMA wal_checkpoint(TRUNCATE)")[0] == 0)

    def compact(self, tables: Sequence[str] = ()) -> None:
        """VACUUM: on SQLite the whole file is written anew, and nothing else is written meanwhile; on PostgreSQL the
        space of dead rows is freed, of those tables only if some are named.
        """
        names = "" if self.is_sqlite else ", ".join(f'"{each}"' for each in tables)
        self._alone(f"VACUUM {names}".strip())

    def _alone(self, statement: str) -> Sequence[Any]:
        """Runs a statement that no transaction may hold; its first row, if it gives any."""
        if self._ticket is None:
            with _own_errors(), self._writer.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(statement)
            return ()
        with _own_errors(), self._ticket.held():
            # The driver's own cursor: SQLAlchemy would begin a transaction first.
            found: Sequence[Any] | None = self._kept_writer().connection.cursor().execute(statement).fetchone()
            return found or ()

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None
        self._writer.dispose()
        self._reader.dispose()
        if self._ticket is not None:
            self._copier.dispose()
            self._ticket.close()


def driver_cursor(tx: Tx) -> Any:
    """The driver's own cursor within a transaction, for the few statements on the intake's hot path."""
    return tx.connection.cursor()


@contextmanager
def _own_errors() -> Iterator[None]:
    """What the layers above tell apart: the database does not work just now, or it will never take this row."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError, sqlite3.OperationalError) as error:
        reason = CONFLICT if _sqlstate(error) in CONFLICTS else "storage_unavailable"
        raise Unavailable(reason, f"the database does not answer or cannot write: {_first_line(error)}") from error
    except (StatementError, sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
        # The last two come from the drivers as they are: lone surrogates, integers beyond 64 bits.
        raise Invalid("cannot_store", f"the database refused a row: {_first_line(error)}") from error


def _sqlstate(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _first_line(error: Exception) -> str:
    return (str(getattr(error, "orig", None) or error).splitlines() or ["no detail"])[0][:300]


def link_limits(url: str) -> dict[str, int]:
    """How long a connection to that PostgreSQL may be silent, in libpq's words; what the address says itself holds."""
    own = make_url(url).query
    return {name: value for name, value in LINK_LIMITS.items() if name not in own}


def _psycopg(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in {"postgresql", "postgres"} else url


def _sqlite_engine(path: Path, begin: str, page_bytes: int, *, pool_size: int, is_read_only: bool = False) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),  # written as an address, a folder's name with ? in it would be cut
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"check_same_thread": False, "timeout": BUSY_MILLISECONDS / 1000},
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # sqlite3's own implicit BEGIN is deferred, and a deferred read-then-write fails at once when somebody else writes.
        connection.isolation_level = None
        for pragma in (
            f"page_size={page_bytes}",  # of a file that is only now being made; before it gets its journal
            f"wal_autocheckpoint={JOURNAL_BYTES // page_bytes}",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            # What is deleted is overwritten: a freed page or cell would keep names and faces until it is used again.
            SECURE_DELETE,
        ):
            connection.execute(f"PRAGMA {pragma}")
        _use_log(connection)
        if is_read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        driver_cursor(connection).execute(begin)

    return engine


def _use_log(connection: Any) -> None:
    """A new file gets its write-ahead log. Where several open it at once, SQLite refuses all but one without waiting."""
    until = time.monotonic() + BUSY_MILLISECONDS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(LOG_PAUSE)
        else:
            return
