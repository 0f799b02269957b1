"""Subscriptions: who wants to be told what, where, when and in which form; and whom an occurrence concerns."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from receiver.domain.errors import Invalid
from receiver.domain.schedules import AT_ONCE, Schedule

LONGEST_NAME = 100
LARGEST_BATCH = 500
FASTEST = 600_000
LONGEST_TEMPLATE = 64 * 1024
# What a filter may name of each kind; more is a list that somebody should keep elsewhere.
MOST_NAMED = 1000
# What shows to the other side who we are; the keys for signing are not part of it.
AUTH_SECRETS = ("token", "username", "password", "headers", "client_certificate", "client_key")


class Topic(StrEnum):
    """What is told about."""

    EVENT = "event"
    ALERT = "alert"
    DEVICE = "device"
    PERSON = "person"
    REVIEW = "review"


class SubscriptionState(StrEnum):
    """Whether it gets anything new, and whether anything is sent.

    Failing is said, never stored: an enabled one whose destination does not work. Paused: what is new is kept for it.
    Disabled: it gets nothing new, and what waits for it stays.
    """

    ENABLED = "enabled"
    PAUSED = "paused"
    FAILING = "failing"
    DISABLED = "disabled"


class Origin(StrEnum):
    """Who set it: what stands in the settings or was said on the command line may go anywhere, the API's only where the guard allows."""

    SETTINGS = "settings"
    COMMAND = "command"
    API = "api"


class Channel(StrEnum):
    """The way out."""

    HTTP = "http"
    MQTT = "mqtt"
    AMQP = "amqp"
    FILE = "file"


class Form(StrEnum):
    """In which words: the message as it came, one of the three generations, our own event, or a template."""

    ORIGINAL = "original"
    A = "a"
    B = "b"
    C = "c"
    EVENT = "event"
    TEMPLATE = "template"


class Pictures(StrEnum):
    """How pictures go along."""

    INLINE = "inline"
    URL = "url"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Facts:
    """What filters ask of an occurrence; None: it has no such thing."""

    device_id: int | None = None
    list_name: str | None = None
    groups: Collection[str] | None = None
    decision: str | None = None
    person_id: int | None = None
    score: float | None = None
    kind: str | None = None
    severity: str | None = None


# What a filter may name several of.
NAMED = ("lists", "devices", "groups", "decisions", "persons", "kinds", "severities")


@dataclass(frozen=True, slots=True)
class Filter:
    """Whom it is about; empty means all.

    Attributes:
        lists: of the event, by our decision; where there is none, as the device said.
        devices: ids.
        groups: of the person, or as the device named it.
        decisions: what we said.
        persons: ids.
        kinds: what has happened, of everything but events: ``opened``, ``escalated`` ... of an alert.
        severities: of alerts.
        min_score: what the device said, 0 to 1.
    """

    lists: frozenset[str] = frozenset()
    devices: frozenset[int] = frozenset()
    groups: frozenset[str] = frozenset()
    decisions: frozenset[str] = frozenset()
    persons: frozenset[int] = frozenset()
    kinds: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    min_score: float | None = None

    @property
    def needs_decision(self) -> bool:
        """Whether it can be judged only when recognition has ended."""
        return bool(self.lists or self.groups or self.decisions or self.persons)

    def passes(self, facts: Facts, topic: Topic) -> bool:
        """Whether the occurrence is wanted: an event must have what is asked for, others only where they can."""
        is_event = topic is Topic.EVENT
        return (
            _is_among(facts.list_name, self.lists, is_event=is_event)
            and _is_among(facts.device_id, self.devices, is_event=is_event)
            and _is_among(facts.decision, self.decisions, is_event=is_event)
            and _is_among(facts.person_id, self.persons, is_event=is_event)
            and self._has_group(facts, is_event=is_event)
            and self._has_score(facts, is_event=is_event)
            and (is_event or self._has_kind(facts))
        )

    def _has_kind(self, facts: Facts) -> bool:
        return _is_among(facts.kind, self.kinds, is_event=False) and _is_among(
            facts.severity, self.severities, is_event=False
        )

    def _has_group(self, facts: Facts, *, is_event: bool) -> bool:
        if not self.groups or (facts.groups is None and not is_event):
            return True
        return not self.groups.isdisjoint(facts.groups or ())

    def _has_score(self, facts: Facts, *, is_event: bool) -> bool:
        if self.min_score is None:
            return True
        return not is_event if facts.score is None else facts.score >= self.min_score


def _is_among(value: object, wanted: Collection[object], *, is_event: bool) -> bool:
    if not wanted:
        return True
    return not is_event if value is None else value in wanted


@dataclass(frozen=True, slots=True)
class Subscription:
    """Everything that is known of one.

    Attributes:
        id: 0 before it is kept.
        target: where, in the channel's own words: ``url`` for http, ``topic`` for mqtt ...; nothing secret.
        secrets: what shows who we are, and the keys for signing; never told again.
        template: of the form ``template``.
        batch_size: deliveries in one message, at most.
        rate_per_minute: deliveries a minute, at most; None: no limit.
        is_ordered: the events of one device go one after the other, and one that is refused holds up the next.
        reason: machine word: why it is paused or failing; empty otherwise.
        version: counts its changes.
    """

    id: int
    name: str
    origin: Origin
    channel: Channel
    target: Mapping[str, object]
    topics: frozenset[Topic] = frozenset({Topic.EVENT})
    filter: Filter = Filter()
    schedule: Schedule = AT_ONCE
    form: Form = Form.ORIGINAL
    template: str = ""
    pictures: Pictures = Pictures.INLINE
    batch_size: int = 1
    rate_per_minute: int | None = None
    is_ordered: bool = True
    state: SubscriptionState = SubscriptionState.ENABLED
    reason: str = ""
    secrets: Mapping[str, object] = field(default_factory=dict, repr=False)
    created_at: datetime | None = None
    created_by: str = ""

    @property
    def is_guarded(self) -> bool:
        """Whether the guard on destinations looks at where it goes."""
        return self.origin is Origin.API

    @property
    def takes_new(self) -> bool:
        """Whether what is new is kept for it."""
        return self.state is not SubscriptionState.DISABLED

    @property
    def may_send(self) -> bool:
        """Whether anything is sent at all."""
        return self.state in {SubscriptionState.ENABLED, SubscriptionState.FAILING}

    @property
    def destination_key(self) -> str:
        """What has one circuit breaker: the same place, spoken to as the same one. Another's wrong password is not ours."""
        auth = {name: self.secrets[name] for name in AUTH_SECRETS if self.secrets.get(name)}
        text = json.dumps([self.channel, dict(self.target), auth], sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def check(subscription: Subscription) -> None:
    """Refuses one that cannot be kept; what a channel asks of its target, the channel says.

    Raises:
        Invalid: with the reason ``bad_name``, ``bad_topics``, ``bad_filter``, ``bad_batch_size``, ``bad_rate`` or ``bad_template``.
    """
    refusals = (
        (0 < len(subscription.name.strip()) <= LONGEST_NAME, "bad_name", f"a name has 1 to {LONGEST_NAME} characters"),
        (bool(subscription.topics), "bad_topics", "name at least one topic"),
        (_is_bounded(subscription.filter), "bad_filter", f"a filter names at most {MOST_NAMED} of each kind"),
        (1 <= subscription.batch_size <= LARGEST_BATCH, "bad_batch_size", f"batches have 1 to {LARGEST_BATCH} deliveries"),
        (_is_rate(subscription.rate_per_minute), "bad_rate", f"a rate is 1 to {FASTEST} a minute, or none"),
        (_is_template(subscription), "bad_template", f"the form template, and it alone, has one, of at most {LONGEST_TEMPLATE} characters"),
    )  # fmt: skip
    for is_fine, reason, sentence in refusals:
        if not is_fine:
            raise Invalid(reason, sentence)


def _is_bounded(wanted: Filter) -> bool:
    score = wanted.min_score
    return all(len(getattr(wanted, name)) <= MOST_NAMED for name in NAMED) and (score is None or 0 <= score <= 1)


def _is_rate(rate: int | None) -> bool:
    return rate is None or 1 <= rate <= FASTEST


def _is_template(subscription: Subscription) -> bool:
    if subscription.form is not Form.TEMPLATE:
        return not subscription.template
    return 0 < len(subscription.template) <= LONGEST_TEMPLATE
