"""Writes deliveries for what has happened, in the transaction in which it happens; what comes in is the intake's business."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from receiver.domain.events import Channel
from receiver.domain.subscriptions import Facts, Subscription, Topic
from receiver.store import deliveries, events, lanes, people, subscriptions
from receiver.store.database import Row, Tx


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something other than an event.

    Attributes:
        subject: id of what it is about.
        kind: machine word of what happened to it: ``opened``, ``trusted``, ``changed`` ...
        content: what is told, as it is now: JSON values.
        device_id: whose line it goes in; None: of no device.
        facts: what filters ask.
    """

    topic: Topic
    subject: int
    kind: str
    at: datetime
    content: Mapping[str, object]
    device_id: int | None = None
    facts: Facts = field(default_factory=Facts)


def publish(tx: Tx, occurrence: Occurrence) -> int:
    """Writes a delivery for each subscription that wants to be told; how many."""
    if occurrence.topic not in subscriptions.wanted_topics(tx):
        return 0
    about = (occurrence.topic.value, occurrence.subject)
    content = {"kind": occurrence.kind, "at": occurrence.at.isoformat(), **occurrence.content}
    device_id = lanes.NO_DEVICE if occurrence.device_id is None else occurrence.device_id
    facts = replace(occurrence.facts, kind=occurrence.kind)
    rows = [
        deliveries.row_of_occurrence(each.id, device_id, about, content, occurrence.at)
        for each in _taking(tx, occurrence.topic)
        if each.filter.passes(facts, occurrence.topic)
    ]
    deliveries.add(tx, rows, occurrence.at)
    return len(rows)


def publish_decided(tx: Tx, event_id: int, now: datetime) -> int:
    """An event is decided, for the first time or anew: whoever asked for that and has not been told is; how many."""
    if subscriptions.DECISION not in subscriptions.wanted_topics(tx):
        return 0
    event = events.find(tx, event_id)
    if event is None or event.channel != Channel.HISTORY or event.unverified is not None:
        return 0
    facts, told = facts_of(tx, event), deliveries.told(tx, [event_id])
    wanting = [
        each
        for each in _taking(tx, Topic.EVENT)
        if each.filter.needs_decision and (event_id, each.id) not in told and each.filter.passes(facts, Topic.EVENT)
    ]
    if not wanting:
        return 0
    rows = rows_of_event(tx, event, wanting, now)
    deliveries.add(tx, rows, now)
    return len(rows)


def rows_of_event(tx: Tx, event: Row, wanting: Sequence[Subscription], now: datetime) -> list[dict[str, object]]:
    """Deliveries of an event, to be written: of its newest history message; none where that has gone."""
    messages = [each for each in events.messages_of(tx, event.id) if each.channel == Channel.HISTORY]
    if not messages:
        return []
    where = (event.device_id, event.id, messages[-1].id)
    return [deliveries.row_of_event(each.id, where, messages[-1].size, now) for each in wanting]


def facts_of(tx: Tx, event: Row) -> Facts:
    """What filters ask of an event, as it is decided now."""
    groups = {event.identity_group}
    if event.person_id is not None:
        groups.update(people.groups_of(tx, [event.person_id]).get(event.person_id, ()))
    return Facts(event.device_id, event.list, groups, event.decision, event.person_id, event.score)


def _taking(tx: Tx, topic: Topic) -> list[Subscription]:
    found = [kept.subscription for kept in subscriptions.every(tx)]
    return [each for each in found if each.takes_new and topic in each.topics]
