"""The way in: everything is kept once, whatever the order, and one bad item takes no other with it."""

import random
import shutil
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update

from receiver.domain.errors import Unavailable
from receiver.services.intake.originals import Originals
from receiver.services.intake.recording import Entry, Recorded, Recorder, Sender
from receiver.store import events, outbox, quarantine, tables
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from tests.receiver.boxes import (
    HISTORY,
    REAL_TIME,
    count,
    delivered_events,
    history,
    open_intake,
    open_subscribed,
    real_time,
    recorder_of,
    subscribe,
    text_of,
)


def kinds_of(store: Store, event_id: int) -> list[str]:
    with store.read() as tx:
        return sorted(row.kind for row in events.pictures_of(tx, [event_id])[event_id])


def results(recorded: Sequence[Recorded]) -> list[str]:
    return [each.result for each in recorded]


def test_new_then_duplicate_changes_nothing(store: Store, tmp_path: Path) -> None:
    with open_subscribed(store, tmp_path) as intake:
        (first,) = intake.record([history(reg_pic=text_of(1))], HISTORY)
        (again,) = intake.record([history(reg_pic=text_of(1))], HISTORY)
    assert (first.result, again) == ("new", Recorded(first.event_id, "duplicate"))
    assert [count(store, table) for table in (tables.event, tables.message, tables.event_picture)] == [1, 1, 1]
    assert delivered_events(store) == [first.event_id]
    with store.read() as tx:
        assert outbox.counts(tx) == {("recognise", "waiting"): 1}


def test_duplicates_within_one_batch_are_seen(store: Store, tmp_path: Path) -> None:
    with open_subscribed(store, tmp_path) as intake:
        found = intake.record([history(1), history(2), history(1), history(1), "junk", history(2)], HISTORY)
    assert results(found) == ["new", "new", "duplicate", "duplicate", "quarantined", "duplicate"]
    assert found[0].event_id == found[2].event_id == found[3].event_id
    assert count(store, tables.event) == 2
    assert delivered_events(store) == [found[0].event_id, found[1].event_id]


@pytest.mark.parametrize("order", ["real-time first", "history first"])
def test_both_reports_of_a_passage_become_one_event(store: Store, tmp_path: Path, order: str) -> None:
    told = [
        (real_time(reg_pic=text_of(1)), REAL_TIME),
        (history(want_action="1001", ext_data={"recognize_face": text_of(2)}), HISTORY),
    ]
    if order == "history first":
        told.reverse()
    with open_subscribed(store, tmp_path) as intake:
        (first,) = intake.record([told[0][0]], told[0][1])
        (second,) = intake.record([told[1][0]], told[1][1])
        (third,) = intake.record([told[1][0]], told[1][1])
    assert (first.result, second.result, second.reason) == ("new", "duplicate", "same_passage")
    assert first.event_id == second.event_id == third.event_id
    assert first.event_id is not None
    assert kinds_of(store, first.event_id) == ["face", "library"]
    assert delivered_events(store) == [first.event_id]
    assert count(store, tables.message) == 2
    with store.read() as tx:
        event = events.find(tx, first.event_id)
    assert event is not None
    assert (event.channel, event.want_action, event.recognition) == ("history", "1001", "pending")


def test_both_reports_in_one_group_become_one_event(store: Store, tmp_path: Path) -> None:
    """Group commit puts what several requests bring into one transaction."""
    reached = threading.Event()
    may_go = threading.Event()

    def held(recorder: Recorder) -> Any:
        write = recorder.write_batch

        def write_batch(entries: Sequence[Entry]) -> list[Recorded]:
            reached.set()
            may_go.wait(30)
            return write(entries)

        return write_batch

    found: dict[str, list[Recorded]] = {}
    with open_subscribed(store, tmp_path, write_batch=held) as intake:

        def send(name: str, items: list[object], sender: Sender) -> None:
            found[name] = intake.record(items, sender)

        threads = [threading.Thread(target=send, args=("first", [history(9)], HISTORY))]
        threads[0].start()
        assert reached.wait(30)
        for name, items, sender in (
            ("real", [real_time(1)], REAL_TIME), ("history", [history(1), history(1)], HISTORY), ("again", [history(1)], HISTORY),
        ):  # fmt: skip
            threads.append(threading.Thread(target=send, args=(name, items, sender)))
            threads[-1].start()
        may_go.set()
        for each in threads:
            each.join()
    ids = {each.event_id for name in ("real", "history", "again") for each in found[name]}
    assert len(ids) == 1
    assert count(store, tables.event) == 2
    assert len(delivered_events(store)) == 2
    assert set(delivered_events(store)) == {*ids, found["first"][0].event_id}


def read_entries(store: Store, folder: Path, told: Sequence[tuple[object, Sender]]) -> list[Entry]:
    with open_intake(store, folder) as intake:
        return [intake._read(item, sender, datetime.now(UTC)) for item, sender in told]


def test_a_repeated_history_event_that_joins_is_kept_once(store: Store, tmp_path: Path) -> None:
    subscribe(store)
    recorder = recorder_of(store)
    entries = read_entries(store, tmp_path, [(real_time(), REAL_TIME), (history(), HISTORY), (history(), HISTORY)])
    first, second, third = recorder.write_batch(entries)
    assert first.event_id == second.event_id == third.event_id
    assert count(store, tables.event) == 1
    assert count(store, tables.message) == 2
    assert delivered_events(store) == [first.event_id]


def test_a_repeated_report_is_kept_once_when_the_other_report_joins_between(store: Store, tmp_path: Path) -> None:
    recorder = recorder_of(store)
    other = real_time(ext_data={"spot_pic": text_of(5)})
    recorder.write_batch(read_entries(store, tmp_path, [(real_time(), REAL_TIME)]))
    recorder.write_batch(read_entries(store, tmp_path, [(other, REAL_TIME), (history(), HISTORY), (other, REAL_TIME)]))
    assert count(store, tables.message) == 3


def test_deliveries_keep_the_order_of_arrival_when_a_later_event_joins(store: Store, tmp_path: Path) -> None:
    subscribe(store)
    recorder = recorder_of(store)
    (early,) = recorder.write_batch(read_entries(store, tmp_path, [(real_time(2), REAL_TIME)]))
    one, two, three = recorder.write_batch(
        read_entries(store, tmp_path, [(history(1), HISTORY), (history(2), HISTORY), (history(3), HISTORY)])
    )
    assert two.event_id == early.event_id
    assert delivered_events(store) == [one.event_id, two.event_id, three.event_id]


def test_two_different_history_events_of_one_passage_stay_two(store: Store, tmp_path: Path) -> None:
    with open_intake(store, tmp_path) as intake:
        found = intake.record([history(reg_pic="", ext_data={"recognize_face": text_of(n)}) for n in (1, 2)], HISTORY)
        more = intake.record([history(ext_data={"recognize_face": text_of(3)})], HISTORY)
    assert results([*found, *more]) == ["new"] * 3


@pytest.mark.parametrize("action", ["1001", "1002"])
@pytest.mark.parametrize("order", ["plain first", "action first"])
def test_what_a_box_asks_of_the_library_after_a_passage_is_no_duplicate_of_it(
    store: Store, tmp_path: Path, action: str, order: str
) -> None:
    crop = {"recognize_face": text_of(1)}
    told = [history(ext_data=crop), history(want_action=action, ext_data=crop)]
    if order == "action first":
        told.reverse()
    with open_intake(store, tmp_path) as intake:
        first, second = (intake.record([each], HISTORY)[0] for each in told)
        again = intake.record(told, HISTORY)
        (at_once,) = intake.record([real_time(ext_data=crop)], REAL_TIME)
    assert results([first, second]) == ["new", "new"]
    assert again == [Recorded(first.event_id, "duplicate"), Recorded(second.event_id, "duplicate")]
    assert at_once == Recorded(first.event_id, "duplicate", "same_passage")
    with store.read() as tx:
        found = [events.find(tx, each.event_id or 0) for each in (first, second)]
    assert [row.want_action for row in found if row is not None] == [each["want_action"] for each in told]


def test_a_passage_and_what_is_asked_by_its_face_in_one_group_are_two(store: Store, tmp_path: Path) -> None:
    with open_intake(store, tmp_path) as intake:
        found = intake.record([real_time()], REAL_TIME)
        found += intake.record([history(), history(want_action="1002"), history(want_action="1002")], HISTORY)
    assert [(each.result, each.reason) for each in found] == [
        ("new", None), ("duplicate", "same_passage"), ("new", None), ("duplicate", None),
    ]  # fmt: skip
    assert found[3].event_id == found[2].event_id != found[0].event_id


def test_an_erased_event_does_not_come_back(store: Store, tmp_path: Path) -> None:
    with open_intake(store, tmp_path) as intake:
        intake.record([history()], HISTORY)
        with store.write() as tx:
            tx.execute(update(tables.event_key).values(event_id=None))
            tx.execute(tables.event.delete())
        assert intake.record([history()], HISTORY) == [Recorded(None, "duplicate")]
        assert intake.record([real_time()], REAL_TIME) == [Recorded(None, "duplicate", "erased")]
        assert intake.record([history(want_action="1002")], HISTORY) == [Recorded(None, "duplicate", "erased")]
    assert count(store, tables.event) == 0


def test_our_own_word_on_a_passage_stays_until_we_decide_anew(store: Store, tmp_path: Path) -> None:
    with open_intake(store, tmp_path) as intake:
        (first,) = intake.record([real_time()], REAL_TIME)
        with store.write() as tx:
            values = {"decision": "matched", "list": "blacklist", "blacklist_said_by": "face", "recognition": "done"}
            events.change(tx, first.event_id or 0, values)
        intake.record([history()], HISTORY)
    with store.read() as tx:
        event = events.find(tx, first.event_id or 0)
    assert event is not None
    assert (event.list, event.blacklist_said_by, event.recognition) == ("blacklist", "face", "pending")


def test_an_item_that_the_database_refuses_is_quarantined_whole_and_alone(store: Store, tmp_path: Path) -> None:
    if store.is_sqlite:  # it takes what does not fit
        return
    with store.write() as tx:
        # A limit of the database that the reader does not know of.
        tx.exec_driver_sql("ALTER TABLE event ADD CONSTRAINT no_poison CHECK (identity_name <> 'poison')")
    poison = history(2, identity_name="poison", reg_pic=text_of(4))
    with open_subscribed(store, tmp_path) as intake:
        found = intake.record([history(1), poison, history(3)], HISTORY)
        assert results(found) == ["new", "quarantined", "new"]
        assert results(intake.record([poison], HISTORY)) == ["quarantined"]
    with store.read() as tx:
        (held,) = quarantine.listed(tx, None, None, 9)
        row = quarantine.find(tx, held.id)
    assert row is not None
    assert (row.reason, row.times, row.form) == ("cannot_store", 2, "item")
    assert orjson.loads(row.raw) == poison
    assert count(store, tables.event) == 2
    assert len(delivered_events(store)) == 2


def test_twenty_threads_with_one_event_make_one(store: Store, tmp_path: Path) -> None:
    found: list[Recorded] = []
    with open_subscribed(store, tmp_path) as intake:

        def send() -> None:
            found.extend(intake.record([history(reg_pic=text_of(1))], HISTORY))

        threads = [threading.Thread(target=send) for _ in range(20)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert sorted(results(found)) == ["duplicate"] * 19 + ["new"]
    assert len({each.event_id for each in found}) == 1
    assert len(delivered_events(store)) == 1


def test_several_processes_with_the_same_passages_keep_each_once(store: Store, tmp_path: Path) -> None:
    """Each recorder stands for a process: it has a memory of devices and lanes of its own."""
    subscribe(store)
    told = [
        pair
        for number in range(6)
        for pair in ((real_time(number), REAL_TIME), (history(number, box=f"BOX{number % 3}"), HISTORY))
    ]
    entries = read_entries(store, tmp_path, told)
    start = threading.Barrier(4)
    failures: list[BaseException] = []

    def send(seed: int) -> None:
        mine = list(entries)
        random.Random(seed).shuffle(mine)
        recorder = recorder_of(store)
        start.wait(30)
        for entry in mine:
            for _ in range(3):
                try:
                    recorder.write_batch([entry])
                    break
                except Unavailable as error:
                    failures.append(error)

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [error for error in failures if getattr(error, "reason", "") != "storage_conflict"] == []
    assert count(store, tables.event) == 6
    assert count(store, tables.message) == 12
    assert len(delivered_events(store)) == 6
    assert count(store, tables.gate) == len({*range(3)}) + 1


def test_a_rollback_leaves_the_device_book_clean(store: Store, tmp_path: Path) -> None:
    subscribe(store)
    recorder = recorder_of(store)
    (entry,) = read_entries(store, tmp_path, [(history(), HISTORY)])
    add = events.add

    def fail(*_args: Any) -> None:
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "add", fail)
        with pytest.raises(ZeroDivisionError):
            recorder.write_batch([entry])
    assert events.add is add
    assert count(store, tables.device) == 0
    (recorded,) = recorder.write_batch([entry])
    assert recorded.result == "new"
    with store.read() as tx:
        event = events.find(tx, recorded.event_id or 0)
        assert event is not None
        assert tx.execute(select(tables.device.c.id)).scalars().all() == [event.device_id]
        assert tx.execute(select(tables.gate.c.id)).scalars().all() == [event.gate_id]
        assert tx.execute(select(tables.lane.c.device_id)).scalars().all() == [event.device_id]


def test_originals_come_back_with_equal_values_and_go_on_as_strict_json(store: Store, tmp_path: Path) -> None:
    item = history(
        reg_pic="data:image/jpeg;base64," + text_of(1), odd="nul \x00", huge=2**80, lone="\ud800", null=None,
        ext_data={"recognize_face": text_of(2), "spot_pic": f"b'{text_of(3)}'", "not": float("nan"), "deep": {"a": [1.5]}},
    )  # fmt: skip
    with open_subscribed(store, tmp_path) as intake:
        (recorded,) = intake.record([item], HISTORY)
    kept = Originals(store, Pictures(store.pictures))
    (given_back,) = kept.of_event(recorded.event_id or 0)
    assert repr(given_back["message"]) == repr(item)  # NaN is equal to nothing
    assert (given_back["channel"], given_back["peer"]) == ("history", "10.0.0.9")
    with store.read() as tx:
        message_id = events.messages_of(tx, recorded.event_id or 0)[0].id
    forwarded = orjson.loads(kept.regular(message_id) or b"")
    assert forwarded["reg_pic"] == item["reg_pic"]
    assert forwarded["ext_data"]["recognize_face"] == text_of(2)
    assert forwarded["ext_data"]["spot_pic"] == text_of(3)
    assert forwarded["ext_data"]["not"] is None
    assert kept.regular(10**6) is None
    assert kept.of_event(10**6) == []


@pytest.mark.parametrize("odd", ["a\x00b", "\ud800", "\U0001f600" * 3000, "data:\ud800\x00;base64,"])
def test_odd_text_in_every_place_of_every_generation_is_stored(store: Store, tmp_path: Path, odd: str) -> None:
    told = [
        history(identity_id=odd, identity_name=odd, group_name=odd, event_id=odd, api_version=odd, reg_pic=odd + text_of(1),
                extra=odd, ext_data={"ep_id": f"{odd}__{odd}", "device_ip": odd, "dev_sno": odd, "device_type": odd,
                                     "info": {odd: odd}, "spot_pic": odd + text_of(2), odd: odd}),
        {"ep_info": {"ep_id": odd, "ep_type": odd, "ep_ip": odd, "ep_name": odd, "device_id": odd}, "dev_sno": odd,
         "timestamp": 1700000000123, "identity_id": odd, "identity_info": {odd: odd}, "want_action": odd},
        {"media_device_info": {"media_device_id": odd, "media_device_name": odd, "media_device_url": odd, "media_device_ip": odd,
                               "media_device_type": odd}, "mq_license_key": odd, "user_type": odd, "in_timestamp": 1700000000,
         "recognize_face_attr": {"age": odd}, "post_action": odd, "identity_id": odd},
        {"nothing": odd, odd: odd},
        odd,
    ]  # fmt: skip
    sender = Sender("10.0.0.9", "/HistoryEvent", HISTORY.channel, "text/\x00\ud800" + "x" * 999)
    with open_subscribed(store, tmp_path) as intake:
        found = intake.record(told, sender)
    assert results(found) == ["new"] * 3 + ["quarantined"] * 2


def test_a_body_is_refused_once_and_then_quarantined(store: Store, tmp_path: Path) -> None:
    with open_intake(store, tmp_path) as intake:
        assert intake.record_unreadable(b"\x00junk", "not_json", "why", HISTORY) is None
        again = intake.record_unreadable(b"\x00junk", "not_json", "why\x00\ud800", HISTORY)
        third = intake.record_unreadable(b"\x00junk", "not_json", "why", HISTORY)
    assert again == third == Recorded(None, "quarantined", "not_json")
    with store.read() as tx:
        assert [row.times for row in quarantine.listed(tx, None, None, 9)] == [2]


def test_a_full_disk_is_unavailable_and_nothing_is_kept(store: Store, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        usage = type(shutil.disk_usage(tmp_path))
        patch.setattr(shutil, "disk_usage", lambda _folder: usage(10**12, 10**12, 199 * 1024**2))
        with open_intake(store, tmp_path) as intake:
            with pytest.raises(Unavailable) as caught:
                intake.record([history()], HISTORY)
            for _ in range(2):  # the second time it would be quarantined
                with pytest.raises(Unavailable) as unread:
                    intake.record_unreadable(b"junk", "not_json", "why", HISTORY)
    assert caught.value.reason == unread.value.reason == "disk_full"
    assert count(store, tables.rejected_body) == count(store, tables.quarantine) == 0
    assert count(store, tables.event) == 0


def test_where_recognition_is_off_the_devices_word_is_judged(store: Store, tmp_path: Path) -> None:
    with open_intake(store, tmp_path, is_recognising=False) as intake:
        (recorded,) = intake.record([history()], HISTORY)
    with store.read() as tx:
        assert outbox.counts(tx) == {("judge", "waiting"): 1}
        event = events.find(tx, recorded.event_id or 0)
    assert event is not None
    assert event.recognition == "off"
