"""The secrets with which devices sign what they send: unlike a key they must be kept as they are, to verify with."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update

from receiver.store.database import Tx
from receiver.store.tables import device, device_secret

SIGNATURE = "signature"


def valid(tx: Tx, now: datetime) -> list[Row[Any]]:
    """(fingerprint, secret, valid_until, proof) of every secret that holds, and by which its device is known."""
    statement = (
        select(device_secret.c.fingerprint, device_secret.c.secret, device_secret.c.valid_until, device.c.proof)
        .join(device, device.c.id == device_secret.c.device_id)
        .where(
            device.c.proof_kind == SIGNATURE,
            or_(device_secret.c.valid_until.is_(None), device_secret.c.valid_until > now),
        )
        .order_by(device_secret.c.device_id)
    )
    return list(tx.execute(statement))


def owner(tx: Tx, fingerprint: str) -> int | None:
    """Whose secret it is, or None."""
    statement = select(device_secret.c.device_id).where(device_secret.c.fingerprint == fingerprint)
    return tx.execute(statement).scalars().first()


def replace(tx: Tx, device_id: int, fingerprint: str, secret: bytes, times: tuple[datetime, datetime]) -> None:
    """Gives a device a secret; the one before holds until the second of the times, those before that no more."""
    now, until = times
    own = device_secret.c.device_id == device_id
    tx.execute(delete(device_secret).where(own, device_secret.c.valid_until.is_not(None)))
    tx.execute(update(device_secret).where(own).values(valid_until=until))
    values = {"device_id": device_id, "fingerprint": fingerprint, "secret": secret, "made_at": now}
    tx.execute(insert(device_secret).values(**values))


def drop(tx: Tx, device_id: int) -> None:
    """None of its secrets holds any more."""
    tx.execute(delete(device_secret).where(device_secret.c.device_id == device_id))
