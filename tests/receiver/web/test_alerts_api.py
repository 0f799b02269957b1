"""/v1/alerts: what a person is shown of an alert, what may be done with it, and what is refused."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.domain.accounts import Limits, Role
from receiver.domain.alerts import NewAlert, Severity, Source
from receiver.services.alerting.frames import NewFrame
from tests.receiver.alarms import NOW
from tests.receiver.boxes import jpeg, text_of
from tests.receiver.web.logins import client_of
from tests.receiver.web.site import Site, is_problem

MINUTE = 60_000


def hit(site: Site, number: int = 0, face: int = 1) -> int:
    """The blacklisted person of face 1 passes by, with a scene."""
    event = site.told(number, face, identity_id="", ext_data={"spot_pic": text_of(90)})
    site.desk.work()
    return event


@pytest.fixture
def person(any_site: Site) -> int:
    return any_site.enrol("Bad Example", 1, list="blacklist")


def post(site: Site, path: str, **document: Any) -> Any:
    return site.client.post(path, json=document)


def test_a_hit_is_shown_with_its_person_and_pictures_side_by_side(any_site: Site, person: int) -> None:
    event = hit(any_site)
    (listed,) = any_site.get("/v1/alerts")["items"]
    assert (listed["kind"], listed["severity"], listed["state"]) == ("blacklist_hit", "critical", "open")
    assert listed["person"] == {"id": person, "name": "Bad Example", "list": "blacklist"}
    assert (listed["title"], listed["sentence"]) == ("Blacklist hit", "Somebody on the blacklist is at a gate.")
    shown = any_site.get(f"/v1/alerts/{listed['id']}")
    assert [each["id"] for each in shown["event_list"]] == [event]
    assert any_site.get(f"/v1/events/{event}")["alerts"] == [listed["id"]]
    sides = shown["side_by_side"]
    assert all(sides[name] is not None for name in ("reference", "face", "scene"))
    for each in sides.values():
        assert any_site.client.get(each["thumbnail"]).status_code == 200


def test_the_sentence_is_in_the_readers_language(any_site: Site, person: int) -> None:
    hit(any_site)
    answer = any_site.client.get("/v1/alerts", headers={"Accept-Language": "zh-CN"}).get_json()
    assert answer["items"][0]["sentence"] != "Somebody on the blacklist is at a gate."


def test_an_alert_is_answered_step_by_step(any_site: Site, person: int) -> None:
    hit(any_site)
    account = any_site.get("/v1/accounts/me")["id"]
    assert post(any_site, "/v1/alerts/1/acknowledge", note="going").get_json()["state"] == "acknowledged"
    assigned = post(any_site, "/v1/alerts/1/assign", account=account).get_json()["assigned_to"]
    assert assigned["id"] == account
    post(any_site, "/v1/alerts/1/comment", text="It is he.")
    closed = post(any_site, "/v1/alerts/1/close", outcome="confirmed", note="Police came.").get_json()
    assert (closed["state"], closed["outcome"], closed["note"]) == ("closed", "confirmed", "Police came.")
    assert [each["kind"] for each in closed["steps"]] == ["acknowledged", "assigned", "commented", "closed"]
    assert closed["closed_by"].startswith(f"account {account}")
    assert is_problem(post(any_site, "/v1/alerts/1/acknowledge"), 409, "alert_closed")
    assert is_problem(post(any_site, "/v1/alerts/1/close", outcome="test"), 409, "alert_closed")


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("close", {}),
        ("close", {"outcome": "over"}),
        ("close", {"outcome": "confirmed", "note": "x" * 4001}),
        ("comment", {"text": ""}),
        ("comment", {"text": "a\x00b"}),
        ("assign", {"account": "me"}),
        ("acknowledge", {"notes": "misspelt"}),
    ],
)
def test_what_does_not_fit_is_refused(any_site: Site, person: int, path: str, document: dict[str, Any]) -> None:
    hit(any_site)
    assert is_problem(post(any_site, f"/v1/alerts/1/{path}", **document), 422, "invalid_arguments")
    assert any_site.get("/v1/alerts/1")["state"] == "open"


def test_what_is_not_there_is_said(any_site: Site) -> None:
    for path in ("acknowledge", "frames"):
        assert is_problem(post(any_site, f"/v1/alerts/9/{path}") if path == "acknowledge" else any_site.client.get(f"/v1/alerts/9/{path}"), 404, "no_such_alert")  # fmt: skip
    assert is_problem(any_site.client.get("/v1/alerts/9"), 404, "no_such_alert")
    assert is_problem(any_site.client.get("/v1/devices/9/last-frame"), 404, "no_such_device")


def test_alerts_are_found_by_what_they_are(any_site: Site, person: int) -> None:
    event = hit(any_site)
    alerting = any_site.services.alerting
    alerting.open(NewAlert("behavior", Severity.WARNING, Source.DEVICE, NOW, device_id=1, behavior="Tamper"))
    alerting.open(NewAlert("behavior", Severity.INFO, Source.DEVICE, NOW, device_id=1, is_unverified=True))
    found = {
        "kind=blacklist_hit": [1],
        "severity=critical": [1],
        "source=device": [3, 2],
        f"person={person}": [1],
        f"event={event}": [1],
        "device=1": [3, 2, 1],
        "rule=1": [1],
        "verified=false": [3],
        "verified=true": [2, 1],
        "state=closed": [],
        "from=2026-03-02T11:00:00Z": [3, 2],
        "to=2026-01-01T00:00:00Z": [1],
    }
    said = {query: any_site.client.get(f"/v1/alerts?{query}").get_json()["items"] for query in found}
    assert {query: [each["id"] for each in items] for query, items in said.items()} == found


def test_a_list_goes_on_behind_its_cursor(any_site: Site) -> None:
    for _ in range(5):
        any_site.services.alerting.open(NewAlert("behavior", Severity.INFO, Source.DEVICE, NOW))
    pages, cursor = [], None
    while True:
        answer = any_site.get("/v1/alerts", limit=2, **({} if cursor is None else {"cursor": cursor}))
        pages.append([each["id"] for each in answer["items"]])
        cursor = answer["next"]
        if cursor is None:
            break
    assert pages == [[5, 4], [3, 2], [1]]


def test_a_program_opens_an_alert_about_an_event(any_site: Site, person: int) -> None:
    event = hit(any_site)
    document = {"kind": "turnstile_forced", "title": "Turnstile 3 was forced", "event": event, "key": "t3"}
    made = post(any_site, "/v1/alerts", **document)
    assert made.status_code == 201
    shown = made.get_json()
    assert (shown["source"], shown["title"], shown["person"]["id"]) == ("program", "Turnstile 3 was forced", person)
    assert post(any_site, "/v1/alerts", **document).get_json()["id"] == shown["id"]
    assert post(any_site, "/v1/alerts", **document | {"key": "t4"}).get_json()["id"] != shown["id"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event": 99}, "no_such_event"),
        ({"device": 99}, "no_such_device"),
        ({"gate": 99}, "no_such_gate"),
        ({"person": 99}, "no_such_person"),
        ({"kind": "Not A Word"}, "invalid_arguments"),
        ({"severity": "terrible"}, "invalid_arguments"),
        ({"started_at": "yesterday"}, "invalid_arguments"),
    ],
)
def test_a_programs_alert_is_about_what_is_there(any_site: Site, changes: dict[str, Any], reason: str) -> None:
    document = {"kind": "door", "title": "Door"} | changes
    assert is_problem(post(any_site, "/v1/alerts", **document), 422, reason)
    assert any_site.ids("/v1/alerts") == []


def test_frames_of_an_alert_and_the_last_of_a_device(any_site: Site, person: int) -> None:
    hit(any_site)
    for number in (1, 2):
        sent = any_site.client.post(
            "/v1/alerts/1/frames", data={"picture": (io.BytesIO(jpeg(number)), "f.jpg"), "index": str(number)}
        )
        assert sent.status_code == 201, sent.get_data(as_text=True)
    items = any_site.get("/v1/alerts/1/frames")["items"]
    assert [each["index"] for each in items] == [2, 1]
    assert any_site.client.get(items[0]["url"]).data == jpeg(2)
    assert any_site.get("/v1/alerts/1")["frames"] == 2
    device = any_site.get("/v1/alerts/1")["device"]["id"]
    any_site.services.frames.add(NewFrame(device, None, jpeg(3), NOW, 7))
    last = any_site.get(f"/v1/devices/{device}/last-frame")
    assert (last["alert"], last["index"]) == (None, 7)


def test_who_adds_a_frame_is_shown_that_one_and_no_later_one(
    any_site: Site, person: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit(any_site)
    frames = any_site.services.frames
    add = frames.add

    def add_before_another(new: NewFrame) -> int:
        added = add(new)
        add(NewFrame(new.device_id, new.alert_id, jpeg(2), NOW, 2))
        return added

    monkeypatch.setattr(frames, "add", add_before_another)
    shown = any_site.client.post(
        "/v1/alerts/1/frames", data={"picture": (io.BytesIO(jpeg(1)), "f.jpg"), "index": "1"}
    ).get_json()
    assert (shown["id"], shown["index"]) == (1, 1)
    assert [row.number for row in frames.of_alert(1)] == [2, 1]


def test_a_frame_that_is_no_picture_is_refused(any_site: Site, person: int) -> None:
    hit(any_site)
    refused = any_site.client.post("/v1/alerts/1/frames", data=b"text", content_type="image/jpeg")
    assert is_problem(refused, 422, "not_a_picture")
    assert is_problem(any_site.client.post("/v1/alerts/1/frames"), 422, "missing_picture")
    post(any_site, "/v1/alerts/1/close", outcome="test")
    late = any_site.client.post("/v1/alerts/1/frames", data=jpeg(1), content_type="image/jpeg")
    assert is_problem(late, 409, "alert_over")


def test_figures_of_a_period(any_site: Site, person: int) -> None:
    hit(any_site)
    any_site.services.alerting.open(NewAlert("behavior", Severity.INFO, Source.DEVICE, NOW, device_id=1))
    post(any_site, "/v1/alerts/1/acknowledge")
    post(any_site, "/v1/alerts/1/close", outcome="confirmed")
    figures = any_site.get("/v1/alerts/statistics")
    assert figures["total"] == 2
    assert figures["by_kind"] == {"blacklist_hit": 1, "behavior": 1}
    assert figures["by_state"] == {"closed": 1, "open": 1}
    assert figures["by_outcome"] == {"confirmed": 1}
    assert figures["by_rule"] == {"1": 1}
    assert sum(each["count"] for each in figures["by_hour"]) == 2
    assert (figures["acknowledged"]["count"], figures["closed"]["count"]) == (1, 1)
    assert 0 <= figures["closed"]["mean_seconds"] < 300
    hour = datetime.fromisoformat(figures["by_hour"][-1]["at"])
    assert datetime.now(UTC) - hour < timedelta(hours=2)
    bad = any_site.client.get("/v1/alerts/statistics?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z")
    assert is_problem(bad, 422, "bad_period")


def test_a_limited_account_sees_the_alerts_of_its_gates_alone(any_site: Site, person: int) -> None:
    hit(any_site)
    gate = any_site.get("/v1/alerts/1")["gate"]["id"]
    any_site.services.alerting.open(NewAlert("backlog_growing", Severity.INFO, Source.RULE, NOW))
    inside = client_of(any_site.app, Role.GUARD, limits=Limits(gates=frozenset({gate})))
    outside = client_of(any_site.app, Role.GUARD, limits=Limits(gates=frozenset({gate + 1})))
    by_list = client_of(any_site.app, Role.GUARD, limits=Limits(lists=frozenset({"staff"})))
    assert [each["id"] for each in inside.get("/v1/alerts").get_json()["items"]] == [1]
    assert outside.get("/v1/alerts").get_json()["items"] == []
    assert [each["id"] for each in by_list.get("/v1/alerts").get_json()["items"]] == [2]
    assert is_problem(outside.post("/v1/alerts/1/acknowledge", json={}), 404, "no_such_alert")
    assert inside.post("/v1/alerts/1/acknowledge", json={}).status_code == 200
    assert outside.get("/v1/alerts/statistics").get_json()["total"] == 0


def test_a_viewer_looks_and_does_nothing(any_site: Site, person: int) -> None:
    hit(any_site)
    viewer = client_of(any_site.app, Role.VIEWER)
    assert viewer.get("/v1/alerts/1").status_code == 200
    for path in ("acknowledge", "close", "comment", "assign"):
        assert is_problem(viewer.post(f"/v1/alerts/1/{path}", json={}), 403, "role_too_low")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_times_at_the_ends_of_the_calendar_do_no_harm(any_site: Site, moment: str) -> None:
    document = {"kind": "door", "title": "Door", "started_at": moment, "key": "door"}
    for _ in range(2):
        assert post(any_site, "/v1/alerts", **document).status_code == 201
    assert any_site.ids("/v1/alerts") == [1]
    for query in ({"from": moment}, {"to": moment}):
        assert any_site.client.get("/v1/alerts", query_string=query).status_code == 200
        asked = any_site.client.get("/v1/alerts/statistics", query_string=query)
        assert asked.status_code == 200 or is_problem(asked, 422, "bad_period")
        tried = post(any_site, "/v1/rules/1/dry-run", **query)
        assert tried.status_code == 200 or is_problem(tried, 422, "bad_period")
