"""Secrets with which devices sign what they send."""

import sqlalchemy as sa
from alembic import context, op

from receiver.store.types import Id, UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "main" in context.config.attributes["parts"]:
        op.create_table(
            "device_secret",
            sa.Column("device_id", Id, autoincrement=False, nullable=False),
            sa.Column("fingerprint", sa.String(length=16), nullable=False),
            sa.Column("secret", sa.LargeBinary(length=64), nullable=False),
            sa.Column("made_at", UtcTime(), nullable=False),
            sa.Column("valid_until", UtcTime(), nullable=True),
            sa.PrimaryKeyConstraint("device_id", "fingerprint", name=op.f("pk_device_secret")),
        )
        op.create_index(op.f("ix_device_secret_fingerprint"), "device_secret", ["fingerprint"], unique=True)
