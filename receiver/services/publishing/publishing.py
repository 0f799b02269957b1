"""Writes deliveries for what has happened, in the transaction in which it happens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from receiver.domain.subscriptions import Facts, Topic


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
