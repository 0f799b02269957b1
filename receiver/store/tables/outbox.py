"""Everything still to do, and everything still to be passed on."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from receiver.store.tables.base import main
from receiver.store.types import Id, UtcTime

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
