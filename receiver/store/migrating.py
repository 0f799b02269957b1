"""Runs the alembic migrations of this package, configured in code."""

from collections.abc import Iterable
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from receiver.store import tables
from receiver.store.database import Database

FOLDER = Path(__file__).parent / "migrations"


def _config(tx: Connection | None = None, parts: Iterable[MetaData] = ()) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = tx
    # A revision asks which parts of the store this database holds.
    config.attributes["parts"] = {"main" if part is tables.main else "pictures" for part in parts}
    return config


def upgrade(database: Database, parts: list[MetaData]) -> None:
    """Brings one database to the newest revision, in one transaction."""
    with database.write(lock="migrations") as tx:
        command.upgrade(_config(tx, parts), "head")


def is_current(database: Database) -> bool:
    """Whether the database is at the newest revision."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with database.read() as tx:
        return MigrationContext.configure(tx).get_current_revision() == head


def drift(database: Database, parts: list[MetaData]) -> list[object]:
    """The differences between the declared tables and what the migrations made; empty if there is none."""
    with database.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": False})
        both = MetaData(naming_convention=tables.NAMING)
        for part in parts:
            for table in part.tables.values():
                table.to_metadata(both)
        return list(compare_metadata(context, both))
