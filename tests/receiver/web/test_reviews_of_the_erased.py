"""What the review list keeps of a person: given out, erased with the rest, and cleared when its days are over."""

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver.domain.retention import Rules
from receiver.services.erasing import erasing_pictures
from receiver.services.erasing.retaining import Retaining
from receiver.services.upkeep.housekeeping import Housekeeping
from receiver.store import pictures, reviews, tables
from receiver.store.pictures import ORPHAN_AGE, Pictures
from receiver.store.reviews import NewReview, ReviewPicture
from tests.receiver.boxes import count, jpeg, text_of
from tests.receiver.erasing import columns_with, make_erasing, without_rest
from tests.receiver.web.reviewing import answer, buried, done, imported, listed, the_one
from tests.receiver.web.site import Site

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of these tests are one."""
    monkeypatch.setattr(erasing_pictures, "SETTLED", erasing_pictures.SETTLED * 0)
    monkeypatch.setattr(pictures, "FOLLOW_SECONDS", 0)


def erase(site: Site, folder: Path, person: int) -> dict[str, Any]:
    answered = site.client.delete(f"/v1/people/{person}", query_string={"erase": "true"})
    erasure_id = answered.get_json()["id"]
    make_erasing(site.store, folder).run(erasure_id, without_rest())
    found: dict[str, Any] = site.get(f"/v1/erasures/{erasure_id}")["certificate"]
    return found


def conflicting(site: Site, name: str = "Ann Example", shades: tuple[int, int] = (1, 2)) -> int:
    """Somebody for whom somebody has brought another one's picture; the person."""
    person = site.enrol(name, shades[0])
    document = {"pictures": [text_of(shades[1])], "replace": True}
    assert site.client.post(f"/v1/people/{person}/faces", json=document).status_code == 409
    return person


def test_what_was_asked_about_an_erased_person_goes_with_its_pictures(any_site: Site, tmp_path: Path) -> None:
    person, other = conflicting(any_site), conflicting(any_site, "Somebody Else", (5, 6))
    counts = erase(any_site, tmp_path, person)["counts"]
    assert (counts["reviews"], counts["pictures_deleted"]) == (1, 2)
    assert columns_with(any_site.store, [jpeg(1), jpeg(2)]) == set()
    left = the_one(any_site)
    assert left["person"]["id"] == other
    assert [any_site.client.get(each["url"]).status_code for each in left["pictures"]] == [200, 200]


def test_what_only_a_device_says_takes_nobody_elses_picture_away(any_site: Site, tmp_path: Path) -> None:
    other = any_site.enrol("Somebody Else", 5)
    (face,) = any_site.get(f"/v1/people/{other}/faces")["items"]
    person = any_site.enrol("Ann Example", 3, external_id="A1")
    # Once the device names the other's picture as his, and once it names the other and he is seen.
    any_site.told(1, 5, identity_id="A1", identity_name="Ann Example", ext_data={"reg_pic": text_of(5)})
    any_site.told(2, 3, identity_id="B2", identity_name="Somebody Else", ext_data={"reg_pic": text_of(5)})
    any_site.desk.work()
    assert erase(any_site, tmp_path, person)["counts"]["pictures_blurred"] == 0
    assert any_site.get(f"/v1/people/{other}/faces")["items"] == [face]
    assert any_site.client.get(face["picture"]["url"]).data == jpeg(5)


def test_whom_a_refused_row_looked_like_keeps_the_picture(any_site: Site, tmp_path: Path) -> None:
    import_id = imported(any_site)
    (ann,) = any_site.get("/v1/people", q="Ann")["items"]
    (twin,) = (each for each in listed(any_site, kind="failed_enrolment") if each["other"])
    assert ann["picture"]["digest"] in {each["digest"] for each in twin["pictures"]}
    person = done(any_site, twin, "accept")["outcome"]["person"]
    assert erase(any_site, tmp_path, person)["counts"]["pictures_blurred"] == 0
    assert any_site.get(f"/v1/people/{ann['id']}")["picture"] == ann["picture"]
    assert any_site.client.get(ann["picture"]["url"]).status_code == 200
    assert any_site.get(f"/v1/imports/{import_id}")["state"] == "done"


def test_a_picture_that_another_question_shows_is_blurred(any_site: Site, tmp_path: Path) -> None:
    person = any_site.enrol("Ann Example", 1)
    digest = bytes.fromhex(any_site.get(f"/v1/people/{person}/faces")["items"][0]["picture"]["digest"])
    other = any_site.enrol("Somebody Else", 5)
    with any_site.store.write() as tx:
        reviews.note(
            tx, NewReview("identity_conflict", "k", "r", person_id=other, pictures=[ReviewPicture(digest, "new")]), NOW
        )
    counts = erase(any_site, tmp_path, person)["counts"]
    assert (counts["pictures_blurred"], counts.get("reviews")) == (1, 0)
    (shown,) = the_one(any_site)["pictures"]
    assert bytes.fromhex(shown["digest"]) != digest
    assert any_site.client.get(shown["url"]).status_code == 200
    assert columns_with(any_site.store, [jpeg(1), digest]) <= {"erased_picture.digest"}


def test_questions_about_the_persons_events_and_refused_rows_go_too(any_site: Site, tmp_path: Path) -> None:
    imported(any_site)
    refused = {each["about"]["name"]: each["id"] for each in listed(any_site)}
    person = any_site.enrol("Nobody", 7, external_id="3")
    event = any_site.told(1, 7, identity_id="3")
    task = buried(any_site, subject=event)
    shown = the_one(any_site, kind="buried_task")
    assert shown["event"] == event == any_site.get(f"/v1/reviews/{task['id']}")["event"]
    counts = erase(any_site, tmp_path, person)["counts"]
    assert counts["reviews"] == 2
    assert {each["id"] for each in listed(any_site)} == set(refused.values()) - {refused["Nobody"]}
    assert columns_with(any_site.store, [jpeg(40), jpeg(7)]) == set()


def test_a_question_about_a_hidden_event_is_hidden_at_once(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 7, external_id="3")
    event = any_site.told(1, 7, identity_id="3")
    task = buried(any_site, subject=event)
    any_site.client.delete(f"/v1/people/{person}", query_string={"erase": "true"})
    assert listed(any_site) == []
    assert any_site.client.get(f"/v1/reviews/{task['id']}").status_code == 404


def test_the_zip_has_what_was_asked_about_the_person_and_its_pictures(any_site: Site) -> None:
    person = conflicting(any_site)
    conflicting(any_site, "Somebody Else", (5, 6))
    archive = zipfile.ZipFile(io.BytesIO(any_site.client.get(f"/v1/people/{person}/export").data))
    (asked,) = orjson.loads(archive.read("person.json"))["reviews"]
    assert (asked["kind"], asked["state"], asked["person_id"]) == ("identity_conflict", "open", person)
    kept = {archive.read(name) for name in archive.namelist() if name.startswith("pictures/")}
    assert kept == {jpeg(1), jpeg(2)}


def test_what_was_answered_goes_after_its_days_and_what_is_open_stays(any_site: Site) -> None:
    conflicting(any_site)
    conflicting(any_site, "Somebody Else", (5, 6))
    conflicting(any_site, "A Third", (7, 8))
    accepted, rejected, _ = listed(any_site)
    done(any_site, accepted, "accept")
    done(any_site, rejected, "reject")
    work = Retaining(any_site.store, Rules((("", "reviews", 30),)))
    then = datetime.now(UTC) + timedelta(days=31)
    assert work.dry_run()["reviews"] == 0
    assert work.dry_run(then)["reviews"] == work.run(without_rest(), then)["reviews"] == 2
    assert sum(work.run(without_rest(), then).values()) == 0
    assert sorted((each["state"], len(each["pictures"])) for each in listed(any_site, state="any")) == [
        ("open", 2), ("rejected", 0),
    ]  # fmt: skip


def test_what_concerns_somebody_on_legal_hold_is_kept(site: Site) -> None:
    person = conflicting(site)
    done(site, the_one(site), "accept")
    site.client.patch(f"/v1/people/{person}", json={"legal_hold": True})
    work = Retaining(site.store, Rules((("", "reviews", 30),)))
    assert work.dry_run(datetime.now(UTC) + timedelta(days=31))["reviews"] == 0


def test_the_sweep_keeps_the_pictures_of_questions_and_settles_what_has_gone(
    any_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = conflicting(any_site)
    keeping = Housekeeping(any_site.store, Pictures(any_site.store.pictures))
    monkeypatch.setattr("receiver.services.upkeep.housekeeping.ORPHAN_AGE", -ORPHAN_AGE)
    assert (keeping.sweep_orphans(), keeping.settle_reviews()) == (0, 0)
    any_site.client.delete(f"/v1/people/{person}")
    assert keeping.sweep_orphans() == 2
    assert count(any_site.store, tables.review_picture) == 0


def test_an_answer_that_cannot_be_given_leaves_the_question(site: Site) -> None:
    conflicting(site)
    item = the_one(site)
    site.engine.prepare(2, [])
    refused = answer(site, item, "accept")
    assert (refused.status_code, refused.get_json()["reason"]) == (409, "no_face")
    assert the_one(site) == item
