"""Deliveries over HTTP: every try, the dead ones once more, past events once more, and what would be sent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver.domain.subscriptions import Facts, Topic
from receiver.services.publishing.publishing import Occurrence, publish
from tests.receiver.bad_receiver import Behaviour
from tests.receiver.boxes import text_of
from tests.receiver.web.site import is_problem
from tests.receiver.web.subscribed import Desk, open_desk


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[Desk]:
    with open_desk(tmp_path, database_url) as opened:
        yield opened


def test_a_delivery_shows_every_try(desk: Desk) -> None:
    number = desk.made()["id"]
    desk.receiver.plans([Behaviour.FAILS, Behaviour.DIES])
    event = desk.site.told(1)
    desk.teller.send(4, minutes=1)
    (row,) = desk.site.get("/v1/deliveries", subscription=number)["items"]
    assert (row["event"], row["state"], row["tries"]) == (event, "delivered", 3)
    shown = desk.site.get(f"/v1/deliveries/{row['id']}")
    assert [(each["outcome"], each["status"]) for each in shown["attempts"]] == [
        ("unreachable", 500), ("unreachable", None), ("delivered", 200),
    ]  # fmt: skip
    assert all(each["seconds"] >= 0 for each in shown["attempts"])
    assert shown["attempts"][0]["detail"].startswith("HTTP 500")


def test_a_refused_one_is_dead_after_three_tries_and_goes_again_by_hand(desk: Desk) -> None:
    number = desk.made()["id"]
    bad, good = desk.site.told(1), desk.site.told(2)
    desk.receiver.refused = {bad}
    desk.teller.send(6, minutes=1)
    assert desk.receiver.kept() == [good]
    (dead,) = desk.site.get("/v1/deliveries", state="dead")["items"]
    assert (dead["event"], dead["tries"]) == (bad, 3)
    assert desk.figures(number)["dead"] == 1
    desk.receiver.refused = set()
    retried = desk.site.client.post("/v1/deliveries/retry", json={"ids": [dead["id"]]})
    assert retried.get_json() == {"deliveries": 1}
    desk.teller.send(minutes=1)
    assert desk.receiver.kept() == [good, bad]
    for named in (
        {"subscription": number},
        {"device": 1},
        {"from": "2000-01-01T00:00:00", "to": "2100-01-01T00:00:00"},
    ):
        assert desk.site.client.post("/v1/deliveries/retry", json=named).get_json() == {"deliveries": 0}


def test_deliveries_are_listed_newest_first_by_what_is_asked(desk: Desk) -> None:
    one, two = desk.made()["id"], desk.made(name="other", state="paused")["id"]
    events = [desk.site.told(number) for number in range(3)]
    every = [each["id"] for each in desk.site.get("/v1/deliveries")["items"]]
    assert len(every) == 6
    assert every == sorted(every, reverse=True)
    page = desk.site.get("/v1/deliveries", limit=4)
    rest = desk.site.get("/v1/deliveries", limit=4, cursor=page["next"])
    assert [each["id"] for each in (*page["items"], *rest["items"])] == every
    assert rest["next"] is None
    desk.teller.send(seconds=1)
    found = desk.site.get("/v1/deliveries", subscription=one)["items"]
    assert [(each["event"], each["state"]) for each in found] == [(each, "delivered") for each in reversed(events)]
    assert len(desk.site.ids("/v1/deliveries", subscription=two, state="waiting")) == 3
    assert len(desk.site.ids("/v1/deliveries", event=events[0])) == 2
    assert len(desk.site.ids("/v1/deliveries", event=events[0], state="waiting", device=1, subscription=two)) == 1
    assert desk.site.ids("/v1/deliveries", to="2001-01-01T00:00:00") == []
    assert len(desk.site.ids("/v1/deliveries", **{"from": "2001-01-01T00:00:00"})) == 6


def test_past_events_are_sent_once_more_by_time_device_list_or_one_of_them(desk: Desk) -> None:
    number = desk.made(filter={"lists": ["staff", "visitor"]})["id"]
    staff, visitor = desk.site.told(1), desk.site.told(2, ext_data={"person_type": 2})
    stranger = desk.site.told(3, ext_data={"person_type": 4})
    desk.teller.send(seconds=1)
    told = desk.receiver.kept()
    assert stranger not in told
    path = f"/v1/subscriptions/{number}/replay"
    one = desk.site.client.post(path, json={"event": staff})
    assert (one.status_code, one.get_json()["deliveries"], one.get_json()["state"]) == (202, 1, "done")
    ranges: list[tuple[dict[str, Any], list[int]]] = [
        ({"from": "2000-01-01T00:00:00"}, [staff, visitor]),
        ({"to": "2000-01-01T00:00:00"}, []),
        ({"device": 1, "list": "visitor"}, [visitor]),
        ({"list": "stranger"}, []),
    ]
    expected = [staff]
    for wanted, events in ranges:
        begun = desk.site.client.post(path, json=wanted)
        assert begun.get_json()["state"] == "running"
        while desk.site.get(f"{path}s")["items"][0]["state"] == "running":
            desk.site.services.repeating.work()
        assert desk.site.get(f"{path}s")["items"][0]["deliveries"] == len(events)
        expected += events
    desk.teller.send(seconds=1)
    assert desk.receiver.kept() == told + expected
    assert all(each["is_replay"] for each in desk.site.get("/v1/deliveries", limit=len(expected))["items"])


def test_a_replay_of_nothing_is_told_so(desk: Desk) -> None:
    number = desk.made()["id"]
    path = f"/v1/subscriptions/{number}/replay"
    assert is_problem(desk.site.client.post(path, json={"event": 99}), 404, "no_such_event")
    assert is_problem(
        desk.site.client.post("/v1/subscriptions/99/replay", json={"event": 1}), 404, "no_such_subscription"
    )
    assert is_problem(desk.site.client.post(path, json={}), 422, "invalid_arguments")
    assert is_problem(desk.site.client.post(path, json={"event": 1, "device": 1}), 422, "invalid_arguments")
    desk.changed(number, state="disabled")
    assert is_problem(desk.site.client.post(path, json={"device": 1}), 409, "subscription_disabled")


def test_a_preview_shows_a_real_event_and_sends_nothing(desk: Desk) -> None:
    number = desk.made()["id"]
    event = desk.site.told(1, 1)
    original = desk.site.client.post(f"/v1/subscriptions/{number}/preview", json={"event": event}).get_json()
    assert original["content_type"] == "application/json"
    assert text_of(1) in original["body"]
    bare = desk.site.client.post(f"/v1/subscriptions/{number}/preview", json={"event": event, "pictures": "none"})
    assert text_of(1) not in bare.get_json()["body"]
    ours = desk.site.client.post("/v1/subscriptions/preview", json={"event": event, "format": "event"}).get_json()
    assert '"type":"event"' in ours["body"].replace(" ", "")
    assert is_problem(desk.site.client.post("/v1/subscriptions/preview", json={"event": 99}), 404, "no_such_event")
    assert desk.receiver.arrivals == []


def test_who_wants_escalated_alerts_is_told_of_them_alone(desk: Desk) -> None:
    number = desk.made(topics=["alert"], filter={"kinds": ["escalated"], "severities": ["critical"]}, format="event")[
        "id"
    ]
    desk.made(name="of events", state="paused")
    now = datetime.now(UTC)
    for subject, (kind, severity) in enumerate(
        (("opened", "critical"), ("escalated", "info"), ("escalated", "critical"))
    ):
        content = {"severity": severity, "title": "a door is open"}
        about = Occurrence(Topic.ALERT, subject, kind, now, content, facts=Facts(severity=severity))
        with desk.site.store.write() as tx:
            publish(tx, about)
    desk.teller.send(seconds=1)
    (arrival,) = desk.receiver.arrivals
    document = arrival.document
    assert (document["type"], document["data"]["id"]) == ("alert.escalated", 2)
    assert document["data"]["title"] == "a door is open"
    (row,) = desk.site.get("/v1/deliveries", subscription=number)["items"]
    assert (row["topic"], row["subject"], row["event"], row["device"]) == ("alert", 2, None, None)
