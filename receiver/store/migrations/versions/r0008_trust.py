"""Whom a device is trusted to be: states, addresses, keys; and events of devices that nobody has trusted yet."""

import sqlalchemy as sa
from alembic import context, op

from receiver.store.types import Id, UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "main" in context.config.attributes["parts"]:
        widen_devices()
        make_book()
        widen_events()
        widen_quarantine()


def widen_devices() -> None:
    """Devices that are known already are trusted, at the address they last spoke from."""
    for column in (
        sa.Column("state", sa.String(length=16), server_default="trusted", nullable=False),
        sa.Column("pending_reason", sa.String(length=32), server_default="", nullable=False),
        sa.Column("bound", sa.String(length=64), server_default="", nullable=False),
        sa.Column("is_hub", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("vouched_by", Id, nullable=True),
        sa.Column("proof", sa.LargeBinary(length=32), nullable=True),
        sa.Column("proof_kind", sa.String(length=16), server_default="", nullable=False),
        sa.Column("trusted_at", UtcTime(), nullable=True),
        sa.Column("trusted_by", sa.String(length=255), server_default="", nullable=False),
        sa.Column("is_catching_up", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("dropped", Id, server_default="0", nullable=False),
    ):
        op.add_column("device", column)
    op.create_index(op.f("ix_device_licence_address"), "device", ["licence", "address"], unique=False)
    op.create_index(op.f("ix_device_address"), "device", ["address"], unique=False)
    op.create_index(op.f("ix_device_proof"), "device", ["proof"], unique=True)


def make_book() -> None:
    book = op.create_table(
        "device_book",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("version", Id, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_book")),
    )
    op.bulk_insert(book, [{"id": 1, "version": 0}])


def widen_events() -> None:
    op.add_column("event", sa.Column("unverified", sa.String(length=16), nullable=True))
    op.add_column("event", sa.Column("unverified_bytes", Id, nullable=True))
    op.create_index(
        "ix_event_unverified",
        "event",
        ["unverified", "device_id", "id", "unverified_bytes"],
        unique=False,
        sqlite_where=sa.text("unverified IS NOT NULL"),
        postgresql_where=sa.text("unverified IS NOT NULL"),
    )


def widen_quarantine() -> None:
    op.add_column("quarantine", sa.Column("device_id", Id, nullable=True))
    op.add_column("quarantine", sa.Column("unverified_peer", sa.String(length=64), nullable=True))
    op.create_index(
        "ix_quarantine_unverified",
        "quarantine",
        ["unverified_peer"],
        unique=False,
        sqlite_where=sa.text("unverified_peer IS NOT NULL"),
        postgresql_where=sa.text("unverified_peer IS NOT NULL"),
    )
