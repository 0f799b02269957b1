"""GET /v1/events and what belongs to an event: filters, paging, messages, blacklist hits."""

from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.services.intake.recording import Sender
from tests.receiver.boxes import HISTORY, LICENCE, TIME, history, text_of
from tests.receiver.web.site import Site, is_problem

# TIME as a clock shows it.
NOON = datetime.fromtimestamp(TIME / 1000, UTC)


def test_events_are_listed_newest_first_with_what_was_reported(any_site: Site) -> None:
    first, second = any_site.told(0), any_site.told(-5000)
    page = any_site.get("/v1/events")
    assert [each["id"] for each in page["items"]] == [second, first]
    assert page["next"] is None
    event = page["items"][1]
    assert event["occurred_at"] == "2023-11-14T22:13:20+00:00"
    assert event["reported"]["identity_id"] == "E1007"
    assert event["reported"]["score"] == 0.81
    assert (event["recognition"], event["decision"]) == ("pending", None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"list": "visitor"}, ["visitor"]),
        ({"list": "blacklist"}, ["black"]),
        ({"list": "vip"}, []),
        ({"want_action": "1001"}, ["new"]),
        ({"want_action": "0"}, ["black", "visitor"]),
        ({"q": "VISIT"}, ["visitor"]),
        ({"q": "%"}, []),
        ({"q": "_"}, []),
        ({"list": "visitor", "want_action": "1001"}, []),
    ],
)
def test_events_are_found_by_what_was_reported(any_site: Site, query: dict[str, str], expected: list[str]) -> None:
    ids = {
        any_site.told(1, identity_name="a visitor", ext_data={"person_type": 2}): "visitor",
        any_site.told(2, identity_id="id of black", ext_data={"person_type": 3}): "black",
        any_site.told(3, identity_id="", identity_name="", want_action="1001", ext_data={"person_type": 4}): "new",
    }
    assert [ids[each] for each in any_site.ids(**query)] == expected


def test_events_are_found_by_decision_person_and_decided_list(any_site: Site) -> None:
    person = any_site.enrol("Known Person", 1, list="vip")
    known, unknown, faceless = any_site.told(1, 1), any_site.told(2, 2), any_site.told(3)
    any_site.desk.work()
    assert any_site.ids(decision="matched") == any_site.ids(person=person) == any_site.ids(list="vip") == [known]
    assert any_site.ids(q="known person") == [known]
    assert any_site.ids(decision="unknown") == [unknown]
    assert any_site.ids(decision="no_face") == [faceless]
    assert any_site.ids(decision="ambiguous") == any_site.ids(person=person + 1) == []
    decision = any_site.get(f"/v1/events/{known}")["decision"]
    assert decision["person"] == {"id": person, "name": "Known Person", "list": "vip"}
    assert decision["distance"] <= decision["threshold"]


def test_events_are_found_by_device_in_each_of_its_names(any_site: Site) -> None:
    other = any_site.told(1, ext_data={"dev_sno": "OTHERBOX", "ep_id": "OTHERBOX__10.0.0.77", "device_ip": "10.0.0.77"})
    mine = any_site.told(2)
    devices = {each["licence"]: each for each in any_site.get("/v1/devices")["items"]}
    assert set(devices) == {LICENCE, "OTHERBOX"}
    device = devices["OTHERBOX"]
    for name in (device["id"], device["key"], "OTHERBOX", "10.0.0.77"):
        assert any_site.ids(device=name) == [other], name
    # Both boxes speak from one address here.
    assert any_site.ids(device=HISTORY.peer) == [mine, other]
    assert any_site.ids(device="nobody") == any_site.ids(device="9" * 30) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("from=2023-11-14T22:13:20Z", [60, 0]),
        ("from=2023-11-14T22:13:21Z", [60]),
        ("to=2023-11-14T22:13:20Z", [0, -60]),
        ("from=2023-11-14T22:13:00Z&to=2023-11-14T22:14:00Z", [0]),
        ("from=2023-11-15T00:13:20%2B02:00", [60, 0]),
        ("from=2023-11-15T00:13:20+02:00", [60, 0]),
        ("from=2023-11-14T20:13:20-02:00", [60, 0]),
        ("from=2023-11-15T00:13:20", [60, 0]),
        ("from=2023-11-15T00:13:20.5", [60]),
        ("to=2023-11-14T22:13:20", []),
    ],
)
def test_events_are_found_by_when_they_happened(any_site: Site, query: str, expected: list[int]) -> None:
    """A time without a zone is one of the site; a plus that came unescaped is meant as a plus."""
    ids = {any_site.told(seconds * 1000): seconds for seconds in (-60, 0, 60)}
    answer = any_site.client.get(f"/v1/events?{query}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert [ids[each["id"]] for each in answer.get_json()["items"]] == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_paging_repeats_and_skips_nothing_while_new_events_arrive(any_site: Site, limit: int) -> None:
    there = [any_site.told(number) for number in range(7)]
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = any_site.get("/v1/events", limit=limit, **cursor)
        assert len(page["items"]) <= limit
        seen += [each["id"] for each in page["items"]]
        any_site.told(1000 + len(seen))
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == there[::-1]


def test_paging_keeps_to_the_filter(any_site: Site) -> None:
    wanted = [any_site.told(number, identity_name="odd" if number % 2 else "even") for number in range(8)][1::2]
    first = any_site.get("/v1/events", q="odd", limit=3)
    second = any_site.get("/v1/events", q="odd", limit=3, cursor=first["next"])
    assert [each["id"] for each in first["items"] + second["items"]] == wanted[::-1]
    assert second["next"] is None


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=501", "limit=abc", "limit=", "limit=1.5", "limit=-1", "cursor=x", "cursor=-1", f"cursor={2**70}",
        "list=nobody", "decision=maybe", "want_action=7", "person=0", "person=x", f"person={2**64}", "from=yesterday",
        "to=2023-13-01T00:00:00Z", "q=%00", "device=%00", "limt=5", "q=" + "x" * 201,
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/events", "/v1/blacklist/hits"])
def test_a_question_that_does_not_fit_is_told_what_does_not(site: Site, path: str, query: str) -> None:
    answer = site.client.get(f"{path}?{query}")
    assert is_problem(answer, 422, "invalid_arguments")
    assert query.partition("=")[0] in str(answer.get_json()["errors"])


def test_the_limit_may_be_500(site: Site) -> None:
    site.told()
    assert len(site.get("/v1/events", limit=500)["items"]) == 1


def test_one_event_has_everything_that_was_seen_on_its_pictures(site: Site) -> None:
    event_id = site.told(1, 3, reg_pic=text_of(9), ext_data={"info": {"age": 30, "feature": [0.5] * 8}})
    site.desk.work()
    event = site.get(f"/v1/events/{event_id}")
    assert set(event["pictures"]) == {"face", "library"}
    # The device's own picture is read too, for the second opinion; the event is not decided on it.
    assert [(each["kind"], each["is_live"]) for each in event["sightings"]] == [("face", True), ("library", False)]
    assert event["sightings"][0]["picture"]["digest"] == event["pictures"]["face"]["digest"]
    assert event["sightings"][0]["box"] == [1, 2, 101, 102]
    assert event["recognition"] == "done"


def test_an_event_that_is_not_there_is_told_so(site: Site) -> None:
    for path in ("/v1/events/1", "/v1/events/1/messages", f"/v1/events/{2**63 - 1}"):
        assert is_problem(site.client.get(path), 404, "no_such_event")
    assert is_problem(site.client.get("/v1/events/x"), 404, "not_found")


def test_an_id_that_no_database_can_hold_is_not_there(site: Site) -> None:
    for path in ("events/{}", "events/{}/messages", "people/{}", "quarantine/{}/raw"):
        answer = site.client.get("/v1/" + path.format(10**30))
        assert answer.status_code == 404, path
        assert answer.content_type == "application/problem+json"


def test_messages_come_back_as_equal_json(site: Site) -> None:
    sent: dict[str, Any] = history(
        5, reg_pic="data:image/jpeg;base64," + text_of(1), odd=[None, 1.5, 2**60], ext_data={"spot_pic": text_of(2)}
    )
    (recorded,) = site.services.intake.record([sent], Sender("10.0.0.9", "/HistoryEvent", HISTORY.channel))
    (original,) = site.get(f"/v1/events/{recorded.event_id}/messages")["items"]
    assert original["message"] == sent
    assert (original["channel"], original["peer"], original["path"]) == ("history", "10.0.0.9", "/HistoryEvent")


def test_blacklist_hits_say_who_said_so(any_site: Site) -> None:
    any_site.enrol("Unwelcome", 1, list="blacklist")
    both = any_site.told(1, 1, ext_data={"person_type": 3})
    device, face, _neither = any_site.told(2, ext_data={"person_type": 3}), any_site.told(3, 1), any_site.told(4, 2)
    any_site.desk.work()
    hits = any_site.get("/v1/blacklist/hits")["items"]
    said = {each["id"]: each["blacklist"]["said_by"] for each in hits}
    assert said == {both: ["device", "face"], device: ["device"], face: ["face"]}
    assert list(said) == sorted(said, reverse=True)
    assert any_site.ids("/v1/blacklist/hits", to=NOON.isoformat()) == []


def test_strangers_come_with_visits_and_their_best_picture(any_site: Site) -> None:
    first = any_site.told(0, 5, want_action="1001", identity_id="S1")
    any_site.desk.work()
    any_site.told(60_000, 5)
    any_site.desk.work()
    (stranger,) = any_site.get("/v1/strangers")["items"]
    face = any_site.get(f"/v1/events/{first}")["pictures"]["face"]
    assert (stranger["list"], stranger["visits"], stranger["events"]) == ("stranger", 1, 2)
    assert (stranger["first_seen"], stranger["last_seen"]) == ("2023-11-14T22:13:20+00:00", "2023-11-14T22:14:20+00:00")
    assert stranger["picture"]["digest"] == face["digest"]
    assert any_site.ids("/v1/strangers", q="nobody by this name") == []


def test_a_person_type_that_cannot_be_read_is_not_shown_as_one(any_site: Site) -> None:
    unread, absent = (any_site.told(number, ext_data={"person_type": sent}) for number, sent in ((1, "car"), (2, None)))
    shown = any_site.get(f"/v1/events/{unread}")["reported"]
    assert (shown["person_type"], shown["notes"]) == (None, ["unreadable:person_type"])
    assert any_site.get(f"/v1/events/{absent}")["reported"]["person_type"] == 1
