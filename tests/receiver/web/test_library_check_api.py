"""The check of the library over HTTP, and what comes of the answers to what it found."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update

from receiver.services.checking.run import CheckingLibrary
from receiver.services.checking.steps import Tools
from receiver.services.pacing import Pace
from receiver.store import library_checks, outbox, tables
from recognition.gates import SHIPPED
from tests.receiver.boxes import TIME, text_of
from tests.receiver.faces import face_of, sighting
from tests.receiver.web.reviewing import done, faces, listed, seen_as, the_one
from tests.receiver.web.site import Site

DAY = 24 * 60 * 60 * 1000


def check(site: Site) -> dict[str, Any]:
    """Somebody begins a check, and a worker does it; what it counted."""
    begun = site.client.post("/v1/library/check")
    assert begun.status_code == 202
    with site.store.read() as tx:
        running = library_checks.newest(tx, library_checks.RUNNING)
    assert running is not None
    CheckingLibrary(Tools(site.store, site.desk.library, SHIPPED)).run(running.id, Pace(rest=lambda _seconds: None))
    shown: dict[str, Any] = site.get("/v1/library/check")["last_done"]
    assert shown["id"] == begun.get_json()["newest"]["id"]
    counts: dict[str, Any] = shown["counts"]
    return counts


def strangers(site: Site, *shades: int) -> list[int]:
    return [site.enrol(f"stranger {shade}", shade, list="stranger") for shade in shades]


def test_a_check_is_begun_and_shown(any_site: Site) -> None:
    nothing = {"schedule": "0 3 * * *", "is_running": False, "newest": None, "last_done": None}
    assert any_site.get("/v1/library/check") == nothing
    any_site.enrol("Somebody", 1)
    any_site.enrol("A Twin", 101, override=True)
    begun = any_site.client.post("/v1/library/check").get_json()
    assert (begun["is_running"], begun["newest"]["state"], begun["newest"]["asked_by"]) == (
        True,
        "running",
        "interface",
    )
    with any_site.store.read() as tx:
        assert outbox.counts(tx) == {("library_check", "waiting"): 1}
    # Whoever asks meanwhile joins it. Somebody insisted on the twin.
    assert check(any_site)["look_alikes"] == {"faces": 2, "found": 0, "left_out": 0}
    shown = any_site.get("/v1/library/check")
    assert (shown["is_running"], shown["newest"]["percent"]) == (False, 100)
    assert shown["newest"] == shown["last_done"]


def test_a_proposed_merge_is_accepted_and_one_person_is_left(any_site: Site) -> None:
    kept, other = strangers(any_site, 1, 101)
    strangers(any_site, 5)
    check(any_site)
    item = the_one(any_site, kind="proposed_merge")
    assert (item["person"]["id"], item["other"]["id"]) == (kept, other)
    assert item["detail"]["distance"] <= item["detail"]["limit"]
    assert [each["role"] for each in item["pictures"]] == ["current", "other"]
    done(any_site, item, "accept")
    assert seen_as(any_site, 102) == kept
    assert check(any_site)["strangers"] == {"strangers": 2, "proposed": 0, "left_out": 0}
    assert listed(any_site, kind="proposed_merge") == []


def test_a_rejected_merge_is_never_proposed_again(any_site: Site) -> None:
    strangers(any_site, 1, 101)
    check(any_site)
    done(any_site, the_one(any_site, kind="proposed_merge"), "reject")
    assert check(any_site)["strangers"]["proposed"] == 0
    assert listed(any_site, kind="proposed_merge") == []


def test_a_picture_that_has_aged_is_replaced_by_the_newest(any_site: Site) -> None:
    person = any_site.enrol("Somebody", 1, external_id="E1")
    today = int(datetime.now(UTC).timestamp() * 1000) - TIME
    for day in range(6):
        face = face_of(1, off=0.52)
        face[50 + day] = 0.05
        any_site.engine.prepare(60 + day, [sighting(face)])
        any_site.told(today - day * DAY, 60 + day, identity_id="E1")
    any_site.desk.work()
    assert len(any_site.ids(person=person)) == 6
    assert check(any_site)["ageing"] == {"people": 1, "found": 1}
    item = the_one(any_site, kind="stale_picture")
    assert item["person"]["id"] == person
    current, new, *_ = item["pictures"]
    done(any_site, item, "accept")
    assert faces(any_site, person) == [("former", current["digest"]), ("current", new["digest"])]
    assert seen_as(any_site, 60) == person
    assert check(any_site)["ageing"] == {"people": 1, "found": 0}


def test_a_picture_of_somebody_else_goes_out_of_use(any_site: Site) -> None:
    person = any_site.enrol("Somebody", 1, 101)
    document = {"pictures": [text_of(2)], "override": True}
    assert any_site.client.post(f"/v1/people/{person}/faces", json=document).status_code == 201
    # Somebody insisted on it, and is not asked.
    assert check(any_site)["contradictions"] == {"people": 1, "found": 0, "left_out": 0}
    with any_site.store.write() as tx:
        tx.execute(update(tables.face).values(insisted=None))
    assert check(any_site)["contradictions"]["found"] == 1
    item = the_one(any_site, kind="contradicting_picture")
    done(any_site, item, "accept")
    assert [state for state, _ in faces(any_site, person)] == ["current", "current", "set_aside"]
    assert listed(any_site, kind="contradicting_picture") == []
