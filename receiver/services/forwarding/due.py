"""What the forwarder hands to whoever composes messages, and what it gets back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from receiver.domain.subscriptions import Subscription, Topic


@dataclass(frozen=True, slots=True)
class Due:
    """One delivery whose turn it is.

    Attributes:
        event_id: of the topic ``event``, with ``message_id``: the message that goes out.
        subject: of the other topics, with ``content``: what is said, as it was when it happened.
        is_bare: its pictures do not go along, whatever the subscription says: there was no room to keep them.
    """

    id: int
    subscription_id: int
    device_id: int
    topic: Topic
    event_id: int | None
    message_id: int | None
    subject: int | None
    content: Mapping[str, object] | None
    is_bare: bool
    is_replay: bool
    attempts: int
    refusals: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Composed:
    """One message.

    Attributes:
        facts: see ``Outgoing.facts``.
        left_out: delivery id -> machine word, of those that are not in it, for good (``erased``); with all left out, nothing is sent.
    """

    body: bytes
    content_type: str
    facts: Mapping[str, object] = field(default_factory=dict)
    left_out: Mapping[int, str] = field(default_factory=dict)


class Composer(Protocol):
    """Makes what is sent of deliveries, in the subscription's form."""

    def compose(self, subscription: Subscription, due: Sequence[Due]) -> Composed:
        """One message of one delivery, or of several where the subscription wants batches.

        Raises:
            Invalid: it can never be made, with the reason; counts as if the other side had refused it.
            Unavailable: what it is made of cannot be read just now; it was not tried.
        """
        ...
