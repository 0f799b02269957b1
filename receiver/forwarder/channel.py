"""What a way out is: the Protocol behind which each channel stands, what it is given, and what comes of one try."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Outcome(StrEnum):
    """What one try came to."""

    DELIVERED = "delivered"
    UNREACHABLE = "unreachable"  # the other side is down, or set up so that it takes nothing: its lines wait
    THROTTLED = "throttled"  # the other side says when it wants to be asked again
    REFUSED = "refused"  # the other side will not take this very message: the line goes on without it in the end
    GONE = "gone"  # the other side wants nothing any more


@dataclass(frozen=True, slots=True)
class Destination:
    """Where something goes.

    Attributes:
        channel: the word of the channel that reaches it, as in ``receiver.domain.subscriptions.Channel``.
        target: where, in the channel's own words (``receiver.forwarder.targets``).
        secrets: what is never shown or logged: passwords, tokens, signing secrets; never in its text form.
        is_guarded: it was set over the interface: only public addresses and those that the settings allow.
    """

    channel: str
    target: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    is_guarded: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way out; of several deliveries where they go in batches.

    Attributes:
        key: the message's own id, the same however often it is tried.
        attempt: 1 for the first try.
        facts: words about it for topics and routing keys: ``device``, ``list``, ``decision`` and the like.
    """

    destination: Destination
    body: bytes
    content_type: str = "application/json"
    delivery_ids: tuple[int, ...] = ()
    event_ids: tuple[int, ...] = ()
    topic: str = "event"
    key: str = ""
    attempt: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try.

    Attributes:
        detail: the beginning of the other side's answer, or why there is none; without anything secret.
        status: of an HTTP answer.
        retry_after: seconds that the other side asks to be left alone.
    """

    outcome: Outcome
    detail: str = ""
    status: int | None = None
    retry_after: float | None = None


class SendingChannel(Protocol):
    """A way out."""

    def send(self, outgoing: Outgoing) -> Answer:
        """Tries once, within time limits; never raises for what the other side does; called by several threads."""
        ...

    def close(self) -> None:
        """Ends its connections."""
        ...
