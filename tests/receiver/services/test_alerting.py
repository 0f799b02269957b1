"""Alerts answered by people: who may do what when, what is announced, what subscribers are told, and escalation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from receiver.domain.alerts import AlertNotice, NewAlert, Outcome, Severity, Source
from receiver.domain.errors import Conflict, Forbidden, NotFound
from receiver.services.alerting.alerting import Alerting
from receiver.store import alerts, announcements
from receiver.store.database import Tx
from receiver.store.store import Store
from tests.receiver.alarms import NOW, alerts_of, announced


def alerting_of(store: Store, told: list[AlertNotice] | None = None) -> Alerting:
    def tell(_tx: Tx, notice: AlertNotice) -> None:
        if told is not None:
            told.append(notice)

    return Alerting(store, lambda: None, tell)


def hit(number: int = 0, **changes: Any) -> NewAlert:
    row: dict[str, Any] = {
        "kind": "blacklist_hit", "severity": Severity.CRITICAL, "source": Source.RULE, "rule_id": 1, "device_id": 7,
        "started_at": NOW + timedelta(seconds=number), "event_id": number + 1, "key": "rule:1:p1:d7", "suppress_seconds": 300,
    }  # fmt: skip
    return NewAlert(**(row | changes))


def box(**changes: Any) -> NewAlert:
    return NewAlert("behavior", Severity.WARNING, Source.DEVICE, NOW, device_id=7, behavior="Tamper", **changes)


def test_an_alert_is_acknowledged_assigned_and_closed(store: Store) -> None:
    alerting = alerting_of(store)
    alert_id = alerting.open(hit())
    alerting.acknowledge(alert_id, "account 1", "on my way")
    alerting.comment(alert_id, "account 1", "it is he")
    alerting.close(alert_id, "account 2", Outcome.CONFIRMED, "police were called")
    (alert,) = alerts_of(store)
    assert (alert.state, alert.acknowledged_by, alert.closed_by) == ("closed", "account 1", "account 2")
    assert (alert.outcome, alert.note) == ("confirmed", "police were called")
    assert alert.ended_at is not None
    with store.read() as tx:
        steps = [(row.kind, row.by, row.text) for row in alerts.steps_of(tx, alert_id)]
    assert steps == [
        ("acknowledged", "account 1", "on my way"),
        ("commented", "account 1", "it is he"),
        ("closed", "account 2", "police were called"),
    ]
    assert [kind for kind, _ in announced(store)] == ["opened", "acknowledged", "commented", "closed"]


def test_a_closed_alert_takes_comments_alone(store: Store) -> None:
    alerting = alerting_of(store)
    alert_id = alerting.open(hit())
    alerting.close(alert_id, "a", Outcome.TEST)
    with pytest.raises(Conflict) as caught:
        alerting.acknowledge(alert_id, "a")
    assert caught.value.reason == "alert_closed"
    with pytest.raises(Conflict):
        alerting.assign(alert_id, "a", None)
    with pytest.raises(Conflict):
        alerting.close(alert_id, "a", Outcome.TEST)
    alerting.comment(alert_id, "a", "afterwards")


def test_acknowledging_twice_leaves_the_first_ones_name(store: Store) -> None:
    alerting = alerting_of(store)
    alert_id = alerting.open(hit())
    for by in ("first", "second"):
        alerting.acknowledge(alert_id, by)
    assert alerts_of(store)[0].acknowledged_by == "first"
    assert len(announced(store)) == 2


def test_what_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(NotFound) as caught:
        alerting_of(store).acknowledge(99, "a")
    assert caught.value.reason == "no_such_alert"
    alert_id = alerting_of(store).open(hit())
    with pytest.raises(NotFound) as caught:
        alerting_of(store).assign(alert_id, "a", 99)
    assert caught.value.reason == "no_such_account"


def test_a_device_ends_its_own_alert_once(store: Store) -> None:
    alerting = alerting_of(store)
    alert_id = alerting.open(box())
    with pytest.raises(Forbidden):
        alerting.end(alert_id, NOW, device_id=8)
    alerting.end(alert_id, NOW + timedelta(minutes=1), device_id=7)
    with pytest.raises(Conflict) as caught:
        alerting.end(alert_id, NOW, device_id=7)
    assert caught.value.reason == "alert_over"
    (alert,) = alerts_of(store)
    assert (alert.state, alert.ended_at) == ("open", NOW + timedelta(minutes=1))


def test_an_alert_does_not_end_before_it_began(store: Store) -> None:
    alert_id = alerting_of(store).open(box())
    alerting_of(store).end(alert_id, NOW - timedelta(days=1))
    assert alerts_of(store)[0].ended_at == NOW


def test_what_a_pending_device_tells_is_kept_and_wakes_nobody(store: Store) -> None:
    told: list[AlertNotice] = []
    alerting = alerting_of(store, told)
    alert_id = alerting.open(box(is_unverified=True, escalate_seconds=1))
    alerting.acknowledge(alert_id, "a")
    assert alerting.escalate(datetime.now(UTC) + timedelta(hours=1)) == 0
    assert (told, announced(store)) == ([], [])
    assert len(alerts_of(store)) == 1


def test_events_told_out_of_their_order_belong_to_what_lasts(store: Store) -> None:
    alerting = alerting_of(store)
    for number in (600, 300, 0, 150):
        alerting.open(hit(number))
    (alert,) = alerts_of(store)
    assert (alert.events, alert.started_at, alert.last_at) == (4, NOW, NOW + timedelta(seconds=600))


LIVE = 90 * 60


def newest_of(store: Store) -> tuple[int, datetime]:
    """(alert, when it last occurred) of the key of all hits."""
    with store.read() as tx:
        (found,) = alerts.known_keys(tx, [str(hit().key)]).values()
    return found.alert_id, found.last_at


def test_late_events_beside_live_ones_belong_to_the_alert_of_their_own_time(store: Store) -> None:
    alerting = alerting_of(store)
    for number in range(0, 360, 60):
        alerting.open(hit(number))
        alerting.open(hit(LIVE + number))
    late, live = alerts_of(store)
    assert (late.events, late.started_at, late.last_at) == (6, NOW, NOW + timedelta(minutes=5))
    assert (live.events, live.started_at) == (6, NOW + timedelta(minutes=90))
    assert [kind for kind, _ in announced(store)].count("opened") == 2
    assert newest_of(store) == (live.id, live.last_at)


def test_a_late_alert_that_was_dealt_with_is_followed_by_one_more(store: Store) -> None:
    alerting = alerting_of(store)
    live, closed = alerting.open(hit(LIVE)), alerting.open(hit())
    alerting.close(closed, "a", Outcome.CONFIRMED)
    next_one = alerting.open(hit(60))
    assert next_one not in {live, closed}
    assert [alerting.open(hit(number)) for number in (120, LIVE + 60, 180)] == [next_one, live, next_one]
    assert newest_of(store) == (live, NOW + timedelta(seconds=LIVE + 60))


def test_the_alert_of_a_late_event_is_found_by_an_index(store: Store) -> None:
    if not store.is_sqlite:
        return
    asked: list[str] = []

    @event.listens_for(store.main.engine, "before_cursor_execute")
    def remember(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    alerting_of(store).open(hit())
    (looked,) = [each for each in asked if "FROM alert" in each and "started_at <=" in each]
    with store.read() as tx:
        rows = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {looked}", (0,) * looked.count("?"))
        plan = " ".join(row.detail for row in rows)
    assert "ix_alert_repetition (key=? AND started_at<?" in plan
    assert "TEMP B-TREE" not in plan


def test_subscribers_are_told_of_what_matters_in_its_transaction(store: Store) -> None:
    told: list[AlertNotice] = []
    alerting = alerting_of(store, told)
    alert_id = alerting.open(hit())
    alerting.open(hit(1))
    alerting.comment(alert_id, "a", "words")
    alerting.close(alert_id, "a", Outcome.CONFIRMED)
    assert [each.change for each in told] == ["opened", "closed"]
    assert told[0].facts["severity"] == "critical"
    assert "name" not in told[0].facts


def test_a_subscriber_that_fails_leaves_nothing_half_done(store: Store) -> None:
    def fail(_tx: Tx, _notice: AlertNotice) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Alerting(store, lambda: None, fail).open(hit())
    assert (alerts_of(store), announced(store)) == ([], [])


def test_what_nobody_answers_in_time_is_escalated_once(store: Store) -> None:
    told: list[AlertNotice] = []
    alerting = alerting_of(store, told)
    now = datetime.now(UTC)
    late, answered = (alerting.open(hit(key=key, escalate_seconds=60)) for key in ("one", "two"))
    alerting.acknowledge(answered, "a")
    assert alerting.escalate(now + timedelta(seconds=30)) == 0
    assert alerting.escalate(now + timedelta(seconds=90)) == 1
    assert alerting.escalate(now + timedelta(seconds=900)) == 0
    assert [each.alert_id for each in told if each.change == "escalated"] == [late]
    assert ("escalated", late) in announced(store)


def test_announcements_go_on_behind_what_was_forgotten(store: Store) -> None:
    alerting = alerting_of(store)
    for number in range(3):
        alerting.open(hit(key=str(number)))
    with store.write() as tx:
        assert announcements.drop_before(tx, datetime.now(UTC) + timedelta(days=1), 99) == 2
    with store.read() as tx:
        assert announcements.bounds(tx) == (3, 3)
    alerting.open(hit(key="next"))
    with store.read() as tx:
        assert [row.id for row in announcements.after(tx, 3, 9)] == [4]


def test_the_server_closes_what_went_away_in_the_transaction_of_its_cause(store: Store) -> None:
    alerting = alerting_of(store)
    alert_id = alerting.open(hit())
    now = datetime.now(UTC)
    with store.write() as tx:
        assert alerting.close_in(tx, alert_id, Outcome.OVER, now)
        assert not alerting.close_in(tx, alert_id, Outcome.OVER, now), "it is left as it is"
        assert not alerting.close_in(tx, 99, Outcome.OVER, now)
    (alert,) = alerts_of(store)
    assert (alert.state, alert.outcome, alert.closed_by, alert.closed_at) == ("closed", "over", "server", now)
    assert announced(store) == [("opened", alert_id), ("closed", alert_id)]
