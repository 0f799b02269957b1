"""One gate from end to end: real processes, real faces, the simulator, and our own API for every answer."""

import collections
from typing import Any

import pytest

from tests.photos import ONE_MAN, PEOPLE, photo
from tests.system.conftest import MakeSite
from tests.system.processes import Site, Upstream, eventually


def simulate(site: Site, *options: str) -> str:
    done = site.run("simulate", str(PEOPLE), "--url", site.url, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def recognised(site: Site, **query: Any) -> list[dict[str, Any]]:
    """All events, once every one of them has been looked at."""

    def nothing_is_pending() -> bool:
        return all(row["recognition"] != "pending" for row in site.every("/v1/events"))

    eventually(nothing_is_pending)
    return site.every("/v1/events", **query)


def balance_row(text: str, word: str) -> int:
    """A number of the simulator's table."""
    for line in text.splitlines():
        parts = line.split()
        if parts and parts[0] == word:
            return int(parts[1])
    raise AssertionError(f"no row {word!r} in:\n{text}")


@pytest.fixture
def site(make_site: MakeSite, upstream: Upstream) -> Site:
    made = make_site(UPSTREAM_URL=upstream.url, UPSTREAM_EVERY="1")
    made.start("serve")
    eventually(made.is_ready)
    return made


def test_the_simulators_balance_is_what_the_server_keeps(site: Site, upstream: Upstream) -> None:
    text = simulate(
        site,
        "--count",
        "40",
        "--generation",
        "mixed",
        "--duplicates",
        "10%",
        "--corrupt",
        "20%",
        "--real-time",
        "20%",
        "--seed",
        "7",
    )
    events = recognised(site)
    kept = balance_row(text, "new") + balance_row(text, "joined")
    assert len(events) == kept
    assert len(site.every("/v1/quarantine")) == balance_row(text, "quarantined")
    assert {row["generation"] for row in events} == {"A", "B", "C"}
    ids = sorted(row["id"] for row in events)

    def everything_has_arrived() -> bool:
        return sorted(upstream.ids()) == ids

    eventually(everything_has_arrived)
    assert len(upstream.received) == kept
    assert all(row["decision"]["status"] for row in events)


def test_strangers_are_registered_once_and_known_afterwards(site: Site) -> None:
    simulate(
        site,
        "--count",
        "12",
        "--want-action",
        "1001",
        "--identity-prefix",
        "first-",
        "--connections",
        "8",
        "--seed",
        "1",
    )
    events = recognised(site)
    outcomes = collections.Counter(row["registration"]["outcome"] for row in events)
    assert outcomes == {"registered": 2, "joined": 10}
    strangers = site.every("/v1/strangers")
    assert len(strangers) == 2
    assert sum(each["events"] for each in strangers) == 12
    assert all(each["picture"] and each["first_seen"] <= each["last_seen"] for each in strangers)
    simulate(site, "--count", "4", "--person-type", "4", "--identity-prefix", "later-", "--seed", "2")
    assert len(recognised(site, list="stranger", decision="matched")) == 16
    assert len(site.every("/v1/strangers")) == 2


def test_a_library_update_replaces_the_face_and_keeps_the_former_one(site: Site) -> None:
    added = site.run("people", "add", "The one man", str(photo(ONE_MAN[1])), "--external-id", "obama")
    assert added.returncode == 0, added.stderr
    simulate(site, "--count", "8", "--want-action", "1002", "--seed", "1")
    events = recognised(site)
    outcomes = {(row["reported"]["identity_id"], row["registration"]["outcome"]) for row in events}
    assert ("obama", "replaced") in outcomes
    assert ("biden", "kept_identity") in outcomes
    (person,) = site.every("/v1/people")
    faces = site.get(f"/v1/people/{person['id']}")["faces"]
    assert [face["state"] for face in faces].count("current") == 1
    assert [face["state"] for face in faces].count("former") >= 1
    assert {face["source"] for face in faces} == {"upload", "device_1002"}


def test_somebody_on_the_blacklist_is_a_hit_by_face_by_device_or_both(site: Site) -> None:
    with photo(ONE_MAN[0]).open("rb") as picture:
        answer = site.http.post(
            f"{site.url}/v1/people",
            data={"name": "The one man", "list": "blacklist"},
            files={"pictures": picture},
            timeout=60,
        )
    assert answer.status_code == 201, answer.text
    assert answer.json()["pictures"][0]["is_used"]
    simulate(site, "--count", "8", "--identity-prefix", "staff-", "--seed", "1")
    by_face = [row for row in recognised(site) if row["blacklist"]["is_hit"]]
    assert {row["reported"]["identity_id"] for row in by_face} == {"staff-obama"}
    assert all(
        row["blacklist"]["said_by"] == ["face"] and row["decision"]["person"]["list"] == "blacklist" for row in by_face
    )
    simulate(site, "--count", "8", "--identity-prefix", "black-", "--person-type", "3", "--seed", "2")
    recognised(site)
    hits = {
        (row["reported"]["identity_id"], tuple(row["blacklist"]["said_by"])) for row in site.every("/v1/blacklist/hits")
    }
    assert hits == {("staff-obama", ("face",)), ("black-obama", ("device", "face")), ("black-biden", ("device",))}


def test_the_original_message_and_its_pictures_are_given_back(site: Site) -> None:
    simulate(site, "--count", "1", "--generation", "b")
    (event,) = recognised(site)
    (told,) = site.get(f"/v1/events/{event['id']}/messages")["items"]
    assert told["message"]["identity_id"] == event["reported"]["identity_id"]
    assert set(told["message"]) >= {"ep_info", "dev_sno", "recognize_face", "spot_pic", "reg_pic", "want_action"}
    picture = event["pictures"]["face"]
    full = site.http.get(site.url + picture["url"], timeout=10)
    assert full.headers["Content-Type"] == picture["media_type"]
    small = site.http.get(site.url + picture["url"], params={"width": 64}, timeout=10)
    assert len(small.content) < len(full.content)
    again = site.http.get(site.url + picture["url"], headers={"If-None-Match": full.headers["ETag"]}, timeout=10)
    assert again.status_code == 304
