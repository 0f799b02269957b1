"""Vehicles: devices that register themselves by their MAC address and a password, each with the gate that it is."""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from receiver.store.tables.base import main
from receiver.store.types import Id

vehicle = Table(
    "vehicle",
    main,
    Column("device_id", ForeignKey("device.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("gate_id", Id, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    # of its token: counts up when the present one is to be worth nothing
    Column("version", Integer, nullable=False),
)
