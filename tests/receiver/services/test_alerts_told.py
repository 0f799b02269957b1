"""Alerts and subscriptions together: subscribers are told of alerts, and a destination that fails is an alert."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from receiver.assembly.subscriptions import work_of
from receiver.domain.alerts import NewAlert, Outcome, Severity, Source
from receiver.domain.subscriptions import Channel, Filter, Origin, Subscription, Topic
from receiver.services.alerting.alerting import Alerting
from receiver.services.alerting.failing import FailingSubscriptions
from receiver.services.alerting.passing_on import pass_on
from receiver.settings import Settings
from receiver.store import subscriptions, tables
from receiver.store.database import Row
from receiver.store.store import Store
from tests.made_stores import made_house
from tests.receiver.alarms import alerts_of, announced

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def alerting_of(store: Store) -> Alerting:
    return Alerting(store, lambda: None, pass_on)


NEW = Subscription(
    0, "desk", Origin.COMMAND, Channel.HTTP, {"url": "http://127.0.0.1:1/"}, topics=frozenset({Topic.ALERT})
)


def subscribe(store: Store, name: str, **wanted: Any) -> int:
    with store.write() as tx:
        return subscriptions.add(tx, replace(NEW, name=name, filter=Filter(**wanted)), NOW)


def told(store: Store, subscription_id: int) -> list[Row]:
    rows = select(tables.delivery).where(tables.delivery.c.subscription_id == subscription_id)
    with store.read() as tx:
        return list(tx.execute(rows.order_by(tables.delivery.c.id)))


def kinds(store: Store, subscription_id: int) -> list[str]:
    return [row.content["kind"] for row in told(store, subscription_id)]


def hit(severity: Severity = Severity.CRITICAL, **changes: Any) -> NewAlert:
    return NewAlert("blacklist_hit", severity, Source.PROGRAM, NOW, device_id=7, list="blacklist", **changes)


def test_subscribers_are_told_what_happens_to_an_alert(store: Store) -> None:
    everything, alerting = subscribe(store, "desk"), alerting_of(store)
    alert_id = alerting.open(hit(person_id=3))
    alerting.comment(alert_id, "account 1", "seen")
    alerting.acknowledge(alert_id, "account 1")
    alerting.close(alert_id, "account 1", Outcome.CONFIRMED)
    assert kinds(store, everything) == ["opened", "acknowledged", "closed"]
    (opened, _, closed) = told(store, everything)
    assert (opened.subject, opened.device_id, opened.content["alert"]) == (alert_id, 7, "blacklist_hit")
    assert (opened.content["severity"], opened.content["person_id"]) == ("critical", 3)
    assert (closed.content["state"], closed.content["outcome"]) == ("closed", "confirmed")


def test_a_second_subscription_is_told_when_nobody_acknowledges(store: Store) -> None:
    chief = subscribe(store, "chief", kinds=frozenset({"escalated"}))
    grave = subscribe(store, "grave", kinds=frozenset({"opened"}), severities=frozenset({"critical"}))
    alerting = alerting_of(store)
    alerting.open(hit(escalate_seconds=60))
    answered = alerting.open(hit(Severity.INFO, escalate_seconds=60))
    alerting.acknowledge(answered, "account 1")
    assert kinds(store, chief) == []
    alerting.escalate(datetime.now(UTC) + timedelta(minutes=2))
    assert kinds(store, chief) == ["escalated"]
    assert kinds(store, grave) == ["opened"]


def test_of_a_device_that_nobody_trusts_nobody_is_told(store: Store) -> None:
    everything = subscribe(store, "desk")
    alerting_of(store).open(hit(is_unverified=True))
    assert kinds(store, everything) == []


def test_an_alert_of_a_failing_destination_closes_when_it_works_again(store: Store) -> None:
    failing = FailingSubscriptions(alerting_of(store))
    office, other = (replace(NEW, id=number, name=f"office {number}") for number in (3, 4))
    with store.write() as tx:
        failing.note(tx, office, "unreachable")
        failing.note(tx, office, "unreachable")
    with store.write() as tx:
        failing.settle(tx, office, "unreachable")
        failing.settle(tx, other, "unreachable")
    (alert,) = alerts_of(store)
    assert (alert.kind, alert.source, alert.title) == ("subscription_failing", "server", "office 3")
    assert alert.detail == {"subscription": 3, "reason": "unreachable"}
    assert (alert.state, alert.outcome, alert.closed_by) == ("closed", "over", "server")
    with store.write() as tx:
        failing.settle(tx, office, "unreachable")
        failing.note(tx, office, "unreachable")
    assert [each.state for each in alerts_of(store)] == ["closed", "open"]
    assert [change for change, _ in announced(store)] == ["opened", "repeated", "closed", "opened"]


def test_what_the_worker_does_for_subscriptions_opens_such_alerts(tmp_path: Path) -> None:
    house = made_house(Settings(data_dir=tmp_path))
    try:
        subscribe(house.store, "desk")
        work = work_of(house)
        with house.store.write() as tx:
            (kept,) = subscriptions.every(tx)
            work["forwarding"]._settler.hooks.on_failing(tx, kept.subscription, "unreachable")
        work["clearing"]._on_dropped("pictures", 3)
        assert [(each.kind, each.state) for each in alerts_of(house.store)] == [
            ("subscription_failing", "open"),
            ("backlog_dropped", "open"),
        ]
        with house.store.write() as tx:
            work["forwarding"]._settler.hooks.on_working(tx, kept.subscription, "unreachable")
        assert [each.state for each in alerts_of(house.store)] == ["closed", "open"]
        work["forwarding"].close()
    finally:
        house.close()
