"""Something a person should look at: what an alert is, the states it goes through, and what is told of each change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from receiver.domain.errors import Conflict

KIND_LIMIT, TITLE_LIMIT, TEXT_LIMIT = 32, 255, 4000
"""Characters of a kind, a title, and a note or comment."""

EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""No alert or frame is said to be older or newer."""


class AlertState(StrEnum):
    """Where an alert is."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Severity(StrEnum):
    """How much it matters, least first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Source(StrEnum):
    """Who opened an alert: one of our rules, a device that speaks of alerts itself, a program, or the server about itself."""

    RULE = "rule"
    DEVICE = "device"
    PROGRAM = "program"
    SERVER = "server"


class Outcome(StrEnum):
    """What an alert turned out to be; ``over``: it went away by itself."""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    OVER = "over"
    OTHER = "other"


class Change(StrEnum):
    """What can happen to an alert; the words of its steps and announcements."""

    OPENED = "opened"
    REPEATED = "repeated"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    ENDED = "ended"
    ESCALATED = "escalated"
    CLOSED = "closed"


# Of these somebody is told over the subscriptions; repetitions and comments are seen by whoever looks.
TOLD = frozenset({Change.OPENED, Change.ACKNOWLEDGED, Change.ASSIGNED, Change.ENDED, Change.ESCALATED, Change.CLOSED})


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert that is to be opened.

    Attributes:
        kind: machine word, at most 32 characters.
        severity: one of Severity.
        source: who opens it.
        started_at: when it began, aware.
        rule_id: of a rule.
        device_id: the device that it is about or that tells of it.
        gate_id: where it is.
        person_id: whom it is about.
        list: what the person is to the gate.
        event_id: the event that opened it.
        behavior: the word of a device that speaks ServerAPI.
        key: what later events share to be repetitions of this one; None: each is an alert of its own.
        suppress_seconds: how long after its last event another one still is a repetition.
        escalate_seconds: after which somebody else is told, unless somebody has acknowledged it; None: nobody.
        title: the rule's name, or what the program says; at most 255 characters.
        detail: numbers and words; no names, which must go with their person.
        is_unverified: nobody has trusted the device: the alert is kept, and wakes nobody.
    """

    kind: str
    severity: Severity
    source: Source
    started_at: datetime
    rule_id: int | None = None
    device_id: int | None = None
    gate_id: int | None = None
    person_id: int | None = None
    list: str | None = None
    event_id: int | None = None
    behavior: str | None = None
    key: str | None = None
    suppress_seconds: int = 0
    escalate_seconds: int | None = None
    title: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    is_unverified: bool = False


@dataclass(frozen=True, slots=True)
class AlertNotice:
    """What whoever subscribes is told of a change.

    Attributes:
        alert_id: of the alert.
        change: what happened.
        at: when, aware.
        facts: the alert's columns as a live stream has them: kind, severity, state, ids of device, gate, person ...
    """

    alert_id: int
    change: Change
    at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """Of an alert, what decides on what may happen to it."""

    state: AlertState = AlertState.OPEN
    has_ended: bool = False
    has_escalated: bool = False


def after(present: Standing, change: Change) -> Standing:
    """How an alert stands after a change.

    Acknowledging twice changes nothing; comments may be added to a closed alert too.

    Raises:
        Conflict: ``alert_closed``: it is closed, and stays so; ``alert_over``: it has ended before; ``alert_answered``:
            nobody else needs to be told.
    """
    is_closed = present.state is AlertState.CLOSED
    if is_closed and change not in {Change.COMMENTED, Change.ENDED}:
        raise Conflict("alert_closed", "the alert is closed; comments can still be added")
    if change is Change.ACKNOWLEDGED:
        return replace(present, state=AlertState.ACKNOWLEDGED)
    if change is Change.CLOSED:
        return replace(present, state=AlertState.CLOSED)
    if change is Change.ENDED:
        if present.has_ended:
            raise Conflict("alert_over", "the alert has ended before")
        return replace(present, has_ended=True)
    if change is Change.ESCALATED:
        if present.has_escalated or present.state is not AlertState.OPEN:
            raise Conflict("alert_answered", "somebody has answered the alert, or it was escalated before")
        return replace(present, has_escalated=True)
    return present


def is_repeat(lasting: tuple[datetime, datetime], occurred_at: datetime, suppress_seconds: int) -> bool:
    """Whether something belongs to what lasts already, in whichever order its parts are told.

    Args:
        lasting: when it began, and when it was last seen; aware.
        occurred_at: aware.
        suppress_seconds: how long before or after it still is the same; 0 or more.
    """
    began_at, last_at = lasting
    pause = timedelta(seconds=suppress_seconds)
    # Differences: sums of times at the ends of the calendar cannot be had.
    return began_at - occurred_at <= pause and occurred_at - last_at <= pause


def storable(moment: datetime) -> datetime:
    """The time in UTC, or the nearest that every database and every zone has a date for: devices' clocks say anything; aware."""
    return min(max(moment, EARLIEST), LATEST).astimezone(UTC)
