"""Looks every few seconds at how things stand: who is silent, what grows, which alerts nobody has answered."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.alerts import AlertState, NewAlert, Outcome, Source
from receiver.domain.errors import Conflict, NotFound
from receiver.domain.rules import Rule, Trigger
from receiver.services.alerting.alerting import SERVER, Alerting
from receiver.services.alerting.calendars import is_holiday
from receiver.services.alerting.frames import FrameRoom
from receiver.services.alerting.rule_book import RuleBook, of_trigger
from receiver.store import alert_upkeep, alerts, announcements, watching
from receiver.store.database import Row, Tx
from receiver.store.store import Store

# A console that was away for longer reads the list anew.
ANNOUNCED = timedelta(days=7)
AT_ONCE = 1000
# Longer than rules suppress; a device that is still silent then is told of again.
REMEMBERED = timedelta(days=30)
# What is counted beyond what a rule asks tells nobody more.
MOST = 100_000


class Watching:
    """The worker's tick; two workers do no harm."""

    def __init__(self, store: Store, alerting: Alerting, book: RuleBook, frame_room: FrameRoom) -> None:
        self._store = store
        self._alerting = alerting
        self._book = book
        self._frame_room = frame_room

    def run(self, now: datetime | None = None) -> int:
        """Opens what is to be opened, closes what is over, escalates what nobody answers; how many."""
        now = now or datetime.now(UTC)
        with self._store.read() as tx:
            active = self._book.active(tx)
        number = 0
        for rule in active.of_ticks:
            if rule.trigger is Trigger.DEVICE_SILENT:
                number += self._open(self._silent(rule, now), now)
            else:
                number += self._look_at(rule, now)
        number += self._settle_heard(of_trigger(active, Trigger.DEVICE_SILENT))
        return number + self._alerting.escalate(now)

    def sweep(self, now: datetime | None = None) -> int:
        """Forgets announcements that nobody resumes from, and frames that there is no room for; how many of the first."""
        now, number = now or datetime.now(UTC), 0
        self._frame_room.make(now)
        with self._store.write() as tx:
            alert_upkeep.drop_keys(tx, now - REMEMBERED)
        while True:
            with self._store.write() as tx:
                gone = announcements.drop_before(tx, now - ANNOUNCED, AT_ONCE)
            number += gone
            if gone < AT_ONCE:
                return number

    def _silent(self, rule: Rule, now: datetime) -> list[NewAlert]:
        """One alert for each silence; one that was told of is not told of again when somebody has closed its alert."""
        if not rule.hours.hold(now, is_holiday):
            return []
        prefix = f"rule:{rule.id}:silent:d"
        with self._store.read() as tx:
            before = now - timedelta(seconds=rule.conditions.after_seconds)
            rows = watching.silent_devices(tx, rule.conditions, before, prefix)
        return [_alert(rule, f"{prefix}{row.id}", row.last_seen, device_id=row.id) for row in rows]

    def _settle_heard(self, rules: Sequence[Rule]) -> int:
        """Closes the alerts of devices that have spoken since."""
        if not rules:
            return 0
        with self._store.read() as tx:
            lasting = watching.lasting(tx, Trigger.DEVICE_SILENT)
            heard = watching.last_heard(tx, [row.device_id for row in lasting])
        return sum(
            self._over(row) for row in lasting if row.device_id in heard and heard[row.device_id] > row.started_at
        )

    def _look_at(self, rule: Rule, now: datetime) -> int:
        """A rule that is about the whole server: opened once, and closed when it is over."""
        key = f"rule:{rule.id}:{rule.trigger.value}"
        with self._store.read() as tx:
            known = alerts.known_keys(tx, [key]).get(key)
            present = None if known is None or known.alert_id is None else alerts.find(tx, known.alert_id)
            detail = self._measured(tx, rule, now)
        is_lasting = present is not None and present.state != AlertState.CLOSED
        if detail is None:
            return self._over(present) if present is not None and is_lasting else 0
        is_early = known is not None and now - known.last_at < timedelta(seconds=rule.suppress_seconds)
        if is_lasting or is_early or not rule.hours.hold(now, is_holiday):
            return 0
        return self._open([_alert(rule, key, now, detail)], now)

    def _measured(self, tx: Tx, rule: Rule, now: datetime) -> dict[str, Any] | None:
        """What was counted, if it is what the rule asks for."""
        asked = rule.conditions
        if rule.trigger is Trigger.QUARANTINE_GROWING:
            since = now - timedelta(seconds=asked.within_seconds)
            number = watching.quarantined_since(tx, since, min(MOST, asked.count))
            return {"count": number, "within_seconds": asked.within_seconds} if number >= asked.count else None
        number, oldest = watching.backlog(tx, now, min(MOST, asked.count or MOST))
        seconds = 0 if oldest is None else int((now - oldest).total_seconds())
        is_many = bool(asked.count) and number >= asked.count
        is_old = bool(asked.after_seconds) and seconds >= asked.after_seconds
        return {"count": number, "oldest_seconds": seconds} if is_many or is_old else None

    def _open(self, new: Sequence[NewAlert], now: datetime) -> int:
        if not new:
            return 0
        with self._store.write() as tx:
            self._alerting.open_in(tx, new, now)
        self._alerting.ring()
        return len(new)

    def _over(self, alert: Row) -> int:
        with suppress(Conflict, NotFound):  # somebody has closed it meanwhile
            self._alerting.close(alert.id, SERVER, Outcome.OVER)
            return 1
        return 0


def _alert(
    rule: Rule, key: str, started_at: datetime, detail: dict[str, Any] | None = None, device_id: int | None = None
) -> NewAlert:
    return NewAlert(
        kind=rule.trigger.value,
        severity=rule.severity,
        source=Source.RULE,
        started_at=started_at,
        rule_id=rule.id,
        device_id=device_id,
        key=key,
        escalate_seconds=rule.escalate_seconds,
        title=rule.name,
        detail=detail or {},
    )
