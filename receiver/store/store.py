"""The open store: the main database and the one of pictures, with migrations applied by hand or at the start."""

from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import text

from receiver.domain.errors import SetupError
from receiver.store import migrating, tables
from receiver.store.database import Database, Tx

MAIN_FILE = "gatehouse.sqlite"
PICTURES_FILE = "pictures.sqlite"
# Every page is two system calls when it is written and one more when the log is taken over: with the usual 4 KiB a picture
# of 100 KB costs a quarter more processor time. Larger still, and the pages of the index outweigh the small pictures.
PICTURE_PAGE_BYTES = 16_384


class Store:
    """What services are given: two databases and the two kinds of transaction."""

    def __init__(self, main: Database, pictures: Database) -> None:
        self.main = main
        self.pictures = pictures

    @property
    def is_sqlite(self) -> bool:
        return self.main.is_sqlite

    def write(self, lock: str | None = None) -> AbstractContextManager[Tx]:
        """See Database.write."""
        return self.main.write(lock)

    def read(self) -> AbstractContextManager[Tx]:
        """See Database.read."""
        return self.main.read()

    def upgrade(self) -> None:
        """Brings all tables to the newest revision; safe to call by several processes at once."""
        if self.main is self.pictures:
            migrating.upgrade(self.main, [tables.main, tables.picture_store])
        else:
            migrating.upgrade(self.main, [tables.main])
            migrating.upgrade(self.pictures, [tables.picture_store])

    def is_current(self) -> bool:
        """Whether the tables are of this version of the program."""
        return all(migrating.is_current(database) for database in {self.main, self.pictures})

    def ping(self) -> None:
        """Raises if the databases do not answer."""
        for database in {self.main, self.pictures}:
            with database.read() as tx:
                tx.execute(text("SELECT 1"))

    def close(self) -> None:
        for database in {self.main, self.pictures}:
            database.close()


def open_store(database_url: str, data_dir: Path) -> Store:
    """Opens the store: SQLite files in ``data_dir`` if ``database_url`` is empty, else that PostgreSQL database.

    Raises:
        SetupError: the address is of another kind of database.
    """
    if database_url == "":
        data_dir.mkdir(parents=True, exist_ok=True)
        return Store(
            Database(f"sqlite:///{(data_dir / MAIN_FILE).absolute()}"),
            Database(f"sqlite:///{(data_dir / PICTURES_FILE).absolute()}", page_bytes=PICTURE_PAGE_BYTES),
        )
    if not database_url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        raise SetupError(
            "bad_database_url", "GATEHOUSE_DATABASE_URL must be empty (SQLite) or begin with postgresql://"
        )
    database = Database(database_url)
    return Store(database, database)
