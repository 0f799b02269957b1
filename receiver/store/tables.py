"""All tables: times are aware UTC, keys integers, reasons machine words, names as in docs/glossary.md."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from receiver.store.types import Id, Json, UtcTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
main = MetaData(naming_convention=NAMING)
# Pictures live in a database file of their own on SQLite, in the same database on PostgreSQL.
picture_store = MetaData(naming_convention=NAMING)

picture = Table(
    "picture",
    picture_store,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("media_type", String(40), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_used", UtcTime, nullable=False, index=True),
)

device = Table(
    "device",
    main,
    Column("id", Id, primary_key=True),
    Column("key", String(300), nullable=False, unique=True),
    Column("licence", String(255), nullable=False, server_default=""),
    Column("name", String(255), nullable=False, server_default=""),
    Column("address", String(64), nullable=False, server_default=""),
    Column("serial", String(255), nullable=False, server_default=""),
    Column("mac", String(64), nullable=False, server_default=""),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Column("status", Json),
    Column("status_at", UtcTime),
    Column("problem", String(64)),
    Column("problem_at", UtcTime),
)

gate = Table(
    "gate",
    main,
    Column("id", Id, primary_key=True),
    Column("device_id", ForeignKey("device.id"), nullable=False),
    Column("key", String(600), nullable=False),
    Column("address", String(512), nullable=False, server_default=""),
    Column("name", String(255), nullable=False, server_default=""),
    Column("device_type", String(32), nullable=False, server_default=""),
    Column("ip", String(64), nullable=False, server_default=""),
    Column("status", String(32), nullable=False, server_default=""),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    UniqueConstraint("device_id", "key"),
)

person = Table(
    "person",
    main,
    Column("id", Id, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("list", String(16), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("source", String(32), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index(None, "list", "id"),
    sqlite_autoincrement=True,
)

person_identity = Table(
    "person_identity",
    main,
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("person.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("external_id", String(255), nullable=False),
    # 0: any device.
    Column("device_id", Id, nullable=False, server_default="0"),
    UniqueConstraint("external_id", "device_id"),
)

face = Table(
    "face",
    main,
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("person.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("model", String(80), nullable=False),
    Column("embedding", LargeBinary, nullable=False),
    Column("box", Json, nullable=False),
    Column("quality", Json, nullable=False),
    Column("source", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("event_id", Id),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_face_digest", "digest"),
    sqlite_autoincrement=True,
)

# One row per change of the library, written in the transaction of the change and under the gallery's lock, so that
# numbers become visible in their order; a person's faces are read anew when a change names the person.
gallery_change = Table(
    "gallery_change",
    main,
    Column("id", Id, primary_key=True),
    Column("person_id", Id, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

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
    Index(
        "ix_event_action",
        "want_action",
        "id",
        sqlite_where=text("want_action <> '0'"),
        postgresql_where=text("want_action <> '0'"),
    ),
    Index(
        "ix_event_blacklist",
        "id",
        sqlite_where=text("blacklist_said_by <> ''"),
        postgresql_where=text("blacklist_said_by <> ''"),
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
    Column("created_at", UtcTime, nullable=False),
)

device_identity = Table(
    "device_identity",
    main,
    Column("device_id", Id, primary_key=True, autoincrement=False),
    Column("external_id", String(255), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("list", String(16), nullable=False),
    Column("digest", LargeBinary(32)),
    Column("last_seen", UtcTime, nullable=False),
    Column("event_id", Id, nullable=False),
)

task = Table(
    "task",
    main,
    Column("id", Id, primary_key=True),
    Column("topic", String(32), nullable=False),
    Column("subject", Id, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "state", "topic", "due_at", "id"),
    Index(None, "topic", "subject"),
    sqlite_autoincrement=True,
)

subscription = Table(
    "subscription",
    main,
    Column("id", Id, primary_key=True),
    Column("channel", String(16), nullable=False),
    Column("url", String(2000), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

# What is claimed when forwarding: one subscription's line of one device, in order.
lane = Table(
    "lane",
    main,
    Column("subscription_id", Id, primary_key=True, autoincrement=False),
    Column("device_id", Id, primary_key=True, autoincrement=False),
    Column("due_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("last_success", UtcTime),
    Index(None, "due_at"),
)

delivery = Table(
    "delivery",
    main,
    Column("id", Id, primary_key=True),
    Column("subscription_id", Id, nullable=False),
    Column("device_id", Id, nullable=False),
    Column("event_id", Id, nullable=False),
    Column("message_id", Id, nullable=False),
    Column("state", String(16), nullable=False),
    Column("refusals", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_delivery_lane", "subscription_id", "device_id", "state", "id"),
    sqlite_autoincrement=True,
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
