"""Whether a person's entry holds at a moment."""

from datetime import UTC, datetime, timedelta

import pytest

from receiver.domain.people import standing

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("state", "since", "until", "words"),
    [
        ("active", None, None, ()),
        ("active", NOON, NOON + HOUR, ()),
        ("active", NOON + HOUR, None, ("not_valid_now",)),
        ("active", None, NOON, ("not_valid_now",)),
        ("set_aside", None, None, ("set_aside",)),
        ("set_aside", NOON - HOUR, NOON - HOUR, ("set_aside", "not_valid_now")),
    ],
)
def test_what_is_said_at_noon(
    state: str, since: datetime | None, until: datetime | None, words: tuple[str, ...]
) -> None:
    assert standing(state, since, until, NOON) == words
