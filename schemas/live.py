"""What a live stream is asked for."""

from collections.abc import Iterable
from typing import Any

from marshmallow import ValidationError, fields, validate

from schemas.api import LARGEST_ID, LISTS, Strict, Text

CHANGES = ("opened", "repeated", "acknowledged", "assigned", "commented", "ended", "escalated", "closed")
SEVERITIES = ("info", "warning", "critical")
MOST_WORDS = 50


class Words(Text):
    """One or several words separated by commas; among some that are known, if any are."""

    def __init__(self, known: Iterable[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self._known = tuple(known)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        words = [word for word in super()._deserialize(value, attr, data, **kwargs).split(",") if word]
        if not 1 <= len(words) <= MOST_WORDS:
            raise ValidationError(f"must be 1 to {MOST_WORDS} words with commas between them")
        wrong = [word for word in words if self._known and word not in self._known]
        if wrong:
            raise ValidationError(f"{wrong[0][:40]!r} is none of {', '.join(self._known)}")
        return frozenset(words)


class Ids(Words):
    """One or several ids separated by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        words = super()._deserialize(value, attr, data, **kwargs)
        if not all(word.isdecimal() and len(word) < len(str(LARGEST_ID)) for word in words):
            raise ValidationError("must be ids with commas between them")
        return frozenset(map(int, words))


def _words(description: str, known: Iterable[str] = ()) -> Words:
    return Words(known, load_default=None, metadata={"description": f"{description}; several with commas between them"})


def _ids(description: str) -> Ids:
    return Ids(load_default=None, metadata={"description": f"{description}; several with commas between them"})


class LiveQuery(Strict):
    severity = _words("of the alert", SEVERITIES)
    kind = _words("of the alert, such as blacklist_hit")
    change = _words("what happened to it", CHANGES)
    list = _words("what the person is to the gate", LISTS)
    device = _ids("id of the device")
    gate = _ids("id of the gate")
    person = _ids("id of the person")
    alert = _ids("id of the alert")
    last_event_id = fields.Integer(
        load_default=None,
        validate=validate.Range(0, LARGEST_ID),
        metadata={"description": "as the header Last-Event-ID, for clients that cannot send one"},
    )
