"""A limited account: what is out of its sight is answered, byte by byte, as what does not exist."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from receiver.domain.accounts import Limits, Role
from tests.receiver.boxes import text_of
from tests.receiver.web.logins import client_of
from tests.receiver.web.site import Site, is_problem, open_site

ONE_GATE, OTHER_GATE = "SNO__10.0.0.21", "SNO__10.0.0.22"
MISSING = 987_654


@dataclass(frozen=True)
class Town:
    """People and events on both sides of the limits."""

    site: Site
    visitor: int
    hidden: int
    seen_event: int
    hidden_event: int

    def limited(self, role: Role = Role.GUARD, **limits: Any) -> FlaskClient:
        return client_of(self.site.app, role, Limits(**{name: frozenset(values) for name, values in limits.items()}))

    def event(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.site.get(f"/v1/events/{number}")
        return found

    def gate(self, event: int) -> int:
        return int(self.event(event)["gate"]["id"])


@pytest.fixture
def town(tmp_path: Path, database_url: str) -> Iterator[Town]:
    with open_site(tmp_path, database_url) as site:
        visitor = site.enrol("Visible Visitor", 1, list="visitor", groups=["press"], external_id="V1")
        hidden = site.enrol("Hidden Staff", 2, list="staff", groups=["office"], external_id="S1")
        seen = site.told(1, face=1, identity_id="V1", identity_name="Visible Visitor", ext_data=at(ONE_GATE, 2))
        site.desk.work()
        unseen = site.told(2, face=2, identity_id="S1", identity_name="Hidden Staff", ext_data=at(OTHER_GATE, 1))
        site.desk.work()
        yield Town(site, visitor, hidden, seen, unseen)


def at(gate: str, person_type: int) -> dict[str, Any]:
    return {"ep_id": gate, "person_type": person_type}


def same(client: FlaskClient, hidden: str, missing: str, method: str = "GET", **more: Any) -> None:
    """Whether both are answered alike but for the number that was asked for."""
    answers = [client.open(path, method=method, **more) for path in (hidden, missing)]
    numbers = [path.split("?")[0].split("/")[3] for path in (hidden, missing)]
    bodies = [each.get_data(as_text=True).replace(number, "N") for each, number in zip(answers, numbers, strict=True)]
    assert answers[0].status_code in {403, 404}
    assert answers[0].status_code == answers[1].status_code
    assert bodies[0] == bodies[1]
    heads = [{name: value for name, value in each.headers.items() if name != "Content-Length"} for each in answers]
    assert heads[0] == heads[1]


LIMITS = [{"lists": {"visitor"}}, {"groups": {"press"}}, {"lists": {"visitor"}, "groups": {"press"}}]


def test_the_town_is_as_it_is_told(town: Town) -> None:
    assert town.event(town.seen_event)["decision"]["person"]["id"] == town.visitor
    assert town.event(town.hidden_event)["decision"]["person"]["id"] == town.hidden
    assert town.gate(town.seen_event) != town.gate(town.hidden_event)


@pytest.mark.parametrize("limits", LIMITS)
def test_people_out_of_sight_are_not_there(town: Town, limits: dict[str, Any]) -> None:
    client = town.limited(**limits)
    assert [each["id"] for each in client.get("/v1/people").get_json()["items"]] == [town.visitor]
    assert client.get(f"/v1/people/{town.visitor}").get_json()["name"] == "Visible Visitor"
    for path in ("/v1/people/{}", "/v1/people/{}/faces"):
        same(client, path.format(town.hidden), path.format(MISSING))
    for question in ("?q=Hidden", "?q=S1", "?list=staff", "?group=office"):
        assert client.get(f"/v1/people{question}").get_json()["items"] == []


@pytest.mark.parametrize("limits", LIMITS)
def test_their_faces_and_pictures_are_not_there(town: Town, limits: dict[str, Any]) -> None:
    client = town.limited(**limits)
    (own,) = town.site.get(f"/v1/people/{town.visitor}/faces")["items"]
    (other,) = town.site.get(f"/v1/people/{town.hidden}/faces")["items"]
    assert client.get(f"/v1/faces/{own['id']}").status_code == 200
    same(client, f"/v1/faces/{other['id']}", f"/v1/faces/{MISSING}")
    assert client.get(own["picture"]["url"]).status_code == 200
    for width in ("", "?width=64"):
        same(client, other["picture"]["url"] + width, f"/v1/pictures/{'0' * 64}{width}")
    # Also for who has had it before and asks whether it is still the same.
    etag = town.site.client.get(other["picture"]["url"]).headers["ETag"]
    same(client, other["picture"]["url"], f"/v1/pictures/{'0' * 64}", headers={"If-None-Match": etag})


@pytest.mark.parametrize("limits", [*LIMITS, {"gates": {"own"}}])
def test_events_out_of_sight_are_not_there(town: Town, limits: dict[str, Any]) -> None:
    gates = {"gates": {town.gate(town.seen_event)}} if "gates" in limits else limits
    client = town.limited(**gates)
    assert [each["id"] for each in client.get("/v1/events").get_json()["items"]] == [town.seen_event]
    assert client.get(f"/v1/events/{town.seen_event}").status_code == 200
    for path in ("/v1/events/{}", "/v1/events/{}/messages"):
        same(client, path.format(town.hidden_event), path.format(MISSING))
    for question in (f"?person={town.hidden}", "?q=Hidden", "?q=S1", "?list=staff", f"?device={OTHER_GATE}"):
        assert client.get(f"/v1/events{question}").get_json()["items"] == []
    picture = town.event(town.hidden_event)["pictures"]["face"]["url"]
    if "gates" not in limits:
        same(client, picture, f"/v1/pictures/{'0' * 64}")


def test_an_event_follows_its_person_out_of_sight(town: Town) -> None:
    client = town.limited(lists={"visitor"})
    assert client.get(f"/v1/events/{town.seen_event}").status_code == 200
    assert town.site.client.patch(f"/v1/people/{town.visitor}", json={"list": "vip"}).status_code == 200
    same(client, f"/v1/events/{town.seen_event}", f"/v1/events/{MISSING}")
    assert client.get("/v1/events").get_json()["items"] == []


def test_of_an_event_without_a_person_nothing_is_told_of_who_was_near(town: Town) -> None:
    event = town.site.told(3, face=9, identity_id="", identity_name="", ext_data=at(ONE_GATE, 4))
    town.site.desk.work()
    shown = town.limited(lists={"stranger"}).get(f"/v1/events/{event}").get_json()
    assert town.event(event)["decision"]["status"] == "unknown"
    assert (shown["id"], shown["decision"]) == (event, None)


@pytest.mark.parametrize("limits", LIMITS)
def test_visits_of_people_out_of_sight_are_not_there(town: Town, limits: dict[str, Any]) -> None:
    client = town.limited(**limits)
    (visit,) = client.get(f"/v1/people/{town.visitor}/visits").get_json()["items"]
    assert (visit["events"], visit["picture"]["event"]) == (1, town.seen_event)
    same(client, f"/v1/people/{town.hidden}/visits", f"/v1/people/{MISSING}/visits")


def test_a_timeline_shows_the_gates_in_sight(town: Town) -> None:
    client = town.limited(gates={town.gate(town.seen_event)})
    (visit,) = client.get(f"/v1/people/{town.visitor}/visits").get_json()["items"]
    assert [each["gate"]["id"] for each in visit["places"]] == [town.gate(town.seen_event)]
    assert client.get(f"/v1/people/{town.hidden}/visits").get_json() == {"items": [], "next": None}


def test_strangers_are_listed_within_the_limits(town: Town) -> None:
    stranger = town.site.enrol("Somebody", 5, list="stranger")
    town.site.enrol("Somebody else", 6, list="stranger", groups=["press"])
    for order in ("last_seen", "visits"):
        path = f"/v1/strangers?order={order}"
        assert len(town.limited(lists={"stranger"}).get(path).get_json()["items"]) == 2
        assert len(town.limited(groups={"press"}).get(path).get_json()["items"]) == 1
        assert town.limited(lists={"visitor"}).get(path).get_json()["items"] == []
    same(town.limited(lists={"visitor"}), f"/v1/strangers/{stranger}", f"/v1/strangers/{MISSING}")
    assert town.limited(lists={"stranger"}).get(f"/v1/strangers/{stranger}").status_code == 200


def test_a_stranger_was_seen_when_the_gates_in_sight_saw_the_stranger(town: Town) -> None:
    stranger = town.site.enrol("Somebody", 5, list="stranger")
    event = town.site.told(5, face=5, identity_id="", identity_name="", ext_data=at(OTHER_GATE, 4))
    town.site.desk.work()
    (shown,) = town.limited(gates={town.gate(event)}).get("/v1/strangers?from=2020-01-01T00:00:00Z").get_json()["items"]
    assert (shown["id"], shown["visits"]) == (stranger, 1)
    other = town.limited(gates={town.gate(town.seen_event)})
    assert other.get("/v1/strangers?from=2020-01-01T00:00:00Z").get_json()["items"] == []
    (shown,) = other.get("/v1/strangers").get_json()["items"]
    assert (shown["id"], shown["visits"], shown["last_seen"]) == (stranger, 0, None)


def test_how_often_somebody_was_seen_counts_the_gates_in_sight(town: Town) -> None:
    client = town.limited(gates={town.gate(town.seen_event)})
    shown = {each["id"]: (each["visits"], each["last_seen"]) for each in client.get("/v1/people").get_json()["items"]}
    assert shown[town.visitor][0] == 1
    assert shown[town.hidden] == (0, None)


def test_devices_are_shown_with_the_gates_in_sight(town: Town) -> None:
    gate = town.gate(town.seen_event)
    devices = town.limited(gates={gate}).get("/v1/devices").get_json()["items"]
    assert [[each["id"] for each in device["gates"]] for device in devices] == [[gate]]
    assert town.limited(gates={MISSING}).get("/v1/devices").get_json()["items"] == []
    assert len(town.site.get("/v1/devices")["items"][0]["gates"]) == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/v1/people/{}"), ("DELETE", "/v1/people/{}"), ("POST", "/v1/people/{}/faces"), ("GET", "/v1/people/{}/export"),
        ("DELETE", "/v1/people/{}?erase=true"), ("PATCH", "/v1/faces/{}"), ("DELETE", "/v1/faces/{}"), ("GET", "/v1/erasures/{}"),
        ("GET", "/v1/imports/{}"), ("PATCH", "/v1/events/{}"), ("PATCH", "/v1/devices/{}"),
    ],
)  # fmt: skip
def test_what_a_limited_account_may_not_do_is_refused_alike(town: Town, method: str, path: str) -> None:
    """Also for who is there and in sight: nothing is looked up before the answer."""
    client = town.limited(Role.REGISTRAR, lists={"visitor"})
    same(client, path.format(town.hidden), path.format(MISSING), method)
    same(client, path.format(town.visitor), path.format(MISSING), method)
    assert town.site.get(f"/v1/people/{town.hidden}")["name"] == "Hidden Staff"


@pytest.mark.parametrize("path", ["/v1/search", "/v1/verify", "/v1/people", "/v1/imports"])
def test_what_compares_with_everybody_is_closed_to_a_limited_account(town: Town, path: str) -> None:
    """Its answer would tell who is there, whatever is left out of it."""
    assert is_problem(town.limited(Role.REGISTRAR, lists={"visitor"}).post(path), 403, "limited_account")


def test_limits_hold_for_keys_too(town: Town) -> None:
    client = town.limited(lists={"visitor"})
    key = client.post("/v1/keys", json={"name": "k", "scopes": ["*"]}).get_json()["key"]
    by_key = town.site.app.test_client()
    by_key.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    assert [each["id"] for each in by_key.get("/v1/people").get_json()["items"]] == [town.visitor]
    same(by_key, f"/v1/people/{town.hidden}", f"/v1/people/{MISSING}")


@pytest.mark.parametrize("limits", LIMITS)
def test_whom_the_device_took_somebody_for_is_not_told(town: Town, limits: dict[str, Any]) -> None:
    """The face is the visitor's, and the device says that it is somebody out of sight."""
    said = {"identity_id": "S1", "identity_name": "Hidden Staff", "group_name": "office", "reg_pic": text_of(2)}
    event = town.site.told(7, face=1, **said, ext_data=at(ONE_GATE, 2) | {"identity_info": {"name": "Hidden Staff"}})
    town.site.desk.work()
    whole = town.event(event)
    assert whole["decision"]["person"]["id"] == town.visitor
    assert "Hidden Staff" in str(whole)
    client = town.limited(**limits)
    for shown in (client.get(f"/v1/events/{event}").get_json(), client.get("/v1/events").get_json()["items"][0]):
        assert shown["id"] == event
        assert shown["decision"]["person"]["id"] == town.visitor
        assert not [word for word in ("Hidden", "S1", "office") if word in str(shown)]
        assert (shown["second_opinion"], shown["review"], shown["registration"]) == (None, None, None)
        assert (shown["decision"]["margin"], shown["decision"]["cohort"]) == (None, None)
        assert set(shown["pictures"]) <= {"face", "scene"}
    assert is_problem(client.get(f"/v1/events/{event}/messages"), 403, "limited_account")
    for question in ("?q=Hidden", "?q=S1", "?second_opinion=disagrees"):
        assert event not in [each["id"] for each in client.get(f"/v1/events{question}").get_json()["items"]]
    assert event in [each["id"] for each in client.get("/v1/events?q=Visible").get_json()["items"]]
