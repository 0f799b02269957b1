"""How a channel reads where to: plain JSON words into values within bounds, and words about a message into topics."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from receiver.domain.errors import Invalid
from receiver.forwarder.channel import Outgoing

LONGEST = 2000
LONGEST_PEM = 64 * 1024
HIGHEST_PORT = 65535
# What stands for a word about the message in a topic or routing key.
PLACE = re.compile(r"\{([a-z_]+)\}")
PLACES = frozenset({"topic", "device", "device_name", "list", "decision", "person", "event"})


@dataclass(slots=True)
class Words:
    """Reads one mapping, and refuses what nobody asked for.

    Attributes:
        given: as it was saved.
        reason: the machine word where something cannot be read.
    """

    given: Mapping[str, object]
    reason: str = "bad_target"
    asked: set[str] = field(default_factory=set)

    def text(self, name: str, default: str = "", *, longest: int = LONGEST, is_required: bool = False) -> str:
        """Text without control characters; with lines only where it may be long."""
        value = self._value(name, default)
        if not isinstance(value, str) or len(value) > longest:
            raise Invalid(self.reason, f"{name} must be text of at most {longest} characters")
        if re.search(r"[\x00-\x1f\x7f]" if longest <= LONGEST else r"\x00", value):
            raise Invalid(self.reason, f"{name} may not have control characters")
        if is_required and not value.strip():
            raise Invalid(self.reason, f"{name} must be given")
        return value.strip()

    def whole(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number, or its text."""
        value = self._value(name, default)
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if not re.fullmatch(r"[0-9]{1,15}", text) or not lowest <= int(text) <= highest:
            raise Invalid(self.reason, f"{name} must be a whole number from {lowest} to {highest}")
        return int(text)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise Invalid(self.reason, f"{name} must be true or false")
        return value

    def pattern(self, name: str, default: str) -> str:
        """Text in which ``{device}`` and the like stand for words about the message."""
        text = self.text(name, default)
        unknown = set(PLACE.findall(text)) - PLACES
        if unknown:
            raise Invalid(self.reason, f"{name}: {{{min(unknown)}}} is none of {', '.join(sorted(PLACES))}")
        return text

    def end(self, *more: str) -> None:
        """Refuses keys that nobody has asked for; ``more`` are read elsewhere."""
        known_keys = self.asked | set(more) | ({"content_type"} if self.reason == "bad_target" else set())
        unknown = {str(key) for key in self.given} - known_keys
        if unknown:
            known = ", ".join(sorted(known_keys))
            raise Invalid(self.reason, f"{min(unknown)[:80]!r} is unknown here; known are {known}")

    def _value(self, name: str, default: object) -> object:
        self.asked.add(name)
        value = self.given.get(name)
        return default if value is None or value == "" else value


def filled(pattern: str, outgoing: Outgoing, forbidden: str) -> str:
    """The pattern with words about the message in it, each without what would mean something else there."""
    words = {"topic": outgoing.topic, "event": next(iter(outgoing.event_ids), ""), **outgoing.facts}

    def word(match: re.Match[str]) -> str:
        value = words.get(match[1])
        text = "none" if value is None or value == "" else str(value)[:100]
        return re.sub(rf"[{re.escape(forbidden)}\x00-\x20\x7f]", "_", text)

    return PLACE.sub(word, pattern)


def starred(text: str, secrets: Mapping[str, object]) -> str:
    """The text without any of the secrets: the other side may say them back."""
    for value in secrets.values():
        for part in str(value).splitlines():
            secret = part.rpartition(":")[2].strip()
            if len(secret) >= 4:  # noqa: PLR2004 - shorter ones would star half of any sentence
                text = text.replace(secret, "***")
    return text
