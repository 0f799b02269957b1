"""Judges events by what their devices say, where nobody reads faces: the handler of the topic `judge`."""

from collections.abc import Sequence
from datetime import UTC, datetime

from receiver.services.alerting.event_alerts import EventAlerts
from receiver.store import alerts, erasures, events, outbox
from receiver.store.outbox import Task
from receiver.store.store import Store

TOPIC = alerts.TOPIC
# Tasks of one transaction: nothing is computed for them.
AT_ONCE = 100


class Judging:
    """The worker's part where recognition is off."""

    def __init__(self, store: Store, judge: EventAlerts) -> None:
        self._store = store
        self._judge = judge

    def handle(self, tasks: Sequence[Task]) -> None:
        """Judges the events and ends their tasks in one transaction."""
        now = datetime.now(UTC)
        with self._store.write() as tx:
            due = [each for each in tasks if outbox.done(tx, each.id)]
            rows = [events.find(tx, each.subject) for each in due if not erasures.is_hidden(tx, each.subject)]
            found = self._judge.decided(tx, [row._asdict() for row in rows if row is not None], now)
        if found:
            self._judge.ring()

    def give_up(self, task: Task) -> None:
        """The task failed for good: it is buried."""
        with self._store.write() as tx:
            outbox.bury(tx, task.id, "gave_up")
