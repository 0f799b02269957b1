"""What each answer of the review list does, kind by kind."""

from typing import Any

import pytest
from sqlalchemy import delete

from receiver.services.adopting.adopting_one import OneByOne, OneParts
from receiver.store import outbox, reviews, tables
from receiver.store.reviews import ReviewPicture
from tests.receiver.boxes import jpeg, text_of
from tests.receiver.faces import face_of, gate_of, sighting
from tests.receiver.web.reviewing import (
    NOW,
    answer,
    buried,
    done,
    faces,
    imported,
    kept_picture,
    listed,
    note,
    readable,
    seeing,
    seen_as,
    tasks,
    the_one,
    two,
    unread,
)
from tests.receiver.web.site import Site, is_problem


@pytest.mark.parametrize("kind", ["proposed_merge", "look_alike"])
def test_accepting_that_two_are_one_merges_them_and_it_can_be_undone(any_site: Site, kind: str) -> None:
    first, other, item = two(any_site, kind)
    accepted = done(any_site, item, "accept")
    assert (accepted["state"], accepted["outcome"]["person"]) == ("accepted", first)
    assert accepted["person"]["merged_into"] == first
    assert len(faces(any_site, first)) == 2
    undo = any_site.client.post(f"/v1/corrections/{accepted['outcome']['correction']}/undo")
    assert undo.status_code == 200, undo.get_data(as_text=True)
    assert (len(faces(any_site, first)), len(faces(any_site, other))) == (1, 1)


def test_whoever_is_named_stays_when_a_stranger_is_that_one(site: Site) -> None:
    stranger = site.enrol("stranger", 5, list="stranger")
    named = site.enrol("Ann Example", 1)
    item = note(site, "proposed_merge", "k", person_id=stranger, other_id=named)
    assert done(site, item, "accept")["outcome"]["person"] == named


def test_two_of_different_lists_become_one_only_when_it_is_said_which_list_holds(any_site: Site) -> None:
    first, _, item = two(any_site, list="blacklist")
    assert is_problem(answer(any_site, item, "accept"), 409, "lists_differ")
    assert the_one(any_site)["state"] == "open"
    done(any_site, item, "accept", list="blacklist")
    assert any_site.get(f"/v1/people/{first}")["list"] == "blacklist"


def test_two_who_were_merged_elsewhere_need_no_answer(any_site: Site) -> None:
    first, other, item = two(any_site)
    any_site.client.post(f"/v1/people/{first}/merge", json={"other": other, "override": True})
    assert is_problem(answer(any_site, item, "accept"), 409, "review_settled")


def test_a_look_alike_who_was_insisted_on_is_asked_about_at_once(any_site: Site) -> None:
    first = any_site.enrol("Ann Example", 1)
    twin = any_site.enrol("A Twin", 101, override=True)
    item = the_one(any_site, kind="look_alike")
    assert (item["person"]["id"], item["other"]["id"]) == (twin, first)
    assert [any_site.client.get(each["url"]).data for each in item["pictures"]] == [jpeg(101), jpeg(1)]
    assert item["detail"]["distance"] <= item["detail"]["limit"]
    done(any_site, item, "reject")
    any_site.client.post(f"/v1/people/{twin}/faces", json={"pictures": [text_of(102)], "override": True})
    assert listed(any_site, kind="look_alike") == []


def test_a_former_face_that_is_insisted_on_is_asked_about_too(site: Site) -> None:
    twin = site.enrol("A Twin", 101)
    face = site.get(f"/v1/people/{twin}/faces")["items"][0]["id"]
    site.client.patch(f"/v1/faces/{face}", json={"state": "former"})
    first = site.enrol("Ann Example", 1)
    assert site.client.patch(f"/v1/faces/{face}", json={"state": "current", "override": True}).status_code == 200
    assert {the_one(site)[name]["id"] for name in ("person", "other")} == {first, twin}


def test_an_id_that_is_somebody_elses_goes_over_when_it_is_accepted(any_site: Site) -> None:
    owner = any_site.enrol("Ann Example", 1, external_id="7")
    event = any_site.told(1, 2, identity_id="7", want_action="1001", ext_data={"person_type": 4})
    any_site.desk.work()
    stranger = any_site.get(f"/v1/events/{event}")["decision"]["person"]["id"]
    item = the_one(any_site, kind="identity_taken")
    assert (item["person"]["id"], item["other"]["id"]) == (stranger, owner)
    assert [each["role"] for each in item["pictures"]] == ["new", "other"]
    done(any_site, item, "accept")
    (identity,) = any_site.get(f"/v1/people/{stranger}")["identities"]
    assert (identity["external_id"], identity["device"] is not None) == ("7", True)
    assert any_site.get(f"/v1/people/{owner}")["identities"][0]["device"] is None


def test_an_id_of_this_very_device_is_taken_from_its_owner(any_site: Site) -> None:
    first = any_site.told(1, 3, identity_id="7", want_action="1001", ext_data={"person_type": 4})
    second = any_site.told(2, 4, identity_id="7", want_action="1001", ext_data={"person_type": 4})
    any_site.desk.work()
    owner, stranger = (any_site.get(f"/v1/events/{each}")["decision"]["person"]["id"] for each in (first, second))
    done(any_site, the_one(any_site, kind="identity_taken"), "accept")
    identities = [any_site.get(f"/v1/people/{each}")["identities"] for each in (owner, stranger)]
    assert [[each["external_id"] for each in found] for found in identities] == [[], ["7"]]


@pytest.mark.parametrize(("kind", "left"), [("stale_picture", "former"), ("contradicting_picture", "set_aside")])
def test_a_picture_is_set_aside_or_makes_room_for_the_proposed_one(any_site: Site, kind: str, left: str) -> None:
    person = any_site.enrol("Ann Example", 1)
    face = any_site.get(f"/v1/people/{person}/faces")["items"][0]["id"]
    proposed = [ReviewPicture(kept_picture(any_site, 101), "new", person, (1, 2, 101, 102))]
    item = note(any_site, kind, f"{kind} with", person_id=person, subject=face, pictures=proposed)
    accepted = done(any_site, item, "accept")
    assert [state for state, _ in faces(any_site, person)] == [left, "current"]
    alone = note(any_site, kind, f"{kind} without", person_id=person, subject=accepted["outcome"]["face"])
    done(any_site, alone, "accept")
    assert [state for state, _ in faces(any_site, person)] == [left, "set_aside"]
    gone = note(any_site, kind, f"{kind} again", person_id=person, subject=face)
    assert is_problem(answer(any_site, gone, "accept"), 409, "review_settled")


def test_a_picture_that_is_kept_stays_as_it_is(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    face = site.get(f"/v1/people/{person}/faces")["items"][0]["id"]
    done(site, note(site, "stale_picture", "k", person_id=person, subject=face), "reject")
    assert [state for state, _ in faces(site, person)] == ["current"]


def test_of_a_proposed_picture_the_face_in_its_box_is_taken(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    digest = kept_picture(site, 30)
    site.engine.prepare(30, [sighting(face_of(9), size=300, left=400), sighting(face_of(2))])
    shown = [ReviewPicture(digest, "new", None, (0, 0, 100, 100))]
    done(site, note(site, "identity_conflict", "k", person_id=person, pictures=shown), "accept")
    assert seen_as(site, 2) == person


def test_a_picture_without_a_face_cannot_be_accepted(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    shown = [ReviewPicture(kept_picture(site, 40), "new")]
    item = note(site, "identity_conflict", "k", person_id=person, pictures=shown)
    assert is_problem(answer(site, item, "accept"), 409, "no_face")
    assert the_one(site)["state"] == "open"


@pytest.mark.parametrize("what", ["accept", "reject"])
def test_a_second_opinion_is_written_down_and_changes_nothing(site: Site, what: str) -> None:
    person = site.enrol("Ann Example", 1)
    decided = done(site, note(site, "second_opinion", "k", person_id=person), what)
    assert decided["state"] == f"{what}ed"
    assert [state for state, _ in faces(site, person)] == ["current"]


def test_an_unreadable_message_is_discarded_or_still_cannot_be_read(any_site: Site) -> None:
    unread(any_site, {"event_info": "nonsense"})
    item = the_one(any_site, kind="quarantined")
    assert (item["about"]["channel"], item["about"]["times"]) == ("history", 1)
    assert item["reason"] == any_site.get("/v1/quarantine")["items"][0]["reason"]
    assert is_problem(answer(any_site, item, "accept"), 422, "still_unreadable")
    assert the_one(any_site)["state"] == "open"
    done(any_site, item, "reject")
    assert any_site.get("/v1/quarantine", state="discarded")["items"][0]["id"] == item["about"]["id"]
    unread(any_site, {"event_info": "nonsense"})
    assert listed(any_site) == []


def test_an_unreadable_message_that_can_be_read_by_now_becomes_an_event(any_site: Site) -> None:
    item = readable(any_site)
    (event,) = done(any_site, item, "accept")["outcome"]["events"]
    assert any_site.ids() == [event]
    assert any_site.get("/v1/quarantine", state="replayed")["items"][0]["event_id"] == event


def test_whoever_replays_it_elsewhere_answers_the_question(site: Site) -> None:
    item = readable(site)
    assert site.client.post(f"/v1/quarantine/{item['about']['id']}/replay").status_code == 200
    assert is_problem(answer(site, item, "reject"), 409, "review_settled")


def test_a_buried_task_is_tried_again_or_dropped(any_site: Site) -> None:
    item = buried(any_site)
    assert (item["about"]["topic"], item["about"]["last_error"]) == ("recognise", "MemoryError()")
    done(any_site, item, "accept")
    assert tasks(any_site) == [("waiting", 0)]
    done(any_site, buried(any_site, subject=6), "reject")
    assert tasks(any_site) == [("waiting", 0)]


def test_an_erasure_cannot_be_dropped(site: Site) -> None:
    item = buried(site, "erase")
    assert is_problem(answer(site, item, "reject"), 409, "must_be_done")
    assert (the_one(site)["state"], tasks(site)) == ("open", [("buried", 0)])


def test_a_task_that_was_retried_elsewhere_needs_no_answer(site: Site) -> None:
    item = buried(site)
    with site.store.write() as tx:
        outbox.retry(tx, None, NOW)
    assert is_problem(answer(site, item, "reject"), 409, "review_settled")


def test_refused_rows_of_an_import_are_asked_about_and_can_be_insisted_on(any_site: Site) -> None:
    import_id = imported(any_site)
    found = {each["about"]["name"]: each for each in listed(any_site, kind="failed_enrolment")}
    assert {name: each["reason"] for name, each in found.items()} == {
        # A row without a picture stands in the import's report alone.
        "A Twin": "look_alike", "Nobody": "no_face",
    }  # fmt: skip
    twin = found["A Twin"]
    assert (twin["about"]["id"], twin["about"]["number"], twin["other"]["name"]) == (import_id, 1, "Ann")
    assert [any_site.client.get(each["url"]).data for each in twin["pictures"]] == [jpeg(101), jpeg(1)]
    person = done(any_site, twin, "accept")["outcome"]["person"]
    shown = any_site.get(f"/v1/people/{person}")
    assert (shown["name"], shown["source"], shown["faces"][0]["insisted"]) == ("A Twin", "import", ["look_alike"])
    assert any_site.get(f"/v1/imports/{import_id}")["counts"] == {
        "waiting": 0, "enrolled": 2, "extended": 0, "unchanged": 0, "refused": 2,
    }  # fmt: skip
    assert is_problem(answer(any_site, found["Nobody"], "accept"), 409, "no_face")
    done(any_site, found["Nobody"], "reject")
    assert listed(any_site, kind="failed_enrolment") == []


def test_the_same_file_again_asks_nothing_anew(any_site: Site) -> None:
    imported(any_site)
    first = {each["about"]["name"]: each for each in listed(any_site, kind="failed_enrolment")}
    done(any_site, first["Nobody"], "reject")
    again = imported(any_site)
    left = {each["about"]["name"]: each for each in listed(any_site, kind="failed_enrolment")}
    assert {name: each["id"] for name, each in left.items()} == {"A Twin": first["A Twin"]["id"]}
    # What is accepted now is the row of the newest import.
    assert left["A Twin"]["about"]["id"] == again
    done(any_site, left["A Twin"], "accept")
    assert any_site.get(f"/v1/imports/{again}")["counts"]["refused"] == 2
    any_site.client.delete(f"/v1/imports/{again}")
    assert listed(any_site, kind="failed_enrolment") == []


def test_a_person_who_was_enrolled_before_the_power_went_is_not_enrolled_twice(
    any_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(any_site)
    (twin,) = (each for each in listed(any_site) if each["about"]["name"] == "A Twin")

    def ended(*_given: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(reviews, "decide", ended)
        with pytest.raises(SystemExit):
            answer(any_site, twin, "accept")
    assert len(any_site.ids("/v1/people")) == 2
    assert the_one(any_site, person=any_site.ids("/v1/people")[0], state="any")["kind"] == "look_alike"
    done(any_site, twin, "accept")
    assert len(any_site.ids("/v1/people")) == 2


def refused_identity(site: Site) -> dict[str, Any]:
    """A box knows somebody who looks like one of ours; the item."""
    site.enrol("Ann Example", 1)
    site.told(1, None, identity_id="9", identity_name="A Twin", reg_pic=text_of(101))
    site.desk.work()
    (device,) = site.get("/v1/devices")["items"]
    parts = OneParts(
        site.store, site.services.pictures, site.services.people, site.desk.decider, seeing(site), gate_of().limits
    )
    judged = OneByOne(parts).settle_now((device["id"], "9"), is_insisted=False)
    assert judged is not None
    assert judged.reason == "look_alike"
    return the_one(site, kind="failed_enrolment")


def test_somebody_of_a_device_who_was_refused_can_be_insisted_on(any_site: Site) -> None:
    item = refused_identity(any_site)
    assert (item["reason"], item["other"]["name"]) == ("look_alike", "Ann Example")
    assert any_site.client.get(item["pictures"][0]["url"]).data == jpeg(101)
    person = done(any_site, item, "accept")["outcome"]["person"]
    shown = any_site.get(f"/v1/people/{person}")
    assert (shown["name"], shown["identities"][0]["external_id"]) == ("A Twin", "9")
    assert shown["faces"][0]["insisted"] == ["look_alike"]
    assert listed(any_site, kind="failed_enrolment") == []


def test_somebody_of_a_device_without_a_face_cannot_be_enrolled_by_anybodys_word(site: Site) -> None:
    item = refused_identity(site)
    site.engine.prepare(101, [])
    refused = answer(site, item, "accept")
    assert (refused.status_code, refused.get_json()["reason"]) == (409, "no_face")
    assert the_one(site, kind="failed_enrolment")["reason"] == "no_face"


def test_what_a_device_does_not_keep_any_more_needs_no_answer(site: Site) -> None:
    item = refused_identity(site)
    with site.store.write() as tx:
        tx.execute(delete(tables.device_identity))
    assert is_problem(answer(site, item, "accept"), 409, "review_settled")


def test_nobody_is_asked_about_what_a_dry_run_says(site: Site) -> None:
    imported(site, dry_run="true")
    assert listed(site) == []


def test_an_import_that_is_forgotten_takes_its_questions_along(site: Site) -> None:
    import_id = imported(site)
    assert site.client.delete(f"/v1/imports/{import_id}").status_code == 204
    assert listed(site) == []
