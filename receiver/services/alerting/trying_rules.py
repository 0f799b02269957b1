"""Tries a rule on a past period: which alerts it would have opened, and how many events each would have had."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from receiver.domain.alerts import NewAlert, is_repeat
from receiver.domain.errors import Invalid
from receiver.domain.rules import Rule, Trigger
from receiver.services.alerting.calendars import is_holiday
from receiver.services.alerting.event_alerts import facts_of, with_groups
from receiver.services.alerting.rule_book import ActiveRules
from receiver.services.alerting.rule_documents import rule_of
from receiver.store import past_events
from receiver.store.store import Store

PAGE = 1000
# Events that one trial reads, and alerts that it names: somebody waits for the answer.
MOST_EVENTS, MOST_ALERTS = 200_000, 200
LONGEST_PERIOD = timedelta(days=92)


@dataclass(slots=True)
class _Would:
    """An alert that would have been opened."""

    first: NewAlert
    last_at: datetime
    started_at: datetime
    events: int = 1


@dataclass(slots=True)
class _Trial:
    """What has come of the events so far; of each key the newest alert."""

    alerts: list[_Would] = field(default_factory=list)
    newest: dict[str, _Would] = field(default_factory=dict)
    events: int = 0
    met: int = 0

    def take(self, new: NewAlert) -> None:
        """As ``alerting`` does it, if nobody had answered any of them."""
        self.met += 1
        present = self.newest.get(new.key or "")
        if present is not None and is_repeat(
            (present.started_at, present.last_at), new.started_at, new.suppress_seconds
        ):
            present.events += 1
            present.last_at = max(present.last_at, new.started_at)
            present.started_at = min(present.started_at, new.started_at)
            return
        would = _Would(new, new.started_at, new.started_at)
        self.alerts.append(would)
        self.newest[new.key or ""] = would


class TryingRules:
    """The dry run."""

    def __init__(self, store: Store, site_zone: tzinfo) -> None:
        self._store = store
        self._site_zone = site_zone

    def run(self, document: Mapping[str, Any], since: datetime, until: datetime) -> dict[str, Any]:
        """What a rule would have done with the events that occurred in a period, by what stands of them now; aware times.

        Raises:
            Invalid: ``bad_period``, ``cannot_replay``: it is not about events; and what is wrong with the rule.
        """
        rule = rule_of(document, self._site_zone)
        if rule.trigger is not Trigger.EVENT:
            raise Invalid("cannot_replay", "only rules about events can be tried: how things stood then is not kept")
        if not timedelta() < until - since <= LONGEST_PERIOD:
            raise Invalid("bad_period", "a period ends after it begins, and is at most 92 days long")
        trial = _Trial()
        for new in self._would(rule, (since, until), trial):
            trial.take(new)
        return _told(trial, since, until)

    def _would(self, rule: Rule, period: tuple[datetime, datetime], trial: _Trial) -> Iterator[NewAlert]:
        asked = ActiveRules(
            asks_device_group=bool(rule.conditions.device_groups),
            asks_person_groups=bool(rule.conditions.person_groups),
        )
        place: tuple[datetime, int] | None = None
        while trial.events < MOST_EVENTS:
            with self._store.read() as tx:
                rows = past_events.page(tx, period, place, PAGE)
                facts = [with_groups(tx, facts_of(row._asdict()), asked) for row in rows]
            trial.events += len(rows)
            yield from (rule.alert_of(each) for each in facts if rule.is_met_by(each, is_holiday))
            if len(rows) < PAGE:
                return
            place = (rows[-1].occurred_at, rows[-1].id)


def _told(trial: _Trial, since: datetime, until: datetime) -> dict[str, Any]:
    shown = [
        {
            "kind": each.first.kind,
            "severity": each.first.severity.value,
            "started_at": each.started_at,
            "last_at": each.last_at,
            "events": each.events,
            "event": each.first.event_id,
            "person": each.first.person_id,
            "device": each.first.device_id,
            "gate": each.first.gate_id,
            "list": each.first.list,
        }
        for each in trial.alerts[:MOST_ALERTS]
    ]
    return {
        "from": since,
        "to": until,
        "events": trial.events,
        "events_met": trial.met,
        "alerts": len(trial.alerts),
        "is_complete": trial.events < MOST_EVENTS,
        "items": shown,
    }
