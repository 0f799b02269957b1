"""Many people at once from a file."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from receiver.store.tables.base import main
from receiver.store.types import Id, Json, UtcTime

# Many people at once from a file; the job itself is a task of the outbox.
import_job = Table(
    "import_job",
    main,
    Column("id", Id, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("detail", Text),
    Column("name", String(255), nullable=False),
    Column("path", Text, nullable=False),
    # the file is our own copy, and goes when the job has ended
    Column("is_upload", Boolean, nullable=False),
    Column("list", String(16), nullable=False),
    Column("is_dry_run", Boolean, nullable=False),
    # rows of the file; unknown until it has been read
    Column("total", Integer),
    Column("counts", Json),
    # who works on it: another process may have taken over
    Column("owner", String(32), nullable=False, server_default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    sqlite_autoincrement=True,
)

import_row = Table(
    "import_row",
    main,
    Column("import_id", ForeignKey("import_job.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("place", String(1000), nullable=False),
    Column("external_id", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("list", String(16), nullable=False),
    Column("note", Text, nullable=False),
    # paths within the file, and what else its table says
    Column("paths", Json, nullable=False),
    Column("more", Json, nullable=False),
    # what came of it
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("detail", Text),
    Column("person_id", Id),
    Column("pictures", Json),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Index(None, "import_id", "state", "number"),
    Index(None, "import_id", "external_id"),
)
