"""Takes away closed alerts and frames that have been kept for long enough, and frames that there is no room for."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from receiver.domain.retention import ALERTS, FRAMES, Rules
from receiver.services.pacing import Pace
from receiver.store import alert_upkeep, frames
from receiver.store.store import Store

READ, STEP = 200, 25


class RetainingAlerts:
    """The part of retention that is about alerts."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self._store = store
        self._rules = rules

    def drop(self, now: datetime, pace: Pace) -> dict[str, int]:
        """Takes away what is due; how many of each kind."""
        return {ALERTS: self._drop_alerts(now, pace), FRAMES: self._drop_frames(now, pace)}

    def count(self, now: datetime) -> dict[str, int]:
        """What would go; nothing is changed."""
        days = self._rules.days(FRAMES)
        with self._store.read() as tx:
            number = 0 if days is None else frames.count_before(tx, now - timedelta(days=days))
        return {ALERTS: sum(map(len, self._due(now))), FRAMES: number}

    def _due(self, now: datetime) -> Iterator[list[int]]:
        days, last = self._rules.days(ALERTS), 0
        while days is not None:
            with self._store.read() as tx:
                found = alert_upkeep.closed_before(tx, now - timedelta(days=days), last, READ)
            if not found:
                return
            yield found
            last = found[-1]

    def _drop_alerts(self, now: datetime, pace: Pace) -> int:
        number = 0
        for ids in self._due(now):
            for start in range(0, len(ids), STEP):
                if pace.is_stopping():
                    return number
                with pace.step(), self._store.write() as tx:
                    number += alert_upkeep.drop(tx, ids[start : start + STEP])
        return number

    def _drop_frames(self, now: datetime, pace: Pace) -> int:
        days, number = self._rules.days(FRAMES), 0
        while days is not None and not pace.is_stopping():
            with pace.step(), self._store.write() as tx:
                gone = frames.drop_before(tx, now - timedelta(days=days), READ)
            number += gone
            if gone < READ:
                break
        return number
