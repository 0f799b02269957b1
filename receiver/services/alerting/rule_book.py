"""The rules in memory: read once, and again when their counter has moved, at which a process looks once a second."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

import structlog

from receiver.domain.errors import Invalid
from receiver.domain.rules import Rule, Trigger
from receiver.services.alerting.rule_documents import document_of, rule_of
from receiver.store import rules
from receiver.store.database import Row, Tx

# How long a process judges by the rules that it knows.
FOLLOW_SECONDS = 1.0

log = structlog.get_logger("alerting")


@dataclass(frozen=True, slots=True)
class ActiveRules:
    """The rules that are switched on.

    Attributes:
        of_events: for each event that is decided.
        of_ticks: for how things stand.
        asks_device_group: whether any of events' needs it looked up.
        asks_person_groups: the same.
    """

    of_events: tuple[Rule, ...] = ()
    of_ticks: tuple[Rule, ...] = ()
    asks_device_group: bool = False
    asks_person_groups: bool = False


class RuleBook:
    """The rules of this process."""

    def __init__(self, site_zone: tzinfo) -> None:
        self._site_zone = site_zone
        self._version = -1
        self._looked_at = float("-inf")
        self._active = ActiveRules()

    def active(self, tx: Tx) -> ActiveRules:
        """The rules, at most FOLLOW_SECONDS old."""
        if time.monotonic() - self._looked_at < FOLLOW_SECONDS:
            return self._active
        version = rules.version(tx)
        if version != self._version:
            self._active, self._version = self._read(tx), version
        self._looked_at = time.monotonic()
        return self._active

    def forget(self) -> None:
        """Looks again at the next question."""
        self._looked_at = float("-inf")

    def _read(self, tx: Tx) -> ActiveRules:
        found = [each for each in (self._rule(row) for row in rules.listed(tx) if row.is_active) if each is not None]
        of_events = tuple(each for each in found if each.trigger is Trigger.EVENT)
        return ActiveRules(
            of_events=of_events,
            of_ticks=tuple(each for each in found if each.trigger is not Trigger.EVENT),
            asks_device_group=any(each.conditions.device_groups for each in of_events),
            asks_person_groups=any(each.conditions.person_groups for each in of_events),
        )

    def _rule(self, row: Row) -> Rule | None:
        try:
            return rule_of(document_of(row), self._site_zone)
        except Invalid as error:
            # Another version wrote it, or its calendar is gone: the other rules hold.
            log.warning("rule_unreadable", rule=row.id, reason=error.reason, detail=error.detail)
            return None


def of_trigger(active: ActiveRules, trigger: Trigger) -> Sequence[Rule]:
    """The tick's rules of one kind."""
    return [each for each in active.of_ticks if each.trigger is trigger]
