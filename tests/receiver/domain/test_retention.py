"""Days by list and kind, and clocks that cannot be trusted."""

from datetime import UTC, datetime, timedelta

import pytest

from receiver.domain.retention import EVENTS, SCENES, Rules, may_run, steady_since
from receiver.settings import SettingError, load

NOW = datetime(2024, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules((("", "events", 100), ("", "real_time", 7), ("", "scenes", 30), ("visitor", "scenes", 3)))


@pytest.mark.parametrize(
    ("kind", "list_name", "is_real_time", "days"),
    [
        (SCENES, "visitor", False, 3),
        (SCENES, "staff", False, 30),
        (EVENTS, "staff", False, 100),
        (EVENTS, "staff", True, 7),
        ("embeddings", "staff", False, None),
    ],
)
def test_the_nearest_rule_counts(kind: str, list_name: str, *, is_real_time: bool, days: int | None) -> None:
    assert RULES.days(kind, list_name, is_real_time=is_real_time) == days


def test_the_shorter_of_two_rules_counts_where_both_speak() -> None:
    assert Rules((("", "events", 3), ("", "real_time", 7))).days(EVENTS, "staff", is_real_time=True) == 3


def test_what_is_as_old_as_its_days_is_kept_and_older_is_due() -> None:
    at_the_limit, beyond = NOW - 30 * DAY, NOW - 30 * DAY - timedelta(microseconds=1)
    assert not RULES.is_due(SCENES, "staff", at_the_limit, NOW, is_real_time=False)
    assert RULES.is_due(SCENES, "staff", beyond, NOW, is_real_time=False)


def test_the_shortest_rule_of_a_kind_is_known() -> None:
    assert (RULES.shortest(SCENES), RULES.shortest(EVENTS), RULES.shortest("faces")) == (3, 7, None)


@pytest.mark.parametrize(("step", "is_trusted"), [(DAY, True), (-DAY / 48, True), (DAY * 1.1, False), (-DAY, False)])
def test_a_clock_that_jumps_is_not_believed(step: timedelta, *, is_trusted: bool) -> None:
    since = NOW - 10 * DAY
    found = steady_since(NOW + step, NOW, since)
    assert (found == since) is is_trusted
    assert may_run(NOW + step, found) is is_trusted


def test_rules_are_read_from_the_settings() -> None:
    given = load({"GATEHOUSE_RETENTION": " scenes = 30, VISITOR.scenes=7,, strangers=90 "})
    assert given.retention == (("", "scenes", 30), ("", "strangers", 90), ("visitor", "scenes", 7))


@pytest.mark.parametrize(
    "text", ["scenes", "scenes=0", "scenes=x", "faces=-1", "guest.faces=1", "staff.strangers=1", "x=1"]
)
def test_a_rule_that_means_nothing_stops_the_start(text: str) -> None:
    with pytest.raises(SettingError, match=r"must be like|before the point"):
        load({"GATEHOUSE_RETENTION": text})
