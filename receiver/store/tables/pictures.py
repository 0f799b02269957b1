"""Pictures by their digest, and digests that were erased."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from receiver.store.tables.base import picture_store
from receiver.store.types import UtcTime

picture = Table(
    "picture",
    picture_store,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("media_type", String(40), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_used", UtcTime, nullable=False, index=True),
)

# Digests that were erased: what arrives again without belonging to anything is taken away and not shown.
erased_picture = Table(
    "erased_picture",
    picture_store,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("erased_at", UtcTime, nullable=False, index=True),
)
