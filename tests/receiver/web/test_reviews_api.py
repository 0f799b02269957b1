"""The review list over HTTP: what is asked, with pictures and words, and who may answer it when."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.store import review_upkeep, reviews
from receiver.store.reviews import NewReview, ReviewPicture
from recognition.engine import Sighting
from tests.receiver.boxes import jpeg, text_of
from tests.receiver.faces import Desk, PreparedEngine
from tests.receiver.web.reviewing import (
    KIND,
    NOW,
    answer,
    done,
    faces,
    kept_picture,
    listed,
    note,
    readable,
    seen_as,
    the_one,
)
from tests.receiver.web.site import Site, is_problem


@pytest.fixture
def conflict(any_site: Site) -> tuple[int, dict[str, Any]]:
    """A 1002 brings another man's face for a person; the person, and the item."""
    person = any_site.enrol("Ann Example", 1, external_id="7")
    event = any_site.told(1, 2, identity_id="7", want_action="1002")
    any_site.desk.work()
    assert any_site.get(f"/v1/events/{event}")["review"] == "identity_conflict"
    item = the_one(any_site, kind="identity_conflict")
    assert item["event"] == event
    return person, item


def test_a_1002_with_another_face_is_asked_about_with_both_pictures(
    any_site: Site, conflict: tuple[int, dict[str, Any]]
) -> None:
    person, item = conflict
    assert (item["kind"], item["state"], item["reason"]) == ("identity_conflict", "open", "identity_conflict")
    assert item["person"] == {"id": person, "name": "Ann Example", "list": "staff", "merged_into": None}
    new, current = item["pictures"]
    assert [any_site.client.get(each["url"]).data for each in (new, current)] == [jpeg(2), jpeg(1)]
    assert ([new["role"], current["role"]], new["box"]) == (["new", "current"], [1, 2, 101, 102])
    assert (new["person"], current["person"]["id"]) == (None, person)
    assert new["thumbnail"] == f"{new['url']}?width=200"
    assert item["detail"]["distance"] > item["detail"]["limit"]
    assert any_site.get(f"/v1/reviews/{item['id']}") == item


def test_accepting_a_conflict_makes_the_new_face_the_current_one_and_there_is_a_way_back(
    any_site: Site, conflict: tuple[int, dict[str, Any]]
) -> None:
    person, item = conflict
    accepted = done(any_site, item, "accept")
    assert accepted["state"] == "accepted"
    assert accepted["settled_by"].endswith(" (127.0.0.1, API)")
    assert accepted["outcome"]["person"] == person
    assert [state for state, _ in faces(any_site, person)] == ["former", "current"]
    (old, new) = any_site.get(f"/v1/people/{person}/faces")["items"]
    assert (new["id"], new["source"], new["insisted"]) == (
        accepted["outcome"]["face"],
        "device_1002",
        ["identity_conflict"],
    )
    assert (seen_as(any_site, 2), seen_as(any_site, 1, 901)) == (person, None)
    restored = any_site.client.patch(f"/v1/faces/{old['id']}", json={"state": "current", "replace": True})
    assert restored.status_code == 200
    assert [state for state, _ in faces(any_site, person)] == ["current", "former"]
    assert seen_as(any_site, 1, 902) == person


def test_rejecting_a_conflict_changes_nothing_and_the_same_picture_is_not_asked_about_again(
    any_site: Site, conflict: tuple[int, dict[str, Any]]
) -> None:
    person, item = conflict
    assert done(any_site, item, "reject")["state"] == "rejected"
    assert [state for state, _ in faces(any_site, person)] == ["current"]
    any_site.told(2, 2, identity_id="7", want_action="1002")
    any_site.desk.work()
    assert listed(any_site, kind=KIND) == []
    assert the_one(any_site, kind=KIND, state="any")["state"] == "rejected"


def test_an_upload_that_is_to_take_the_place_of_another_face_is_asked_about(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 1)
    document = {"pictures": [text_of(2)], "replace": True}
    refused = any_site.client.post(f"/v1/people/{person}/faces", json=document)
    assert is_problem(refused, 409, "contradiction")
    item = the_one(any_site)
    assert refused.get_json()["reviews"] == [item["id"]]
    assert [any_site.client.get(each["url"]).data for each in item["pictures"]] == [jpeg(2), jpeg(1)]
    assert [state for state, _ in faces(any_site, person)] == ["current"]
    done(any_site, item, "accept")
    assert [state for state, _ in faces(any_site, person)] == ["former", "current"]
    assert any_site.get(f"/v1/people/{person}/faces")["items"][1]["source"] == "upload"


def test_whoever_insists_on_the_upload_after_all_answers_the_question(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    document = {"pictures": [text_of(2)], "replace": True}
    site.client.post(f"/v1/people/{person}/faces", json=document)
    assert site.client.post(f"/v1/people/{person}/faces", json=document | {"override": True}).status_code == 201
    assert listed(site) == []
    settled = the_one(site, state="settled")
    assert is_problem(answer(site, settled, "accept"), 409, "review_settled")


def test_whoever_decides_second_is_told_who_was_first(any_site: Site, conflict: tuple[int, dict[str, Any]]) -> None:
    person, item = conflict
    done(any_site, item, "reject")
    for what in ("accept", "reject", "later"):
        second = answer(any_site, item, what)
        assert is_problem(second, 409, "already_decided")
        assert "was rejected by account " in second.get_json()["detail"]
        assert " (127.0.0.1, API) at " in second.get_json()["detail"]
    assert [state for state, _ in faces(any_site, person)] == ["current"]


def test_of_two_who_decide_at_once_one_is_told_and_nothing_is_half_done(
    any_site: Site, conflict: tuple[int, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    person, item = conflict
    look = any_site.engine.sightings

    def rejected_meanwhile(rgb: Any) -> list[Sighting]:
        monkeypatch.setattr(any_site.engine, "sightings", look)
        done(any_site, item, "reject")
        return look(rgb)

    monkeypatch.setattr(any_site.engine, "sightings", rejected_meanwhile)
    assert is_problem(answer(any_site, item, "accept"), 409, "already_decided")
    assert [state for state, _ in faces(any_site, person)] == ["current"]
    assert the_one(any_site, kind=KIND, state="any")["state"] == "rejected"


@pytest.mark.parametrize("kind", ["identity_conflict", "look_alike", "quarantined"])
def test_of_two_requests_at_the_same_moment_one_wins(any_site: Site, kind: str) -> None:
    first = any_site.enrol("Ann Example", 1)
    any_site.enrol("A Twin", 101, override=True)
    any_site.client.post(f"/v1/people/{first}/faces", json={"pictures": [text_of(2)], "replace": True})
    readable(any_site)
    item = the_one(any_site, kind=kind)
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda _: answer(any_site, item, "accept"), range(2)))
    assert sorted(each.status_code for each in answers) == [200, 409]
    (refused,) = (each.get_json()["reason"] for each in answers if each.status_code == 409)
    assert refused in {"already_decided", "review_settled"}
    assert any_site.get(f"/v1/reviews/{item['id']}")["state"] == "accepted"
    assert len(any_site.ids()) == (1 if kind == "quarantined" else 0)
    assert len(any_site.get("/v1/corrections")["items"]) == (1 if kind == "look_alike" else 0)


def test_of_somebody_who_is_gone_there_is_nothing_left_to_decide(
    any_site: Site, conflict: tuple[int, dict[str, Any]]
) -> None:
    person, item = conflict
    assert any_site.client.delete(f"/v1/people/{person}").status_code == 204
    assert is_problem(answer(any_site, item, "accept"), 409, "review_settled")
    settled = the_one(any_site, kind=KIND, state="settled")
    assert (settled["person"], settled["pictures"]) == (None, [])


def test_of_somebody_who_has_become_another_one_words_say_whom(any_site: Site) -> None:
    first, second = any_site.enrol("Ann Example", 1), any_site.enrol("Ann Exampel", 5)
    key = f"stale_picture:{second}"
    item = note(any_site, "stale_picture", key, person_id=second, subject=0)
    merged = any_site.client.post(f"/v1/people/{first}/merge", json={"other": second, "override": True})
    assert merged.status_code == 200, merged.get_data(as_text=True)
    # As if the item had been noted in the moment of the merge.
    with any_site.store.write() as tx:
        found = reviews.find(tx, item)
        assert found is not None
        reviews.note(tx, NewReview("stale_picture", key, "old", person_id=second, subject=0), NOW)
    refused = answer(any_site, item, "accept")
    assert is_problem(refused, 409, "review_settled")
    assert f"person {second} has become person {first}" in refused.get_json()["detail"]


def test_an_answer_to_nothing_is_told_so(site: Site) -> None:
    for what in ("accept", "reject", "later"):
        assert is_problem(answer(site, 999, what), 404, "no_such_review")
    assert is_problem(site.client.get("/v1/reviews/999"), 404, "no_such_review")


def test_what_is_put_off_comes_back_tomorrow_or_when_it_was_said(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 1)
    item = note(any_site, "proposed_merge", "k", person_id=person)
    put_off = done(any_site, item, "later")
    assert put_off["state"] == "later"
    tomorrow = datetime.fromisoformat(put_off["due_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < tomorrow <= timedelta(days=1)
    assert (listed(any_site), the_one(any_site, state="later")["id"]) == ([], item)
    until = done(any_site, item, "later", until="2100-01-01T10:00:00")  # a time of the site, two hours ahead
    assert datetime.fromisoformat(until["due_at"]) == datetime(2100, 1, 1, 8, tzinfo=UTC)
    assert is_problem(answer(any_site, item, "later", until="2001-01-01T00:00:00"), 422, "not_in_the_future")
    with any_site.store.write() as tx:
        reviews.postpone(tx, item, NOW - timedelta(seconds=1), NOW)
    assert (the_one(any_site)["id"], the_one(any_site)["state"]) == (item, "open")


def test_items_are_counted_by_kind_and_state_and_paged(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 1)
    ids = [note(any_site, "proposed_merge", f"k{each}", person_id=person) for each in range(5)]
    other = note(any_site, "look_alike", "l", person_id=person + 1)
    done(any_site, ids[0], "reject")
    page = any_site.get("/v1/reviews", limit=3)
    assert page["counts"] == {"proposed_merge": {"open": 4, "rejected": 1}, "look_alike": {"open": 1}}
    rest = any_site.get("/v1/reviews", limit=3, cursor=page["next"])
    assert rest["next"] is None
    assert sorted(each["id"] for each in [*page["items"], *rest["items"]]) == [*ids[1:], other]
    oldest = any_site.get("/v1/reviews", kind=["proposed_merge"], order="oldest", limit=2)
    assert [each["id"] for each in oldest["items"]] == ids[1:3]
    assert any_site.ids("/v1/reviews", person=person + 1) == [other]
    assert any_site.ids("/v1/reviews", since="2100-01-01T00:00:00Z") == []
    assert any_site.ids("/v1/reviews", kind=["look_alike", "proposed_merge"], state="rejected") == [ids[0]]


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "nonsense"}, {"cursor": "proposed_merge-"}, {"cursor": "proposed_merge-9999999999999999999999"},
        {"cursor": "proposed_merge-٣"}, {"kind": "unheard_of"}, {"state": "closed"}, {"limit": 0}, {"limit": 501},
        {"person": 2**63}, {"since": "yesterday"}, {"order": "upside_down"}, {"cursor": "x" * 501},
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_is_told_so(site: Site, query: dict[str, Any]) -> None:
    assert is_problem(site.client.get("/v1/reviews", query_string=query), 422, "invalid_arguments")


def test_the_words_are_the_readers_language(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    item = note(site, "proposed_merge", "k", person_id=person)
    english = site.get(f"/v1/reviews/{item}")
    chinese = site.client.get(f"/v1/reviews/{item}", headers={"Accept-Language": "zh-CN"}).get_json()
    for name in ("sentence", "on_accept", "on_reject"):
        assert english[name].isascii()
        assert not chinese[name].isascii()
    assert chinese["kind"] == english["kind"]


def test_pictures_of_open_items_are_not_swept_and_those_of_rejected_ones_go_with_retention(site: Site) -> None:
    digest = kept_picture(site, 2)
    item = note(site, "identity_conflict", "k", person_id=site.enrol("Ann", 1), pictures=[ReviewPicture(digest, "new")])
    with site.store.read() as tx:
        assert review_upkeep.referred(tx, [digest, b"x" * 32]) == {digest}
    done(site, item, "reject")
    with site.store.write() as tx:
        review_upkeep.forget(tx, review_upkeep.ended_before(tx, datetime.now(UTC) + timedelta(1), 0, 9))
        assert review_upkeep.referred(tx, [digest]) == set()


def test_a_desk_of_another_process_asks_the_same_question_only_once(any_site: Site) -> None:
    any_site.enrol("Ann Example", 1, external_id="7")
    first, second = (any_site.told(number, 2, identity_id="7", want_action="1002") for number in (1, 2))
    other = Desk(any_site.store, PreparedEngine(seen=any_site.engine.seen))
    for desk in (any_site.desk, other):
        task = desk.claim()
        assert task is not None
        desk.recogniser.handle(task)
    item = the_one(any_site, kind="identity_conflict")
    assert item["event"] in {first, second}
