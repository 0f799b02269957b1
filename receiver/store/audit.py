"""The audit log's own database: rows as they come, their chain, and the seals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, event, func, insert, select, text, union

from receiver.domain.audit import START, AuditRow
from receiver.domain.errors import Invalid, SetupError
from receiver.store.audit_tables import audit, audit_link, audit_row, audit_seal
from receiver.store.database import Database, Row, Tx

FILE = "audit.db"
READERS = 4
# On PostgreSQL a row may be committed a little later than one with a higher id.
LATE_ROWS = 1000
SEAL_LOCK = "audit-seal"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What rows to list; None means any. ``before`` is the cursor."""

    actor_kind: str | None = None
    actor: str | None = None
    action: str | None = None
    kind: str | None = None
    subject: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the sealed chain: the newest seal's number, the rows that it covers, and their hash."""

    number: int
    position: int
    hash: bytes
    last_row: int


def open_audit(database_url: str, data_dir: Path) -> Database:
    """Opens the audit log and makes its tables where they are missing.

    On PostgreSQL they are in a schema beside the main tables': ``audit``, or ``NAME_audit`` where those are in the schema NAME.
    """
    if database_url == "":
        database = Database(f"sqlite:///{(data_dir / FILE).absolute()}", readers=READERS)
    else:
        database = Database(database_url, readers=READERS)
        _use_schema(database, schema_of(database_url))
    _make_tables(database)
    return database


def schema_of(database_url: str) -> str:
    """The name of the audit log's schema in a PostgreSQL database."""
    main = main_schema_of(database_url)
    return "audit" if main == "public" else f"{main}_audit"


def main_schema_of(database_url: str) -> str:
    """The schema in which the main tables are."""
    database = Database(database_url, readers=1)
    try:
        with database.read() as tx:
            return str(tx.execute(text("SELECT current_schema()")).scalar_one())
    finally:
        database.close()


def _use_schema(database: Database, schema: str) -> None:
    quoted = database.engine.dialect.identifier_preparer.quote_schema(schema)
    try:
        with database.write(lock="audit-schema") as tx:
            # `IF NOT EXISTS` asks for the right to create one even where it is there.
            where = {"name": schema}
            if tx.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), where).first() is None:
                tx.execute(text(f"CREATE SCHEMA {quoted}"))
    except Invalid as error:
        # The right to make tables in a schema is not the one to make a schema.
        raise SetupError(
            "no_audit_schema",
            f"the audit log needs the schema {schema} of its own ({error.detail}); whoever owns the database makes it: "
            f"CREATE SCHEMA {quoted} AUTHORIZATION the account of GATEHOUSE_DATABASE_URL",
        ) from error

    @event.listens_for(database.engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.execute(f"SET search_path TO {quoted}")
        connection.commit()

    # Connections from before are of the main tables' schema.
    database.engine.dispose()


def _make_tables(database: Database) -> None:
    with database.read() as tx:
        if tx.dialect.has_table(tx, audit_seal.name):
            return
    with database.write(lock="audit-schema") as tx:
        audit.create_all(tx)


def add(tx: Tx, row: AuditRow) -> None:
    """Writes one row; its own id is not looked at."""
    names = ("at", "actor_kind", "actor", "address", "action", "kind", "subject", "outcome", "detail")
    tx.execute(insert(audit_row), {name: getattr(row, name) for name in names})


def listed(tx: Tx, wanted: AuditFilter) -> list[Row]:
    """Rows newest first."""
    statement = select(audit_row).where(*_conditions(wanted)).order_by(audit_row.c.id.desc()).limit(wanted.limit)
    return list(tx.execute(statement))


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    names = ("actor_kind", "actor", "action", "kind", "subject", "outcome")
    found = [audit_row.c[name] == getattr(wanted, name) for name in names if getattr(wanted, name) is not None]
    if wanted.since is not None:
        found.append(audit_row.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(audit_row.c.at <= wanted.until)
    if wanted.before is not None:
        found.append(audit_row.c.id < wanted.before)
    return found


def head(tx: Tx) -> Head:
    """Where the chain ends; number 0 where nothing is sealed yet."""
    seal = tx.execute(select(audit_seal).order_by(audit_seal.c.number.desc()).limit(1)).one_or_none()
    last_row = int(tx.execute(select(func.max(audit_link.c.row_id))).scalar() or 0)
    if seal is None:
        return Head(0, 0, START, last_row)
    return Head(seal.number, seal.position, bytes(seal.head), last_row)


def unsealed(tx: Tx, last_row: int, limit: int) -> list[AuditRow]:
    """The oldest rows that no link speaks of, from a little before the last that one speaks of."""
    statement = (
        select(audit_row)
        .join(audit_link, audit_link.c.row_id == audit_row.c.id, isouter=True)
        .where(audit_row.c.id > last_row - LATE_ROWS, audit_link.c.row_id.is_(None))
        .order_by(audit_row.c.id)
        .limit(limit)
    )
    return [as_row(each) for each in tx.execute(statement)]


def as_row(row: Row) -> AuditRow:
    """A row of the table as one of the domain."""
    return AuditRow(*(row._mapping[name] for name in AuditRow.__dataclass_fields__))


def seal(tx: Tx, links: Sequence[dict[str, Any]], new: dict[str, Any]) -> None:
    """Writes the links of some rows and the seal over them, all or nothing."""
    tx.execute(insert(audit_link), list(links))
    tx.execute(insert(audit_seal), new)


def seals(tx: Tx) -> list[Row]:
    """Every seal, in order."""
    return list(tx.execute(select(audit_seal).order_by(audit_seal.c.number)))


def chain(tx: Tx, after: int, limit: int) -> list[Row]:
    """The next links with their rows, None in a row's columns where it is gone."""
    statement = (
        select(audit_link.c.position, audit_link.c.row_id, audit_link.c.hash, audit_row)
        .join(audit_row, audit_row.c.id == audit_link.c.row_id, isouter=True)
        .where(audit_link.c.position > after)
        .order_by(audit_link.c.position)
        .limit(limit)
    )
    return list(tx.execute(statement))


def unlinked(tx: Tx) -> tuple[int, int]:
    """How many rows no link speaks of: older ones than the sealer looks at, which it must have missed; and those that wait."""
    edge = int(tx.execute(select(func.max(audit_link.c.row_id))).scalar() or 0) - LATE_ROWS
    statement = (
        select(func.count(), func.count().filter(audit_row.c.id <= edge))
        .select_from(audit_row)
        .join(audit_link, audit_link.c.row_id == audit_row.c.id, isouter=True)
        .where(audit_link.c.row_id.is_(None))
    )
    waiting, missed = tx.execute(statement).one()
    return int(missed), int(waiting) - int(missed)


def gaps(tx: Tx, limit: int) -> list[tuple[int, int]]:
    """Ids of SQLite that neither a row nor a link has, first and last of each gap: rows that were taken away before their seal.

    SQLite numbers without gaps and remembers the last number; PostgreSQL leaves gaps where a transaction failed.
    """
    if tx.dialect.name != "sqlite":
        return []
    known = union(select(audit_row.c.id), select(audit_link.c.row_id)).subquery()
    before = func.lag(known.c.id, 1, 0).over(order_by=known.c.id).label("before")
    steps = select(known.c.id, before).subquery()
    inner = select(steps.c.before + 1, steps.c.id - 1).where(steps.c.id > steps.c.before + 1).order_by(steps.c.id)
    found = [(int(first), int(last)) for first, last in tx.execute(inner.limit(limit))]
    newest = int(tx.execute(select(func.max(known.c.id))).scalar() or 0)
    given = int(
        tx.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": audit_row.name}).scalar() or 0
    )
    return [*found, (newest + 1, given)] if given > newest else found


def rows_after(tx: Tx, last: int, limit: int) -> list[Row]:
    """The next rows in the order of their ids, each with its place in the chain, None where it is not sealed yet."""
    statement = (
        select(audit_row, audit_link.c.position, audit_link.c.hash)
        .join(audit_link, audit_link.c.row_id == audit_row.c.id, isouter=True)
        .where(audit_row.c.id > last)
        .order_by(audit_row.c.id)
        .limit(limit)
    )
    return list(tx.execute(statement))
