"""Alerts with their steps, events and frames; the rules that open them, three of them ready-made; announcements of changes."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import context, op

from receiver.store.types import Id, Json, UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "main" in context.config.attributes["parts"]:
        make_alerts()
        make_frames()
        make_rules()
        make_announcements()


def make_alerts() -> None:
    op.create_table('alert',
    sa.Column('id', Id, nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('severity', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('source', sa.String(length=16), nullable=False),
    sa.Column('title', sa.String(length=255), server_default='', nullable=False),
    sa.Column('rule_id', Id, nullable=True),
    sa.Column('device_id', Id, nullable=True),
    sa.Column('gate_id', Id, nullable=True),
    sa.Column('person_id', Id, nullable=True),
    sa.Column('list', sa.String(length=16), nullable=True),
    sa.Column('event_id', Id, nullable=True),
    sa.Column('behavior', sa.String(length=32), nullable=True),
    sa.Column('key', sa.String(length=200), nullable=True),
    sa.Column('events', sa.Integer(), server_default='0', nullable=False),
    sa.Column('detail', Json(), server_default='{}', nullable=False),
    sa.Column('is_unverified', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('opened_at', UtcTime(), nullable=False),
    sa.Column('started_at', UtcTime(), nullable=False),
    sa.Column('last_at', UtcTime(), nullable=False),
    sa.Column('ended_at', UtcTime(), nullable=True),
    sa.Column('updated_at', UtcTime(), nullable=False),
    sa.Column('acknowledged_by', sa.String(length=255), server_default='', nullable=False),
    sa.Column('acknowledged_at', UtcTime(), nullable=True),
    sa.Column('assigned_to', Id, nullable=True),
    sa.Column('closed_by', sa.String(length=255), server_default='', nullable=False),
    sa.Column('closed_at', UtcTime(), nullable=True),
    sa.Column('outcome', sa.String(length=32), server_default='', nullable=False),
    sa.Column('note', sa.Text(), server_default='', nullable=False),
    sa.Column('escalate_at', UtcTime(), nullable=True),
    sa.Column('escalated_at', UtcTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_alert_closed_at'), 'alert', ['closed_at'], unique=False)
    op.create_index(op.f('ix_alert_device_id_id'), 'alert', ['device_id', 'id'], unique=False)
    op.create_index('ix_alert_escalation', 'alert', ['escalate_at'], unique=False, sqlite_where=sa.text('escalate_at IS NOT NULL'), postgresql_where=sa.text('escalate_at IS NOT NULL'))
    op.create_index(op.f('ix_alert_gate_id_id'), 'alert', ['gate_id', 'id'], unique=False)
    op.create_index(op.f('ix_alert_opened_at'), 'alert', ['opened_at'], unique=False)
    op.create_index('ix_alert_person', 'alert', ['person_id', 'id'], unique=False, sqlite_where=sa.text('person_id IS NOT NULL'), postgresql_where=sa.text('person_id IS NOT NULL'))
    op.create_index(op.f('ix_alert_state_id'), 'alert', ['state', 'id'], unique=False)
    op.create_table('alert_key',
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('alert_id', Id, nullable=True),
    sa.Column('last_at', UtcTime(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_alert_key'))
    )
    op.create_index(op.f('ix_alert_key_alert_id'), 'alert_key', ['alert_id'], unique=False)
    op.create_index(op.f('ix_alert_key_last_at'), 'alert_key', ['last_at'], unique=False)
    op.create_table('alert_event',
    sa.Column('alert_id', Id, nullable=False),
    sa.Column('event_id', Id, autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], name=op.f('fk_alert_event_alert_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('alert_id', 'event_id', name=op.f('pk_alert_event'))
    )
    op.create_index(op.f('ix_alert_event_event_id'), 'alert_event', ['event_id'], unique=False)
    op.create_table('alert_step',
    sa.Column('id', Id, nullable=False),
    sa.Column('alert_id', Id, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('at', UtcTime(), nullable=False),
    sa.Column('by', sa.String(length=255), server_default='', nullable=False),
    sa.Column('text', sa.Text(), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], name=op.f('fk_alert_step_alert_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert_step')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_alert_step_alert_id'), 'alert_step', ['alert_id'], unique=False)


def make_frames() -> None:
    op.create_table('frame',
    sa.Column('id', Id, nullable=False),
    sa.Column('device_id', Id, nullable=False),
    sa.Column('alert_id', Id, nullable=True),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('media_type', sa.String(length=40), nullable=False),
    sa.Column('width', sa.Integer(), nullable=False),
    sa.Column('height', sa.Integer(), nullable=False),
    sa.Column('bytes', Id, nullable=False),
    sa.Column('number', Id, server_default='0', nullable=False),
    sa.Column('taken_at', UtcTime(), nullable=False),
    sa.Column('received_at', UtcTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_frame')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_frame_alert', 'frame', ['alert_id', 'id'], unique=False, sqlite_where=sa.text('alert_id IS NOT NULL'), postgresql_where=sa.text('alert_id IS NOT NULL'))
    op.create_index('ix_frame_device', 'frame', ['device_id', 'id'], unique=False)
    op.create_index('ix_frame_digest', 'frame', ['digest'], unique=False)
    op.create_index(op.f('ix_frame_received_at'), 'frame', ['received_at'], unique=False)


def make_rules() -> None:
    """Whoever updates gets the ready-made rules too: they only say what was unsaid before."""
    rules = op.create_table('rule',
    sa.Column('id', Id, nullable=False),
    sa.Column('built_in', sa.String(length=32), nullable=True),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('trigger', sa.String(length=32), nullable=False),
    sa.Column('severity', sa.String(length=16), nullable=False),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('conditions', Json(), nullable=False),
    sa.Column('suppress_seconds', sa.Integer(), nullable=False),
    sa.Column('escalate_seconds', sa.Integer(), nullable=True),
    sa.Column('created_at', UtcTime(), nullable=False),
    sa.Column('updated_at', UtcTime(), nullable=False),
    sa.Column('updated_by', sa.String(length=255), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rule')),
    sa.UniqueConstraint('built_in', name=op.f('uq_rule_built_in')),
    sqlite_autoincrement=True
    )
    book = op.create_table('rule_book',
    sa.Column('id', Id, autoincrement=False, nullable=False),
    sa.Column('version', Id, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rule_book'))
    )
    op.bulk_insert(book, [{"id": 1, "version": 1}])
    now = datetime.now(UTC)
    ready_made = [
        ("blacklist_hit", "Blacklist hit", "event", "critical", {"lists": ["blacklist"]}, 300, 300),
        ("identity_disagreement", "Face contradicts the device", "event", "warning", {"second_opinions": ["disagrees"]}, 3600, None),
        ("device_silent", "Device is silent", "device_silent", "warning", {"after_seconds": 900}, 0, None),
    ]
    names = ("built_in", "name", "trigger", "severity", "conditions", "suppress_seconds", "escalate_seconds")
    more = {"is_active": True, "created_at": now, "updated_at": now}
    op.bulk_insert(rules, [dict(zip(names, each, strict=True)) | more for each in ready_made])


def make_announcements() -> None:
    op.create_table('announcement',
    sa.Column('id', Id, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('alert_id', Id, nullable=False),
    sa.Column('at', UtcTime(), nullable=False),
    sa.Column('facts', Json(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_announcement')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_announcement_at'), 'announcement', ['at'], unique=False)
