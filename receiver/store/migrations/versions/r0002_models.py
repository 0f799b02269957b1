"""Faces keep embeddings of several models; sightings carry their event's time and gate; calibrations."""

import sqlalchemy as sa
from alembic import context, op

from receiver.store.types import Id, Json, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "main" in context.config.attributes["parts"]:
        make_tables()
        move_embeddings()
        widen_sightings()


def make_tables() -> None:
    op.create_table(
        "face_embedding",
        sa.Column("face_id", Id, nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["face_id"], ["face.id"], name=op.f("fk_face_embedding_face_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("face_id", "model", name=op.f("pk_face_embedding")),
    )
    op.create_table(
        "library",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("previous_model", sa.String(length=80), server_default="", nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library")),
    )
    op.create_table(
        "calibration",
        sa.Column("id", Id, nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("result", Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_calibration_model"), "calibration", ["model"], unique=False)


def move_embeddings() -> None:
    # A library that has faces goes on with the model that most of them were embedded with, until somebody moves it.
    op.execute(
        "INSERT INTO library (id, model, changed_at) "
        "SELECT 1, model, max(created_at) FROM face GROUP BY model ORDER BY count(*) DESC, model LIMIT 1"
    )
    op.execute("INSERT INTO face_embedding (face_id, model, embedding) SELECT id, model, embedding FROM face")
    op.drop_column("face", "model")
    op.drop_column("face", "embedding")


def widen_sightings() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.add_column("sighting", sa.Column("is_live", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("sighting", sa.Column("gate_id", Id, nullable=True))
    # Rows that are there need a value before they are given theirs.
    epoch = sa.text("0") if is_sqlite else sa.text("to_timestamp(0)")
    op.add_column("sighting", sa.Column("occurred_at", UtcTime(), server_default=epoch, nullable=False))
    op.execute(
        "UPDATE sighting SET gate_id = (SELECT gate_id FROM event WHERE event.id = sighting.event_id), "
        "occurred_at = coalesce((SELECT occurred_at FROM event WHERE event.id = sighting.event_id), created_at)"
    )
    # Which face an event was decided on its detail says: kind of picture and box, as one JSON text without blanks.
    position = "instr" if is_sqlite else "strpos"
    op.execute(
        "UPDATE sighting SET is_live = EXISTS (SELECT 1 FROM event WHERE event.id = sighting.event_id "
        f"AND {position}(event.decision_detail, '\"picture\":\"' || sighting.kind || '\"') > 0 "
        f"AND {position}(event.decision_detail, '\"box\":' || sighting.box) > 0)"
    )
    op.create_index(op.f("ix_sighting_occurred_at"), "sighting", ["occurred_at"], unique=False)
