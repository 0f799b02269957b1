"""Erasure, legal holds and retention."""

import sqlalchemy as sa
from alembic import context, op

from receiver.store.types import Id, Json, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    parts = context.config.attributes["parts"]
    if "main" in parts:
        make_erasures()
        make_queues()
        make_retention()
    if "pictures" in parts:
        op.create_table(
            "erased_picture",
            sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
            sa.Column("erased_at", UtcTime(), nullable=False),
            sa.PrimaryKeyConstraint("digest", name=op.f("pk_erased_picture")),
        )
        op.create_index(op.f("ix_erased_picture_erased_at"), "erased_picture", ["erased_at"], unique=False)


def make_erasures() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("position", Id, server_default="0", nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("requested_by", sa.String(length=255), nullable=False),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.Column("last_event", Id, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("subject", Json(), nullable=True),
        sa.Column("counts", Json(), nullable=False),
        sa.Column("remains", Json(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sa.UniqueConstraint("key", name=op.f("uq_erasure_key")),
        sqlite_autoincrement=True,
    )


def make_queues() -> None:
    op.create_table(
        "erasure_event",
        sa.Column("event_id", Id, autoincrement=False, nullable=False),
        sa.Column("erasure_id", Id, nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_erasure_event")),
    )
    op.create_index(
        op.f("ix_erasure_event_erasure_id_event_id"), "erasure_event", ["erasure_id", "event_id"], unique=False
    )
    op.create_table(
        "erasure_picture",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("erasure_id", Id, autoincrement=False, nullable=False),
        sa.Column("boxes", Json(), nullable=False),
        sa.Column("probes", sa.LargeBinary(), nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("marked_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("digest", "erasure_id", name=op.f("pk_erasure_picture")),
    )
    op.create_index(
        op.f("ix_erasure_picture_erasure_id_marked_at"), "erasure_picture", ["erasure_id", "marked_at"], unique=False
    )


def make_retention() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject", Id, autoincrement=False, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_legal_hold")),
    )
    op.create_table(
        "retention_state",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("rules", sa.Text(), server_default="", nullable=False),
        sa.Column("position", Id, server_default="0", nullable=False),
        sa.Column("looked_at", UtcTime(), nullable=False),
        sa.Column("steady_since", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_retention_state")),
    )
