"""Putting the library right over HTTP: conversations of an administrator, with the way back."""

import io
import json
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from receiver.services.correcting import event_moves
from receiver.services.correcting.event_moves import EventMoves
from receiver.services.erasing import erasing_pictures
from receiver.store import pictures
from receiver.store.store import MAIN_FILE, PICTURES_FILE
from tests.receiver.erasing import columns_with, make_erasing, without_rest
from tests.receiver.faces import face_of, sighting
from tests.receiver.web.site import ANOTHER_VIEW, Site, is_problem, open_site


def post(site: Site, path: str, **document: Any) -> Any:
    answer = site.client.post(path, json=document)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def passed(site: Site, face: int, number: int = 0, **changes: Any) -> int:
    """Somebody whom no box knows."""
    return site.told(number, face, **{"identity_id": "", "identity_name": ""} | changes)


def test_two_who_are_one_are_merged_and_the_merge_is_undone(any_site: Site) -> None:
    ann = any_site.enrol("Ann", 1, external_id="E1", groups=["night"])
    twice = any_site.enrol("A. Example", ANOTHER_VIEW[0], list="visitor", override=True, groups=["press"])
    events = [passed(any_site, ANOTHER_VIEW[0], number) for number in range(2)]
    any_site.desk.work()
    assert any_site.ids(person=twice) == events[::-1]
    path = f"/v1/people/{ann}/merge"
    refused = any_site.client.post(path, json={"other": twice})
    assert is_problem(refused, 409, "lists_differ")
    made = post(any_site, path, other=twice, list="staff")
    assert (made["kind"], made["person"]["id"], made["other"]["id"]) == ("merge", ann, twice)
    assert made["moved"] == {"faces": 1, "events": 2, "identities": 0, "groups": 1}
    assert (made["is_moving"], made["undone_at"], made["blocked_by"]) == (False, None, None)
    assert made["made_by"].endswith("(127.0.0.1, API)")
    assert any_site.ids("/v1/people") == [ann]
    assert any_site.ids(person=ann) == events[::-1]
    shown = any_site.get(f"/v1/people/{ann}")
    assert (len(shown["faces"]), shown["groups"], shown["merged_into"]) == (2, ["night", "press"], None)
    undone = post(any_site, f"/v1/corrections/{made['id']}/undo")
    assert undone["undone_at"] is not None
    assert sorted(any_site.ids("/v1/people")) == [ann, twice]
    assert any_site.ids(person=twice) == events[::-1]
    assert is_problem(any_site.client.post(f"/v1/corrections/{made['id']}/undo"), 409, "already_undone")


def test_a_stranger_is_put_on_a_list_by_promoting_alone(any_site: Site) -> None:
    any_site.enrol("Bad Example", 1, list="blacklist")
    stranger = any_site.enrol("A stranger", ANOTHER_VIEW[0], list="stranger", override=True)
    own, change = f"/v1/people/{stranger}", {"list": "staff", "name": "Dana Example"}
    before = any_site.get(own)
    refused = any_site.client.patch(own, json=change)
    assert is_problem(refused, 409, "still_a_stranger")
    assert f"{own}/promote" in refused.get_json()["detail"]
    assert any_site.get(own) == before
    assert any_site.client.patch(own, json={"list": "stranger", "note": "x"}).status_code == 200
    assert is_problem(any_site.client.post(f"{own}/promote", json=change), 409, "look_alike")
    made = post(any_site, f"{own}/promote", override=True, **change)
    assert made["insisted"] == ["look_alike"]
    assert any_site.client.patch(own, json={"list": "vip"}).status_code == 200


def test_an_id_that_a_program_has_kept_says_who_it_is_by_now(any_site: Site) -> None:
    first, second, third = (
        any_site.enrol("Ann", 1),
        any_site.enrol("A.", 101, override=True),
        any_site.enrol("B.", 102, override=True),
    )
    post(any_site, f"/v1/people/{second}/merge", other=first)
    post(any_site, f"/v1/people/{third}/merge", other=second)
    shown = any_site.get(f"/v1/people/{first}")
    assert (shown["id"], shown["state"], shown["merged_into"], shown["faces"]) == (first, "merged", third, [])
    assert any_site.ids("/v1/people", state="merged") == [second, first]
    for answer in (
        any_site.client.patch(f"/v1/people/{first}", json={"note": "x"}),
        any_site.client.patch(f"/v1/people/{first}", json={"legal_hold": True}),
        any_site.client.delete(f"/v1/people/{first}"),
        any_site.client.delete(f"/v1/people/{first}?erase=true"),
        any_site.client.post(f"/v1/people/{first}/faces", json={"pictures": ["AAAA"]}),
        any_site.client.post(f"/v1/people/{first}/merge", json={"other": third}),
        any_site.client.post(f"/v1/people/{first}/promote", json={"list": "vip"}),
        any_site.client.post(f"/v1/people/{first}/ignore"),
    ):
        assert is_problem(answer, 409, "person_merged"), answer.get_data(as_text=True)
        assert f"person {third}" in answer.get_json()["detail"]


def test_people_who_look_unlike_are_merged_with_override_only(any_site: Site) -> None:
    ann, ben = any_site.enrol("Ann", 1), any_site.enrol("Ben", 2)
    refused = any_site.client.post(f"/v1/people/{ann}/merge", json={"other": ben})
    assert is_problem(refused, 409, "contradiction")
    (finding,) = refused.get_json()["pictures"][0]["findings"]
    assert finding["value"] > finding["limit"]
    made = post(any_site, f"/v1/people/{ann}/merge", other=ben, override=True)
    assert made["insisted"] == ["contradiction"]


def test_pictures_of_somebody_else_are_split_off(any_site: Site) -> None:
    ann = any_site.enrol("Ann", 1, 2, override=True)
    own, wrong = (each["id"] for each in any_site.get(f"/v1/people/{ann}")["faces"])
    made = post(any_site, f"/v1/people/{ann}/split", faces=[wrong], name="Ben", list="visitor")
    ben = made["other"]["id"]
    assert [each["id"] for each in any_site.get(f"/v1/people/{ben}")["faces"]] == [wrong]
    assert [each["id"] for each in any_site.get(f"/v1/people/{ann}")["faces"]] == [own]
    event = passed(any_site, 2)
    any_site.desk.work()
    assert any_site.get(f"/v1/events/{event}")["decision"]["person"] == {"id": ben, "name": "Ben", "list": "visitor"}
    undone = post(any_site, f"/v1/people/{ben}/undo")
    assert undone["id"] == made["id"]
    assert any_site.ids(person=ann) == [event]
    assert any_site.get(f"/v1/people/{ben}")["merged_into"] == ann


def test_strangers_are_corrected_under_their_own_address_too(site: Site) -> None:
    passed(site, 4, want_action="1001", identity_id="S1")
    site.desk.work()
    (stranger,) = site.ids("/v1/strangers")
    for what, more in (("promote", {"list": "staff", "name": "Dana"}), ("ignore", {})):
        assert post(site, f"/v1/strangers/{stranger}/{what}", **more)["kind"] == what
        assert site.ids("/v1/strangers") == []
        post(site, f"/v1/people/{stranger}/undo")
        assert site.ids("/v1/strangers") == [stranger]


def test_a_stranger_is_promoted_with_the_whole_history(any_site: Site) -> None:
    events = [passed(any_site, 4, number * 60_000, want_action="1001", identity_id="S1") for number in range(3)]
    any_site.desk.work()
    (stranger,) = any_site.ids("/v1/strangers")
    made = post(
        any_site, f"/v1/people/{stranger}/promote", list="staff", name="Dana", external_id="E7", groups=["night"]
    )
    assert made["person"] == {"id": stranger, "name": "Dana", "list": "staff", "state": "active"}
    assert any_site.ids("/v1/strangers") == []
    assert any_site.ids(person=stranger) == events[::-1]
    shown = any_site.get(f"/v1/people/{stranger}")
    assert {each["external_id"] for each in shown["identities"]} == {"S1", "E7"}
    assert shown["groups"] == ["night"]
    later = passed(any_site, 4, 600_000, identity_id="E7")
    any_site.desk.work()
    assert any_site.get(f"/v1/events/{later}")["list"] == "staff"
    post(any_site, f"/v1/corrections/{made['id']}/undo")
    assert any_site.ids("/v1/strangers") == [stranger]


def test_a_poster_is_ignored_for_ever(any_site: Site) -> None:
    passed(any_site, 4, want_action="1001", identity_id="S1")
    any_site.desk.work()
    (poster,) = any_site.ids("/v1/strangers")
    made = post(any_site, f"/v1/people/{poster}/ignore")
    assert any_site.ids("/v1/strangers") == any_site.ids("/v1/people") == []
    assert any_site.ids("/v1/people", state="ignored") == [poster]
    again = passed(any_site, 4, 60_000, want_action="1001", identity_id="S2")
    any_site.desk.work()
    event = any_site.get(f"/v1/events/{again}")
    assert event["decision"]["person"]["id"] == poster
    assert "ignored" in event["decision"]["reasons"]
    assert event["registration"] == {"outcome": "refused", "reason": "ignored"}
    assert is_problem(any_site.client.post(f"/v1/people/{poster}/ignore"), 409, "already_ignored")
    post(any_site, f"/v1/corrections/{made['id']}/undo")
    assert any_site.ids("/v1/strangers") == [poster]


def test_corrections_are_listed_in_pages_and_of_one_person(any_site: Site) -> None:
    first, second, third = (
        any_site.enrol("Ann", 1),
        any_site.enrol("A.", 101, override=True),
        any_site.enrol("B.", 102, override=True),
    )
    made = [
        post(any_site, f"/v1/people/{one}/merge", other=other)["id"]
        for one, other in ((second, first), (third, second))
    ]
    page = any_site.get("/v1/corrections", limit=1)
    assert [each["id"] for each in page["items"]] == made[1:]
    assert any_site.ids("/v1/corrections", cursor=page["next"]) == made[:1]
    assert any_site.ids("/v1/corrections", person=first) == made[:1]
    assert any_site.get(f"/v1/corrections/{made[0]}")["blocked_by"] == made[1]
    answer = any_site.client.post(f"/v1/corrections/{made[0]}/undo")
    assert is_problem(answer, 409, "later_correction")
    assert f"correction {made[1]}" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("path", "document", "status", "reason"),
    [
        ("/v1/people/999/merge", {"other": 1}, 404, "no_such_person"),
        ("/v1/people/1/merge", {"other": 999}, 404, "no_such_person"),
        ("/v1/people/1/merge", {"other": 1}, 422, "same_person"),
        ("/v1/people/1/merge", {}, 422, "invalid_arguments"),
        ("/v1/people/1/merge", {"other": 1.5}, 422, "invalid_arguments"),
        ("/v1/people/1/merge", {"other": 2**63}, 422, "invalid_arguments"),
        ("/v1/people/1/merge", {"other": 2, "list": "stranger"}, 422, "invalid_arguments"),
        ("/v1/people/1/split", {}, 422, "nothing_chosen"),
        ("/v1/people/1/split", {"faces": [999]}, 422, "not_the_persons"),
        ("/v1/people/1/split", {"events": [999]}, 422, "not_the_persons"),
        ("/v1/people/1/split", {"faces": list(range(1, 502))}, 422, "invalid_arguments"),
        ("/v1/people/1/split", {"faces": [1], "to": 2, "name": "x"}, 422, "invalid_arguments"),
        ("/v1/people/1/split", {"faces": [1], "to": 1}, 422, "same_person"),
        ("/v1/people/1/promote", {"list": "vip"}, 409, "not_a_stranger"),
        ("/v1/people/1/promote", {"list": "stranger"}, 422, "invalid_arguments"),
        ("/v1/people/1/promote", {}, 422, "invalid_arguments"),
        ("/v1/people/1/ignore", {}, 409, "not_a_stranger"),
        ("/v1/people/1/ignore", {"x": 1}, 422, "invalid_arguments"),
        ("/v1/people/1/undo", {}, 404, "nothing_to_undo"),
        ("/v1/people/999/undo", {}, 404, "no_such_person"),
        ("/v1/corrections/999/undo", {}, 404, "no_such_correction"),
    ],
)
def test_what_makes_no_sense_is_told(site: Site, path: str, document: dict[str, Any], status: int, reason: str) -> None:
    assert site.enrol("Ann", 1) == 1
    answer = site.client.post(path, json=document)
    assert is_problem(answer, status, reason), answer.get_data(as_text=True)


def test_where_nothing_was_corrected_nothing_is_listed(any_site: Site) -> None:
    assert any_site.client.get("/v1/corrections/999").status_code == 404
    assert any_site.get("/v1/corrections") == {"items": [], "next": None}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of these tests are one."""
    monkeypatch.setattr(erasing_pictures, "SETTLED", erasing_pictures.SETTLED * 0)
    monkeypatch.setattr(pictures, "FOLLOW_SECONDS", 0)


def test_whoever_is_erased_takes_along_who_was_merged(any_site: Site, tmp_path: Path, at_once: None) -> None:
    needles = ("Quilliam Erasable", "Quirin Second", "QX-778", "a limp to the left")
    stranger = passed(any_site, 3, want_action="1001", identity_id="S1")
    any_site.desk.work()
    (first,) = any_site.ids("/v1/strangers")
    post(any_site, f"/v1/people/{first}/promote", list="staff", name=needles[0], external_id=needles[2])
    any_site.engine.prepare(103, [sighting(face_of(3))])
    second = any_site.enrol(needles[1], 103, override=True, note=needles[3])
    post(any_site, f"/v1/people/{second}/merge", other=first)
    with zipfile.ZipFile(io.BytesIO(any_site.client.get(f"/v1/people/{second}/export").data)) as archive:
        told = json.loads(archive.read("person.json"))
    assert [each["kind"] for each in told["corrections"]] == ["promote", "merge"]
    assert [each["name"] for each in told["merged"]] == [needles[0]]
    answer = any_site.client.delete(f"/v1/people/{second}", query_string={"erase": "true"})
    assert answer.status_code == 202
    assert any_site.client.get(f"/v1/people/{first}").status_code == 404
    begun = answer.get_json()
    assert len(begun["also"]) == 1
    for each in (*begun["also"], begun["id"]):
        make_erasing(any_site.store, tmp_path).run(each, without_rest())
    assert columns_with(any_site.store, [each.encode() for each in needles]) == set()
    assert any_site.get(f"/v1/events/{stranger}")["decision"]["person"] is None
    shown = any_site.get("/v1/corrections")["items"]
    assert [each["person"]["name"] for each in shown] == [None, None]
    assert is_problem(any_site.client.post(f"/v1/corrections/{shown[0]['id']}/undo"), 409, "person_gone")


def test_whoever_is_erased_in_the_middle_of_a_large_merge_is_gone_whole(
    any_site: Site, tmp_path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_moves, "STEP", 1)
    name = "Quilliam Erasable"
    ann, twice = any_site.enrol("Ann", 1), any_site.enrol("A.", ANOTHER_VIEW[0], override=True)
    events = [passed(any_site, ANOTHER_VIEW[0], number, identity_name=name) for number in range(3)]
    any_site.desk.work()
    made = post(any_site, f"/v1/people/{ann}/merge", other=twice)
    assert made["is_moving"]
    assert any_site.ids(person=twice) == events[:0:-1]
    path, erase = f"/v1/events/{events[2]}", {"erase": "true"}
    assert any_site.client.patch(path, json={"legal_hold": True}).status_code == 200
    assert is_problem(any_site.client.delete(f"/v1/people/{ann}", query_string=erase), 409, "legal_hold")
    assert any_site.client.patch(path, json={"legal_hold": False}).status_code == 200
    begun = any_site.client.delete(f"/v1/people/{ann}", query_string=erase).get_json()
    assert any_site.ids() == []
    EventMoves(any_site.store).run(made["id"], without_rest())
    for each in (*begun["also"], begun["id"]):
        make_erasing(any_site.store, tmp_path).run(each, without_rest())
    assert columns_with(any_site.store, [name.encode()]) == set()
    assert [any_site.get(f"/v1/events/{each}")["decision"]["person"] for each in events] == [None] * 3


def test_a_backup_from_before_the_merge_brings_nobody_back(tmp_path: Path, at_once: None) -> None:
    with open_site(tmp_path / "old") as site:
        ann, twice = site.enrol("Ann", 1), site.enrol("A.", ANOTHER_VIEW[0], override=True)
        other = site.enrol("Somebody Else", 5)
        (tmp_path / "new").mkdir()
        for name in (MAIN_FILE, PICTURES_FILE):
            with (
                closing(sqlite3.connect(tmp_path / "old" / name)) as source,
                closing(sqlite3.connect(tmp_path / "new" / name)) as copy,
            ):
                source.backup(copy)
        post(site, f"/v1/people/{ann}/merge", other=twice)
        begun = site.client.delete(f"/v1/people/{ann}", query_string={"erase": "true"}).get_json()
        for each in (*begun["also"], begun["id"]):
            make_erasing(site.store, tmp_path / "old").run(each, without_rest())
    shutil.copy(tmp_path / "old" / "erased.jsonl", tmp_path / "new")
    with open_site(tmp_path / "new") as site:
        assert site.ids("/v1/people") == [other]


def test_nobody_is_given_what_a_correction_keeps_of_somebody_else(site: Site) -> None:
    ann = site.enrol("Ann", 1, note="a limp to the left")
    twice = site.enrol("A. Example", ANOTHER_VIEW[0], override=True, note="collects stamps")
    made = post(site, f"/v1/people/{ann}/merge", other=twice)
    post(site, f"/v1/corrections/{made['id']}/undo")
    for person, theirs in ((ann, "stamps"), (twice, "limp")):
        with zipfile.ZipFile(io.BytesIO(site.client.get(f"/v1/people/{person}/export").data)) as archive:
            text = archive.read("person.json").decode()
        assert theirs not in text
        (told,) = json.loads(text)["corrections"]
        assert (told["kind"], told["before"]) == ("merge", None)
