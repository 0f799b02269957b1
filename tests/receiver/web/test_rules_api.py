"""/v1/rules: made, changed, switched off, tried on the past; what cannot be a rule is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.receiver.boxes import TIME
from tests.receiver.web.site import Site, is_problem

START = datetime.fromtimestamp(TIME / 1000, UTC)
READY_MADE = ["blacklist_hit", "identity_disagreement", "device_silent"]
HOUR = 3_600_000


def post(site: Site, path: str, **document: Any) -> Any:
    return site.client.post(path, json=document)


def test_three_rules_are_ready_made(any_site: Site) -> None:
    items = any_site.get("/v1/rules")["items"]
    assert [(each["built_in"], each["is_active"]) for each in items] == [(name, True) for name in READY_MADE]
    assert items[0]["severity"] == "critical"


def test_a_rule_is_made_changed_and_removed(any_site: Site) -> None:
    conditions = {
        "lists": ["stranger"],
        "windows": [{"days": ["mon", "fri"], "begins": "22:00", "ends": "06:00"}],
        "zone": "Europe/Berlin",
        "country": "DE",
        "subdivision": "BY",
        "dates": ["2026-12-24"],
        "on_holidays": "never",
    }
    made = post(any_site, "/v1/rules", name="Strangers at night", severity="info", conditions=conditions)
    assert made.status_code == 201, made.get_data(as_text=True)
    rule = made.get_json()
    assert rule["conditions"] == conditions
    changed = any_site.client.patch(f"/v1/rules/{rule['id']}", json={"is_active": False, "escalate_seconds": 60})
    assert (changed.get_json()["is_active"], changed.get_json()["escalate_seconds"]) == (False, 60)
    assert any_site.client.delete(f"/v1/rules/{rule['id']}").status_code == 204
    assert is_problem(any_site.client.get(f"/v1/rules/{rule['id']}"), 404, "no_such_rule")


def test_a_ready_made_rule_stays_and_can_be_switched_off(any_site: Site) -> None:
    assert is_problem(any_site.client.delete("/v1/rules/1"), 409, "ready_made")
    assert any_site.client.patch("/v1/rules/1", json={"is_active": False}).get_json()["is_active"] is False


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"conditions": {"zone": "Mars/Olympus"}}, "bad_zone"),
        ({"conditions": {"zone": "../../etc/passwd"}}, "bad_zone"),
        ({"conditions": {"country": "XX"}}, "unknown_calendar"),
        ({"conditions": {"country": "DE", "subdivision": "ZZ"}}, "unknown_calendar"),
        ({"conditions": {"subdivision": "BY"}}, "unknown_calendar"),
        ({"conditions": {"dates": ["2026-02-30"]}}, "bad_window"),
        ({"conditions": {"windows": [{"begins": "25:00", "ends": "06:00"}]}}, "invalid_arguments"),
        ({"conditions": {"lists": ["nobody"]}}, "invalid_arguments"),
        ({"conditions": {"list": ["staff"]}}, "invalid_arguments"),
        ({"trigger": "full_moon"}, "invalid_arguments"),
        ({"trigger": "device_silent"}, "bad_rule"),
        ({"trigger": "quarantine_growing", "conditions": {"count": 5}}, "bad_rule"),
        ({"trigger": "backlog_growing"}, "bad_rule"),
        ({"trigger": "backlog_growing", "conditions": {"count": 5, "lists": ["staff"]}}, "bad_rule"),
        ({"suppress_seconds": -1}, "invalid_arguments"),
    ],
)
def test_what_cannot_be_a_rule_is_refused(any_site: Site, changes: dict[str, Any], reason: str) -> None:
    assert is_problem(post(any_site, "/v1/rules", **{"name": "A rule"} | changes), 422, reason)
    assert len(any_site.get("/v1/rules")["items"]) == 3


def test_a_change_that_breaks_a_rule_changes_nothing(any_site: Site) -> None:
    refused = any_site.client.patch("/v1/rules/3", json={"conditions": {}})
    assert is_problem(refused, 422, "bad_rule")
    assert any_site.get("/v1/rules/3")["conditions"] == {"after_seconds": 900}


def test_a_dry_run_says_what_would_have_fired_and_opens_nothing(any_site: Site) -> None:
    person = any_site.enrol("Ann Example", 1, list="staff")
    for number in (0, 1000, HOUR):
        any_site.told(number, 1, identity_id="")
    any_site.desk.work()
    period = {"from": START.isoformat(), "to": (START + timedelta(hours=2)).isoformat()}
    rule = {"name": "Staff", "conditions": {"lists": ["staff"]}}
    result = post(any_site, "/v1/rules/dry-run", rule=rule, **period).get_json()
    assert (result["events"], result["events_met"], result["alerts"], result["is_complete"]) == (3, 3, 2, True)
    assert [(each["person"], each["events"]) for each in result["items"]] == [(person, 2), (person, 1)]
    assert any_site.ids("/v1/alerts") == []
    made = post(any_site, "/v1/rules", **rule).get_json()["id"]
    assert post(any_site, f"/v1/rules/{made}/dry-run", **period).get_json()["alerts"] == 2


def test_only_rules_about_events_can_be_tried(any_site: Site) -> None:
    assert is_problem(post(any_site, "/v1/rules/3/dry-run"), 422, "cannot_replay")
    long = {"from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z"}
    assert is_problem(post(any_site, "/v1/rules/1/dry-run", **long), 422, "bad_period")
