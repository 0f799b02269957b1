"""What devices told us, as it came and as we read it."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    false,
    text,
)

from receiver.store.tables.base import main
from receiver.store.types import Id, Json, UtcTime

event = Table(
    "event",
    main,
    Column("id", Id, primary_key=True),
    Column("received_at", UtcTime, nullable=False),
    Column("occurred_at", UtcTime, nullable=False),
    Column("has_device_time", Boolean, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("generation", String(1), nullable=False),
    Column("api_version", String(16), nullable=False),
    Column("device_id", Id, nullable=False),
    Column("gate_id", Id),
    # what the device said
    Column("identity_id", String(255), nullable=False),
    Column("identity_name", String(255), nullable=False),
    Column("identity_group", String(255), nullable=False),
    Column("reported_list", String(16), nullable=False),
    # 0: it could not be read
    Column("person_type", SmallInteger, nullable=False),
    Column("want_action", String(8), nullable=False),
    Column("score", Float),
    Column("score_raw", Float),
    Column("entered_at", UtcTime),
    Column("left_at", UtcTime),
    Column("fiqa_result", Boolean),
    Column("reported", Json, nullable=False),
    Column("attributes", Json, nullable=False),
    # what we say
    Column("list", String(16), nullable=False),
    Column("recognition", String(16), nullable=False),
    Column("recognition_reason", String(64)),
    Column("decision", String(16)),
    Column("person_id", Id),
    Column("decision_detail", Json),
    Column("blacklist_said_by", String(16), nullable=False, server_default=""),
    Column("registration", String(32)),
    Column("registration_reason", String(64)),
    Column("review", String(32)),
    # whether our own embedding agrees with what the device said, and what that rests upon
    Column("second_opinion", String(16)),
    Column("second_opinion_detail", Json),
    # null: from a device that is trusted. `waiting`: from one that may be; `left`: it was not in time. How large it is.
    Column("unverified", String(16)),
    Column("unverified_bytes", Id),
    Index(None, "list", "id"),
    Index(None, "device_id", "id"),
    Index(None, "occurred_at"),
    Index(None, "identity_id", "id"),
    Index(
        "ix_event_decision",
        "decision",
        "id",
        sqlite_where=text("decision IS NOT NULL"),
        postgresql_where=text("decision IS NOT NULL"),
    ),
    Index(
        "ix_event_person",
        "person_id",
        "id",
        sqlite_where=text("person_id IS NOT NULL"),
        postgresql_where=text("person_id IS NOT NULL"),
    ),
    # visits and timelines, which read nothing but this
    Index(
        "ix_event_person_time",
        "person_id",
        "occurred_at",
        "gate_id",
        "device_id",
        sqlite_where=text("person_id IS NOT NULL"),
        postgresql_where=text("person_id IS NOT NULL"),
    ),
    Index(
        "ix_event_action",
        "want_action",
        "id",
        sqlite_where=text("want_action <> '0'"),
        postgresql_where=text("want_action <> '0'"),
    ),
    # what a person should look at: of one identity, and all of them
    Index(
        "ix_event_disagreeing",
        "identity_id",
        "occurred_at",
        sqlite_where=text("second_opinion = 'disagrees'"),
        postgresql_where=text("second_opinion = 'disagrees'"),
    ),
    Index(
        "ix_event_disagrees",
        "id",
        sqlite_where=text("second_opinion = 'disagrees'"),
        postgresql_where=text("second_opinion = 'disagrees'"),
    ),
    Index(
        "ix_event_blacklist",
        "id",
        sqlite_where=text("blacklist_said_by <> ''"),
        postgresql_where=text("blacklist_said_by <> ''"),
    ),
    # also answers how many there are of each device, and how large they are
    Index(
        "ix_event_unverified",
        "unverified",
        "device_id",
        "id",
        "unverified_bytes",
        sqlite_where=text("unverified IS NOT NULL"),
        postgresql_where=text("unverified IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

# Outlives erasure and retention, so that a box's resend does not bring the erased back.
event_key = Table(
    "event_key",
    main,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("event_id", Id),
    Column("first_seen", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)

message = Table(
    "message",
    main,
    Column("id", Id, primary_key=True),
    Column("event_id", Id, nullable=False, index=True),
    Column("channel", String(16), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("peer", String(64), nullable=False),
    Column("path", String(200), nullable=False),
    # bytes, its pictures included
    Column("size", Id, nullable=False, server_default="0"),
    # the item as it came, with the pictures' text taken out where event_picture can give it back
    Column("raw", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

event_picture = Table(
    "event_picture",
    main,
    Column("message_id", Id, primary_key=True, autoincrement=False),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("event_id", Id, nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    # path and prefix of a text that was taken out of the message; null where the text stayed in it
    Column("slot", Json),
    Column("digest", LargeBinary(32)),
    Column("media_type", String(40), nullable=False, server_default=""),
    Column("width", Integer, nullable=False, server_default="0"),
    Column("height", Integer, nullable=False, server_default="0"),
    Column("refused", String(64)),
    Index("ix_event_picture_digest", "digest"),
    sqlite_with_rowid=False,
)

sighting = Table(
    "sighting",
    main,
    Column("id", Id, primary_key=True),
    Column("event_id", Id, nullable=False, index=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("box", Json, nullable=False),
    Column("landmarks", Json, nullable=False),
    Column("score", Float, nullable=False),
    Column("quality", Json, nullable=False),
    Column("embedding", LargeBinary, nullable=False),
    Column("model", String(80), nullable=False),
    # whether the event was decided on this face
    Column("is_live", Boolean, nullable=False, server_default=false()),
    # the event's own, for searches through past events
    Column("gate_id", Id),
    Column("occurred_at", UtcTime, nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
)

quarantine = Table(
    "quarantine",
    main,
    Column("id", Id, primary_key=True),
    Column("received_at", UtcTime, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("peer", String(64), nullable=False),
    Column("path", String(200), nullable=False),
    Column("content_type", String(200), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    # raw is a whole body as received, or one item as JSON
    Column("form", String(8), nullable=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("state", String(16), nullable=False),
    Column("event_id", Id),
    # the device that showed its key with it
    Column("device_id", Id),
    # the sender's address, where nobody there is trusted
    Column("unverified_peer", String(64)),
    Index(
        "ix_quarantine_unverified",
        "unverified_peer",
        sqlite_where=text("unverified_peer IS NOT NULL"),
        postgresql_where=text("unverified_peer IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

# Bodies that were answered 400 once; the same bytes again are quarantined, or the box would resend them for ever.
rejected_body = Table(
    "rejected_body",
    main,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("first_seen", UtcTime, nullable=False, index=True),
    sqlite_with_rowid=False,
)
