"""What the interface leaves in the audit log."""

from pathlib import Path
from typing import Any

import pytest
from flask import Response, request

from receiver.domain.audit import Actor
from receiver.domain.errors import Unavailable
from receiver.services.audit import acting
from receiver.store.audit import AuditFilter
from receiver.web.auditing import ROUTES, Audited, NotDelicate
from tests.receiver.boxes import text_of
from tests.receiver.web.site import Site, is_problem, open_site


@pytest.fixture
def noted(any_site: Site) -> Site:
    return any_site


def rows(site: Site, **wanted: Any) -> list[dict[str, Any]]:
    """Oldest first; without what reading the log itself leaves."""
    return site.services.audit.listed(AuditFilter(limit=500, **wanted)).items[::-1]


def told(site: Site, **wanted: Any) -> list[tuple[str, str, str]]:
    return [(row["action"], row["subject"], row["outcome"]) for row in rows(site, **wanted)]


def test_every_route_is_audited_or_says_why_not(site: Site) -> None:
    endpoints = {rule.endpoint for rule in site.app.url_map.iter_rules()}
    assert endpoints == ROUTES.keys(), "put the route into receiver/web/auditing.py, or take it out"
    assert all(found.why for found in ROUTES.values() if isinstance(found, NotDelicate))


def test_every_route_that_changes_something_is_audited(site: Site) -> None:
    changing = {
        rule.endpoint for rule in site.app.url_map.iter_rules() if (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
    }
    unnoted = {each for each in changing if isinstance(ROUTES[each], NotDelicate)}
    # What devices tell is in the events and alerts themselves; the last answers that there is no such verb.
    sophon = {"sophon.history_event", "sophon.real_time_event", "sophon.device_status"}
    vehicles = {
        f"server_api.{name}" for name in ("begin_alert", "end_alert", "add_frame", "add_calm_frame", "refuse_verb")
    }
    assert unnoted == sophon | vehicles


def test_the_argument_of_each_route_is_in_its_address(site: Site) -> None:
    for rule in site.app.url_map.iter_rules():
        found = ROUTES[rule.endpoint]
        if isinstance(found, Audited) and found.argument not in {"", "answer"}:
            assert found.argument in rule.arguments, rule


def test_a_persons_way_through_the_library_is_noted(noted: Site) -> None:
    person = noted.enrol("Zebedee Quux", 1, external_id="zq-77")
    noted.get(f"/v1/people/{person}")
    noted.client.patch(f"/v1/people/{person}", json={"note": "a note"})
    noted.get("/v1/people", q="Zebedee")
    noted.client.delete(f"/v1/people/{person}")
    noted.client.get(f"/v1/people/{person}")
    assert told(noted) == [
        ("person.enrolled", str(person), "ok"),
        ("person.read", str(person), "ok"),
        ("person.changed", str(person), "ok"),
        ("people.listed", "", "ok"),
        ("person.removed", str(person), "ok"),
        ("person.read", str(person), "refused"),
    ]
    listed = rows(noted)[3]
    assert listed["detail"] == {"rows": 1, "first": person, "last": person, "parameters": ["q"]}
    assert rows(noted)[2]["detail"] == {"changed": ["note"]}
    assert rows(noted)[5]["detail"] == {"status": 404, "reason": "no_such_person"}
    actor = rows(noted)[0]["actor"]
    assert (actor["kind"], actor["id"].isdecimal(), actor["address"]) == ("account", True, "127.0.0.1")


def test_an_override_is_noted(noted: Site) -> None:
    noted.enrol("Ann Example", 1)
    refused = noted.client.post("/v1/people", json={"name": "Bea Example", "pictures": [text_of(101)]})
    assert refused.status_code == 409
    noted.enrol("Bea Example", 102, override=True)
    assert [(row["outcome"], row["detail"].get("override"), row["detail"].get("reason")) for row in rows(noted)] == [
        ("ok", False, None), ("refused", False, "look_alike"), ("ok", True, None),
    ]  # fmt: skip


def test_a_search_by_face_is_noted_with_whom_it_found(noted: Site) -> None:
    person = noted.enrol("Ann Example", 1)
    picture = {"picture": text_of(101)}
    assert noted.client.post("/v1/search", json=picture).status_code == 200
    assert noted.client.post("/v1/verify", json={**picture, "person": person}).status_code == 200
    assert noted.client.post("/v1/detect", json=picture).status_code == 200
    found = rows(noted)[1:]
    assert [row["action"] for row in found] == ["face.searched", "face.verified", "face.detected"]
    assert found[0]["detail"]["people"] == [person]
    assert found[1]["subject"] == str(person)


def test_a_list_view_is_one_row_and_its_thumbnails_none(noted: Site) -> None:
    person = noted.enrol("Ann Example", 1)
    (face,) = noted.get(f"/v1/people/{person}/faces")["items"]
    digest = face["picture"]["digest"]
    before = len(rows(noted))
    noted.client.get(f"/v1/pictures/{digest}?width=200")
    assert len(rows(noted)) == before
    noted.client.get(f"/v1/pictures/{digest}")
    noted.client.get(f"/v1/pictures/{digest}?width=2000")
    noted.client.get("/v1/pictures/Ann%20Example")
    assert told(noted)[before:] == [
        ("picture.read", digest, "ok"), ("picture.read", digest, "ok"), ("picture.read", "", "refused"),
    ]  # fmt: skip


def test_the_intake_leaves_no_row(noted: Site) -> None:
    noted.told(1, 1)
    answer = noted.client.post("/HistoryEvent", json={})
    assert answer.status_code in {200, 400}
    assert rows(noted) == []


def test_nobody_reads_unseen_where_the_log_cannot_be_written(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    person = site.enrol("Ann Example", 1)

    def broken() -> Any:
        raise Unavailable("storage_unavailable", "the disk is full")

    monkeypatch.setattr(site.services.audit.database, "write", broken)
    assert is_problem(site.client.get(f"/v1/people/{person}"), 503, "storage_unavailable")
    assert is_problem(site.client.post("/v1/search", json={"picture": text_of(101)}), 503, "storage_unavailable")
    # What is done is done, and whoever did it is told so.
    assert site.client.patch(f"/v1/people/{person}", json={"note": "x"}).status_code == 200
    assert site.client.get("/v1/health/live").status_code == 200


def test_an_erased_person_leaves_no_name_in_the_log(noted: Site, tmp_path: Path) -> None:
    person = noted.enrol("Zebedee Quux", 1, external_id="zq-77", note="a quirk")
    noted.told(1, 101, identity_id="zq-77", identity_name="Zebedee Quux")
    noted.get("/v1/events", q="Zebedee")
    noted.get("/v1/people", q="Quux")
    noted.client.get("/v1/people?Zebedee=1")
    noted.client.post("/v1/people", json={"Zebedee Quux": 1})
    noted.client.get("/v1/pictures/Zebedee")
    noted.client.delete(f"/v1/people/{person}?erase=true")
    with noted.services.audit.database.read() as tx:
        held = repr([tuple(row) for row in tx.exec_driver_sql("SELECT * FROM audit_row")])
    assert "person.erased" in held
    assert not [word for word in ("Zebedee", "Quux", "zq-77", "quirk") if word.lower() in held.lower()]


def test_who_a_guard_has_named_is_in_the_row_and_gone_afterwards(site: Site) -> None:
    @site.app.before_request
    def guard() -> None:
        acting.name(Actor("account", "7", "192.0.2.1"))

    site.get("/v1/people")
    assert rows(site)[0]["actor"] == {"kind": "account", "id": "7", "address": "192.0.2.1"}
    assert acting.actor() == acting.NOBODY


def test_a_request_within_another_leaves_nobody_acting_either(site: Site) -> None:
    @site.app.after_request
    def within(answer: Response) -> Response:
        if request.path == "/v1/people":
            assert site.client.get("/v1/strangers").status_code == 200
        return answer

    site.get("/v1/people")
    assert [(row["action"], row["actor"]["kind"]) for row in rows(site)] == [
        ("strangers.listed", "account"), ("people.listed", "account"),
    ]  # fmt: skip
    assert acting.actor() == acting.NOBODY


def test_the_log_is_read_with_filters_and_cursor(noted: Site) -> None:
    people = [noted.enrol(f"Person {number}", number) for number in (1, 2, 3)]
    for person in people:
        noted.get(f"/v1/people/{person}")
    page = noted.get("/v1/audit", kind="person", action="person.read", limit=2)
    assert [row["subject"] for row in page["items"]] == [str(people[2]), str(people[1])]
    rest = noted.get("/v1/audit", kind="person", action="person.read", limit=2, cursor=page["next"])
    assert ([row["subject"] for row in rest["items"]], rest["next"]) == ([str(people[0])], None)
    assert noted.get("/v1/audit", subject=people[0], kind="person")["items"][-1]["action"] == "person.enrolled"
    assert noted.get("/v1/audit", to="2001-01-01T00:00:00Z")["items"] == []
    assert noted.get("/v1/audit", actor_kind="key")["items"] == []
    assert is_problem(noted.client.get("/v1/audit?outcome=maybe"), 422, "invalid_arguments")
    assert rows(noted)[-2]["action"] == "audit.listed"
    assert noted.get("/v1/audit/head") == {"seal": 0, "rows": 0, "head": noted.services.audit.head()["head"]}


def test_a_mistake_of_ours_is_noted_as_failed(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        client = site.client
        object.__setattr__(site.services.asking, "_store", None)
        assert client.get("/v1/people").status_code == 500
        assert told(site) == [("people.listed", "", "failed")]
