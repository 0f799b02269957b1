"""Strangers in the making, what somebody corrected, and what a person should look at."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, Table

from receiver.store.tables.base import main
from receiver.store.types import Id, Json, UtcTime

# A face that nobody knows, seen once: the second time it becomes a stranger.
stranger_candidate = Table(
    "stranger_candidate",
    main,
    Column("id", Id, primary_key=True),
    Column("event_id", Id, nullable=False, index=True),
    Column("device_id", Id, nullable=False),
    Column("digest", LargeBinary(32), nullable=False, index=True),
    Column("box", Json, nullable=False),
    Column("quality", Json, nullable=False),
    Column("embedding", LargeBinary, nullable=False),
    Column("model", String(80), nullable=False),
    Column("occurred_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "model", "created_at"),
    sqlite_autoincrement=True,
)

# What somebody corrected in the library: promoted, merged, split, ignored; each can be undone.
correction = Table(
    "correction",
    main,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("person_id", Id, nullable=False, index=True),
    # with whom merged, or who was split off
    Column("other_id", Id, index=True),
    # what was before, as far as the items do not say it
    Column("before", Json, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("made_by", String(255), nullable=False, server_default=""),
    Column("undone_at", UtcTime),
    Column("undone_by", String(255), nullable=False, server_default=""),
    sqlite_autoincrement=True,
)

# What a correction moved from one person to the other.
correction_item = Table(
    "correction_item",
    main,
    Column("correction_id", ForeignKey("correction.id", ondelete="CASCADE"), primary_key=True),
    # face, event, review, review_other, retired
    Column("kind", String(16), primary_key=True),
    Column("subject", Id, primary_key=True, autoincrement=False),
    Index(None, "kind", "subject"),
)

# What a person should look at; the key makes the same thing one item however often it is found.
review = Table(
    "review",
    main,
    Column("id", Id, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("key", String(200), nullable=False, unique=True),
    # open, later, accepted, rejected, settled (it went away by itself)
    Column("state", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("person_id", Id, index=True),
    Column("other_id", Id, index=True),
    Column("event_id", Id, index=True),
    # of another kind than the columns before: a task, a quarantined item, a row of an import
    Column("subject", Id),
    Column("detail", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    # not before this moment, where the state is `later`
    Column("due_at", UtcTime),
    Column("settled_at", UtcTime),
    Column("settled_by", String(255), nullable=False, server_default=""),
    Index(None, "state", "id"),
    Index(None, "kind", "state", "id"),
    sqlite_autoincrement=True,
)

# The pictures by which somebody can judge it.
review_picture = Table(
    "review_picture",
    main,
    Column("review_id", ForeignKey("review.id", ondelete="CASCADE"), primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False, index=True),
    # what it shows: new, library, reported, scene ...
    Column("role", String(16), nullable=False),
    Column("person_id", Id),
    Column("box", Json),
)

# A look over the whole library, at night or by hand: how far it is, and what it found.
library_check = Table(
    "library_check",
    main,
    Column("id", Id, primary_key=True),
    # running, done, failed
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("stage", String(16), nullable=False),
    # how far the stage is: the last person, and how many of how many
    Column("position", Id, nullable=False, server_default="0"),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("total", Integer, nullable=False, server_default="0"),
    # what was found, by stage
    Column("counts", Json, nullable=False),
    Column("asked_by", String(255), nullable=False, server_default=""),
    Column("started_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Index(None, "state", "id"),
    sqlite_autoincrement=True,
)
