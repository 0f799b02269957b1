"""Deliveries as they are shown: what became of each, and every try."""

from dataclasses import replace
from typing import Any

from receiver.domain.errors import NotFound
from receiver.services.asking.asking import Page
from receiver.store import attempts, delivery_lists
from receiver.store.database import Row
from receiver.store.delivery_lists import DeliveryFilter
from receiver.store.lanes import NO_DEVICE, UNSETTLED, WAITING
from receiver.store.store import Store


class DeliveryList:
    """Reads them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(self, wanted: DeliveryFilter) -> Page:
        """Those that fit, newest first."""
        with self._store.read() as tx:
            rows = delivery_lists.listed(tx, replace(wanted, limit=wanted.limit + 1))
        following = str(rows[wanted.limit - 1].id) if len(rows) > wanted.limit else None
        return Page([_shown(row) for row in rows[: wanted.limit]], following)

    def one(self, delivery_id: int) -> dict[str, Any]:
        """One with its tries.

        Raises:
            NotFound: ``no_such_delivery``, also when it has been delivered for a while.
        """
        with self._store.read() as tx:
            row = delivery_lists.find(tx, delivery_id)
            tries = attempts.of_delivery(tx, delivery_id)
        if row is None:
            raise NotFound("no_such_delivery", f"there is no delivery {delivery_id}, or not any more")
        return _shown(row) | {"attempts": [_try(each) for each in tries]}


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "subscription": row.subscription_id,
        "topic": row.topic,
        "device": None if row.device_id == NO_DEVICE else row.device_id,
        "event": row.event_id,
        "subject": row.subject,
        "state": WAITING if row.state in UNSETTLED else row.state,
        "tries": row.attempts,
        "has_pictures": not row.is_bare,
        "is_replay": row.is_replay,
        "created_at": row.created_at,
        "settled_at": row.settled_at,
        "last_error": row.last_error,
    }


def _try(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("at", "seconds", "outcome", "status", "detail")}
