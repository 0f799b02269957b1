"""Rules as they are kept and as they are shown, from one to the other."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from receiver.domain.alerts import Severity
from receiver.domain.errors import Invalid
from receiver.domain.rules import Conditions, Hours, OnHolidays, Rule, Trigger, conditions_of, window_of
from receiver.services.alerting.calendars import check_calendar
from receiver.store.database import Row

CONDITIONS = tuple(each.name for each in fields(Conditions))
HOURS = ("zone", "windows", "country", "subdivision", "dates", "on_holidays")
# Which numbers a trigger needs, and that of an event asks none of.
NEEDED: Mapping[Trigger, tuple[str, ...]] = {
    Trigger.EVENT: (),
    Trigger.DEVICE_SILENT: ("after_seconds",),
    Trigger.QUARANTINE_GROWING: ("count", "within_seconds"),
    Trigger.BACKLOG_GROWING: (),
}
# What only an event can be asked.
OF_EVENTS = ("lists", "decisions", "second_opinions", "person_groups")
OF_DEVICES = ("devices", "gates", "device_groups")


def rule_of(document: Mapping[str, Any], site_zone: tzinfo) -> Rule:
    """A rule from its document, as it is kept or sent.

    Raises:
        Invalid: ``bad_window``, ``bad_zone``, ``unknown_calendar``, ``bad_rule``.
    """
    conditions = document["conditions"]
    found = Rule(
        id=document.get("id") or 0,
        name=document["name"],
        trigger=Trigger(document["trigger"]),
        severity=Severity(document["severity"]),
        hours=_hours(conditions, site_zone),
        conditions=conditions_of(conditions),
        suppress_seconds=document["suppress_seconds"],
        escalate_seconds=document["escalate_seconds"],
    )
    _check(found, conditions)
    return found


def document_of(row: Row) -> dict[str, Any]:
    """A rule as it is shown."""
    names = (
        "id", "built_in", "name", "trigger", "severity", "is_active", "conditions", "suppress_seconds", "escalate_seconds",
        "created_at", "updated_at", "updated_by",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names}


def _hours(conditions: Mapping[str, Any], site_zone: tzinfo) -> Hours:
    windows = conditions.get("windows", ())
    try:
        return Hours(
            zone=_zone(conditions.get("zone", ""), site_zone),
            windows=tuple(window_of(each.get("days", ()), each["begins"], each["ends"]) for each in windows),
            country=conditions.get("country", ""),
            subdivision=conditions.get("subdivision", ""),
            dates=frozenset(date.fromisoformat(each) for each in conditions.get("dates", ())),
            on_holidays=OnHolidays(conditions.get("on_holidays", OnHolidays.AS_USUAL)),
        )
    except ValueError as error:
        raise Invalid("bad_window", "the dates of a rule are written like 2026-12-24") from error


def _zone(name: str, site_zone: tzinfo) -> tzinfo:
    if not name:
        return site_zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid("bad_zone", "a zone is named like Europe/Berlin; without one the site's clock counts") from error


def _check(rule: Rule, conditions: Mapping[str, Any]) -> None:
    check_calendar(rule.hours.country, rule.hours.subdivision)
    if rule.trigger is Trigger.EVENT:
        return
    missing = [name for name in NEEDED[rule.trigger] if not getattr(rule.conditions, name)]
    if rule.trigger is Trigger.BACKLOG_GROWING and not (rule.conditions.count or rule.conditions.after_seconds):
        missing = ["count or after_seconds"]
    if missing:
        raise Invalid("bad_rule", f"a rule on {rule.trigger} needs the condition {', '.join(missing)}")
    foreign = OF_EVENTS if rule.trigger is Trigger.DEVICE_SILENT else (*OF_EVENTS, *OF_DEVICES)
    asked = [name for name in foreign if conditions.get(name)]
    if asked:
        raise Invalid("bad_rule", f"a rule on {rule.trigger} cannot ask for {', '.join(asked)}")
