"""The library: people, their faces and what decides."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table, Text, UniqueConstraint, text

from receiver.store.tables.base import main
from receiver.store.types import Id, Json, UtcTime

person = Table(
    "person",
    main,
    Column("id", Id, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("list", String(16), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("source", String(32), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("state", String(16), nullable=False, server_default="active"),
    Column("valid_from", UtcTime),
    Column("valid_until", UtcTime),
    # what a site notes of its people, by names of its own
    Column("fields", Json, nullable=False, server_default="{}"),
    # state `merged`: who this one turned out to be
    Column("merged_into", Id),
    Index(None, "list", "id"),
    Index(
        "ix_person_merged",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

person_identity = Table(
    "person_identity",
    main,
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("person.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("external_id", String(255), nullable=False),
    # The device that uses the id; 0: not one alone, but those of the group, or any where there is no group either.
    Column("device_id", Id, nullable=False, server_default="0"),
    Column("device_group", String(64), nullable=False, server_default=""),
    UniqueConstraint("external_id", "device_id", "device_group"),
)

person_group = Table(
    "person_group",
    main,
    Column("person_id", ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Index(None, "name", "person_id"),
)

face = Table(
    "face",
    main,
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("person.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("box", Json, nullable=False),
    Column("quality", Json, nullable=False),
    Column("source", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("event_id", Id),
    Column("created_at", UtcTime, nullable=False),
    # the device that sent it, and when by the device's clock: a message from before tells nothing new
    Column("device_id", Id),
    Column("occurred_at", UtcTime),
    # what spoke against the face when somebody insisted on it
    Column("insisted", Json),
    Column("insisted_at", UtcTime),
    Index("ix_face_digest", "digest"),
    sqlite_autoincrement=True,
)

# A face has an embedding of the library's model, and while the library moves to another model, or could go back, of that one too.
face_embedding = Table(
    "face_embedding",
    main,
    Column("face_id", ForeignKey("face.id", ondelete="CASCADE"), primary_key=True),
    Column("model", String(80), primary_key=True),
    Column("embedding", LargeBinary, nullable=False),
)

# One row: the model that decides.
library = Table(
    "library",
    main,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("model", String(80), nullable=False),
    Column("previous_model", String(80), nullable=False, server_default=""),
    Column("changed_at", UtcTime, nullable=False),
)

# What `people calibrate` measured of the site's own faces; the newest of a model counts.
calibration = Table(
    "calibration",
    main,
    Column("id", Id, primary_key=True),
    Column("model", String(80), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("result", Json, nullable=False),
    sqlite_autoincrement=True,
)

# One row per change of the library, written in the transaction of the change and under the gallery's lock, so that
# numbers become visible in their order; a person's faces are read anew when a change names the person.
gallery_change = Table(
    "gallery_change",
    main,
    Column("id", Id, primary_key=True),
    Column("person_id", Id, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)
