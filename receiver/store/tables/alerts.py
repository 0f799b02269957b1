"""Alerts with their steps, events and frames, the rules that open them, and the announcements that live streams follow."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, false, text

from receiver.store.tables.base import main
from receiver.store.types import Id, Json, UtcTime

alert = Table(
    "alert",
    main,
    Column("id", Id, primary_key=True),
    # blacklist_hit, identity_disagreement, person_seen, device_silent, quarantine_growing, backlog_growing, behavior, or a
    # program's own word
    Column("kind", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    # open, acknowledged, closed
    Column("state", String(16), nullable=False),
    # rule, device, program, server
    Column("source", String(16), nullable=False),
    # the rule's name, or what the program says
    Column("title", String(255), nullable=False, server_default=""),
    Column("rule_id", Id),
    Column("device_id", Id),
    Column("gate_id", Id),
    Column("person_id", Id),
    # what the person was to the gate when the alert was opened; null where it is about nobody
    Column("list", String(16)),
    # the first of its events
    Column("event_id", Id),
    # the word of a device that speaks ServerAPI
    Column("behavior", String(32)),
    # what later events must share to be repetitions
    Column("key", String(200)),
    # the events that it has; 0 where it is not about events
    Column("events", Integer, nullable=False, server_default="0"),
    Column("detail", Json, nullable=False, server_default="{}"),
    # nobody has trusted its device: it is kept, and wakes nobody
    Column("is_unverified", Boolean, nullable=False, server_default=false()),
    Column("opened_at", UtcTime, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("updated_at", UtcTime, nullable=False),
    # accounts by their labels, never somebody of the library
    Column("acknowledged_by", String(255), nullable=False, server_default=""),
    Column("acknowledged_at", UtcTime),
    Column("assigned_to", Id),
    Column("closed_by", String(255), nullable=False, server_default=""),
    Column("closed_at", UtcTime),
    Column("outcome", String(32), nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    # when somebody else is told, unless it has been acknowledged; and when that was done
    Column("escalate_at", UtcTime),
    Column("escalated_at", UtcTime),
    Index(None, "state", "id"),
    Index(None, "opened_at"),
    Index(None, "device_id", "id"),
    Index(None, "gate_id", "id"),
    Index(
        "ix_alert_person",
        "person_id",
        "id",
        sqlite_where=text("person_id IS NOT NULL"),
        postgresql_where=text("person_id IS NOT NULL"),
    ),
    Index(
        "ix_alert_escalation",
        "escalate_at",
        sqlite_where=text("escalate_at IS NOT NULL"),
        postgresql_where=text("escalate_at IS NOT NULL"),
    ),
    Index(None, "closed_at"),
    # Late events find the alert of their own time by it.
    Index(
        "ix_alert_repetition",
        "key",
        "started_at",
        sqlite_where=text("key IS NOT NULL AND state <> 'closed'"),
        postgresql_where=text("key IS NOT NULL AND state <> 'closed'"),
    ),
    sqlite_autoincrement=True,
)

# Of what is repeated the alert that occurred last: whoever writes this row decides alone whether an event opens another.
alert_key = Table(
    "alert_key",
    main,
    Column("key", String(200), primary_key=True),
    Column("alert_id", Id),
    Column("last_at", UtcTime, nullable=False),
    Index(None, "alert_id"),
    Index(None, "last_at"),
)

alert_event = Table(
    "alert_event",
    main,
    Column("alert_id", ForeignKey("alert.id", ondelete="CASCADE"), primary_key=True),
    Column("event_id", Id, primary_key=True, autoincrement=False),
    Index(None, "event_id"),
)

# What was done to an alert, by whom, and what was said about it.
alert_step = Table(
    "alert_step",
    main,
    Column("id", Id, primary_key=True),
    Column("alert_id", ForeignKey("alert.id", ondelete="CASCADE"), nullable=False, index=True),
    # opened, acknowledged, assigned, commented, ended, escalated, closed
    Column("kind", String(16), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("by", String(255), nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)

# A picture of an alert, or one of a device's calm stream.
frame = Table(
    "frame",
    main,
    Column("id", Id, primary_key=True),
    Column("device_id", Id, nullable=False),
    # null: a calm one
    Column("alert_id", Id),
    Column("digest", LargeBinary(32), nullable=False),
    Column("media_type", String(40), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", Id, nullable=False),
    # the sender's own count
    Column("number", Id, nullable=False, server_default="0"),
    Column("taken_at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False, index=True),
    Index("ix_frame_device", "device_id", "id"),
    Index(
        "ix_frame_alert",
        "alert_id",
        "id",
        sqlite_where=text("alert_id IS NOT NULL"),
        postgresql_where=text("alert_id IS NOT NULL"),
    ),
    Index("ix_frame_digest", "digest"),
    sqlite_autoincrement=True,
)

rule = Table(
    "rule",
    main,
    Column("id", Id, primary_key=True),
    # of a ready-made one: blacklist_hit, identity_disagreement, device_silent
    Column("built_in", String(32), unique=True),
    Column("name", String(255), nullable=False),
    # event, device_silent, quarantine_growing, backlog_growing
    Column("trigger", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("conditions", Json, nullable=False),
    Column("suppress_seconds", Integer, nullable=False),
    # null: nobody else is told
    Column("escalate_seconds", Integer),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("updated_by", String(255), nullable=False, server_default=""),
    sqlite_autoincrement=True,
)

# One row: counts up whenever a rule changes, so that whoever judges events by rules reads them once.
rule_book = Table(
    "rule_book",
    main,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("version", Id, nullable=False),
)

# Every change of an alert, written in its transaction; numbers become visible in their order. Live streams follow them.
announcement = Table(
    "announcement",
    main,
    Column("id", Id, primary_key=True),
    # opened, repeated, acknowledged, assigned, commented, ended, escalated, closed
    Column("kind", String(16), nullable=False),
    Column("alert_id", Id, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
    Column("facts", Json, nullable=False),
    sqlite_autoincrement=True,
)
