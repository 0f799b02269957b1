"""Alerts and frames of people who are erased or exported, and for how long they are kept."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select, update

from receiver.domain.alerts import NewAlert, Outcome, Severity, Source
from receiver.services.alerting.frames import FrameRoom, Frames, NewFrame
from receiver.services.upkeep.housekeeping import Housekeeping
from receiver.store import announcements, frames, pictures, tables
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from tests.receiver.alarms import NOW, alerts_of
from tests.receiver.boxes import count, jpeg, text_of
from tests.receiver.erasing import columns_with, make_erasing, without_rest
from tests.receiver.services.test_alerting import alerting_of
from tests.receiver.web.site import Site
from tests.receiver.web.test_retention import retaining

NAME, IDENTITY = "Quilliam Erasable", "QX-778-ZZ"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of these tests are one."""
    monkeypatch.setattr("receiver.services.erasing.erasing_pictures.SETTLED", timedelta())
    monkeypatch.setattr(pictures, "FOLLOW_SECONDS", 0)


def frames_of(store: Store, room: Callable[[], None] = lambda: None) -> Frames:
    return Frames(store, Pictures(store.pictures), 1_000_000, room)


def alerted(site: Site) -> int:
    """He is on the blacklist and passes; a guard writes his name, and a program too, with a frame."""
    person = site.enrol(NAME, 3, list="blacklist", external_id=IDENTITY)
    event = site.told(1, 3, identity_id=IDENTITY, identity_name=NAME, ext_data={"spot_pic": text_of(33)})
    site.desk.work()
    site.client.post("/v1/alerts/1/comment", json={"text": f"{NAME} again"})
    site.client.post("/v1/alerts/1/close", json={"outcome": "confirmed", "note": f"it was {NAME}"})
    site.client.post("/v1/alerts", json={"kind": "door", "title": f"{NAME} opened a door", "event": event})
    site.client.post("/v1/alerts/2/frames", data=jpeg(44), content_type="image/jpeg")
    return person


def test_of_who_is_erased_an_alert_says_only_that_it_was(any_site: Site, tmp_path: Path) -> None:
    person = alerted(any_site)
    answer = any_site.client.delete(f"/v1/people/{person}?erase=true")
    assert any_site.ids("/v1/alerts") == [2, 1], "what is left says nothing of him"
    assert any_site.get("/v1/alerts/1")["person"] is None
    make_erasing(any_site.store, tmp_path).run(answer.get_json()["id"], without_rest())
    needles = (NAME.encode(), IDENTITY.encode(), jpeg(3), jpeg(44))
    assert columns_with(any_site.store, needles) == set()
    first, second = alerts_of(any_site.store)
    assert (first.kind, first.outcome, first.title) == ("blacklist_hit", "confirmed", "Blacklist hit")
    assert (first.event_id, first.person_id, first.key, second.title) == (None, None, None, "")
    assert any_site.get("/v1/alerts/2")["frames"] == 0


def test_an_export_has_the_alerts_about_the_person_and_their_frames(any_site: Site) -> None:
    person = alerted(any_site)
    archive = zipfile.ZipFile(BytesIO(any_site.client.get(f"/v1/people/{person}/export").data))
    told = json.loads(archive.read("person.json"))["alerts"]
    assert [each["kind"] for each in told] == ["blacklist_hit", "door"]
    assert [each["text"] for each in told[0]["steps"]] == [f"{NAME} again", f"it was {NAME}"]
    kept = [archive.read(name) for name in archive.namelist() if name.startswith("pictures/")]
    assert jpeg(44) in kept


def test_who_is_taken_out_of_the_library_leaves_the_alert(any_site: Site) -> None:
    person = alerted(any_site)
    assert any_site.client.delete(f"/v1/people/{person}").status_code == 204
    assert any_site.get("/v1/alerts/1")["person"] is None


def test_closed_alerts_and_frames_go_when_their_days_are_over(any_site: Site) -> None:
    alerting = any_site.services.alerting
    for device in (1, 2):
        alerting.open(NewAlert("behavior", Severity.WARNING, Source.DEVICE, NOW, device_id=device))
        any_site.services.frames.add(NewFrame(device, device, jpeg(device), NOW))
    any_site.services.frames.add(NewFrame(1, None, jpeg(3), NOW))
    alerting.close(1, "a", Outcome.TEST)
    work, later = retaining(any_site, alerts=30, frames=10), datetime.now(UTC) + 20 * DAY
    assert {kind: work.dry_run(later)[kind] for kind in ("alerts", "frames")} == {"alerts": 0, "frames": 2}
    assert work.run(without_rest(), later)["frames"] == 2, "that of the open alert stays"
    later += 20 * DAY
    assert work.run(without_rest(), later)["alerts"] == 1
    assert any_site.ids("/v1/alerts") == [2]
    assert count(any_site.store, tables.alert_step) == 0


def test_an_alert_on_legal_hold_stays(any_site: Site) -> None:
    person = alerted(any_site)
    any_site.client.patch(f"/v1/people/{person}", json={"legal_hold": True})
    work = retaining(any_site, alerts=1)
    assert work.run(without_rest(), datetime.now(UTC) + 9 * DAY)["alerts"] == 0


@pytest.mark.parametrize("held", ["people/{person}", "events/1"])
def test_frames_of_an_alert_on_legal_hold_stay(any_site: Site, held: str) -> None:
    person = alerted(any_site)
    any_site.client.post("/v1/alerts/2/close", json={"outcome": "test"})
    with any_site.store.write() as tx:
        # As of one that was opened before anybody knew whom its event shows.
        tx.execute(update(tables.alert).values(person_id=None))
    path = f"/v1/{held.format(person=person)}"
    any_site.client.patch(path, json={"legal_hold": True})
    work, later = retaining(any_site, frames=1, alerts=1), datetime.now(UTC) + 9 * DAY
    assert (work.dry_run(later)["frames"], work.run(without_rest(), later)["frames"]) == (0, 0)
    assert room_of(any_site.store, 0).make(later) == 0
    assert any_site.get("/v1/alerts/2")["frames"] == 1
    any_site.client.patch(path, json={"legal_hold": False})
    assert work.run(without_rest(), later)["frames"] == 0, "it went with its alert"
    assert any_site.ids("/v1/alerts") == []
    assert count(any_site.store, tables.frame) == 0


def test_old_events_go_and_their_alerts_stay(any_site: Site) -> None:
    alerted(any_site)
    with any_site.store.write() as tx:
        tx.execute(update(tables.event).values(received_at=NOW - 900 * DAY))
    assert retaining(any_site, events=30).run(without_rest())["events"] == 1
    shown = any_site.get("/v1/alerts/1")
    assert (shown["event"], shown["event_list"]) == (None, [])


def test_a_frames_picture_is_no_orphan(store: Store) -> None:
    kept = frames_of(store).add(NewFrame(1, None, jpeg(1), NOW))
    with store.pictures.write() as tx:
        tx.execute(update(tables.picture).values(last_used=NOW - 900 * DAY))
    sweep = Housekeeping(store, Pictures(store.pictures)).sweep_orphans
    assert sweep() == 0
    with store.write() as tx:
        assert frames.drop_before(tx, datetime.now(UTC) + DAY, 9) == kept == 1
    assert sweep() == 1


def test_beyond_their_room_the_oldest_calm_frames_go_first(store: Store, any_site: Site) -> None:
    alerting, taking = any_site.services.alerting, frames_of(any_site.store)
    for device in (1, 2):
        alerting.open(NewAlert("behavior", Severity.WARNING, Source.DEVICE, NOW, device_id=device))
    alerting_frames = [NewFrame(1, 1, jpeg(1), NOW), NewFrame(2, 2, jpeg(2), NOW)]
    calm = [NewFrame(1, None, jpeg(number), NOW) for number in range(10, 14)]
    ids = [taking.add(each) for each in (*alerting_frames, *calm)]
    alerting.close(1, "a", Outcome.TEST)

    def left(size: int) -> list[int]:
        room_of(any_site.store, size).make(datetime.now(UTC) + DAY)
        with any_site.store.read() as tx:
            return sorted(tx.execute(tables.frame.select()).scalars())

    each = len(jpeg(10))
    assert left(7 * each) == ids
    assert left(4 * each + each // 2) == [ids[0], ids[1], *ids[4:]]
    assert left(0) == [ids[1]], "an open alert keeps its frames"


def room_of(store: Store, size: int) -> FrameRoom:
    return FrameRoom(store, size, Housekeeping(store, Pictures(store.pictures)).drop_unneeded)


def kept_pictures(store: Store) -> list[bytes]:
    with store.pictures.read() as tx:
        return sorted(tx.execute(select(tables.picture.c.data)).scalars())


def test_the_pictures_of_frames_that_there_is_no_room_for_go_with_them(store: Store) -> None:
    taking = frames_of(store)
    alert = alerting_of(store).open(NewAlert("behavior", Severity.WARNING, Source.DEVICE, NOW, device_id=1))
    for new in (
        NewFrame(1, None, jpeg(1), NOW), NewFrame(1, None, jpeg(2), NOW), NewFrame(1, alert, jpeg(2), NOW),
    ):  # fmt: skip
        taking.add(new)
    room_of(store, 0).make(datetime.now(UTC) + DAY)
    assert kept_pictures(store) == [jpeg(2)], "another frame has the same picture"
    taking = frames_of(store)
    taking.add(NewFrame(1, None, jpeg(1), NOW))
    assert kept_pictures(store) == sorted([jpeg(1), jpeg(2)])


def test_a_frame_whose_picture_may_not_go_yet_stays(store: Store) -> None:
    """A process that remembers the picture would not write it anew for another frame."""
    taking = frames_of(store)
    taking.add(NewFrame(1, None, jpeg(1), NOW))
    came = datetime.now(UTC)
    assert room_of(store, 0).make(came + timedelta(minutes=70)) == 0
    taking.add(NewFrame(1, None, jpeg(1), NOW))
    assert kept_pictures(store) == [jpeg(1)]
    assert room_of(store, 0).make(came + timedelta(minutes=80)) == 2 * len(jpeg(1))
    assert kept_pictures(store) == []


def test_announcements_of_the_erased_are_gone(any_site: Site) -> None:
    person = alerted(any_site)
    any_site.client.delete(f"/v1/people/{person}?erase=true")
    with any_site.store.read() as tx:
        assert announcements.after(tx, 0, 99) == []
