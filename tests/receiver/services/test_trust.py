"""Devices are pending until somebody trusts them: what they send is kept apart, within bounds, and processed afterwards."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from receiver.domain.errors import Conflict, Invalid, NotFound
from receiver.domain.trust import Mode, State, TrustRules
from receiver.services.devices.device_book import LOOK_SECONDS
from receiver.services.devices.trusting import Change
from receiver.services.intake.catching_up import STEP, CatchingUp, CatchingUpParts
from receiver.services.intake.intake import Intake
from receiver.services.pacing import Pace
from receiver.store import devices, outbox, tables, trust
from receiver.store.outbox import Task
from receiver.store.store import Store
from tests.receiver.boxes import (
    HISTORY,
    LICENCE,
    REAL_TIME,
    count,
    delivered_events,
    history,
    open_intake,
    real_time,
    text_of,
)
from tests.receiver.services.test_statuses import REPORT
from tests.receiver.trusted import BLOCKED, TRUSTED, Gateway, open_gateway, words

KEY = f"licence:{LICENCE}@10.0.0.9"


def tasks(store: Store) -> dict[Any, int]:
    with store.read() as tx:
        return dict(outbox.counts(tx))


def events_of(store: Store) -> list[Any]:
    with store.read() as tx:
        return list(tx.execute(select(tables.event).order_by(tables.event.c.id)))


def test_what_an_unknown_device_sends_is_kept_and_nothing_follows(gateway: Gateway) -> None:
    told = history(ext_data={"person_type": 3, "recognize_face": text_of(1)}, want_action="1001")
    assert words(gateway.send(told)) == [("new", "device_pending")]
    assert words(gateway.send(told)) == [("duplicate", None)]
    (event,) = events_of(gateway.store)
    assert (event.unverified, event.recognition, event.blacklist_said_by) == ("waiting", "held", "")
    assert event.unverified_bytes > 0
    assert tasks(gateway.store) == {}
    assert delivered_events(gateway.store) == []
    (device,) = gateway.devices()
    assert (device.key, device.state, device.pending_reason) == (KEY, "pending", "unknown")


def test_once_trusted_what_it_sent_is_processed_in_order_and_then_it_is_like_any_other(gateway: Gateway) -> None:
    before = gateway.send(*(history(number, ext_data={"person_type": 3}) for number in range(STEP + 3)))
    gateway.trust()
    during = gateway.send(history(500))
    assert [each.result for each in during] == ["new"]
    assert delivered_events(gateway.store) == []
    assert gateway.work() == STEP + 4
    # As after the second within which a process learns that the backlog is gone; until then new events wait behind it.
    gateway.intake.book.forget()
    after = gateway.send(history(501))
    ids = [each.event_id for each in (*before, *during, *after)]
    assert delivered_events(gateway.store) == ids
    assert tasks(gateway.store) == {("recognise", "waiting"): len(ids)}
    assert {(row.unverified, row.recognition) for row in events_of(gateway.store)} == {(None, "pending")}
    assert {row.blacklist_said_by for row in events_of(gateway.store)} == {"device", ""}
    (device,) = gateway.devices()
    assert (device.state, device.trusted_by, device.is_catching_up) == ("trusted", "somebody", False)


def test_what_is_too_old_stays_unverified(gateway: Gateway) -> None:
    gateway.send(history(1), history(2))
    gateway.grow_older(25)
    gateway.send(history(3))
    gateway.trust()
    assert gateway.work() == 1
    assert [row.unverified for row in events_of(gateway.store)] == ["left", "left", None]


def test_a_worker_that_stops_in_between_goes_on_where_it_was(gateway: Gateway) -> None:
    gateway.send(*(history(number) for number in range(2 * STEP)))
    gateway.trust()
    with gateway.store.read() as tx:
        (task,) = outbox.listed(tx, None, 9)
    steps = iter([False, True])
    worker = CatchingUp(CatchingUpParts(gateway.store, gateway.rules, is_recognising=True, ring=lambda: None))
    assert worker.run(Task(task.id, task.topic, task.subject, 1), Pace(lambda: next(steps))) == STEP
    assert len(delivered_events(gateway.store)) == STEP
    assert gateway.work() == STEP
    assert delivered_events(gateway.store) == [row.id for row in events_of(gateway.store)]


def test_two_workers_never_process_an_event_twice(gateway: Gateway) -> None:
    gateway.send(*(history(number) for number in range(5)))
    gateway.trust()
    with gateway.store.read() as tx:
        (task,) = outbox.listed(tx, None, 9)
    for _ in range(2):
        CatchingUp(CatchingUpParts(gateway.store, gateway.rules, is_recognising=True, ring=lambda: None)).run(
            Task(task.id, task.topic, task.subject, 1)
        )
    gateway.work()
    assert len(delivered_events(gateway.store)) == 5


def test_blocking_stops_it_and_what_comes_is_dropped_and_counted(gateway: Gateway) -> None:
    gateway.send(history(1))
    gateway.trust()
    gateway.trust(change=BLOCKED)
    pictures = count_pictures(gateway.store)
    assert (
        words(gateway.send(history(2, ext_data={"recognize_face": text_of(7)}), history(3)))
        == [("dropped", "device_blocked")] * 2
    )
    gateway.report(REPORT)
    assert gateway.work() == 0
    assert len(events_of(gateway.store)) == 1
    assert count_pictures(gateway.store) == pictures
    (device,) = gateway.devices()
    assert (device.state, device.dropped, device.status) == ("blocked", 3, None)
    gateway.trust()
    assert gateway.work() == 1


def count_pictures(store: Store) -> int:
    with store.pictures.read() as tx:
        return len(tx.execute(select(tables.picture.c.digest)).all())


def test_the_same_licence_from_elsewhere_is_a_device_of_its_own(gateway: Gateway) -> None:
    gateway.send(history(1))
    gateway.trust()
    gateway.work()
    (mine,) = gateway.send(history(2))
    (theirs,) = gateway.send(history(2), peer="10.6.6.6")
    assert (theirs.result, theirs.reason) == ("new", "device_pending")
    assert theirs.event_id != mine.event_id
    other = gateway.device(f"licence:{LICENCE}@10.6.6.6")
    assert (other.state, other.pending_reason) == ("pending", "other_address")


def test_nobody_takes_anothers_events_before_it(gateway: Gateway) -> None:
    gateway.send(history(1))
    gateway.trust()
    gateway.work()
    forged = gateway.send(history(2), history(3, event_id="known"), peer="10.6.6.6")
    nearby = gateway.send(history(2, box="OTHER"), history(3, box="OTHER", event_id="known"))
    real = gateway.send(history(2), history(3, event_id="known"))
    assert words(real) == [("new", None)] * 2
    assert not {each.event_id for each in real} & {each.event_id for each in (*forged, *nearby)}


def test_a_box_that_moved_is_the_same_once_it_may_speak_from_there(gateway: Gateway) -> None:
    gateway.send(history(1))
    gateway.trust()
    gateway.work()
    (moved,) = gateway.send(history(2), peer="10.0.0.77")
    gateway.trust(change=Change(bound="10.0.0.0/24"))
    assert gateway.work() == 1
    (later,) = gateway.send(history(3), peer="10.0.0.78")
    (device,) = gateway.devices()
    assert device.bound == "10.0.0.0/24"
    assert {row.device_id for row in events_of(gateway.store)} == {device.id}
    assert len({row.gate_id for row in events_of(gateway.store)}) == 1
    assert delivered_events(gateway.store)[1:] == [moved.event_id, later.event_id]


def test_any_binds_a_licence_to_no_address(gateway: Gateway) -> None:
    gateway.send(history(1))
    gateway.trust(change=Change(state=State.TRUSTED, bound="any"))
    gateway.work()
    assert words(gateway.send(history(2), peer="2001:db8::7")) == [("new", None)]


def test_two_boxes_behind_one_address_are_told_apart_by_their_licence(gateway: Gateway) -> None:
    gateway.send(history(1, box="ONE"), history(1, box="TWO"))
    one = gateway.device("licence:ONE@10.0.0.9")
    gateway.trust(one.id)
    gateway.work()
    told = gateway.send(history(2, box="ONE"), history(2, box="TWO"))
    assert words(told) == [("new", None), ("new", "device_pending")]


def test_a_hub_vouches_for_the_devices_in_its_events(gateway: Gateway) -> None:
    (first,) = gateway.send(history(1, box="BEHIND"), peer="10.7.0.1")
    hub = gateway.trusting.add("the other site", "", Change(bound="10.7.0.1", is_hub=True))
    assert gateway.work() == 1
    (second, third) = gateway.send(history(2, box="BEHIND"), history(2, box="NEW"), peer="10.7.0.1")
    assert words([second, third]) == [("new", None)] * 2
    assert delivered_events(gateway.store) == [first.event_id, second.event_id, third.event_id]
    assert {row.vouched_by for row in gateway.devices() if row.licence} == {hub}
    gateway.trust(hub, BLOCKED)
    assert words(gateway.send(history(3, box="BEHIND"), peer="10.7.0.1")) == [("new", "device_pending")]


def test_a_device_behind_a_hub_may_be_blocked(gateway: Gateway) -> None:
    gateway.trusting.add("the other site", "", Change(bound="10.7.0.1", is_hub=True))
    gateway.send(history(1, box="BEHIND"), peer="10.7.0.1")
    behind = next(row for row in gateway.devices() if row.licence == "BEHIND")
    gateway.trust(behind.id, BLOCKED)
    assert words(gateway.send(history(2, box="BEHIND"), peer="10.7.0.1")) == [("dropped", "device_blocked")]
    assert words(gateway.send(history(2, box="BESIDE"), peer="10.7.0.1")) == [("new", None)]


def test_a_key_shows_who_it_is_from_wherever_it_speaks(gateway: Gateway) -> None:
    gateway.send(history(1))
    key = gateway.trusting.give_key(1)
    assert words(gateway.send(history(2), peer="10.6.6.6", key=key)) == [("new", "device_pending")]
    gateway.trust()
    gateway.work()
    assert words(gateway.send(history(3), peer="10.6.6.6", key=key)) == [("new", None)]
    assert words(gateway.send(history(4))) == [("new", "device_pending")]
    assert words(gateway.send(history(4), key="another")) == [("duplicate", None)]
    assert {row.pending_reason for row in gateway.devices()} == {"", "no_key"}
    gateway.send(history(5), key="another")
    assert len(gateway.devices()) == 2
    gateway.trusting.take_key(1)
    assert words(gateway.send(history(6), peer="10.6.6.6")) == [("new", None)]


def test_a_key_is_not_kept(gateway: Gateway) -> None:
    gateway.send(history(1))
    key = gateway.trusting.give_key(1)
    gateway.send(history(2), "junk", key=key)
    for table in tables.main.sorted_tables:
        with gateway.store.read() as tx:
            assert key not in repr(tx.execute(select(table)).all())


def test_with_secret_an_address_is_not_enough(store: Store, tmp_path: Path) -> None:
    with open_gateway(store, tmp_path, TrustRules(mode=Mode.SECRET)) as gateway:
        gateway.send(history(1))
        (device,) = gateway.devices()
        assert device.pending_reason == "no_key"
        gateway.trust()
        assert words(gateway.send(history(2))) == [("new", "device_pending")]
        key = gateway.trusting.give_key(1)
        gateway.work()
        assert words(gateway.send(history(3), key=key)) == [("new", None)]


def test_both_reports_of_a_pending_box_wait_as_one_event(gateway: Gateway) -> None:
    gateway.send(history(1))
    gateway.intake.record([real_time(2)], REAL_TIME)
    gateway.send(history(2))
    assert count(gateway.store, tables.event) == 2
    gateway.trust()
    assert gateway.work() == 2
    assert len(delivered_events(gateway.store)) == 2


def test_an_intruder_beside_a_box_does_not_take_its_real_time_reports(gateway: Gateway) -> None:
    gateway.send(history(1))
    gateway.trust()
    gateway.work()
    gateway.send(history(1, box="INTRUDER"))
    (told,) = gateway.intake.record([real_time(2)], REAL_TIME)
    assert (told.result, told.reason) == ("new", None)
    (again,) = gateway.send(history(2))
    assert (again.event_id, again.reason) == (told.event_id, "same_passage")


def test_where_everybody_was_believed_devices_stay_trusted_where_they_last_spoke(store: Store, tmp_path: Path) -> None:
    with open_intake(store, tmp_path) as intake:
        intake.record([history(1)], REAL_TIME)
    with open_gateway(store, tmp_path) as gateway:
        assert words(gateway.send(history(2))) == [("new", None)]
        assert words(gateway.send(history(2), peer="10.0.0.10")) == [("new", "device_pending")]


def test_another_process_knows_what_was_said_of_a_device(store: Store, tmp_path: Path) -> None:
    with open_gateway(store, tmp_path) as here, open_intake(store, tmp_path, rules=here.rules) as there:
        here.send(history(1))
        here.trust()
        here.work()
        there.record([history(1)], REAL_TIME)
        here.trust(change=BLOCKED)
        after_a_second(there)
        (told,) = there.record([history(2)], REAL_TIME)
        assert told.result == "dropped"
        here.trust()
        here.work()
        after_a_second(there)
        (told,) = there.record([history(2)], REAL_TIME)
        assert (told.result, told.reason) == ("new", None)


def after_a_second(intake: Intake) -> None:
    """On PostgreSQL another process may be so late."""
    memory = intake.book._memory
    assert memory is not None
    memory.looked_at -= LOOK_SECONDS


def test_what_is_said_of_a_device_between_reading_and_writing_counts(gateway: Gateway) -> None:
    gateway.send(history(1))
    gateway.trust()
    gateway.work()
    read = gateway.intake._read(history(2), HISTORY, datetime.now(UTC))
    gateway.trust(change=BLOCKED)
    # Another thread has looked already, and knows.
    gateway.intake.book.standing_now(read.claim)  # type: ignore[union-attr]
    (told,) = gateway.intake._parts.recorder.write_batch([read])
    assert (told.result, told.reason) == ("dropped", "device_blocked")


def test_a_real_time_report_that_came_first_and_its_history_wait_apart_and_later_ones_together(
    gateway: Gateway,
) -> None:
    """A box that names itself in its history reports only: at first nobody knows that it is the same one."""
    gateway.intake.record([real_time(1)], REAL_TIME)
    gateway.send(history(1))
    (early,) = gateway.intake.record([real_time(2)], REAL_TIME)
    (late,) = gateway.send(history(2))
    assert (late.event_id, late.reason) == (early.event_id, "same_passage")


def test_what_is_wrong_with_a_change_is_told(gateway: Gateway) -> None:
    with pytest.raises(NotFound):
        gateway.trust(7)
    gateway.send(history(1))
    with pytest.raises(Invalid) as refused:
        gateway.trust(change=Change(state=State.TRUSTED, bound="10.0.0.0/99"))
    assert refused.value.reason == "bad_address"
    assert gateway.devices()[0].state == "pending"
    gateway.trusting.add("two", "TWO", Change(bound="10.0.0.8", certificate="CN=two"))
    for words_of in ({"name": "", "licence": "TWO", "bound": "10.0.0.8"}, {"name": "x", "licence": "", "bound": ""}):
        change = Change(bound=words_of["bound"], certificate="CN=two")
        with pytest.raises(Conflict):
            gateway.trusting.add(words_of["name"], words_of["licence"], change)
    with pytest.raises(Conflict):
        gateway.trust(change=Change(certificate="CN=two"))
    with pytest.raises(Invalid):
        gateway.trusting.add("", "", Change())


def test_an_event_that_was_erased_meanwhile_is_not_processed(gateway: Gateway) -> None:
    gateway.send(history(1), history(2))
    with gateway.store.write() as tx:
        tx.execute(tables.event.update().where(tables.event.c.id == 1).values(recognition_reason="erased"))
    gateway.trust()
    assert gateway.work() == 1
    assert [row.unverified for row in events_of(gateway.store)] == ["left", None]


def test_a_trusted_device_has_no_backlog_that_somebody_else_waits_for(gateway: Gateway) -> None:
    gateway.trusting.add("box", LICENCE, Change(bound="10.0.0.9", by="somebody"))
    gateway.work()
    assert words(gateway.send(history(1))) == [("new", None)]
    assert tasks(gateway.store) == {("recognise", "waiting"): 1}
    with gateway.store.read() as tx:
        assert trust.held(tx) == {}
        assert devices.found(tx, {1})[1].trusted_by == "somebody"
    gateway.trust(change=TRUSTED)
    assert tasks(gateway.store) == {("recognise", "waiting"): 1}
