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
    false,
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
    # devices of one group know people by the same ids
    Column("device_group", String(64), nullable=False, server_default=""),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Column("status", Json),
    Column("status_at", UtcTime),
    Column("problem", String(64)),
    Column("problem_at", UtcTime),
    # pending, trusted, blocked; and why it is pending, when it was last looked at
    Column("state", String(16), nullable=False, server_default="trusted"),
    Column("pending_reason", String(32), nullable=False, server_default=""),
    # from where it may speak: an address or CIDR, `any`, or empty: the address it last spoke from
    Column("bound", String(64), nullable=False, server_default=""),
    # vouches for the devices in its messages; and which hub vouched for this one
    Column("is_hub", Boolean, nullable=False, server_default=false()),
    Column("vouched_by", Id),
    # SHA-256 of its key or of its client certificate's name
    Column("proof", LargeBinary(32)),
    Column("proof_kind", String(16), nullable=False, server_default=""),
    Column("trusted_at", UtcTime),
    # an account or `command line`, never somebody of the library
    Column("trusted_by", String(255), nullable=False, server_default=""),
    # what it sent before it was trusted is still being processed
    Column("is_catching_up", Boolean, nullable=False, server_default=false()),
    # messages that were acknowledged and not kept
    Column("dropped", Id, nullable=False, server_default="0"),
    Index(None, "licence", "address"),
    Index(None, "address"),
    Index(None, "proof", unique=True),
)

# One row: counts up whenever what is thought of a device changes, so that nobody remembers what no longer holds.
device_book = Table(
    "device_book",
    main,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("version", Id, nullable=False),
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
    Column("state", String(16), nullable=False, server_default="active"),
    Column("valid_from", UtcTime),
    Column("valid_until", UtcTime),
    # what a site notes of its people, by names of its own
    Column("fields", Json, nullable=False, server_default="{}"),
    # state `merged`: who this one turned out to be
    Column("merged_into", Id),
    Index(None, "list", "id"),
    Index(
        "ix_person_merged",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

person_identity = Table(
    "person_identity",
    main,
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("person.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("external_id", String(255), nullable=False),
    # The device that uses the id; 0: not one alone, but those of the group, or any where there is no group either.
    Column("device_id", Id, nullable=False, server_default="0"),
    Column("device_group", String(64), nullable=False, server_default=""),
    UniqueConstraint("external_id", "device_id", "device_group"),
)

face = Table(
    "face",
    main,
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("person.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("box", Json, nullable=False),
    Column("quality", Json, nullable=False),
    Column("source", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("event_id", Id),
    Column("created_at", UtcTime, nullable=False),
    # the device that sent it, and when by the device's clock: a message from before tells nothing new
    Column("device_id", Id),
    Column("occurred_at", UtcTime),
    # what spoke against the face when somebody insisted on it
    Column("insisted", Json),
    Column("insisted_at", UtcTime),
    Index("ix_face_digest", "digest"),
    sqlite_autoincrement=True,
)

# A face has an embedding of the library's model, and while the library moves to another model, or could go back, of that one too.
face_embedding = Table(
    "face_embedding",
    main,
    Column("face_id", ForeignKey("face.id", ondelete="CASCADE"), primary_key=True),
    Column("model", String(80), primary_key=True),
    Column("embedding", LargeBinary, nullable=False),
)

# One row: the model that decides.
library = Table(
    "library",
    main,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("model", String(80), nullable=False),
    Column("previous_model", String(80), nullable=False, server_default=""),
    Column("changed_at", UtcTime, nullable=False),
)

# What `people calibrate` measured of the site's own faces; the newest of a model counts.
calibration = Table(
    "calibration",
    main,
    Column("id", Id, primary_key=True),
    Column("model", String(80), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("result", Json, nullable=False),
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
    Column("first_seen", UtcTime),
    # known, adopted, refused: what came of it in our library, why, of which picture, and whose id it is
    Column("state", String(16), nullable=False, server_default="known"),
    Column("reason", String(64)),
    Column("tried_digest", LargeBinary(32)),
    Column("person_id", Id),
    # the adoption whose turn it waits for; 0: those that begin by themselves
    Column("adoption_id", Id),
    Index(None, "state", "device_id", "external_id"),
    Index(
        "ix_device_identity_adoption",
        "adoption_id",
        "device_id",
        "external_id",
        sqlite_where=text("adoption_id IS NOT NULL"),
        postgresql_where=text("adoption_id IS NOT NULL"),
    ),
    Index("ix_device_identity_digest", "digest"),
    Index("ix_device_identity_person", "person_id"),
)

# Somebody asked to take device identities over into the library; the work itself is a task of the outbox.
adoption = Table(
    "adoption",
    main,
    Column("id", Id, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("counts", Json, nullable=False),
    Column("requested_by", String(255), nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    sqlite_autoincrement=True,
)

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
    # face, event, identity, group
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

person_group = Table(
    "person_group",
    main,
    Column("person_id", ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Index(None, "name", "person_id"),
)

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

# Who may come in: people and programs with a password.
account = Table(
    "account",
    main,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text, nullable=False),
    # the password is a first one: another must be set before anything else
    Column("must_change", Boolean, nullable=False, server_default=false()),
    # gates, groups and lists that it is limited to
    Column("limits", Json, nullable=False, server_default="{}"),
    Column("disabled_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("last_login_at", UtcTime),
    sqlite_autoincrement=True,
)

# A login: of a program, whose refresh token changes with each use, or of the console in a browser.
login_session = Table(
    "login_session",
    main,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    # program, console
    Column("kind", String(16), nullable=False),
    # of the part of the token that stays the same, and of the part that changes
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("token_hash", LargeBinary(32), nullable=False),
    Column("address", String(64), nullable=False, server_default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("ended_at", UtcTime),
    # logout, reused, password, disabled
    Column("ended_reason", String(16)),
    Index(None, "account_id", "address"),
    sqlite_autoincrement=True,
)

api_key = Table(
    "api_key",
    main,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(100), nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("used_at", UtcTime),
    Column("revoked_at", UtcTime),
    sqlite_autoincrement=True,
)

# Failed logins of a while, counted for all web processes together; the key is a digest, never a name or an address.
login_attempt = Table(
    "login_attempt",
    main,
    Column("key", LargeBinary(32), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# Digests that were erased: what arrives again without belonging to anything is taken away and not shown.
erased_picture = Table(
    "erased_picture",
    picture_store,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("erased_at", UtcTime, nullable=False, index=True),
)
