"""Subscriptions as they are shown: what they say, how they do, and nothing secret."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receiver.domain.errors import NotFound
from receiver.domain.subscriptions import SubscriptionState
from receiver.services.asking.asking import Page
from receiver.store import backlogs, lanes, subscriptions
from receiver.store.database import Tx
from receiver.store.lanes import Books
from receiver.store.store import Store
from receiver.store.subscriptions import Kept
from receiver.translation.subscriptions import shown


@dataclass(frozen=True, slots=True)
class Counted:
    """One with its figures.

    Attributes:
        oldest: since when the oldest delivery waits; None: none does.
    """

    kept: Kept
    books: Books
    oldest: datetime | None

    @property
    def name(self) -> str:
        return self.kept.subscription.name

    @property
    def is_failing(self) -> bool:
        return self.kept.subscription.state is SubscriptionState.FAILING


class SubscriptionList:
    """Reads them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def counted(self) -> list[Counted]:
        """All of them."""
        with self._store.read() as tx:
            return _counted(tx)

    def page(self, after: int, limit: int, state: str | None) -> Page:
        """In the order in which they were made."""
        found = [each for each in self.counted() if state is None or each.kept.subscription.state == state]
        rows = [each for each in found if each.kept.subscription.id > after]
        following = str(rows[limit - 1].kept.subscription.id) if len(rows) > limit else None
        return Page([_shown(each) for each in rows[:limit]], following)

    def one(self, subscription_id: int) -> dict[str, Any]:
        """One of them.

        Raises:
            NotFound: ``no_such_subscription``.
        """
        for each in self.counted():
            if each.kept.subscription.id == subscription_id:
                return _shown(each)
        raise NotFound("no_such_subscription", f"there is no subscription {subscription_id}")


def _counted(tx: Tx) -> list[Counted]:
    books, oldest = lanes.books(tx), backlogs.oldest(tx)
    kept = subscriptions.every(tx)
    return [Counted(each, books.get(each.subscription.id, Books()), oldest.get(each.subscription.id)) for each in kept]


def _shown(counted: Counted) -> dict[str, Any]:
    return shown(counted.kept.subscription) | {"figures": _figures(counted)}


def _figures(counted: Counted) -> dict[str, Any]:
    kept, books = counted.kept, counted.books
    return {
        "recorded": books.recorded,
        "waiting": books.waiting,
        "waiting_bytes": books.waiting_bytes,
        "oldest": counted.oldest,
        "delivered": books.delivered,
        "dead": books.dead,
        "dropped": books.dropped,
        "without_pictures": books.bared,
        "failed": kept.failed,
        "seconds": kept.seconds / kept.sent if kept.sent else None,
        "last_success": kept.last_success,
        "failing_since": kept.failing_since,
        "last_error": kept.detail or None,
        "next_run": kept.next_at,
    }
