"""Tolerant marshmallow fields: text and numbers trade types, clocks count in seconds or milliseconds, words are numbers.

A field that cannot make sense of a value raises ``ValidationError``; the reader of the message notes it and goes on.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from marshmallow import ValidationError, fields, missing

from schemas.bodies import read_text
from schemas.errors import UnreadableBody

PERSON_TYPES = {
    "employee": 1, "staff": 1, "member": 1,
    "visitor": 2,
    "blacklist": 3,
    "stranger": 4,
    "vip": 5,
}  # fmt: skip
ACTIONS = frozenset(("0", "1001", "1002"))

_QUOTES = " \t\r\n\"'“”‘’„＂＇"  # noqa: RUF001 - the documentation prints typographic quotes, and people copy them
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # a clock before that was never set
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 1e11  # as seconds this would be the year 5138, as milliseconds it is 1973
_MICROSECONDS_FROM = 1e14
_EXACT = 2.0**53  # whole floats up to here are exact integers
_YES = frozenset(("true", "1", "yes"))
_NO = frozenset(("false", "0", "no"))


def failed_keys(error: ValidationError) -> list[str]:
    """Which of a schema's keys could not be read."""
    return [str(key) for key in error.messages] if isinstance(error.messages, dict) else []


def _number(value: Any) -> float:
    """A finite float of a number or its text.

    Raises:
        ValidationError: it is none.
    """
    if isinstance(value, bool):
        raise ValidationError("unreadable")
    try:
        number = float(value.strip(_QUOTES).removesuffix("%") if isinstance(value, str) else value)
    except (ValueError, TypeError, OverflowError):
        raise ValidationError("unreadable") from None
    if not math.isfinite(number):
        raise ValidationError("unreadable")
    return number


T = TypeVar("T")


class Tolerant(fields.Field[T]):
    """A field that needs the value alone."""

    def read(self, value: Any) -> T:  # noqa: ARG002 - the subclasses' business
        """The value in our terms.

        Raises:
            ValidationError: it makes no sense.
        """
        raise ValidationError("unreadable")

    def deserialize(
        self,
        value: Any,
        attr: str | None = None,  # noqa: ARG002 - marshmallow's signature
        data: Mapping[str, Any] | None = None,  # noqa: ARG002 - as above
        **kwargs: Any,  # noqa: ARG002 - as above
    ) -> T:
        """Reads at once what marshmallow would first ask about: these fields are never required and have no validators."""
        return self.load_default if value is missing else self.read(value)


class Text(Tolerant[str]):
    """Text, or a number written as the sender would write it: 13028, not 13028.0."""

    def read(self, value: Any) -> str:
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, float) and math.isfinite(value):
            return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise ValidationError("unreadable")


class ListedText(Text):
    """One text, or a list of texts made into one."""

    def __init__(self, *, between: str, data_key: str | None = None) -> None:
        super().__init__(data_key=data_key)
        self.between = between

    def read(self, value: Any) -> str:
        if isinstance(value, list):
            return self.between.join(super(ListedText, self).read(name) for name in value)
        return super().read(value)


class Number(Tolerant[float]):
    """A finite number or its text."""

    def read(self, value: Any) -> float:
        return _number(value)


class Moment(Tolerant[datetime]):
    """A moment as aware UTC: seconds, milliseconds or microseconds since 1970, told apart by size; or ISO 8601 with offset."""

    def read(self, value: Any) -> datetime:
        moment = self._of_text(value) if isinstance(value, str) and "-" in value[1:] else None
        if moment is None:
            moment = self._of_number(value)
        if not _EARLIEST <= moment < _LATEST:
            raise ValidationError("absurd")
        return moment

    def _of_text(self, value: str) -> datetime | None:
        try:
            moment = datetime.fromisoformat(value.strip(_QUOTES))
            # Without an offset nobody knows where that clock hangs.
            return moment.astimezone(UTC) if moment.tzinfo else None
        except (ValueError, OverflowError):
            return None

    def _of_number(self, value: Any) -> datetime:
        number = _number(value)
        if not 0 < number < _MICROSECONDS_FROM * 1000:
            raise ValidationError("absurd")
        try:
            if number > _MICROSECONDS_FROM:
                return _EPOCH + timedelta(microseconds=number)
            if number > _MILLISECONDS_FROM:
                return _EPOCH + timedelta(milliseconds=number)
            return _EPOCH + timedelta(seconds=number)
        except OverflowError:
            raise ValidationError("absurd") from None


class PersonType(Tolerant[int]):
    """1 to 5, as a number, its text or the newer generation's word."""

    def read(self, value: Any) -> int:
        if isinstance(value, str):
            word = value.strip(_QUOTES).lower()
            if word in PERSON_TYPES:
                return PERSON_TYPES[word]
        number = _number(value)
        if number not in PERSON_TYPES.values():
            raise ValidationError("unknown")
        return int(number)


class Action(Tolerant[str]):
    """``"0"``, ``"1001"`` or ``"1002"``, as text or number, also inside typographic quotes."""

    def read(self, value: Any) -> str:
        word = value.strip(_QUOTES) if isinstance(value, str) else value
        if word == "":
            return "0"
        number = _number(word)
        action = str(int(number))
        if number != int(number) or action not in ACTIONS:
            raise ValidationError("unknown")
        return action


class Flag(Tolerant[bool]):
    """True or false, as such, as 1 or 0, or as a word."""

    def read(self, value: Any) -> bool:
        word = str(value).strip(_QUOTES).lower().removesuffix(".0")
        if word in _YES or word in _NO:
            return word in _YES
        raise ValidationError("unreadable")


class Container(Tolerant[dict[str, Any]]):
    """An object, or its text as JSON or Python literal; an empty list or text is an empty object."""

    def read(self, value: Any) -> dict[str, Any]:
        if isinstance(value, str) and value.strip():
            try:
                value = read_text(value)
            except UnreadableBody:
                raise ValidationError("unreadable") from None
        if isinstance(value, dict):
            return value
        if value in ([], ""):
            return {}
        raise ValidationError("unreadable")
