"""Frames: kept before they are acknowledged, many at once, refused one by one."""

import threading
from collections.abc import Callable, Iterable

import pytest
from sqlalchemy import select

from receiver.domain.alerts import NewAlert, Outcome, Severity, Source
from receiver.domain.errors import GatehouseError, Unavailable
from receiver.services.alerting.frames import Frames, NewFrame
from receiver.store import tables
from receiver.store.pictures import Pictures, StoredPicture
from receiver.store.store import Store
from tests.receiver.alarms import NOW
from tests.receiver.boxes import count, jpeg
from tests.receiver.services.test_alerting import alerting_of


def frames_of(store: Store, room: Callable[[], None] = lambda: None) -> Frames:
    return Frames(store, Pictures(store.pictures), 1_000_000, room)


def alert_of(store: Store, device: int = 7) -> int:
    return alerting_of(store).open(NewAlert("behavior", Severity.WARNING, Source.DEVICE, NOW, device_id=device))


def refusal(taking: Frames, new: NewFrame) -> str:
    with pytest.raises(GatehouseError) as caught:
        taking.add(new)
    return caught.value.reason


def test_frames_of_an_alert_and_calm_ones(store: Store) -> None:
    taking, alert = frames_of(store), alert_of(store)
    first, second = (taking.add(NewFrame(7, alert, jpeg(number), NOW, number)) for number in (1, 2))
    calm = taking.add(NewFrame(7, None, jpeg(3), NOW))
    assert [row.id for row in taking.of_alert(alert)] == [second, first]
    last = taking.last_of(7)
    assert last is not None
    assert (last.id, last.alert_id, last.media_type, last.width) == (calm, None, "image/jpeg", 16)
    assert taking.last_of(8) is None


def test_what_is_refused(store: Store) -> None:
    taking, alert = frames_of(store), alert_of(store)
    assert refusal(taking, NewFrame(7, alert, b"text", NOW)) == "not_a_picture"
    assert refusal(taking, NewFrame(7, 99, jpeg(1), NOW)) == "no_such_alert"
    assert refusal(taking, NewFrame(8, alert, jpeg(1), NOW)) == "foreign_alert"
    alerting_of(store).close(alert, "a", Outcome.TEST)
    assert refusal(taking, NewFrame(7, alert, jpeg(1), NOW)) == "alert_over"
    over = alert_of(store)
    alerting_of(store).end(over, NOW, 7)
    assert refusal(taking, NewFrame(7, over, jpeg(1), NOW)) == "alert_over"
    assert count(store, tables.frame) == 0


def test_of_a_frame_that_is_refused_no_picture_is_kept(store: Store) -> None:
    taking, alert, over = frames_of(store), alert_of(store), alert_of(store)
    alerting_of(store).end(over, NOW, 7)
    refused = [NewFrame(7, 99, jpeg(1), NOW), NewFrame(8, alert, jpeg(2), NOW), NewFrame(7, over, jpeg(3), NOW)]
    begun = [taking.begin(each) for each in (*refused, NewFrame(7, alert, jpeg(4), NOW))]
    taking.flush()
    assert [each.exception() is None for each in begun] == [False, False, False, True]
    with store.pictures.read() as tx:
        assert tx.execute(select(tables.picture.c.data)).scalars().all() == [jpeg(4)]


def test_an_alert_that_ends_while_the_picture_is_written_takes_no_frame(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, alert = Pictures(store.pictures), alert_of(store)
    taking = Frames(store, pictures, 1_000_000, lambda: None)
    put = pictures.put

    def put_late(given: Iterable[StoredPicture]) -> None:
        put(given)
        alerting_of(store).end(alert, NOW, 7)

    monkeypatch.setattr(pictures, "put", put_late)
    assert refusal(taking, NewFrame(7, alert, jpeg(1), NOW)) == "alert_over"
    assert count(store, tables.frame) == 0


def test_a_full_disk_takes_no_frame(store: Store) -> None:
    def full() -> None:
        raise Unavailable("disk_full")

    assert refusal(frames_of(store, full), NewFrame(7, None, jpeg(1), NOW)) == "disk_full"


def test_a_count_that_no_column_holds_is_bounded(store: Store) -> None:
    taking = frames_of(store)
    taking.add(NewFrame(7, None, jpeg(1), NOW, 10**30))
    last = taking.last_of(7)
    assert last is not None
    assert last.number == 2**63 - 1


def test_what_comes_together_is_kept_together_and_refused_alone(store: Store) -> None:
    taking, alert = frames_of(store), alert_of(store)
    results: list[str] = []

    def send(number: int) -> None:
        try:
            taking.add(NewFrame(7, alert if number % 2 else 99, jpeg(number), NOW, number))
            results.append("kept")
        except GatehouseError as error:
            results.append(error.reason)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(results) == ["kept"] * 10 + ["no_such_alert"] * 10
    assert sorted(row.number for row in taking.of_alert(alert)) == list(range(1, 20, 2))
