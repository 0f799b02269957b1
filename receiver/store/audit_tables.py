"""The tables of the audit log; they have a database file, or a PostgreSQL schema, of their own."""

from sqlalchemy import DDL, Column, Index, LargeBinary, MetaData, String, Table, Text, event

from receiver.store.tables import NAMING
from receiver.store.types import Id, UtcTime

audit = MetaData(naming_convention=NAMING)

audit_row = Table(
    "audit_row",
    audit,
    Column("id", Id, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("address", String(80), nullable=False),
    Column("action", String(80), nullable=False),
    Column("kind", String(80), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "action", "id"),
    Index(None, "kind", "subject", "id"),
    Index(None, "actor_kind", "actor", "id"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

# The row's place in the chain and the hash up to it; a row of its own, so that audit_row is only ever written to.
audit_link = Table(
    "audit_link",
    audit,
    Column("position", Id, primary_key=True, autoincrement=False),
    Column("row_id", Id, nullable=False, unique=True),
    Column("hash", LargeBinary(32), nullable=False),
)

audit_seal = Table(
    "audit_seal",
    audit,
    Column("number", Id, primary_key=True, autoincrement=False),
    # of the last row that it covers
    Column("position", Id, nullable=False, unique=True),
    Column("head", LargeBinary(32), nullable=False),
    Column("sealed_at", UtcTime, nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    Column("public_key", LargeBinary(32), nullable=False),
)

# What keeps a mistake from changing the log; whoever owns the database can take it away, and is found by the chain.
_TRIGGER = "CREATE TRIGGER IF NOT EXISTS %(table)s_no_{verb} BEFORE {verb} ON %(table)s BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
_RULE = "CREATE OR REPLACE RULE %(table)s_no_{verb} AS ON {verb} TO %(table)s DO INSTEAD NOTHING"
for _table in audit.tables.values():
    for _verb in ("UPDATE", "DELETE"):
        for _text, _dialect in ((_TRIGGER, "sqlite"), (_RULE, "postgresql")):
            _ddl = DDL(_text.format(verb=_verb))  # type: ignore[no-untyped-call]
            event.listen(_table, "after_create", _ddl.execute_if(dialect=_dialect))
