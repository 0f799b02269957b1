"""What a way out is: the Protocol behind which each channel stands, and what comes of one try."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What one try came to."""

    DELIVERED = "delivered"
    UNREACHABLE = "unreachable"  # the other side is down, busy or misconfigured: the whole line waits
    REFUSED = "refused"  # the other side will not take this very message: the line goes on without it in the end


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way out."""

    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a try with a sentence for people."""

    outcome: Outcome
    detail: str = ""


class SendingChannel(Protocol):
    """A way out."""

    def send(self, outgoing: Outgoing) -> Answer:
        """Tries once, within time limits; never raises for what the other side does."""
        ...

    def close(self) -> None:
        """Ends its connections."""
        ...
