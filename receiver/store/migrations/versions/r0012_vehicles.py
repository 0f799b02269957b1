"""Vehicles that register themselves; an account's address for mail, as ServerAPI has it."""

import sqlalchemy as sa
from alembic import context, op

from receiver.store.types import Id

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "main" not in context.config.attributes["parts"]:
        return
    op.create_table('vehicle',
    sa.Column('device_id', Id, autoincrement=False, nullable=False),
    sa.Column('gate_id', Id, nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['device_id'], ['device.id'], name=op.f('fk_vehicle_device_id_device'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('device_id', name=op.f('pk_vehicle')),
    sa.UniqueConstraint('gate_id', name=op.f('uq_vehicle_gate_id')),
    )
    op.add_column('account', sa.Column('email', sa.String(length=255), server_default='', nullable=False))
