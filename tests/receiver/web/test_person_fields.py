"""What is known of a person beside the name, over HTTP: ids with scopes, groups, validity, own fields, set aside."""

import io
import json
from typing import Any

import pytest

from tests.receiver.boxes import jpeg, text_of
from tests.receiver.web.site import Site, is_problem

NORTH, SOUTH = "north-box", "south-box"


def told(site: Site, number: int, face: int | None, box: str, identity: str = "E1") -> dict[str, Any]:
    """An event of a box, as it was decided."""
    event = site.told(number, face, box=box, identity_id=identity)
    site.desk.work()
    found: dict[str, Any] = site.get(f"/v1/events/{event}")
    return found


def boxes(site: Site) -> dict[str, int]:
    return {each["licence"]: each["id"] for each in site.get("/v1/devices")["items"]}


def change(site: Site, person: int, **values: Any) -> dict[str, Any]:
    answer = site.client.patch(f"/v1/people/{person}", json=values)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def test_everything_that_was_said_is_shown(any_site: Site) -> None:
    said = {
        "groups": ["night shift", "press"], "valid_from": "2026-01-01T00:00:00+00:00", "fields": {"badge": "7", "age": 30, "x": None},
        "valid_until": "2030-01-01T00:00:00+00:00", "state": "set_aside", "note": "n",
    }  # fmt: skip
    person = any_site.enrol("Ann Example", **said)
    found = any_site.get(f"/v1/people/{person}")
    assert {name: found[name] for name in said} == said
    assert found["is_in_force"] is False
    assert any_site.ids("/v1/people", group="press") == any_site.ids("/v1/people", state="set_aside") == [person]
    assert any_site.ids("/v1/people", group="day shift") == any_site.ids("/v1/people", state="active") == []
    changed = change(any_site, person, groups=["press"], valid_until=None, fields={}, state="active")
    assert (changed["groups"], changed["valid_until"], changed["fields"]) == (["press"], None, {})
    assert (changed["is_in_force"], changed["note"]) == (True, "n")


def test_a_time_without_a_zone_is_one_of_the_site(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", valid_from="2026-01-01T02:00:00")
    assert any_site.get(f"/v1/people/{person}")["valid_from"] == "2026-01-01T00:00:00+00:00"


def test_a_form_carries_lists_as_json(site: Site) -> None:
    fields = {"name": "Ann", "groups": json.dumps(["a"]), "fields": json.dumps({"b": 1}), "override": "true"}
    data: dict[str, Any] = {**fields, "pictures": (io.BytesIO(jpeg(1)), "1.jpg")}
    found = site.client.post("/v1/people", data=data, content_type="multipart/form-data").get_json()
    assert (found["groups"], found["fields"], len(found["faces"])) == (["a"], {"b": 1}, 1)
    broken = site.client.post("/v1/people", data={"name": "x", "groups": "[a"}, content_type="multipart/form-data")
    assert is_problem(broken, 422, "invalid_arguments")


def test_one_id_is_another_person_at_another_device(any_site: Site) -> None:
    told(any_site, 1, None, NORTH)
    told(any_site, 2, None, SOUTH)
    ids = boxes(any_site)
    anybody = any_site.enrol("Any", 1, external_id="E1")
    north = any_site.enrol("North", 2, identities=[{"external_id": "E1", "device": ids[NORTH]}])
    assert any_site.get(f"/v1/people/{north}")["identities"] == [
        {"external_id": "E1", "device": ids[NORTH], "device_group": None}
    ]
    confirmed = told(any_site, 3, 2, NORTH)["decision"]
    assert (confirmed["person"]["id"], "claim_confirmed" in confirmed["reasons"]) == (north, True)
    confirmed = told(any_site, 4, 1, SOUTH)["decision"]
    assert (confirmed["person"]["id"], "claim_confirmed" in confirmed["reasons"]) == (anybody, True)


def test_an_id_of_a_group_holds_for_its_devices(any_site: Site) -> None:
    told(any_site, 1, None, NORTH)
    told(any_site, 2, None, SOUTH)
    ids = boxes(any_site)
    person = any_site.enrol("Ann", 1, identities=[{"external_id": "E1", "device_group": "factory"}])
    assert "claim_confirmed" not in told(any_site, 3, 1, NORTH)["decision"]["reasons"]
    changed = any_site.client.patch(f"/v1/devices/{ids[NORTH]}", json={"group": "factory"})
    assert (changed.status_code, changed.get_json()["group"]) == (200, "factory")
    inside = told(any_site, 4, 1, NORTH)["decision"]
    assert (inside["person"]["id"], "claim_confirmed" in inside["reasons"]) == (person, True)
    assert "claim_confirmed" not in told(any_site, 5, 1, SOUTH)["decision"]["reasons"]
    assert is_problem(any_site.client.patch("/v1/devices/77", json={"group": "x"}), 404, "no_such_device")


def test_several_ids_are_taken_in_place_of_those_before(site: Site) -> None:
    person = site.enrol("Ann", external_id="E1")
    found = change(site, person, identities=[{"external_id": "E2"}, {"external_id": "E3", "device_group": "g"}])
    assert [each["external_id"] for each in found["identities"]] == ["E2", "E3"]
    # The plain one speaks of no scope, and leaves the others.
    found = change(site, person, external_id="E4")
    assert sorted(each["external_id"] for each in found["identities"]) == ["E3", "E4"]
    other = site.client.post(
        "/v1/people", json={"name": "B", "identities": [{"external_id": "E3", "device_group": "g"}]}
    )
    assert is_problem(other, 409, "external_id_taken")
    assert site.enrol("C", identities=[{"external_id": "E3"}])


@pytest.mark.parametrize(
    "values",
    [
        {"identities": [{"external_id": "E1", "device": 1, "device_group": "g"}]}, {"identities": [{"external_id": ""}]},
        {"identities": [{"external_id": "E"}, {"external_id": "E"}]}, {"groups": [""]}, {"groups": ["x" * 65]},
        {"fields": []}, {"fields": {"": 1}}, {"fields": {"a": {}}}, {"fields": {"a": "x" * 1001}}, {"fields": {"a": 2**60}},
        {"fields": {str(each): 1 for each in range(51)}}, {"fields": {"a": "\x00"}}, {"state": "gone"}, {"valid_from": "soon"},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(site: Site, values: dict[str, Any]) -> None:
    assert is_problem(site.client.post("/v1/people", json={"name": "x", **values}), 422, "invalid_arguments")


def test_a_device_that_nobody_knows_and_a_time_that_never_comes_are_told(site: Site) -> None:
    unknown = {"name": "x", "identities": [{"external_id": "E1", "device": 77}]}
    assert is_problem(site.client.post("/v1/people", json=unknown), 422, "no_such_device")
    never = {"valid_from": "2026-02-01T00:00:00Z", "valid_until": "2026-02-01T00:00:00Z"}
    assert is_problem(site.client.post("/v1/people", json={"name": "x", **never}), 422, "ends_before_it_begins")
    person = site.enrol("x", valid_from="2026-02-01T00:00:00Z")
    late = site.client.patch(f"/v1/people/{person}", json={"valid_until": "2026-01-01T00:00:00Z"})
    assert is_problem(late, 422, "ends_before_it_begins")
    assert site.get(f"/v1/people/{person}")["valid_until"] is None


@pytest.mark.parametrize(
    ("values", "word"),
    [({"state": "set_aside"}, "set_aside"), ({"valid_until": "2020-01-01T00:00:00Z"}, "not_valid_now")],
)
def test_whoever_may_not_come_in_is_named_and_it_is_said(any_site: Site, values: dict[str, Any], word: str) -> None:
    person = any_site.enrol("Ann Example", 1, **values)
    decision = told(any_site, 1, 1, NORTH)["decision"]
    assert (decision["status"], decision["person"]["id"]) == ("matched", person)
    assert decision["reasons"][-1] == word
    (face,) = any_site.client.post("/v1/search", json={"picture": text_of(1)}).get_json()["faces"]
    assert face["decision"]["reasons"][-1] == word
    verified = any_site.client.post("/v1/verify", json={"picture": text_of(1), "person": person}).get_json()["decision"]
    assert (verified["status"], verified["reasons"][-1]) == ("matched", word)


def test_validity_is_that_of_the_passage_not_of_today(site: Site) -> None:
    # The box's event is of November 2023, whenever it comes.
    site.enrol("Ann Example", 1, valid_until="2024-01-01T00:00:00Z")
    assert "not_valid_now" not in told(site, 1, 1, NORTH)["decision"]["reasons"]


def test_a_ban_that_is_over_calls_nobody(site: Site) -> None:
    person = site.enrol("Banned", 1, list="blacklist")
    assert told(site, 1, 1, NORTH)["blacklist"] == {"is_hit": True, "said_by": ["face"]}
    change(site, person, valid_until="2020-01-01T00:00:00Z")
    after = told(site, 60_002, 1, NORTH)
    assert after["blacklist"] == {"is_hit": False, "said_by": []}
    assert (after["decision"]["person"]["id"], after["decision"]["reasons"][-1]) == (person, "not_valid_now")
