"""Runs the alembic migrations of this package, configured in code.

Alembic is imported by whoever migrates: each process looks at the start whether it must, mostly it need not, and alembic
takes ten megabytes.
"""
# ruff: noqa: PLC0415

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, MetaData, inspect, text

from receiver.store import tables
from receiver.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent / "migrations"


def _config(tx: Connection | None = None, parts: Iterable[MetaData] = ()) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = tx
    # A revision asks which parts of the store this database holds.
    config.attributes["parts"] = {"main" if part is tables.main else "pictures" for part in parts}
    return config


def upgrade(database: Database, parts: list[MetaData]) -> None:
    """Brings one database to the newest revision, in one transaction; one that is there already is left alone."""
    if is_current(database):
        return
    from alembic import command

    with database.write(lock="migrations") as tx:
        command.upgrade(_config(tx, parts), "head")


def newest() -> str:
    """The newest revision: they are numbered, and their files' names begin with their numbers."""
    return max(path.stem[1:5] for path in (FOLDER / "versions").glob("r[0-9]*.py"))


def is_current(database: Database) -> bool:
    """Whether the database is at the newest revision."""
    with database.read() as tx:
        if not inspect(tx).has_table("alembic_version"):
            return False
        return tx.execute(text("SELECT version_num FROM alembic_version")).scalar() == newest()


def drift(database: Database, parts: list[MetaData]) -> list[object]:
    """The differences between the declared tables and what the migrations made; empty if there is none."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with database.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": False})
        both = MetaData(naming_convention=tables.NAMING)
        for part in parts:
            for table in part.tables.values():
                table.to_metadata(both)
        return list(compare_metadata(context, both))
