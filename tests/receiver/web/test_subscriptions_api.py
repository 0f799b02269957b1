"""Subscriptions over HTTP: made, shown without secrets, changed, and refused with a word."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver.domain.subscriptions import Channel, Origin, Subscription, SubscriptionState
from receiver.store import subscriptions
from tests.receiver.bad_receiver import Behaviour
from tests.receiver.web.site import Site, is_problem, open_site
from tests.receiver.web.subscribed import Desk, open_desk

SECRETS = {"token": "a very secret token", "headers": "X-Key: another secret"}
KEPT = {"waiting": 0, "delivered": 0, "dead": 0, "dropped": 0, "recorded": 0}


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[Desk]:
    with open_desk(tmp_path, database_url) as opened:
        yield opened


def test_what_a_subscription_over_the_interface_wants_arrives_signed(desk: Desk) -> None:
    made = desk.made(signed=True, topics=["event"], pictures="inline")
    assert (made["state"], made["origin"], made["signed"]) == ("enabled", "api", True)
    assert made["signing_secret"].startswith("whsec_")
    event = desk.site.told(1, 1)
    assert desk.figures(made["id"])["waiting"] == 1
    desk.teller.send(seconds=1)
    (arrival,) = desk.receiver.arrivals
    assert arrival.events == [event]
    assert arrival.headers["webhook-signature"].startswith("v1,")
    figures = desk.figures(made["id"])
    assert {name: figures[name] for name in KEPT} == KEPT | {"recorded": 1, "delivered": 1}
    assert figures["last_success"] is not None
    assert figures["seconds"] > 0


def test_secrets_are_never_given_back(desk: Desk) -> None:
    target = {
        "url": "https://user:pass-word@example.com/in/devicekey/HistoryEvent?token=abc",
        "headers": {"X-Own": "own secret"},
    }
    refused = desk.site.client.post("/v1/subscriptions", json={"name": "a", "channel": "http", "target": target})
    assert is_problem(refused, 422, "secret_in_address")
    made = desk.made(
        secrets=SECRETS, signed=True, target={"url": desk.receiver.url, "headers": {"X-Own": "own secret"}}
    )
    secret = made.pop("signing_secret")
    page = desk.site.client.get("/v1/subscriptions").get_data(as_text=True)
    shown = desk.site.get(f"/v1/subscriptions/{made['id']}")
    assert shown["secrets"] == ["headers", "signing_secret", "token"]
    assert shown["target"]["headers"] == {"X-Own": "***"}
    for text in (page, str(made), str(desk.changed(made["id"], name="other"))):
        for hidden in (*SECRETS.values(), "own secret", "another secret", secret):
            assert hidden not in text


def test_what_was_starred_and_comes_back_stays_what_it_was(desk: Desk) -> None:
    target = {"url": f"{desk.receiver.url}?token=abc", "headers": {"X-Own": "own secret"}}
    made = desk.made(target=target, secrets=SECRETS)
    shown = desk.site.get(f"/v1/subscriptions/{made['id']}")["target"]
    assert "abc" not in str(shown)
    desk.changed(made["id"], target=shown, secrets={"headers": ""})
    with desk.site.store.read() as tx:
        kept = subscriptions.find(tx, made["id"])
    assert kept is not None
    assert kept.subscription.target == target
    assert kept.subscription.secrets == {"token": SECRETS["token"]}


def test_another_secret_is_made_and_the_former_one_holds_for_a_day(desk: Desk) -> None:
    made = desk.made(signed=True)
    answer = desk.site.client.post(f"/v1/subscriptions/{made['id']}/secret")
    again = answer.get_json()
    assert answer.status_code == 201
    assert again["secret"] != made["signing_secret"]
    until = datetime.fromisoformat(again["old_until"])
    assert 23 < (until - datetime.now(UTC)).total_seconds() / 3600 <= 24
    desk.site.told(1)
    desk.teller.send(seconds=1)
    assert len(desk.receiver.arrivals[0].headers["webhook-signature"].split(" ")) == 2


def test_pausing_keeps_what_is_new_and_going_on_sends_it(desk: Desk) -> None:
    number = desk.made(state="paused")["id"]
    event = desk.site.told(1)
    desk.teller.send(seconds=1)
    assert (desk.receiver.arrivals, desk.figures(number)["waiting"]) == ([], 1)
    assert desk.changed(number, state="enabled")["state"] == "enabled"
    desk.teller.send(seconds=1)
    assert desk.receiver.kept() == [event]


def test_a_disabled_one_gets_nothing_new_and_keeps_what_waits(desk: Desk) -> None:
    number = desk.made(state="paused")["id"]
    first = desk.site.told(1)
    desk.changed(number, state="disabled")
    desk.site.told(2)
    desk.changed(number, state="enabled")
    desk.teller.send(seconds=1)
    assert desk.receiver.kept() == [first]


def test_one_that_is_gone_is_paused_with_its_reason_and_resumed_by_hand(desk: Desk) -> None:
    number = desk.made()["id"]
    desk.receiver.usual = Behaviour.IS_GONE
    event = desk.site.told(1)
    desk.teller.send(seconds=1)
    shown = desk.site.get(f"/v1/subscriptions/{number}")
    assert (shown["state"], shown["reason"], shown["figures"]["waiting"]) == ("paused", "gone", 1)
    desk.receiver.usual = Behaviour.TAKES
    assert desk.changed(number, state="enabled")["reason"] is None
    desk.teller.send(seconds=1)
    assert desk.receiver.kept() == [event]


def test_one_whose_other_side_does_not_work_is_failing_and_says_why(desk: Desk) -> None:
    number = desk.made()["id"]
    desk.receiver.usual = Behaviour.FAILS
    desk.site.told(1)
    desk.teller.send(8, minutes=1)
    shown = desk.site.get(f"/v1/subscriptions/{number}")
    assert (shown["state"], shown["reason"]) == ("failing", "unreachable")
    assert shown["figures"]["last_error"].startswith("HTTP 500")
    assert shown["figures"]["failing_since"] is not None
    assert desk.site.ids("/v1/subscriptions", state="failing") == [number]
    # What somebody changes meanwhile does not make it anything but enabled.
    desk.changed(number, name="renamed")
    desk.receiver.usual = Behaviour.TAKES
    desk.teller.send(2, minutes=1)
    assert desk.site.get(f"/v1/subscriptions/{number}")["state"] == "enabled"


def test_a_subscription_goes_with_all_that_waits(desk: Desk) -> None:
    number = desk.made(state="paused")["id"]
    desk.site.told(1)
    assert desk.site.client.delete(f"/v1/subscriptions/{number}").status_code == 204
    assert is_problem(desk.site.client.get(f"/v1/subscriptions/{number}"), 404, "no_such_subscription")
    assert desk.site.get("/v1/subscriptions")["items"] == []
    assert desk.made()["id"] != number


def test_where_an_address_within_is_not_allowed_it_is_refused_over_the_interface_alone(site: Site) -> None:
    for url in ("http://127.0.0.1:9/x", "http://localhost:9/x", "http://[::1]:9/x", "http://169.254.169.254/latest"):
        document = {"name": "inside", "channel": "http", "target": {"url": url}}
        assert is_problem(site.client.post("/v1/subscriptions", json=document), 422, "forbidden_address")
    by_hand = Subscription(0, "by hand", Origin.COMMAND, Channel.HTTP, {"url": "http://127.0.0.1:9/x"})
    number = site.services.subscribing.add(by_hand).id
    paused = site.client.patch(f"/v1/subscriptions/{number}", json={"state": "paused"})
    assert (paused.status_code, paused.get_json()["origin"]) == (200, "command")
    elsewhere = site.client.patch(f"/v1/subscriptions/{number}", json={"target": {"url": "http://127.0.0.1:10/x"}})
    assert is_problem(elsewhere, 422, "forbidden_address")


def test_the_settings_one_is_paused_and_signed_here_and_sent_elsewhere_only_there(tmp_path: Path) -> None:
    with open_site(tmp_path, upstream_url="http://hub.example/HistoryEvent") as site:
        (found,) = site.get("/v1/subscriptions")["items"]
        assert (found["origin"], found["name"]) == ("settings", "upstream")
        assert found["schedule"] == {"kind": "every", "seconds": 5.0}
        path = f"/v1/subscriptions/{found['id']}"
        assert site.client.patch(path, json={"state": "paused"}).get_json()["state"] == "paused"
        for what in ({"target": {"url": "http://other.example/"}}, {"schedule": {"kind": "now"}}):
            assert is_problem(site.client.patch(path, json=what), 409, "set_in_settings")
        assert is_problem(site.client.delete(path), 409, "set_in_settings")
        assert site.client.post(f"{path}/secret").status_code == 201


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"channel": "pigeon"}, "invalid_arguments"),
        ({"target": {}}, "bad_target"),
        ({"target": {"url": "gopher://x/"}}, "bad_target"),
        ({"target": {"url": "http://example.com/\x00"}}, "invalid_arguments"),
        ({"target": {"url": "http://example.com/", "nonsense": 1}}, "bad_target"),
        ({"target": {"url": "http://example.com/", "headers": {"Host": "x"}}}, "bad_target"),
        ({"target": {"a": {"b": {"c": {"d": {"e": 1}}}}}}, "invalid_arguments"),
        ({"secrets": {"nonsense": "x"}}, "bad_secret"),
        ({"topics": []}, "invalid_arguments"),
        ({"topics": ["weather"]}, "invalid_arguments"),
        ({"filter": {"lists": ["friends"]}}, "invalid_arguments"),
        ({"filter": {"min_score": 7}}, "invalid_arguments"),
        ({"schedule": {"kind": "every"}}, "invalid_arguments"),
        ({"schedule": {"kind": "every", "seconds": 0}}, "invalid_arguments"),
        ({"schedule": {"kind": "cron", "cron": "nonsense"}}, "bad_schedule"),
        ({"schedule": {"kind": "cron", "cron": "0 0 31 2 *"}}, "bad_schedule"),
        ({"schedule": {"kind": "window", "from": "25:00", "to": "01:00"}}, "invalid_arguments"),
        ({"schedule": {"kind": "window", "from": "01:00", "to": "01:00"}}, "bad_schedule"),
        ({"schedule": {"kind": "window", "from": "01:00", "to": "02:00", "timezone": "Mars/Olympus"}}, "bad_schedule"),
        ({"format": "template"}, "bad_template"),
        ({"template": "{{ x }}"}, "bad_template"),
        ({"batch_size": 0}, "invalid_arguments"),
        ({"rate_per_minute": 0}, "invalid_arguments"),
        ({"state": "failing"}, "invalid_arguments"),
        ({"name": ""}, "invalid_arguments"),
        ({"name": "  "}, "bad_name"),
        ({"unheard": 1}, "invalid_arguments"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_word_and_nothing_is_kept(
    site: Site, more: dict[str, Any], reason: str
) -> None:
    document = {"name": "x", "channel": "http", "target": {"url": "http://93.184.216.34/"}, **more}
    assert is_problem(site.client.post("/v1/subscriptions", json=document), 422, reason)
    assert site.get("/v1/subscriptions")["items"] == []


def test_names_are_of_one_alone_and_there_is_an_end_to_how_many_there_may_be(desk: Desk) -> None:
    desk.made()
    again = {"name": "hub", "channel": "http", "target": {"url": desk.receiver.url}}
    assert is_problem(desk.site.client.post("/v1/subscriptions", json=again), 409, "name_taken")
    number = desk.made(name="other")["id"]
    assert is_problem(desk.site.client.patch(f"/v1/subscriptions/{number}", json={"name": "hub"}), 409, "name_taken")
    for each in range(98):
        desk.made(name=f"n{each}", state="disabled")
    full = desk.site.client.post("/v1/subscriptions", json=again | {"name": "one more"})
    assert is_problem(full, 409, "too_many_subscriptions")


def test_only_http_is_signed(desk: Desk) -> None:
    document = {"name": "f", "channel": "file", "target": {"path": "events.jsonl"}, "signed": True}
    assert is_problem(desk.site.client.post("/v1/subscriptions", json=document), 409, "not_signed")
    made = desk.made(name="f", channel="file", target={"path": "events.jsonl"})
    assert is_problem(desk.site.client.post(f"/v1/subscriptions/{made['id']}/secret"), 409, "not_signed")
    outside = document | {"signed": False, "target": {"path": "/etc/events.jsonl"}}
    assert is_problem(desk.site.client.post("/v1/subscriptions", json=outside), 422, "forbidden_path")


def test_figures_of_each_stand_in_the_metrics(desk: Desk) -> None:
    desk.made()
    desk.made(name="not yet", state="paused")
    desk.site.told(1)
    desk.teller.send(seconds=1)
    text = desk.site.client.get("/metrics").get_data(as_text=True)
    for line in (
        'gatehouse_subscription_delivered_total{subscription="hub"} 1.0',
        'gatehouse_subscription_waiting{subscription="hub"} 0.0',
        'gatehouse_subscription_waiting{subscription="not yet"} 1.0',
        'gatehouse_subscription_seconds_count{subscription="hub"} 1.0',
        'gatehouse_subscription_failing{subscription="hub"} 0.0',
        'gatehouse_subscription_oldest_seconds{subscription="hub"} 0.0',
    ):
        assert line in text.splitlines()


def test_a_change_that_meets_another_one_is_made_of_what_is_there_now(desk: Desk) -> None:
    number = desk.made()["id"]
    turns = iter(("first",))

    def change(known: Subscription) -> Subscription:
        if next(turns, None) is not None:
            desk.changed(number, batch_size=7)
        return Subscription(**{**fields_of(known), "state": SubscriptionState.PAUSED})

    desk.site.services.subscribing.change(number, change, Origin.API)
    shown = desk.site.get(f"/v1/subscriptions/{number}")
    assert (shown["batch_size"], shown["state"]) == (7, "paused")


def fields_of(known: Subscription) -> dict[str, Any]:
    return {name: getattr(known, name) for name in Subscription.__slots__}


def test_the_audit_log_knows_who_sent_events_elsewhere_and_no_secret(desk: Desk) -> None:
    number = desk.made(secrets=SECRETS)["id"]
    desk.changed(number, name="renamed")
    text = desk.site.client.get("/v1/audit").get_data(as_text=True)
    assert "subscription.added" in text
    assert "subscription.changed" in text
    assert SECRETS["token"] not in text
