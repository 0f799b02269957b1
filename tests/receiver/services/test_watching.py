"""What the worker's tick finds: silent devices, what grows in quarantine and in the backlog; and a day of a rule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from receiver.domain.alerts import Outcome
from receiver.services.alerting.calendars import is_holiday
from receiver.services.alerting.event_alerts import EventAlerts
from receiver.services.alerting.frames import FrameRoom
from receiver.services.alerting.rule_book import RuleBook
from receiver.services.alerting.trying_rules import TryingRules
from receiver.services.alerting.watching import Watching
from receiver.store import alerts, announcements, outbox, tables, trust
from receiver.store.store import Store
from tests.receiver.alarms import add_rule, alerts_of, announced, change_rule, only
from tests.receiver.services.test_alerting import alerting_of, hit

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SILENT = 3


def watching(store: Store) -> Watching:
    """As a worker has it that has just started: it reads the rules now."""
    return Watching(store, alerting_of(store), RuleBook(UTC), FrameRoom(store, 10**9, lambda _digests, _before: 0))


def device(store: Store, key: str = "box", **values: Any) -> int:
    row = {"key": key, "licence": key, "address": "", "first_seen": START, "last_seen": START, "state": "trusted"}
    with store.write() as tx:
        return trust.meet(tx, row | {"status_at": START} | values)


def heard(store: Store, device_id: int, at: datetime) -> None:
    with store.write() as tx:
        tx.execute(update(tables.device).where(tables.device.c.id == device_id).values(last_seen=at))


def states(store: Store) -> list[tuple[str, str]]:
    return [(row.state, row.outcome) for row in alerts_of(store)]


def test_a_device_that_falls_silent_is_told_of_once(store: Store) -> None:
    box = device(store)
    assert watching(store).run(START + 14 * MINUTE) == 0
    assert watching(store).run(START + 16 * MINUTE) == 1
    assert watching(store).run(START + 17 * MINUTE) == 0
    (alert,) = alerts_of(store)
    assert (alert.kind, alert.device_id, alert.started_at, alert.severity) == ("device_silent", box, START, "warning")


def test_its_alert_is_closed_when_it_speaks_again(store: Store) -> None:
    box = device(store)
    watching(store).run(START + 16 * MINUTE)
    heard(store, box, START + 20 * MINUTE)
    assert watching(store).run(START + 20 * MINUTE) == 1
    assert states(store) == [("closed", "over")]
    assert watching(store).run(START + 36 * MINUTE) == 1
    assert states(store) == [("closed", "over"), ("open", "")]


def test_a_silence_that_somebody_has_closed_is_not_told_of_again(store: Store) -> None:
    device(store)
    watching(store).run(START + 16 * MINUTE)
    alerting_of(store).close(1, "a", Outcome.TEST)
    assert watching(store).run(START + 60 * MINUTE) == 0
    assert len(states(store)) == 1


def test_devices_that_fell_silent_long_ago_leave_room_for_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.store.watching.MOST_DEVICES", 2)
    boxes = [device(store, f"box {number}") for number in range(5)]
    assert [watching(store).run(START + 16 * MINUTE) for _ in range(4)] == [2, 2, 1, 0]
    assert [row.device_id for row in alerts_of(store)] == boxes
    heard(store, boxes[4], START + 20 * MINUTE)
    watching(store).run(START + 21 * MINUTE)
    assert watching(store).run(START + 36 * MINUTE) == 1
    assert [row.device_id for row in alerts_of(store)] == [*boxes, boxes[4]]


@pytest.mark.parametrize("values", [{"state": "pending"}, {"state": "blocked"}, {"status_at": None}])
def test_who_need_not_speak_is_not_missed(store: Store, values: dict[str, Any]) -> None:
    device(store, **values)
    assert watching(store).run(START + 60 * MINUTE) == 0


def test_a_device_that_a_rule_names_is_missed_even_without_status_reports(store: Store) -> None:
    box = device(store, status_at=None)
    change_rule(store, SILENT, conditions={"after_seconds": 60, "devices": [box]})
    device(store, "other")
    watching(store).run(START + 60 * MINUTE)
    assert [row.device_id for row in alerts_of(store)] == [box]


def test_two_workers_tell_of_a_silence_once(store: Store) -> None:
    device(store)
    first, second = watching(store), watching(store)
    now = START + 16 * MINUTE
    assert (first.run(now), second.run(now)) == (1, 0)


def quarantined(store: Store, number: int, at: datetime, **values: Any) -> None:
    row = {
        "received_at": at, "channel": "history", "peer": "192.0.2.1", "path": "/", "content_type": "", "reason": "bad_json",
        "detail": "", "raw": b"{", "form": "item", "state": "held", "digest": b"%32d" % number,
    }  # fmt: skip
    with store.write() as tx:
        tx.execute(insert(tables.quarantine).values(row | values))


def test_a_growing_quarantine_is_told_of_and_is_over_by_itself(store: Store) -> None:
    only(
        store, add_rule(store, "quarantine_growing", conditions={"count": 3, "within_seconds": 600}, suppress_seconds=0)
    )
    for number in range(2):
        quarantined(store, number, START)
    quarantined(store, 7, START, unverified_peer="192.0.2.9")
    assert watching(store).run(START) == 0, "what anybody sends wakes nobody"
    quarantined(store, 2, START)
    assert watching(store).run(START) == 1
    assert watching(store).run(START) == 0
    assert alerts_of(store)[0].detail == {"count": 3, "within_seconds": 600}
    assert watching(store).run(START + 11 * MINUTE) == 1
    assert states(store) == [("closed", "over")]


def test_a_growing_backlog_is_told_of_by_its_number_or_its_age(store: Store) -> None:
    many = add_rule(store, "backlog_growing", conditions={"count": 5})
    old = add_rule(store, "backlog_growing", conditions={"after_seconds": 600})
    only(store, many, old)
    with store.write() as tx:
        outbox.add(tx, "recognise", [1, 2, 3], START)
    assert watching(store).run(START + MINUTE) == 0
    assert watching(store).run(START + 11 * MINUTE) == 1
    with store.write() as tx:
        outbox.add(tx, "recognise", [4, 5], START + 12 * MINUTE)
    assert watching(store).run(START + 13 * MINUTE) == 1
    assert [row.rule_id for row in alerts_of(store)] == [old, many]


def test_what_nobody_answers_is_escalated_by_the_tick(store: Store) -> None:
    alerting_of(store).open(hit(escalate_seconds=60))
    assert watching(store).run(datetime.now(UTC) + 2 * MINUTE) == 1
    assert announced(store)[-1] == ("escalated", 1)


def test_a_rule_that_cannot_be_read_does_not_stop_the_others(store: Store) -> None:
    change_rule(store, 1, conditions={"country": "XX"})
    device(store)
    assert watching(store).run(START + 16 * MINUTE) == 1


def test_old_announcements_are_forgotten_and_the_newest_stays(store: Store) -> None:
    for number in range(3):
        alerting_of(store).open(hit(key=str(number)))
    assert watching(store).sweep(datetime.now(UTC) + timedelta(days=6)) == 0
    assert watching(store).sweep(datetime.now(UTC) + timedelta(days=8)) == 2
    with store.read() as tx:
        assert announcements.bounds(tx) == (3, 3)


def test_holidays_are_those_of_the_country() -> None:
    epiphany = datetime(2026, 1, 6, tzinfo=UTC).date()
    assert is_holiday("DE", "BY", epiphany)
    assert not is_holiday("DE", "BE", epiphany)
    assert not is_holiday("XX", "", epiphany)


def a_day(store: Store) -> None:
    """A guard's day: staff all the time, a stranger each hour, somebody blacklisted at 09:00, 09:04 and 23:30."""
    rows: list[tuple[int, int | None, str, str]] = [(minute, 1, "staff", "") for minute in range(0, 24 * 60, 5)]
    rows += [(60 * hour + 7, None, "stranger", "") for hour in range(24)]
    rows += [(minute, 2, "blacklist", "face") for minute in (540, 544, 23 * 60 + 30)]
    base = {
        "has_device_time": True, "channel": "history", "generation": "A", "api_version": "", "device_id": 1, "gate_id": 1,
        "identity_id": "", "identity_name": "", "identity_group": "", "person_type": 1, "want_action": "0", "reported": {},
        "attributes": {}, "recognition": "done", "decision": "matched", "decision_detail": {"reasons": []},
    }  # fmt: skip
    with store.write() as tx:
        for minute, person, name, said_by in rows:
            at = START + minute * MINUTE
            more = {"received_at": at, "occurred_at": at, "person_id": person, "list": name, "reported_list": name}
            tx.execute(insert(tables.event).values(base | more | {"blacklist_said_by": said_by}))


def trial(store: Store, **rule: Any) -> dict[str, Any]:
    document = {
        "name": "tried", "trigger": "event", "severity": "warning", "conditions": {}, "suppress_seconds": 300,
        "escalate_seconds": None,
    }  # fmt: skip
    return TryingRules(store, UTC).run(document | rule, START, START + timedelta(days=1))


def test_a_day_is_tried(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.services.alerting.trying_rules.PAGE", 17)
    a_day(store)
    hits = trial(store, conditions={"lists": ["blacklist"]})
    assert (hits["events"], hits["events_met"]) == (288 + 24 + 3, 3)
    assert [(each["started_at"], each["events"]) for each in hits["items"]] == [
        (START + timedelta(hours=9), 2),
        (START + timedelta(hours=23, minutes=30), 1),
    ]
    night = {"lists": ["stranger"], "windows": [{"begins": "22:00", "ends": "06:00"}], "zone": "Asia/Shanghai"}
    assert trial(store, conditions=night)["alerts"] == 8
    assert trial(store, conditions={"lists": ["stranger"]}, suppress_seconds=3600)["alerts"] == 1
    assert trial(store, conditions={"lists": ["vip"]})["alerts"] == 0
    assert alerts_of(store) == []


def test_what_a_trial_says_is_what_the_rule_does(store: Store) -> None:
    a_day(store)
    conditions = {"lists": ["blacklist", "stranger"], "windows": [{"begins": "08:00", "ends": "10:00"}]}
    said = trial(store, conditions=conditions)
    only(store, add_rule(store, conditions=conditions))
    judge = EventAlerts(alerting_of(store), RuleBook(UTC))
    with store.write() as tx:
        rows = [row._asdict() for row in tx.execute(tables.event.select().order_by(tables.event.c.occurred_at))]
        judge.decided(tx, rows, START)
    with store.read() as tx:
        done = [(row.started_at, row.events, row.person_id) for row in alerts_of(store)]
        assert all(alerts.events_of(tx, row.id, 9) for row in alerts_of(store))
    would = [(each["started_at"], each["events"], each["person"]) for each in said["items"]]
    assert sorted(done, key=repr) == sorted(would, key=repr)
    assert said["alerts"] == 3
