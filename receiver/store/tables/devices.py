"""Who speaks to us, and where people stand."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, UniqueConstraint, false, text

from receiver.store.tables.base import main
from receiver.store.types import Id, Json, UtcTime

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
    # SHA-256 of its key or of its client certificate's name; of one that signs, what its verified signature stands for
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

# With which a device signs; of two, the older one holds until a set time, so that both sides can change.
device_secret = Table(
    "device_secret",
    main,
    Column("device_id", Id, primary_key=True, autoincrement=False),
    Column("fingerprint", String(16), primary_key=True),
    Column("secret", LargeBinary(64), nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("valid_until", UtcTime),
    Index(None, "fingerprint", unique=True),
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
