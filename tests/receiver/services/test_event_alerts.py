"""Alerts for events: opened by rules in the transaction of the decision, once, whatever comes again or together."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from receiver.domain.alerts import Outcome
from receiver.domain.events import ListName
from receiver.services.alerting.judging import AT_ONCE, TOPIC, Judging
from receiver.services.intake.intake import Intake
from receiver.store import alerts, outbox, people, tables
from receiver.store.database import Tx
from receiver.store.store import Store
from tests.receiver.alarms import add_rule, alerts_of, announced, change_rule, only
from tests.receiver.boxes import HISTORY, history, open_intake
from tests.receiver.faces import Desk, enrol, face_of, told
from tests.receiver.services.test_alerting import alerting_of, hit
from tests.receiver.trusted import Gateway

BLACKLIST, DISAGREEMENT = 1, 2
SECOND, MINUTE = 1000, 60_000


def seen(desk: Desk, intake: Intake, face: int | None, number: int = 0, **changes: Any) -> int:
    event = told(intake, face, number, **changes)
    desk.book.forget()
    desk.work()
    return event


def facts(store: Store) -> list[tuple[str, str, int | None, int]]:
    return [(row.kind, row.severity, row.person_id, row.events) for row in alerts_of(store)]


def test_a_face_on_the_blacklist_opens_a_critical_alert_at_once(any_desk: Desk, any_intake: Intake) -> None:
    person = enrol(any_desk.store, ListName.BLACKLIST, face_of(1))
    event = seen(any_desk, any_intake, 1, identity_id="")
    (alert,) = alerts_of(any_desk.store)
    assert (alert.kind, alert.severity, alert.state, alert.source) == ("blacklist_hit", "critical", "open", "rule")
    assert (alert.person_id, alert.event_id, alert.list, alert.rule_id) == (person, event, "blacklist", BLACKLIST)
    assert alert.device_id is not None
    assert alert.gate_id is not None
    assert announced(any_desk.store) == [("opened", alert.id)]
    assert any_desk.rings


def test_the_devices_word_alone_opens_one_too(any_desk: Desk, any_intake: Intake) -> None:
    seen(any_desk, any_intake, None, ext_data={"person_type": 3})
    assert facts(any_desk.store) == [("blacklist_hit", "critical", None, 1)]


def test_staff_opens_none(any_desk: Desk, any_intake: Intake) -> None:
    enrol(any_desk.store, ListName.STAFF, face_of(1))
    seen(any_desk, any_intake, 1, identity_id="")
    assert alerts_of(any_desk.store) == []
    assert not any_desk.rings


def test_repetitions_of_one_person_at_one_device_are_one_alert(any_desk: Desk, any_intake: Intake) -> None:
    enrol(any_desk.store, ListName.BLACKLIST, face_of(1))
    first = seen(any_desk, any_intake, 1, identity_id="")
    second = seen(any_desk, any_intake, 1, 4 * MINUTE, identity_id="")
    third = seen(any_desk, any_intake, 1, 8 * MINUTE, identity_id="")
    (alert,) = alerts_of(any_desk.store)
    assert alert.events == 3
    assert alert.last_at - alert.started_at == timedelta(minutes=8)
    with any_desk.store.read() as tx:
        assert alerts.events_of(tx, alert.id, 9) == [third, second, first]
    assert [kind for kind, _ in announced(any_desk.store)] == ["opened", "repeated", "repeated"]


def test_after_a_pause_it_is_another_alert(any_desk: Desk, any_intake: Intake) -> None:
    enrol(any_desk.store, ListName.BLACKLIST, face_of(1))
    for number in (0, 6 * MINUTE):
        seen(any_desk, any_intake, 1, number, identity_id="")
    assert [row.events for row in alerts_of(any_desk.store)] == [1, 1]


def test_who_was_dealt_with_and_comes_again_is_new(any_desk: Desk, any_intake: Intake) -> None:
    enrol(any_desk.store, ListName.BLACKLIST, face_of(1))
    seen(any_desk, any_intake, 1, identity_id="")
    any_desk.alerting.close(1, "somebody", Outcome.CONFIRMED)
    seen(any_desk, any_intake, 1, MINUTE, identity_id="")
    assert [(row.state, row.events) for row in alerts_of(any_desk.store)] == [("closed", 1), ("open", 1)]


def test_an_event_that_is_decided_again_wakes_nobody_twice(any_desk: Desk, any_intake: Intake) -> None:
    enrol(any_desk.store, ListName.BLACKLIST, face_of(1))
    event = seen(any_desk, any_intake, 1, identity_id="")
    any_desk.alerting.close(1, "somebody", Outcome.CONFIRMED)
    with any_desk.store.write() as tx:
        outbox.add(tx, "recognise", [event], datetime.now(UTC))
    any_desk.work()
    assert [row.state for row in alerts_of(any_desk.store)] == ["closed"]


def test_two_people_and_two_devices_are_alerts_of_their_own(any_desk: Desk, any_intake: Intake) -> None:
    for number in (1, 2):
        enrol(any_desk.store, ListName.BLACKLIST, face_of(number))
    seen(any_desk, any_intake, 1, identity_id="")
    seen(any_desk, any_intake, 2, SECOND, identity_id="")
    seen(
        any_desk, any_intake, 1, 2 * SECOND, identity_id="", ext_data={"dev_sno": "other", "ep_id": "other__10.0.0.21"}
    )
    assert [row.events for row in alerts_of(any_desk.store)] == [1, 1, 1]


def test_a_rule_changed_holds_from_the_next_look_on(any_desk: Desk, any_intake: Intake) -> None:
    enrol(any_desk.store, ListName.BLACKLIST, face_of(1))
    change_rule(any_desk.store, BLACKLIST, is_active=False)
    seen(any_desk, any_intake, 1, identity_id="")
    assert alerts_of(any_desk.store) == []
    change_rule(any_desk.store, BLACKLIST, is_active=True)
    seen(any_desk, any_intake, 1, MINUTE, identity_id="")
    assert len(alerts_of(any_desk.store)) == 1


def test_the_rules_are_not_read_with_each_event(desk: Desk, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def version(_tx: Tx) -> int:
        read.append(1)
        return 1

    monkeypatch.setattr("receiver.services.alerting.rule_book.rules.version", version)
    monkeypatch.setattr("receiver.services.alerting.rule_book.FOLLOW_SECONDS", 3600.0)
    for number in range(5):
        told(intake, 1, number * MINUTE, identity_id="")
    desk.work()
    assert read == [1]


def test_a_contradiction_of_the_device_opens_its_own_kind(any_desk: Desk, any_intake: Intake) -> None:
    only(any_desk.store, DISAGREEMENT)
    enrol(any_desk.store, ListName.STAFF, face_of(1), identity="E1007")
    seen(any_desk, any_intake, 2)
    assert facts(any_desk.store) == [("identity_disagreement", "warning", None, 1)]


def test_a_rule_on_groups_looks_them_up(any_desk: Desk, any_intake: Intake) -> None:
    rule = add_rule(any_desk.store, conditions={"person_groups": ["night shift"]}, severity="info")
    only(any_desk.store, rule)
    first, second = (enrol(any_desk.store, ListName.STAFF, face_of(number)) for number in (1, 2))
    with any_desk.store.write(lock=people.GALLERY_LOCK) as tx:
        people.set_groups(tx, first, ["night shift"])
    seen(any_desk, any_intake, 1, identity_id="")
    seen(any_desk, any_intake, 2, SECOND, identity_id="")
    assert [row.person_id for row in alerts_of(any_desk.store)] == [first]
    assert second != first


def test_a_rolled_back_decision_leaves_no_alert(
    any_desk: Desk, any_intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(any_desk.store, ListName.BLACKLIST, face_of(1))
    told(any_intake, 1, identity_id="")

    def fail(*_arguments: Any) -> None:
        raise RuntimeError

    task = any_desk.claim()
    assert task is not None
    with monkeypatch.context() as patch:
        patch.setattr("receiver.services.alerting.alerting.announcements.note", fail)
        with pytest.raises(RuntimeError):
            any_desk.recogniser.handle(task)
    assert alerts_of(any_desk.store) == []
    any_desk.recogniser.handle(task)
    assert [kind for kind, _ in announced(any_desk.store)] == ["opened"]


def test_a_task_that_is_given_up_still_says_what_the_device_said(any_desk: Desk, any_intake: Intake) -> None:
    told(any_intake, 1, ext_data={"person_type": 3})
    task = any_desk.claim()
    assert task is not None
    any_desk.recogniser.give_up(task, "gave_up")
    assert facts(any_desk.store) == [("blacklist_hit", "critical", None, 1)]


def test_whom_a_device_calls_blacklisted_does_not_wait_behind_the_others(any_desk: Desk, any_intake: Intake) -> None:
    numbers = [
        told(any_intake, None, number, **more) for number, more in enumerate(({}, {}, {"ext_data": {"person_type": 3}}))
    ]
    task = any_desk.claim()
    assert task is not None
    assert task.subject == numbers[2]


def test_two_workers_who_meet_one_person_open_one_alert(store: Store) -> None:
    """Each holds the key until its commit; whoever comes second adds to the first one's alert."""
    threads = [
        threading.Thread(target=lambda number=number: alerting_of(store).open(hit(number))) for number in range(6)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [row.events for row in alerts_of(store)] == [6]


def test_where_nobody_reads_faces_the_devices_word_is_judged(any_desk: Desk, store: Store, tmp_path: Path) -> None:
    with open_intake(store, tmp_path, is_recognising=False) as intake:
        intake.record([history(1), history(2, ext_data={"person_type": 3})], HISTORY)
    judging = Judging(store, any_desk.recogniser._alerts)  # type: ignore[arg-type]
    with store.write() as tx:
        tasks = outbox.claim(tx, TOPIC, AT_ONCE, datetime.now(UTC), timedelta(seconds=30))
    judging.handle(tasks)
    assert [row.event_id for row in alerts_of(store)] == [2]
    with store.read() as tx:
        assert outbox.counts(tx) == {}
    judging.handle(tasks)
    assert len(alerts_of(store)) == 1


def test_a_device_that_nobody_trusts_wakes_nobody(gateway: Gateway) -> None:
    gateway.send(history(1, ext_data={"person_type": 3}))
    with gateway.store.read() as tx:
        assert tx.execute(select(tables.task)).all() == []
    assert alerts_of(gateway.store) == []
