"""What has been kept for long enough goes, by list and kind; what is held, or waits upstream, stays."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from receiver.domain.retention import Rules
from receiver.services.erasing import retaining as retaining_module
from receiver.services.erasing.retaining import Retaining
from receiver.services.pacing import Pace
from receiver.store import deliveries, identities, people, tables
from tests.receiver.boxes import REAL_TIME, count, real_time, text_of
from tests.receiver.erasing import stopped_after, without_rest
from tests.receiver.faces import MODEL
from tests.receiver.web.site import Site, is_problem

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
    with site.store.write() as tx:
        deliveries.add(tx, [deliveries.row_of_event(1, (1, waiting, waiting), 0, NOW - 40 * DAY)], NOW)
    work = retaining(site, events=30, scenes=30)
    assert work.run(without_rest(), NOW)["events"] == 1
    assert free not in site.ids()
    assert site.ids() == [waiting, held, known]
    assert set(site.get(f"/v1/events/{held}")["pictures"]) == {"face", "scene"}
    # The hold is lifted: what was passed over before is looked at again.
    assert site.client.patch(f"/v1/events/{held}", json={"legal_hold": False}).status_code == 200
    assert work.run(without_rest(), NOW)["events"] == 1
    assert site.ids() == [waiting, known]


def test_who_is_on_hold_keeps_every_face(any_site: Site) -> None:
    person = any_site.enrol("Somebody", 5)
    (face,) = any_site.get(f"/v1/people/{person}")["faces"]
    assert any_site.client.patch(f"/v1/people/{person}", json={"legal_hold": True}).status_code == 200
    assert is_problem(any_site.client.delete(f"/v1/faces/{face['id']}"), 409, "legal_hold")
    assert any_site.get(f"/v1/people/{person}")["faces"] == [face]
    assert any_site.client.patch(f"/v1/people/{person}", json={"legal_hold": False}).status_code == 200
    assert any_site.client.delete(f"/v1/faces/{face['id']}").status_code == 204


def test_an_event_on_hold_keeps_its_person(any_site: Site) -> None:
    person = any_site.enrol("Somebody", 5)
    event = passage(any_site, 1, 40)
    any_site.desk.work()
    assert any_site.client.patch(f"/v1/events/{event}", json={"legal_hold": True}).status_code == 200
    assert is_problem(any_site.client.delete(f"/v1/people/{person}"), 409, "legal_hold")
    assert any_site.get(f"/v1/events/{event}")["decision"]["person"]["id"] == person
    assert any_site.client.patch(f"/v1/events/{event}", json={"legal_hold": False}).status_code == 200
    assert any_site.client.delete(f"/v1/people/{person}").status_code == 204


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


def unseen(site: Site, face: int, days: float = 40, **changes: Any) -> int:
    """A stranger who was seen last so many days ago."""
    told = {"want_action": "1001", "identity_id": "", "identity_name": "stranger", "ext_data": {"person_type": 4}}
    event = aged(site, site.told(face, face, **told | changes), days)
    site.desk.work()
    person = int(site.desk.event(event).person_id)
    with site.store.write() as tx:
        tx.execute(update(tables.person).where(tables.person.c.id == person).values(updated_at=NOW - days * DAY))
    return person


def test_strangers_on_hold_with_a_held_event_promoted_or_ignored_stay(any_site: Site) -> None:
    held, with_event, promoted, ignored, gone = (unseen(any_site, face) for face in range(5, 10))
    assert any_site.client.patch(f"/v1/people/{held}", json={"legal_hold": True}).status_code == 200
    (event,) = any_site.ids(person=with_event)
    assert any_site.client.patch(f"/v1/events/{event}", json={"legal_hold": True}).status_code == 200
    with any_site.store.write(lock=people.GALLERY_LOCK) as tx:
        people.change(tx, promoted, {"list": "visitor"})
        people.change(tx, ignored, {"state": "ignored"})
    work = retaining(any_site, strangers=30)
    assert work.dry_run(NOW)["strangers"] == 1
    assert work.run(without_rest(), NOW)["strangers"] == 1
    assert any_site.ids("/v1/people", list="stranger", limit=9) == [with_event, held]
    assert any_site.client.get(f"/v1/people/{gone}").status_code == 404
    with any_site.store.read() as tx:
        assert {row.person_id for row in people.gallery_rows(tx, MODEL)} == {held, with_event, promoted, ignored}
    # The gallery was told: whoever comes now is nobody.
    again = any_site.told(99, 9, identity_id="", identity_name="")
    any_site.desk.work()
    assert any_site.desk.event(again).decision == "unknown"


def test_a_stranger_with_very_many_events_goes_in_steps_and_goes_on_where_it_was_ended(
    any_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining_module, "LINKS", 2)
    person = unseen(any_site, 5)
    for number in range(1, 5):
        aged(any_site, any_site.told(60_000 * number, 5, identity_id="", identity_name=""), 40)
    any_site.desk.work()
    with any_site.store.write() as tx:
        tx.execute(update(tables.person).values(updated_at=NOW - 40 * DAY))
    work = retaining(any_site, strangers=30)
    assert work.run(stopped_after(1), NOW)["strangers"] == 0
    assert any_site.get(f"/v1/people/{person}")["faces"] == []
    assert any_site.get(f"/v1/people/{person}")["events"] == 3
    assert work.run(without_rest(), NOW)["strangers"] == 1
    assert any_site.ids("/v1/people") == []
    assert {each["decision"]["person"] for each in any_site.get("/v1/events")["items"]} == {None}


def test_a_stranger_who_comes_while_the_others_go_stays(site: Site) -> None:
    """Seen again after it was found to be due, and before its turn has come."""
    first, second = unseen(site, 5), unseen(site, 6)
    work = retaining(site, strangers=30)

    moments = itertools.count(120_000, 60_000)

    def comes(_seconds: float) -> None:
        site.told(next(moments), 6, identity_id="", identity_name="")
        site.desk.work()

    assert work.run(Pace(lambda: False, comes), NOW)["strangers"] == 1
    assert site.ids("/v1/strangers") == [second]
    assert first not in site.ids("/v1/people")


@pytest.mark.parametrize(("kind", "is_left"), [("events", 0), ("embeddings", 0), ("faces", 0), ("scenes", 1)])
def test_a_face_does_not_wait_longer_than_it_may_be_kept(any_site: Site, kind: str, is_left: int) -> None:
    event = any_site.told(1, 5, identity_id="", identity_name="", ext_data={"spot_pic": text_of(77)})
    any_site.desk.work()
    aged(any_site, event, 10)
    assert count(any_site.store, tables.stranger_candidate) == 1
    assert retaining(any_site, **{kind: 5}).run(without_rest(), NOW)[kind] == 1
    assert count(any_site.store, tables.stranger_candidate) == is_left


def test_what_could_not_be_read_goes_with_what_was_asked_about_it(any_site: Site) -> None:
    for number in (1, 2, 3):
        any_site.client.post("/HistoryEvent", json=[{"not": "an event", "number": number}])
    held = any_site.get("/v1/quarantine")["items"]
    old = {each["id"] for each in held[:2]}
    discarded = {"state": "discarded"}
    assert len(held) == 3
    with any_site.store.write() as tx:
        where = tables.quarantine.c.id.in_(old)
        tx.execute(update(tables.quarantine).where(where).values(received_at=NOW - 40 * DAY))
        tx.execute(update(tables.quarantine).where(tables.quarantine.c.id == min(old)).values(**discarded))
    assert retaining(any_site, events=30).run(without_rest(), NOW)["quarantine"] == 0
    work = retaining(any_site, quarantine=30)
    assert work.dry_run(NOW)["quarantine"] == 2
    assert work.run(without_rest(), NOW)["quarantine"] == 2
    (young,) = any_site.get("/v1/quarantine")["items"]
    assert young["id"] not in old
    (asked,) = any_site.get("/v1/reviews")["items"]
    assert asked["kind"] == "quarantined"
    assert work.run(without_rest(), NOW)["quarantine"] == 0


def test_device_identities_go_that_were_not_seen_for_long_and_belong_to_nobody(any_site: Site) -> None:
    for number in (1, 2, 3):
        any_site.told(number, identity_id=f"E{number}")
    any_site.desk.work()
    with any_site.store.write() as tx:
        for name, days, state in (("E1", 40, "refused"), ("E2", 40, "adopted"), ("E3", 3, "known")):
            identities.change(tx, (1, name), {"last_seen": NOW - days * DAY, "state": state})
    work = retaining(any_site, identities=30)
    assert work.dry_run(NOW)["identities"] == 1
    assert work.run(without_rest(), NOW)["identities"] == 1
    assert [each["external_id"] for each in any_site.get("/v1/identities")["items"]] == ["E2", "E3"]
    assert work.run(without_rest(), NOW)["identities"] == 0
