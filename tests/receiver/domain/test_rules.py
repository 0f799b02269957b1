"""Rules: whom they mean, at which hours by whose clock, on which days; and what is one alert."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.alerts import Severity
from receiver.domain.errors import Invalid
from receiver.domain.rules import (
    Conditions,
    EventFacts,
    Hours,
    OnHolidays,
    Rule,
    Trigger,
    Window,
    conditions_of,
    judged,
    key_of,
    window_of,
)

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
NIGHT = window_of(["fri"], "22:00", "06:00")
FACTS = EventFacts(1, datetime(2026, 3, 2, 12, tzinfo=UTC), 7, "staff", gate_id=3, person_id=5)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


def never(_country: str, _part: str, _day: date) -> bool:
    return False


def rule(**conditions: object) -> Rule:
    return Rule(1, "A rule", Trigger.EVENT, Severity.INFO, Hours(UTC), conditions_of(conditions))


def is_met(facts: EventFacts, **conditions: object) -> bool:
    return rule(**conditions).is_met_by(facts, never)


@pytest.mark.parametrize(
    ("local", "is_in"),
    [
        ("2026-03-06T21:59:59", False),  # Friday
        ("2026-03-06T22:00:00", True),
        ("2026-03-07T05:59:59", True),  # the night of Friday
        ("2026-03-07T06:00:00", False),
        ("2026-03-07T23:00:00", False),  # Saturday
        ("2026-03-06T03:00:00", False),  # the night of Thursday
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(local: str, is_in: bool) -> None:  # noqa: FBT001 - a row of the table
    moment = datetime.fromisoformat(local).replace(tzinfo=BERLIN)
    assert Hours(BERLIN, (NIGHT,)).hold(moment, never) is is_in
    assert Hours(BERLIN, (NIGHT,)).hold(moment.astimezone(SHANGHAI), never) is is_in, "by the rule's own clock"


def test_the_same_hours_hold_before_and_after_the_clock_is_put_forward() -> None:
    morning = Hours(BERLIN, (window_of([], "08:00", "09:00"),))
    assert morning.hold(datetime(2026, 3, 28, 7, 30, tzinfo=UTC), never)
    assert morning.hold(datetime(2026, 3, 29, 6, 30, tzinfo=UTC), never)
    assert not morning.hold(datetime(2026, 3, 29, 7, 30, tzinfo=UTC), never)


@given(MOMENTS)
def test_without_windows_a_rule_always_holds(moment: datetime) -> None:
    assert Hours(BERLIN).hold(moment, never)
    assert Hours(BERLIN, (Window(),)).hold(moment, never)


@given(MOMENTS, st.times(), st.times())
def test_a_moment_is_either_in_a_window_or_in_its_rest(moment: datetime, begins: time, ends: time) -> None:
    if begins == ends:
        return
    inside, outside = (
        Hours(BERLIN, (Window(begins=one, ends=other),)) for one, other in ((begins, ends), (ends, begins))
    )
    assert inside.hold(moment, never) is not outside.hold(moment, never)


@pytest.mark.parametrize(
    ("on_holidays", "expected"), [("as_usual", [True, True]), ("never", [False, True]), ("only", [True, False])]
)
def test_holidays_count_as_the_rule_says(on_holidays: str, expected: list[bool]) -> None:
    def is_holiday(country: str, part: str, day: date) -> bool:
        return (country, part, day) == ("DE", "BY", date(2026, 1, 6))

    hours = Hours(BERLIN, country="DE", subdivision="BY", on_holidays=OnHolidays(on_holidays))
    days = [datetime(2026, 1, 6, 12, tzinfo=BERLIN), datetime(2026, 1, 7, 12, tzinfo=BERLIN)]
    assert [hours.hold(day, is_holiday) for day in days] == expected


def test_the_night_after_a_holidays_evening_is_the_holidays_too() -> None:
    hours = Hours(
        BERLIN, (window_of([], "22:00", "06:00"),), dates=frozenset({date(2026, 12, 24)}), on_holidays=OnHolidays.ONLY
    )
    assert hours.hold(datetime(2026, 12, 25, 5, tzinfo=BERLIN), never)
    assert not hours.hold(datetime(2026, 12, 24, 5, tzinfo=BERLIN), never)


def test_what_is_asked_of_the_person() -> None:
    assert is_met(FACTS)
    assert is_met(FACTS, lists=["vip", "staff"])
    assert not is_met(FACTS, lists=["vip"])
    assert is_met(replace(FACTS, is_blacklist_hit=True), lists=["blacklist"]), "the device says so alone"
    assert is_met(replace(FACTS, list="stranger", decision="unknown"), lists=["stranger"], decisions=["unknown"])
    assert not is_met(FACTS, decisions=["unknown"])
    assert is_met(replace(FACTS, second_opinion="disagrees"), second_opinions=["disagrees"])
    assert is_met(replace(FACTS, person_groups=frozenset({"a", "b"})), person_groups=["b", "c"])
    assert not is_met(FACTS, person_groups=["b"])


def test_what_is_asked_of_the_place() -> None:
    assert is_met(FACTS, devices=[7], gates=[3, 4])
    assert not is_met(FACTS, devices=[8])
    assert not is_met(replace(FACTS, gate_id=None), gates=[3])
    assert is_met(replace(FACTS, device_group="north"), device_groups=["north"])


def test_a_poster_on_the_wall_wakes_nobody_unless_a_device_calls_it_blacklisted() -> None:
    poster = replace(FACTS, is_ignored=True)
    assert not is_met(poster)
    assert is_met(replace(poster, is_blacklist_hit=True))


def test_a_rule_about_ticks_meets_no_event() -> None:
    silent = replace(rule(), trigger=Trigger.DEVICE_SILENT)
    assert judged([silent, rule()], FACTS, never) == [rule().alert_of(FACTS)]


def test_what_an_alert_is_called() -> None:
    hit = replace(FACTS, is_blacklist_hit=True)
    assert rule(lists=["blacklist"]).alert_of(hit).kind == "blacklist_hit"
    assert rule().alert_of(hit).kind == "blacklist_hit"
    assert rule(lists=["staff"]).alert_of(hit).kind == "person_seen"
    assert rule(second_opinions=["disagrees"]).alert_of(hit).kind == "identity_disagreement"


def test_one_alert_is_of_one_rule_person_and_device() -> None:
    others = [
        replace(FACTS, person_id=6),
        replace(FACTS, device_id=8),
        replace(FACTS, person_id=None, identity_id="E1"),
        replace(FACTS, person_id=None, identity_id="E2"),
        replace(FACTS, person_id=None),
        replace(FACTS, person_id=None, gate_id=4),
    ]
    keys = {key_of(1, each) for each in (FACTS, *others)} | {key_of(2, FACTS)}
    assert len(keys) == len(others) + 2
    assert key_of(1, FACTS) == key_of(
        1, replace(FACTS, event_id=9, gate_id=4, occurred_at=FACTS.occurred_at + timedelta(1))
    )
    assert "E1" not in key_of(1, others[2]), "a key holds nobody's id in plain"
    assert all(len(key) <= 200 for key in keys)


@pytest.mark.parametrize(
    ("days", "begins", "ends"), [(["monday"], "08:00", "09:00"), ([], "8", "99:00"), ([], "08:00+01:00", "09:00")]
)
def test_what_is_no_window_is_refused(days: list[str], begins: str, ends: str) -> None:
    with pytest.raises(Invalid) as caught:
        window_of(days, begins, ends)
    assert caught.value.reason == "bad_window"


def test_the_end_of_a_day_may_be_written_both_ways() -> None:
    assert window_of([], "20:00", "24:00") == window_of([], "20:00", "00:00")


def test_conditions_are_read_as_they_are_kept() -> None:
    assert conditions_of({"lists": ["vip"], "count": 5, "zone": "UTC"}) == Conditions(lists=frozenset({"vip"}), count=5)
