"""The memory of subscriptions: each process keeps them until one has changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from receiver.domain.subscriptions import Subscription, Topic
from receiver.store import subscriptions
from receiver.store.database import Tx


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who wants events: those that are told when it comes in, and those that ask for what only the decision says."""

    at_once: Sequence[Subscription] = ()
    decided: Sequence[Subscription] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    version: int
    all: dict[int, Subscription]
    wanted: Wanted


class SubscriptionBook:
    """Looks at one row in each transaction, and at the subscriptions when that has changed."""

    def __init__(self, *, is_recognising: bool) -> None:
        self._is_recognising = is_recognising
        self._known = _Known(-1, {}, Wanted())

    def by_id(self, tx: Tx) -> dict[int, Subscription]:
        """Every subscription."""
        return self._refresh(tx).all

    def of_events(self, tx: Tx) -> Wanted:
        """Who wants events."""
        return self._refresh(tx).wanted

    def of_topic(self, tx: Tx, topic: Topic) -> list[Subscription]:
        """Who wants to be told of something else."""
        return [each for each in self._refresh(tx).all.values() if each.takes_new and topic in each.topics]

    def _refresh(self, tx: Tx) -> _Known:
        known, version = self._known, subscriptions.version(tx)
        if known.version == version:
            return known
        found = {kept.subscription.id: kept.subscription for kept in subscriptions.every(tx)}
        events = [each for each in found.values() if each.takes_new and Topic.EVENT in each.topics]
        late = [each for each in events if each.filter.needs_decision and self._is_recognising]
        wanted = Wanted([each for each in events if each not in late], late)
        self._known = _Known(version, found, wanted)
        return self._known
