"""Everything still to do, and everything still to be passed on."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from receiver.store.tables.base import main
from receiver.store.types import Id, Json, UtcTime

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

# One circuit breaker each: the same place, spoken to as the same one.
destination = Table(
    "destination",
    main,
    Column("id", Id, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("failures", Integer, nullable=False, server_default="0"),
    # nothing is sent before
    Column("due_at", UtcTime, nullable=False),
    Column("failing_since", UtcTime),
    Column("last_error", Text),
    Column("last_success", UtcTime),
    sqlite_autoincrement=True,
)

subscription = Table(
    "subscription",
    main,
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("target", Json, nullable=False),
    Column("secrets", Json, nullable=False),
    Column("destination_id", Id, nullable=False),
    # words with blanks between
    Column("topics", String(100), nullable=False),
    Column("filter", Json, nullable=False),
    Column("schedule", Json, nullable=False),
    Column("form", String(16), nullable=False),
    Column("template", Text, nullable=False, server_default=""),
    Column("pictures", String(16), nullable=False),
    Column("batch_size", Integer, nullable=False, server_default="1"),
    Column("rate_per_minute", Integer),
    Column("is_ordered", Boolean, nullable=False, server_default=true()),
    # enabled, paused, disabled, removed (going, step by step); and why
    Column("state", String(16), nullable=False),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", String(255), nullable=False, server_default=""),
    # of a schedule with runs: when the next one begins, and the newest delivery that the present one sends
    Column("next_at", UtcTime),
    Column("run_up_to", Id),
    # what has been sent in the minute that began then
    Column("minute_at", UtcTime),
    Column("minute_used", Integer, nullable=False, server_default="0"),
    # tries that came to nothing, and the time that the successful ones took
    Column("failed", Id, nullable=False, server_default="0"),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("sent", Id, nullable=False, server_default="0"),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

# One row: counts up whenever a subscription changes, so that no process remembers what no longer holds.
subscription_book = Table(
    "subscription_book",
    main,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("version", Id, nullable=False),
    # what anybody wants to be told of, words with blanks between
    Column("topics", String(100), nullable=False, server_default=""),
)

# What has happened other than events, until the deliveries are written: only what anybody wants to be told of.
occurrence = Table(
    "occurrence",
    main,
    Column("id", Id, primary_key=True),
    Column("topic", String(16), nullable=False),
    Column("subject", Id, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

# What is claimed when forwarding: one subscription's line of one device, in order; device 0: what has none. Its books balance.
lane = Table(
    "lane",
    main,
    Column("subscription_id", Id, primary_key=True, autoincrement=False),
    Column("device_id", Id, primary_key=True, autoincrement=False),
    Column("due_at", UtcTime, nullable=False),
    # claims since the last end of a turn, so that what kills its worker is seen
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("last_success", UtcTime),
    Column("recorded", Id, nullable=False, server_default="0"),
    Column("waiting", Id, nullable=False, server_default="0"),
    Column("delivered", Id, nullable=False, server_default="0"),
    Column("dead", Id, nullable=False, server_default="0"),
    Column("dropped", Id, nullable=False, server_default="0"),
    # bytes of what waits; deliveries that had to go without their pictures
    Column("waiting_bytes", Id, nullable=False, server_default="0"),
    Column("bared", Id, nullable=False, server_default="0"),
    # the last delivery of a batch that failed: it is tried again as it was; of one that was refused: each goes alone
    Column("batch_up_to", Id, nullable=False, server_default="0"),
    Column("alone_up_to", Id, nullable=False, server_default="0"),
    CheckConstraint("recorded = waiting + delivered + dead + dropped", name="balance"),
    Index(
        "ix_lane_due",
        "subscription_id",
        "due_at",
        sqlite_where=text("waiting > 0"),
        postgresql_where=text("waiting > 0"),
    ),
)

delivery = Table(
    "delivery",
    main,
    Column("id", Id, primary_key=True),
    Column("subscription_id", Id, nullable=False),
    Column("device_id", Id, nullable=False),
    Column("topic", String(16), nullable=False),
    # of an event: which message goes out; of everything else: what it is about, and what is said
    Column("event_id", Id),
    Column("message_id", Id),
    Column("subject", Id),
    Column("content", Json),
    # waiting, resting (refused, in a lane without order), delivered, dead, dropped
    Column("state", String(16), nullable=False),
    Column("due_at", UtcTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("refusals", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("size", Id, nullable=False, server_default="0"),
    Column("is_bare", Boolean, nullable=False, server_default=false()),
    # of a replay: the delivery or event was wanted once more
    Column("is_replay", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcTime, nullable=False),
    Column("settled_at", UtcTime),
    Index("ix_delivery_lane", "subscription_id", "device_id", "state", "id"),
    Index(
        "ix_delivery_event",
        "event_id",
        "subscription_id",
        sqlite_where=text("event_id IS NOT NULL"),
        postgresql_where=text("event_id IS NOT NULL"),
    ),
    # what is shown of one, and what goes in time: both only of what does not wait any more
    Index(
        "ix_delivery_settled",
        "state",
        "settled_at",
        sqlite_where=text("settled_at IS NOT NULL"),
        postgresql_where=text("settled_at IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

# Every try, for a while.
attempt = Table(
    "attempt",
    main,
    Column("id", Id, primary_key=True),
    Column("delivery_id", Id, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("status", Integer),
    Column("detail", Text, nullable=False, server_default=""),
    Index(None, "delivery_id", "id"),
    sqlite_autoincrement=True,
)

# A range of past events that is being passed on once more, step by step.
replay = Table(
    "replay",
    main,
    Column("id", Id, primary_key=True),
    Column("subscription_id", Id, nullable=False),
    Column("wanted", Json, nullable=False),
    Column("position", Id, nullable=False, server_default="0"),
    Column("up_to", Id, nullable=False),
    Column("added", Id, nullable=False, server_default="0"),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", String(255), nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
