"""What a way out is: the Protocol behind which each channel stands, and what comes of one try."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What one try came to."""

    DELIVERED = "delivered"
    # The other side is down or misconfigured (connection, time-out, 5xx, 401, 403, 404, 3xx): everything for it waits.
    UNREACHABLE = "unreachable"
    # It works and says when to come again (429, 503 with Retry-After).
    THROTTLED = "throttled"
    # It will not take this very message (400, 413, 422): the line goes on without it in the end.
    REFUSED = "refused"
    # It is not there any more (410): somebody must look.
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a subscription's messages go.

    Attributes:
        channel: machine word of the way out.
        target: in the channel's own words: ``url`` ...
        secrets: what shows who we are, and the keys for signing.
        is_guarded: it was set over the API, so the guard on destinations looks at it.
    """

    channel: str
    target: Mapping[str, object]
    secrets: Mapping[str, object] = field(default_factory=dict, repr=False)
    is_guarded: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way out.

    Attributes:
        key: the message's id, the same when it is tried again.
        attempt: 1 for the first try.
        facts: of the (first) occurrence, for topics and routing keys: ``device``, ``list``, ``subscription`` ...
    """

    destination: Destination
    body: bytes
    content_type: str = "application/json"
    delivery_ids: Sequence[int] = ()
    event_ids: Sequence[int] = ()
    topic: str = "event"
    key: str = ""
    attempt: int = 1
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a try, with the first part of what the other side said.

    Attributes:
        retry_after: seconds, of an answer that says when to come again.
    """

    outcome: Outcome
    status: int | None = None
    detail: str = ""
    retry_after: float | None = None


class SendingChannel(Protocol):
    """A way out; several threads send at once."""

    def send(self, outgoing: Outgoing) -> Answer:
        """Tries once, within time limits; never raises for what the other side does."""
        ...

    def close(self) -> None:
        """Ends its connections."""
        ...
