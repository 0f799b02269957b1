"""Who is being taken away, and what must stay."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from receiver.store.tables.base import main
from receiver.store.types import Id, Json, UtcTime

# Somebody who is being taken away for good; when all is done this row is the certificate.
erasure = Table(
    "erasure",
    main,
    Column("id", Id, primary_key=True),
    # the same in the list of erased things that lies beside the database
    Column("key", String(32), nullable=False, unique=True),
    Column("person_id", Id, nullable=False),
    Column("state", String(16), nullable=False),
    Column("stage", String(16), nullable=False),
    # how far the stage is
    Column("position", Id, nullable=False, server_default="0"),
    Column("reason", String(64), nullable=False),
    Column("requested_by", String(255), nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    # events that came later are new ones, which are not erased
    Column("last_event", Id, nullable=False),
    Column("total", Integer, nullable=False),
    # name and ids, by which mentions are found; null at the end
    Column("subject", Json),
    Column("counts", Json, nullable=False),
    Column("remains", Json),
    Column("ended_at", UtcTime),
    sqlite_autoincrement=True,
)

# Events that are hidden from everybody until their turn has come.
erasure_event = Table(
    "erasure_event",
    main,
    Column("event_id", Id, primary_key=True, autoincrement=False),
    Column("erasure_id", Id, nullable=False),
    # false: a device gave the person's id or name to somebody else, whose event it stays
    Column("is_own", Boolean, nullable=False),
    Index(None, "erasure_id", "event_id"),
)

# Pictures with the person's face, until they are deleted or, where others need them, blurred.
erasure_picture = Table(
    "erasure_picture",
    main,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("erasure_id", Id, primary_key=True, autoincrement=False),
    # where the face is: boxes, else embeddings of the model by which it is found
    Column("boxes", Json, nullable=False),
    Column("probes", LargeBinary, nullable=False),
    Column("model", String(80), nullable=False),
    # since when every process has been told that the digest is erased
    Column("marked_at", UtcTime),
    Index(None, "erasure_id", "marked_at"),
)

# What must be kept, whatever anybody asks: a person or an event.
legal_hold = Table(
    "legal_hold",
    main,
    Column("kind", String(8), primary_key=True),
    Column("subject", Id, primary_key=True, autoincrement=False),
    Column("created_at", UtcTime, nullable=False),
)

# How far retention has come, by kind; and the clock that it trusts.
retention_state = Table(
    "retention_state",
    main,
    Column("name", String(64), primary_key=True),
    Column("rules", Text, nullable=False, server_default=""),
    Column("position", Id, nullable=False, server_default="0"),
    Column("looked_at", UtcTime, nullable=False),
    Column("steady_since", UtcTime, nullable=False),
)
