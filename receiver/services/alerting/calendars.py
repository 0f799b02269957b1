"""Holidays of countries, loaded when the first rule names one."""

from collections.abc import Container
from datetime import date
from functools import lru_cache
from importlib import import_module

from receiver.domain.errors import Invalid

# What the package says of a country or a part that it does not have: a RuntimeError of a kind that says more to its authors.
UNKNOWN = RuntimeError


def is_holiday(country: str, subdivision: str, day: date) -> bool:
    """Whether that day is a public holiday there; of a country that no calendar has any more none is."""
    try:
        return day in _calendar(country, subdivision)
    except UNKNOWN:
        return False


def check_calendar(country: str, subdivision: str) -> None:
    """Raises Invalid, ``unknown_calendar``, where nobody knows the holidays of that country or part of it."""
    if not country:
        if subdivision:
            raise Invalid("unknown_calendar", "a part of a country needs its country")
        return
    try:
        _calendar(country, subdivision)
    except UNKNOWN:
        raise Invalid(
            "unknown_calendar",
            "no calendar has that country: give its ISO 3166 code, such as DE, and a part, such as BY",
        ) from None


@lru_cache(maxsize=64)
def _calendar(country: str, subdivision: str) -> Container[date]:
    # The package knows every country: only whoever has such a rule pays for it.
    found: Container[date] = import_module("holidays").country_holidays(country, subdiv=subdivision or None)
    return found
