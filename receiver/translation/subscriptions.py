"""Subscriptions in the words of our own interface, and back; the command line speaks the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from receiver.domain.schedules import AT_ONCE, Schedule, ScheduleKind
from receiver.domain.subscriptions import (
    NAMED,
    Channel,
    Filter,
    Form,
    Origin,
    Pictures,
    Subscription,
    SubscriptionState,
    Topic,
)
from receiver.settings import without_password

STARS = "***"
# Fields whose words are the same on both sides, and how each is read.
PLAIN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", str.strip),
    "topics": ("topics", lambda words: frozenset(Topic(each) for each in words)),
    "format": ("form", Form),
    "template": ("template", str),
    "pictures": ("pictures", Pictures),
    "batch_size": ("batch_size", int),
    "rate_per_minute": ("rate_per_minute", lambda rate: rate),
    "ordered": ("is_ordered", bool),
    "state": ("state", SubscriptionState),
}
# What is never shown: words that open doors stand in headers of one's own.
HEADERS = "headers"
# Stand among the secrets and are none.
BESIDE = ("previous_until",)


@dataclass(frozen=True, slots=True)
class Author:
    """Who sets a subscription: what stands in the settings or was said on the command line may go anywhere."""

    origin: Origin
    by: str
    zone: str


def to_subscription(document: Mapping[str, Any], author: Author) -> Subscription:
    """A new one, of a document that its schema has read."""
    empty = Subscription(0, "", author.origin, Channel(document["channel"]), {}, created_by=author.by)
    return changed(empty, document, author.zone)


def changed(known: Subscription, document: Mapping[str, Any], zone: str) -> Subscription:
    """The same with what the document names; target, filter and schedule as a whole, secrets one by one.

    What was shown starred and comes back so stays what it was.
    """
    values: dict[str, Any] = {field: read(document[name]) for name, (field, read) in PLAIN.items() if name in document}
    if values.get("form", known.form) is not Form.TEMPLATE:
        values.setdefault("template", "")
    if "target" in document:
        values["target"] = _unstarred(document["target"], known.target)
    if "secrets" in document:
        merged = {**known.secrets, **document["secrets"]}
        values["secrets"] = {name: value for name, value in merged.items() if value != ""}
    if "filter" in document:
        values["filter"] = to_filter(document["filter"])
    if "schedule" in document:
        values["schedule"] = to_schedule(document["schedule"], zone)
    if "state" in document:
        values["reason"] = ""
    return replace(known, **values)


def to_filter(document: Mapping[str, Any]) -> Filter:
    """Names that are not there mean all."""
    sets = {name: frozenset(document.get(name, ())) for name in NAMED}
    return Filter(**sets, min_score=document.get("min_score"))


def to_schedule(document: Mapping[str, Any], zone: str) -> Schedule:
    """Without a zone that of the site."""
    kind = ScheduleKind(document["kind"])
    if kind is ScheduleKind.NOW:
        return AT_ONCE
    return Schedule(
        kind,
        seconds=float(document.get("seconds", 0)) if kind is ScheduleKind.EVERY else 0.0,
        cron=document.get("cron", "") if kind is ScheduleKind.CRON else "",
        window_from=_to_time(document, "window_from", kind),
        window_to=_to_time(document, "window_to", kind),
        timezone=document.get("timezone", zone),
    )


def _to_time(document: Mapping[str, Any], name: str, kind: ScheduleKind) -> time:
    return time.fromisoformat(document[name]) if kind is ScheduleKind.WINDOW else time()


def shown(known: Subscription) -> dict[str, Any]:
    """A subscription without anything secret."""
    return {
        "id": known.id,
        "name": known.name,
        "origin": known.origin,
        "channel": known.channel,
        "target": shown_target(known.target),
        "secrets": sorted(name for name, value in known.secrets.items() if value and name not in BESIDE),
        "signed": bool(known.secrets.get("signing_secret")),
        "topics": sorted(known.topics),
        "filter": _shown_filter(known.filter),
        "schedule": _shown_schedule(known.schedule),
        "format": known.form,
        "template": known.template or None,
        "pictures": known.pictures,
        "batch_size": known.batch_size,
        "rate_per_minute": known.rate_per_minute,
        "ordered": known.is_ordered,
        "state": known.state,
        "reason": known.reason or None,
        "created_at": known.created_at,
        "created_by": known.created_by,
    }


def shown_target(target: Mapping[str, object]) -> dict[str, object]:
    """Where it goes, with passwords in addresses and the words of headers starred."""
    return {name: _starred(name, value) for name, value in target.items()}


def _starred(name: str, value: object) -> object:
    if name == HEADERS and isinstance(value, Mapping):
        return dict.fromkeys(value, STARS)
    return without_password(value) if isinstance(value, str) and "://" in value else value


def _unstarred(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What was shown starred and came back so is what it was."""
    before = shown_target(known)
    target = {name: known[name] if name in known and value == before[name] else value for name, value in given.items()}
    old = known.get(HEADERS)
    if isinstance(target.get(HEADERS), Mapping) and isinstance(old, Mapping):
        given_headers = target[HEADERS].items()
        target[HEADERS] = {name: old.get(name, value) if value == STARS else value for name, value in given_headers}
    return target


def _shown_filter(wanted: Filter) -> dict[str, Any]:
    return {name: sorted(getattr(wanted, name)) for name in NAMED} | {"min_score": wanted.min_score}


def _shown_schedule(schedule: Schedule) -> dict[str, Any]:
    """What its kind has, in the words in which it is said."""
    kind = schedule.kind
    found: dict[str, Any] = {"kind": kind}
    if kind is ScheduleKind.EVERY:
        return found | {"seconds": schedule.seconds}
    if kind is ScheduleKind.CRON:
        found |= {"cron": schedule.cron}
    if kind is ScheduleKind.WINDOW:
        found |= {name: f"{getattr(schedule, name):%H:%M}" for name in ("window_from", "window_to")}
    return found if kind is ScheduleKind.NOW else found | {"timezone": schedule.timezone}
