"""Subscriptions in place of addresses: what, where, when and how; breakers, tries, replays, and books that balance."""

import sqlalchemy as sa
from alembic import context, op

from receiver.store.types import Id, Json, UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "main" not in context.config.attributes["parts"]:
        return
    for name in ("subscription", "lane", "delivery"):
        op.execute(f"CREATE TABLE old_{name} AS SELECT * FROM {name}")
    highest = {name: highest_id(name) for name in ("subscription", "delivery")}
    for name in ("delivery", "lane", "subscription"):
        op.drop_table(name)
    op.add_column("message", sa.Column("size", Id, server_default="0", nullable=False))
    make_subscriptions()
    make_lanes()
    make_deliveries()
    make_tries()
    take_over()
    for name, number in highest.items():
        go_on_counting(name, number)
    for name in ("subscription", "lane", "delivery"):
        op.drop_table(f"old_{name}")


def highest_id(table: str) -> int:
    """The highest number ever given, also to rows that have gone: the other side may know it."""
    if op.get_bind().dialect.name == "sqlite":
        statement = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name").bindparams(name=table)
    else:
        statement = sa.text(f"SELECT last_value FROM {table}_id_seq WHERE is_called")  # noqa: S608 - our own names
    return int(op.get_bind().execute(statement).scalar() or 0)


def go_on_counting(table: str, number: int) -> None:
    if not number:
        return
    if op.get_bind().dialect.name == "sqlite":
        op.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name").bindparams(name=table))
        op.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)").bindparams(name=table, seq=number)
        )
    else:
        op.execute(sa.text("SELECT setval(:name, :seq)").bindparams(name=f"{table}_id_seq", seq=number))


def make_subscriptions() -> None:
    op.create_table(
        "destination",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("failing_since", UtcTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_success", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destination")),
        sa.UniqueConstraint("key", name=op.f("uq_destination_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "subscription",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("target", Json(), nullable=False),
        sa.Column("secrets", Json(), nullable=False),
        sa.Column("destination_id", Id, nullable=False),
        sa.Column("topics", sa.String(length=100), nullable=False),
        sa.Column("filter", Json(), nullable=False),
        sa.Column("schedule", Json(), nullable=False),
        sa.Column("form", sa.String(length=16), nullable=False),
        sa.Column("template", sa.Text(), server_default="", nullable=False),
        sa.Column("pictures", sa.String(length=16), nullable=False),
        sa.Column("batch_size", sa.Integer(), server_default="1", nullable=False),
        sa.Column("rate_per_minute", sa.Integer(), nullable=True),
        sa.Column("is_ordered", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), server_default="", nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.String(length=255), server_default="", nullable=False),
        sa.Column("next_at", UtcTime(), nullable=True),
        sa.Column("run_up_to", Id, nullable=True),
        sa.Column("minute_at", UtcTime(), nullable=True),
        sa.Column("minute_used", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", Id, server_default="0", nullable=False),
        sa.Column("seconds", sa.Float(), server_default="0", nullable=False),
        sa.Column("sent", Id, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint("name", name=op.f("uq_subscription_name")),
        sqlite_autoincrement=True,
    )
    book = op.create_table(
        "subscription_book",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("version", Id, nullable=False),
        sa.Column("topics", sa.String(length=100), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_book")),
    )
    op.bulk_insert(book, [{"id": 1, "version": 1}])
    op.create_table(
        "occurrence",
        sa.Column("id", Id, nullable=False),
        sa.Column("topic", sa.String(length=16), nullable=False),
        sa.Column("subject", Id, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occurrence")),
        sqlite_autoincrement=True,
    )


def make_lanes() -> None:
    op.create_table(
        "lane",
        sa.Column("subscription_id", Id, autoincrement=False, nullable=False),
        sa.Column("device_id", Id, autoincrement=False, nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_success", UtcTime(), nullable=True),
        *(
            sa.Column(name, Id, server_default="0", nullable=False)
            for name in ("recorded", "waiting", "delivered", "dead", "dropped")
        ),
        *(
            sa.Column(name, Id, server_default="0", nullable=False)
            for name in ("waiting_bytes", "bared", "batch_up_to", "alone_up_to")
        ),
        sa.CheckConstraint("recorded = waiting + delivered + dead + dropped", name="balance"),
        sa.PrimaryKeyConstraint("subscription_id", "device_id", name=op.f("pk_lane")),
    )
    op.create_index(
        "ix_lane_due",
        "lane",
        ["subscription_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("waiting > 0"),
        postgresql_where=sa.text("waiting > 0"),
    )


def make_deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", Id, nullable=False),
        sa.Column("subscription_id", Id, nullable=False),
        sa.Column("device_id", Id, nullable=False),
        sa.Column("topic", sa.String(length=16), nullable=False),
        sa.Column("event_id", Id, nullable=True),
        sa.Column("message_id", Id, nullable=True),
        sa.Column("subject", Id, nullable=True),
        sa.Column("content", Json(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("size", Id, server_default="0", nullable=False),
        sa.Column("is_bare", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_replay", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delivery_lane", "delivery", ["subscription_id", "device_id", "state", "id"], unique=False)
    for name, columns, where in (
        ("ix_delivery_event", ["event_id", "subscription_id"], "event_id IS NOT NULL"),
        ("ix_delivery_settled", ["state", "settled_at"], "settled_at IS NOT NULL"),
    ):
        op.create_index(
            name, "delivery", columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )


def make_tries() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", Id, nullable=False),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attempt_delivery_id_id"), "attempt", ["delivery_id", "id"], unique=False)
    op.create_table(
        "replay",
        sa.Column("id", Id, nullable=False),
        sa.Column("subscription_id", Id, nullable=False),
        sa.Column("wanted", Json(), nullable=False),
        sa.Column("position", Id, server_default="0", nullable=False),
        sa.Column("up_to", Id, nullable=False),
        sa.Column("added", Id, server_default="0", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.String(length=255), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay")),
        sqlite_autoincrement=True,
    )


# What waited waits on, under its number; an address is a subscription of the settings, which the start settles with them.
TAKEN_OVER = (
    """
    INSERT INTO delivery (id, subscription_id, device_id, topic, event_id, message_id, state, refusals, last_error,
                          created_at, settled_at)
    SELECT id, subscription_id, device_id, 'event', event_id, message_id,
           CASE state WHEN 'buried' THEN 'dead' ELSE state END, refusals, last_error, created_at,
           CASE state WHEN 'buried' THEN created_at END
    FROM old_delivery ORDER BY id
    """,
    """
    INSERT INTO lane (subscription_id, device_id, due_at, last_error, last_success, recorded, waiting, dead)
    SELECT l.subscription_id, l.device_id, l.due_at, l.last_error, l.last_success, coalesce(d.number, 0),
           coalesce(d.number, 0) - coalesce(d.dead, 0), coalesce(d.dead, 0)
    FROM old_lane l LEFT JOIN (
        SELECT subscription_id, device_id, count(*) AS number, sum(CASE state WHEN 'dead' THEN 1 ELSE 0 END) AS dead
        FROM delivery GROUP BY subscription_id, device_id
    ) d ON d.subscription_id = l.subscription_id AND d.device_id = l.device_id
    """,
    """
    INSERT INTO destination (id, key, due_at) SELECT id, 'old ' || id, created_at FROM old_subscription
    """,
)


def take_over() -> None:
    bind = op.get_bind()
    for statement in TAKEN_OVER:
        bind.execute(sa.text(statement))
    old = sa.table(
        "old_subscription", sa.column("id"), sa.column("channel"), sa.column("url"), sa.column("state"), sa.column("created_at")
    )  # fmt: skip
    new = sa.table(
        "subscription",
        *(sa.column(name) for name in ("id", "name", "origin", "channel", "topics", "form", "pictures", "state", "reason")),
        *(sa.column(name, Json()) for name in ("target", "secrets", "filter", "schedule")),
        sa.column("destination_id"),
        sa.column("created_at"),
    )  # fmt: skip
    for row in bind.execute(sa.select(old)).all():
        is_active = row.state == "active"
        bind.execute(
            sa.insert(new).values(
                id=row.id,
                name=f"upstream-{row.id}",
                origin="settings",
                channel=row.channel,
                target={"url": row.url},
                secrets={},
                filter={},
                schedule={},
                destination_id=row.id,
                topics="event",
                form="original",
                pictures="inline",
                state="enabled" if is_active else "disabled",
                reason="" if is_active else "not_set",
                created_at=row.created_at,
            )
        )
    if bind.dialect.name == "postgresql":
        bind.execute(sa.text("SELECT setval('destination_id_seq', greatest(1, (SELECT max(id) FROM destination)))"))
