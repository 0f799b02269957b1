"""Accounts, their logins, API keys, and the count of failed logins."""

import sqlalchemy as sa
from alembic import context, op

from receiver.store.types import Id, Json, UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "main" in context.config.attributes["parts"]:
        make_accounts()
        make_logins()
        make_keys()
        make_attempts()


def make_accounts() -> None:
    op.create_table('account',
    sa.Column('id', Id, nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=False),
    sa.Column('must_change', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('limits', Json(), server_default='{}', nullable=False),
    sa.Column('disabled_at', UtcTime(), nullable=True),
    sa.Column('created_at', UtcTime(), nullable=False),
    sa.Column('updated_at', UtcTime(), nullable=False),
    sa.Column('last_login_at', UtcTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account')),
    sa.UniqueConstraint('name', name=op.f('uq_account_name')),
    sqlite_autoincrement=True
    )


def make_logins() -> None:
    op.create_table('login_session',
    sa.Column('id', Id, nullable=False),
    sa.Column('account_id', Id, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('secret_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('address', sa.String(length=64), server_default='', nullable=False),
    sa.Column('created_at', UtcTime(), nullable=False),
    sa.Column('used_at', UtcTime(), nullable=False),
    sa.Column('expires_at', UtcTime(), nullable=False),
    sa.Column('ended_at', UtcTime(), nullable=True),
    sa.Column('ended_reason', sa.String(length=16), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_login_session_account_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_login_session')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_login_session_account_id'), 'login_session', ['account_id'], unique=False)
    op.create_index(op.f('ix_login_session_expires_at'), 'login_session', ['expires_at'], unique=False)
    op.create_index(op.f('ix_login_session_account_id_address'), 'login_session', ['account_id', 'address'], unique=False)


def make_keys() -> None:
    op.create_table('api_key',
    sa.Column('id', Id, nullable=False),
    sa.Column('account_id', Id, nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('secret_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('scopes', Json(), nullable=False),
    sa.Column('created_at', UtcTime(), nullable=False),
    sa.Column('expires_at', UtcTime(), nullable=True),
    sa.Column('used_at', UtcTime(), nullable=True),
    sa.Column('revoked_at', UtcTime(), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_api_key_account_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_key')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_api_key_account_id'), 'api_key', ['account_id'], unique=False)


def make_attempts() -> None:
    op.create_table('login_attempt',
    sa.Column('key', sa.LargeBinary(length=32), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('expires_at', UtcTime(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_login_attempt')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_login_attempt_expires_at'), 'login_attempt', ['expires_at'], unique=False)
