"""People have groups, validity, fields of their own and a state; ids may hold for a group of devices; faces know their device."""

import sqlalchemy as sa
from alembic import context, op

from receiver.store.types import Id, Json, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "main" in context.config.attributes["parts"]:
        widen_people()
        widen_identities()
        widen_faces()


def widen_people() -> None:
    op.add_column("person", sa.Column("state", sa.String(length=16), server_default="active", nullable=False))
    op.add_column("person", sa.Column("valid_from", UtcTime(), nullable=True))
    op.add_column("person", sa.Column("valid_until", UtcTime(), nullable=True))
    op.add_column("person", sa.Column("fields", Json(), server_default="{}", nullable=False))
    op.create_table(
        "person_group",
        sa.Column("person_id", Id, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_group_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "name", name=op.f("pk_person_group")),
    )
    op.create_index(op.f("ix_person_group_name_person_id"), "person_group", ["name", "person_id"], unique=False)


def widen_identities() -> None:
    op.add_column("device", sa.Column("device_group", sa.String(length=64), server_default="", nullable=False))
    # SQLite makes the table anew to change what is unique in it.
    with op.batch_alter_table("person_identity") as batch:
        batch.add_column(sa.Column("device_group", sa.String(length=64), server_default="", nullable=False))
        batch.drop_constraint("uq_person_identity_external_id_device_id", type_="unique")
        batch.create_unique_constraint(
            "uq_person_identity_external_id_device_id_device_group", ["external_id", "device_id", "device_group"]
        )


def widen_faces() -> None:
    op.add_column("face", sa.Column("device_id", Id, nullable=True))
    op.add_column("face", sa.Column("occurred_at", UtcTime(), nullable=True))
    op.add_column("face", sa.Column("insisted", Json(), nullable=True))
    op.add_column("face", sa.Column("insisted_at", UtcTime(), nullable=True))
    op.execute(
        "UPDATE face SET device_id = (SELECT device_id FROM event WHERE event.id = face.event_id), "
        "occurred_at = (SELECT occurred_at FROM event WHERE event.id = face.event_id) WHERE event_id IS NOT NULL"
    )
