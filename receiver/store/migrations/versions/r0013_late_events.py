"""The index by which late events find the alert of their own time."""

import sqlalchemy as sa
from alembic import context, op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "main" not in context.config.attributes["parts"]:
        return
    lasting = sa.text("key IS NOT NULL AND state <> 'closed'")
    op.create_index('ix_alert_repetition', 'alert', ['key', 'started_at'], sqlite_where=lasting, postgresql_where=lasting)
