"""Dates as people write them into tables: from, until, or both in one cell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from receiver.domain.errors import Invalid
from receiver.translation.import_names import shown

_DATE = re.compile(
    r"(\d{4})(?:\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?|(\d\d)(\d\d))"
    r"(?:[T\s]+(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:\.\d+)?秒?|分)?)?"
)
_BETWEEN = re.compile(r"\s*(?:~|\N{FULLWIDTH TILDE}|—+|至|到|\bto\b|\buntil\b|\s-\s)\s*")
FOREVER = frozenset({"长期", "永久", "长期有效", "永久有效", "forever", "unlimited", "none", "-"})


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when, in the clock of whoever wrote the table; None where there is no bound.

    The end itself does not belong to it: a last day without a time is meant whole, so that the next one's midnight ends it.
    """

    begin: datetime | None
    end: datetime | None


def read_period(values: Mapping[str, str]) -> Period:
    """The period of the columns valid_from, valid_until and validity.

    Raises:
        Invalid: ``bad_date``: no date, or an end before its beginning.
    """
    begin, end = read_date(values.get("valid_from", "")), _end(values.get("valid_until", ""))
    both = values.get("validity", "")
    if both:
        parts = _BETWEEN.split(both.strip(), maxsplit=1)
        begin = read_date(parts[0]) if len(parts) > 1 and begin is None else begin
        end = _end(parts[-1]) if end is None else end
    if begin is not None and end is not None and end <= begin:
        raise Invalid("bad_date", f"the end is before the beginning, {begin:%Y-%m-%d}")
    return Period(begin, end)


def _end(text: str) -> datetime | None:
    found = read_date(text)
    match = _DATE.fullmatch(text.strip())
    if found is None or match is None or match[6] is not None:
        return found
    try:
        return found + timedelta(days=1)
    except OverflowError:
        # The last day of the calendar.
        return None


def read_date(text: str) -> datetime | None:
    """2026-01-31, 2026/1/31, 20260131 or 2026年1月31日, with or without a time; None for nothing, or for ever.

    Raises:
        Invalid: ``bad_date``.
    """
    plain = text.strip()
    if not plain or plain.lower() in FOREVER:
        return None
    match = _DATE.fullmatch(plain)
    if match is None:
        raise Invalid("bad_date", f"{shown(text)} is no date; write it like 2026-01-31")
    year, month, day, month_too, day_too, hour, minute, second = match.groups()
    numbers = [year, month or month_too, day or day_too, hour or 0, minute or 0, second or 0]
    try:
        return datetime(*map(int, numbers))  # type: ignore[arg-type]  # noqa: DTZ001 - six numbers; the table's own clock
    except ValueError as error:
        raise Invalid("bad_date", f"{shown(text)} is no date of the calendar") from error
