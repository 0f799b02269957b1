"""Opens alerts for events as they are decided, by the rules, in the transaction of the decision."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from receiver.domain.alerts import NewAlert
from receiver.domain.people import PersonState
from receiver.domain.rules import EventFacts, judged
from receiver.services.alerting.alerting import Alerting
from receiver.services.alerting.calendars import is_holiday
from receiver.services.alerting.rule_book import ActiveRules, RuleBook
from receiver.store import alerts, devices, people
from receiver.store.database import Tx


class EventAlerts:
    """Judges decided events.

    An event that no rule concerns costs no question to the database; rules are looked at once a second at most.
    """

    def __init__(self, alerting: Alerting, book: RuleBook) -> None:
        self._alerting = alerting
        self._book = book
        self.ring = alerting.ring

    def decided(self, tx: Tx, events: Sequence[Mapping[str, Any]], now: datetime) -> int:
        """The last in the transaction that has decided these events; how many alerts it has opened or added to.

        Whoever calls rings after the commit where there are any.
        """
        active = self._book.active(tx)
        if not active.of_events:
            return 0
        new = [alert for event in events for alert in self._judged(tx, event, active)]
        return len(self._alerting.open_in(tx, new, now)) if new else 0

    def _judged(self, tx: Tx, event: Mapping[str, Any], active: ActiveRules) -> list[NewAlert]:
        facts = with_groups(tx, facts_of(event), active)
        found = judged(active.of_events, facts, is_holiday)
        if not found:
            return []
        # It was decided before, and told of: a second look wakes nobody twice.
        told = alerts.rules_told_of(tx, facts.event_id)
        return [each for each in found if each.rule_id not in told]


def facts_of(event: Mapping[str, Any]) -> EventFacts:
    """What rules can ask of an event's row."""
    words = (event["decision_detail"] or {}).get("reasons", ())
    return EventFacts(
        event_id=event["id"],
        occurred_at=event["occurred_at"],
        device_id=event["device_id"],
        list=str(event["list"]),
        gate_id=event["gate_id"],
        person_id=event["person_id"],
        decision=None if event["decision"] is None else str(event["decision"]),
        is_blacklist_hit=bool(event["blacklist_said_by"]),
        second_opinion=None if event["second_opinion"] is None else str(event["second_opinion"]),
        identity_id=event["identity_id"],
        is_ignored=PersonState.IGNORED in words,
    )


def with_groups(tx: Tx, facts: EventFacts, active: ActiveRules) -> EventFacts:
    """The same with the groups that a rule asks for."""
    if active.asks_device_group:
        device = devices.found(tx, {facts.device_id}).get(facts.device_id)
        facts = replace(facts, device_group="" if device is None else device.device_group)
    if active.asks_person_groups and facts.person_id is not None:
        groups = people.groups_of(tx, [facts.person_id]).get(facts.person_id, [])
        facts = replace(facts, person_groups=frozenset(groups))
    return facts
