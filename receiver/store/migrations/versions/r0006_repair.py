"""Strangers seen once, corrections that can be undone, what a person should look at, and what devices know people by."""

import sqlalchemy as sa
from alembic import context, op

from receiver.store.types import Id, Json, UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "main" in context.config.attributes["parts"]:
        make_corrections()
        make_reviews()
        ask_about_what_waits()
        make_candidates()
        widen_identities()
        widen_events()
        make_library_checks()


def make_corrections() -> None:
    op.create_table('correction',
    sa.Column('id', Id, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('person_id', Id, nullable=False),
    sa.Column('other_id', Id, nullable=True),
    sa.Column('before', Json(), nullable=False),
    sa.Column('made_at', UtcTime(), nullable=False),
    sa.Column('made_by', sa.String(length=255), server_default='', nullable=False),
    sa.Column('undone_at', UtcTime(), nullable=True),
    sa.Column('undone_by', sa.String(length=255), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_correction')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_correction_other_id'), 'correction', ['other_id'], unique=False)
    op.create_index(op.f('ix_correction_person_id'), 'correction', ['person_id'], unique=False)
    op.create_table('correction_item',
    sa.Column('correction_id', Id, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('subject', Id, autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(['correction_id'], ['correction.id'], name=op.f('fk_correction_item_correction_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('correction_id', 'kind', 'subject', name=op.f('pk_correction_item'))
    )
    op.create_index(op.f('ix_correction_item_kind_subject'), 'correction_item', ['kind', 'subject'], unique=False)


def make_reviews() -> None:
    op.create_table('review',
    sa.Column('id', Id, nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.String(length=64), nullable=False),
    sa.Column('person_id', Id, nullable=True),
    sa.Column('other_id', Id, nullable=True),
    sa.Column('event_id', Id, nullable=True),
    sa.Column('subject', Id, nullable=True),
    sa.Column('detail', Json(), nullable=False),
    sa.Column('created_at', UtcTime(), nullable=False),
    sa.Column('updated_at', UtcTime(), nullable=False),
    sa.Column('due_at', UtcTime(), nullable=True),
    sa.Column('settled_at', UtcTime(), nullable=True),
    sa.Column('settled_by', sa.String(length=255), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_review')),
    sa.UniqueConstraint('key', name=op.f('uq_review_key')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_review_event_id'), 'review', ['event_id'], unique=False)
    op.create_index(op.f('ix_review_kind_state_id'), 'review', ['kind', 'state', 'id'], unique=False)
    op.create_index(op.f('ix_review_other_id'), 'review', ['other_id'], unique=False)
    op.create_index(op.f('ix_review_person_id'), 'review', ['person_id'], unique=False)
    op.create_index(op.f('ix_review_state_id'), 'review', ['state', 'id'], unique=False)
    op.create_table('review_picture',
    sa.Column('review_id', Id, nullable=False),
    sa.Column('position', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('person_id', Id, nullable=True),
    sa.Column('box', Json(), nullable=True),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_review_picture_review_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('review_id', 'position', name=op.f('pk_review_picture'))
    )
    op.create_index(op.f('ix_review_picture_digest'), 'review_picture', ['digest'], unique=False)


def ask_about_what_waits() -> None:
    """Messages in quarantine and tasks that were given up before there was a list to ask about them."""
    op.execute(
        "INSERT INTO review (kind, key, state, reason, event_id, subject, detail, created_at, updated_at)"
        " SELECT 'quarantined', 'quarantined:' || id, 'open', reason, NULL, id, '{}', received_at, received_at"
        " FROM quarantine WHERE state = 'held' ORDER BY id"
    )
    op.execute(
        "INSERT INTO review (kind, key, state, reason, event_id, subject, detail, created_at, updated_at)"
        " SELECT 'buried_task', 'buried_task:' || id, 'open', 'gave_up',"
        " CASE WHEN topic = 'recognise' THEN subject END, id, '{\"topic\": \"' || topic || '\"}', created_at, created_at"
        " FROM task WHERE state = 'buried' ORDER BY id"
    )


def make_candidates() -> None:
    op.create_table('stranger_candidate',
    sa.Column('id', Id, nullable=False),
    sa.Column('event_id', Id, nullable=False),
    sa.Column('device_id', Id, nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('box', Json(), nullable=False),
    sa.Column('quality', Json(), nullable=False),
    sa.Column('embedding', sa.LargeBinary(), nullable=False),
    sa.Column('model', sa.String(length=80), nullable=False),
    sa.Column('occurred_at', UtcTime(), nullable=False),
    sa.Column('created_at', UtcTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stranger_candidate')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_stranger_candidate_digest'), 'stranger_candidate', ['digest'], unique=False)
    op.create_index(op.f('ix_stranger_candidate_event_id'), 'stranger_candidate', ['event_id'], unique=False)
    op.create_index(op.f('ix_stranger_candidate_model_created_at'), 'stranger_candidate', ['model', 'created_at'], unique=False)


def widen_identities() -> None:
    op.add_column('device_identity', sa.Column('first_seen', UtcTime(), nullable=True))
    op.add_column('device_identity', sa.Column('state', sa.String(length=16), server_default='known', nullable=False))
    op.add_column('device_identity', sa.Column('reason', sa.String(length=64), nullable=True))
    op.add_column('device_identity', sa.Column('tried_digest', sa.LargeBinary(length=32), nullable=True))
    op.add_column('device_identity', sa.Column('person_id', Id, nullable=True))
    op.create_index(op.f('ix_device_identity_state_device_id_external_id'), 'device_identity', ['state', 'device_id', 'external_id'], unique=False)
    op.add_column('device_identity', sa.Column('adoption_id', Id, nullable=True))
    op.create_index('ix_device_identity_adoption', 'device_identity', ['adoption_id', 'device_id', 'external_id'], unique=False, sqlite_where=sa.text('adoption_id IS NOT NULL'), postgresql_where=sa.text('adoption_id IS NOT NULL'))
    op.create_index('ix_device_identity_digest', 'device_identity', ['digest'], unique=False)
    op.create_index('ix_device_identity_person', 'device_identity', ['person_id'], unique=False)
    op.create_table('adoption',
    sa.Column('id', Id, nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('counts', Json(), nullable=False),
    sa.Column('requested_by', sa.String(length=255), nullable=False),
    sa.Column('requested_at', UtcTime(), nullable=False),
    sa.Column('ended_at', UtcTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_adoption')),
    sqlite_autoincrement=True
    )


def widen_events() -> None:
    op.add_column('event', sa.Column('second_opinion', sa.String(length=16), nullable=True))
    op.add_column('event', sa.Column('second_opinion_detail', Json(), nullable=True))
    op.create_index('ix_event_person_time', 'event', ['person_id', 'occurred_at', 'gate_id', 'device_id'], unique=False, sqlite_where=sa.text('person_id IS NOT NULL'), postgresql_where=sa.text('person_id IS NOT NULL'))
    op.add_column('person', sa.Column('merged_into', Id, nullable=True))
    op.create_index('ix_person_merged', 'person', ['merged_into'], unique=False, sqlite_where=sa.text('merged_into IS NOT NULL'), postgresql_where=sa.text('merged_into IS NOT NULL'))


def make_library_checks() -> None:
    op.create_table('library_check',
    sa.Column('id', Id, nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.String(length=64), nullable=True),
    sa.Column('stage', sa.String(length=16), nullable=False),
    sa.Column('position', Id, server_default='0', nullable=False),
    sa.Column('done', sa.Integer(), server_default='0', nullable=False),
    sa.Column('total', sa.Integer(), server_default='0', nullable=False),
    sa.Column('counts', Json(), nullable=False),
    sa.Column('asked_by', sa.String(length=255), server_default='', nullable=False),
    sa.Column('started_at', UtcTime(), nullable=False),
    sa.Column('updated_at', UtcTime(), nullable=False),
    sa.Column('ended_at', UtcTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_library_check')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_library_check_state_id'), 'library_check', ['state', 'id'], unique=False)
    op.create_index('ix_event_disagreeing', 'event', ['identity_id', 'occurred_at'], unique=False, sqlite_where=sa.text("second_opinion = 'disagrees'"), postgresql_where=sa.text("second_opinion = 'disagrees'"))
    op.create_index('ix_event_disagrees', 'event', ['id'], unique=False, sqlite_where=sa.text("second_opinion = 'disagrees'"), postgresql_where=sa.text("second_opinion = 'disagrees'"))
