"""What has been kept for long enough goes, by list and kind; what is held, or waits upstream, stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from receiver.domain.retention import Rules
from receiver.services.retaining import Retaining
from receiver.store import deliveries, tables
from tests.receiver.boxes import REAL_TIME, count, real_time, text_of
from tests.receiver.erasing import without_rest
from tests.receiver.web.site import Site

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def retaining(site: Site, **days: int) -> Retaining:
    rules = [(name.rpartition("__")[0], name.rpartition("__")[2], each) for name, each in days.items()]
    return Retaining(site.store, Rules(tuple(rules)))


def aged(site: Site, event_id: int, days: float) -> int:
    with site.store.write() as tx:
        tx.execute(update(tables.event).where(tables.event.c.id == event_id).values(received_at=NOW - days * DAY))
    return event_id


def passage(site: Site, number: int, days: float, **changes: Any) -> int:
    scene = {"spot_pic": text_of(100 + number)} | changes.pop("ext_data", {})
    return aged(site, site.told(number, 5, ext_data=scene, **changes), days)


def test_old_events_go_and_their_keys_stay(any_site: Site) -> None:
    old, young = passage(any_site, 1, 40), passage(any_site, 2, 3)
    keys = count(any_site.store, tables.event_key)
    any_site.desk.work()
    work = retaining(any_site, events=30)
    assert work.dry_run(NOW)["events"] == 1
    assert any_site.ids() == [young, old]
    assert work.run(without_rest(), NOW)["events"] == 1
    assert any_site.ids() == [young]
    assert count(any_site.store, tables.message) == count(any_site.store, tables.sighting) == 1
    assert count(any_site.store, tables.event_key) == keys
    assert sum(work.run(without_rest(), NOW).values()) == 0


def test_a_list_has_days_of_its_own(any_site: Site) -> None:
    visitor = passage(any_site, 1, 10, ext_data={"person_type": 2})
    staff = passage(any_site, 2, 10)
    work = retaining(any_site, scenes=30, visitor__scenes=7)
    assert work.dry_run(NOW)["scenes"] == 1
    assert work.run(without_rest(), NOW)["scenes"] == 1
    assert set(any_site.get(f"/v1/events/{staff}")["pictures"]) == {"face", "scene"}
    shown = any_site.get(f"/v1/events/{visitor}")
    assert set(shown["pictures"]) == {"face"}
    assert shown["refused_pictures"] == [{"kind": "scene", "reason": "expired"}]
    (message,) = any_site.get(f"/v1/events/{visitor}/messages")["items"]
    assert message["message"]["ext_data"]["spot_pic"] is None


def test_faces_and_embeddings_have_days_of_their_own(site: Site) -> None:
    event = passage(site, 1, 10)
    site.desk.work()
    assert retaining(site, embeddings=5).run(without_rest(), NOW)["embeddings"] == 1
    assert site.get(f"/v1/events/{event}")["sightings"] == []
    assert retaining(site, faces=5).run(without_rest(), NOW)["faces"] == 1
    assert set(site.get(f"/v1/events/{event}")["pictures"]) == {"scene"}


def test_real_time_events_may_go_earlier(site: Site) -> None:
    history = passage(site, 1, 10)
    (recorded,) = site.services.intake.record([real_time(7)], REAL_TIME)
    aged(site, recorded.event_id or 0, 10)
    assert retaining(site, events=30, real_time=7).run(without_rest(), NOW)["events"] == 1
    assert site.ids() == [history]


def test_what_is_held_or_waits_upstream_stays(site: Site) -> None:
    person = site.enrol("Somebody", 5)
    known = passage(site, 1, 40)
    site.desk.work()
    held, waiting, free = (passage(site, number, 40, identity_id=f"e{number}") for number in (2, 3, 4))
    assert site.client.patch(f"/v1/people/{person}", json={"legal_hold": True}).status_code == 200
    assert site.client.patch(f"/v1/events/{held}", json={"legal_hold": True}).status_code == 200
    row = {"subscription_id": 1, "device_id": 1, "event_id": waiting, "message_id": waiting}
    with site.store.write() as tx:
        deliveries.add(tx, [row | {"state": deliveries.WAITING, "created_at": NOW - 40 * DAY}])
    work = retaining(site, events=30, scenes=30)
    assert work.run(without_rest(), NOW)["events"] == 1
    assert free not in site.ids()
    assert site.ids() == [waiting, held, known]
    assert set(site.get(f"/v1/events/{held}")["pictures"]) == {"face", "scene"}
    # The hold is lifted: what was passed over before is looked at again.
    assert site.client.patch(f"/v1/events/{held}", json={"legal_hold": False}).status_code == 200
    assert work.run(without_rest(), NOW)["events"] == 1
    assert site.ids() == [waiting, known]


def test_strangers_who_do_not_come_again_go(any_site: Site) -> None:
    face = {"want_action": "1001", "identity_id": "", "identity_name": "stranger"}
    gone = aged(any_site, any_site.told(1, 6, ext_data={"person_type": 4}, **face), 40)
    came = any_site.told(2, 7, ext_data={"person_type": 4}, **face)
    any_site.desk.work()
    with any_site.store.write() as tx:
        tx.execute(update(tables.person).values(updated_at=NOW - 40 * DAY))
    stranger = any_site.desk.event(came).person_id
    assert any_site.desk.event(gone).person_id not in {None, stranger}
    work = retaining(any_site, strangers=30)
    assert work.dry_run(NOW)["strangers"] == 1
    assert work.run(without_rest(), NOW)["strangers"] == 1
    assert any_site.ids("/v1/strangers") == [stranger]
    assert any_site.desk.event(gone).person_id is None


def test_other_rules_are_followed_from_the_first_event_on(site: Site) -> None:
    old = passage(site, 1, 40)
    assert retaining(site, scenes=30).run(without_rest(), NOW)["scenes"] == 1
    assert retaining(site, events=30).run(without_rest(), NOW)["events"] == 1
    assert old not in site.ids()


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)])
def test_a_clock_that_jumps_takes_nothing_away(site: Site, jump: timedelta) -> None:
    passage(site, 1, 40)
    work = retaining(site, events=30)
    hours = [NOW - DAY + timedelta(hours=number) for number in range(24)]
    assert [work.run_scheduled(without_rest(), each) for each in hours] == [0] * 24
    assert work.run_scheduled(without_rest(), NOW + jump) == 0
    later = [NOW + jump + timedelta(hours=number) for number in range(1, 24)]
    assert [work.run_scheduled(without_rest(), each) for each in later] == [0] * 23


def test_a_steady_clock_is_trusted_after_a_day(site: Site) -> None:
    passage(site, 1, 40)
    work = retaining(site, events=30)
    hours = [NOW - DAY + timedelta(hours=number) for number in range(25)]
    assert [work.run_scheduled(without_rest(), each) for each in hours] == [0] * 24 + [1]
