"""Begins the runs of schedules: each sends what was there when it began, and what was missed is made up for once."""

from datetime import datetime

from receiver.domain import schedules
from receiver.store import deliveries, subscriptions
from receiver.store.store import Store
from receiver.store.subscriptions import Kept


def begin_due_runs(store: Store, now: datetime) -> int:
    """Begins what is due, and plans what comes next; how many began."""
    with store.read() as tx:
        concerned = [each for each in subscriptions.every(tx) if _is_concerned(each, now)]
    begun = 0
    for each in concerned:
        begun += _settle(store, each.subscription.id, now)
    return begun


def _is_concerned(kept: Kept, now: datetime) -> bool:
    schedule = kept.subscription.schedule
    if not kept.subscription.may_send or not schedules.has_runs(schedule):
        return False
    planned = schedules.settled(schedule, kept.next_at, now)
    return planned != kept.next_at or (planned is not None and planned <= now)


def _settle(store: Store, subscription_id: int, now: datetime) -> int:
    with store.write() as tx:
        kept = subscriptions.find(tx, subscription_id)
        if kept is None or not _is_concerned(kept, now):
            return 0
        planned = schedules.settled(kept.subscription.schedule, kept.next_at, now)
        if planned is None or planned > now:
            subscriptions.plan(tx, subscription_id, planned, kept.run_up_to)
            return 0
        following = schedules.next_after(kept.subscription.schedule, now)
        subscriptions.plan(tx, subscription_id, following, deliveries.newest(tx))
        return 1
