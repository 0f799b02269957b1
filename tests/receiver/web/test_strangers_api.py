"""Strangers and visits over HTTP: who came when and how often, by gate, in pages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlalchemy import event as listening

from receiver.store import people, tables, visits
from tests.receiver.boxes import TIME
from tests.receiver.faces import face_of, sighting
from tests.receiver.web.site import Site, is_problem

NOON = datetime.fromtimestamp(TIME / 1000, UTC)
MINUTE = 60_000
NOBODY = {"identity_id": "", "identity_name": ""}


def at(gate: int) -> dict[str, Any]:
    """Seen by that capture device."""
    return {"ext_data": {"device_ip": f"10.0.0.{gate}", "ep_id": f"BOX__10.0.0.{gate}"}}


def passes(site: Site, face: int, *minutes: float, gate: int = 21, **changes: Any) -> list[int]:
    """Somebody whom no device names, so many minutes after noon."""
    ids = [site.told(int(minute * MINUTE), face, **{**NOBODY, **at(gate), **changes}) for minute in minutes]
    site.desk.work()
    return ids


def registered(site: Site, face: int, *minutes: float, gate: int = 21) -> int:
    """A stranger from the first passage on; the id."""
    passes(site, face, minutes[0], gate=gate, want_action="1001")
    passes(site, face, *minutes[1:], gate=gate)
    return int(site.desk.event(newest(site)).person_id)


def newest(site: Site) -> int:
    return site.ids()[0]


def views(site: Site, *offs: float) -> list[int]:
    """Pictures of one face, each another."""
    shades = list(range(60, 60 + len(offs)))
    for shade, off in zip(shades, offs, strict=True):
        site.engine.prepare(shade, [sighting(face_of(9, off=off))])
    return shades


def test_a_stranger_seen_five_times_at_two_gates_has_one_id(any_site: Site) -> None:
    shades = views(any_site, 0.0, 0.25, -0.25, 0.3, -0.3)
    for number, shade in enumerate(shades):
        passes(any_site, shade, number * 20, gate=21 + number % 2)
    (stranger,) = any_site.get("/v1/strangers")["items"]
    assert (stranger["visits"], stranger["events"], stranger["source"]) == (5, 5, "event")
    shown = any_site.get(f"/v1/strangers/{stranger['id']}")
    assert {each["gate"]["ip"]: each["events"] for each in shown["seen_at"]} == {"10.0.0.21": 3, "10.0.0.22": 2}
    assert shown["seen_at"][0]["last_seen"] == shown["last_seen"] == "2023-11-14T23:33:20+00:00"
    assert any_site.ids(person=stranger["id"]) == any_site.ids()


def test_who_is_named_as_staff_is_no_stranger(any_site: Site) -> None:
    for number, shade in enumerate(views(any_site, 0.0, 0.25, -0.25)):
        any_site.told(number * MINUTE, shade, identity_id="E1007", identity_name="Test Person")
    any_site.desk.work()
    assert any_site.ids("/v1/strangers") == []


def test_sightings_close_in_time_are_one_visit(any_site: Site) -> None:
    person = any_site.enrol("Somebody", 9)
    passes(any_site, 9, 0, 10, 19.9, 30, 40.1, gate=21)
    passes(any_site, 9, 50, gate=22)
    passes(any_site, 9, -700)
    shown = any_site.get(f"/v1/people/{person}")
    assert (shown["visits"], shown["events"]) == (4, 7)
    page = any_site.get(f"/v1/people/{person}/visits")
    assert page["next"] is None
    told = [
        (
            (datetime.fromisoformat(each["start"]) - NOON) / timedelta(minutes=1),
            (datetime.fromisoformat(each["end"]) - NOON) / timedelta(minutes=1),
            each["events"],
            [place["gate"]["ip"] for place in each["places"]],
        )
        for each in page["items"]
    ]
    assert told == [
        (40.1, 50.0, 2, ["10.0.0.21", "10.0.0.22"]),
        (30.0, 30.0, 1, ["10.0.0.21"]),
        (0.0, 19.9, 3, ["10.0.0.21"]),
        (-700.0, -700.0, 1, ["10.0.0.21"]),
    ]
    assert all(each["picture"]["url"] for each in page["items"])


def test_the_pause_is_the_sites_own(any_site: Site) -> None:
    """Ten minutes apart to the second are still one visit; a microsecond more is none."""
    person = any_site.enrol("Somebody", 9)
    first, second = passes(any_site, 9, 0, 10)
    assert any_site.get(f"/v1/people/{person}")["visits"] == 1
    with any_site.store.write() as tx:
        later = NOON + timedelta(minutes=10, microseconds=1)
        tx.execute(update(tables.event).where(tables.event.c.id == second).values(occurred_at=later))
    assert any_site.get(f"/v1/people/{person}")["visits"] == 2
    assert [each["picture"]["event"] for each in any_site.get(f"/v1/people/{person}/visits")["items"]] == [
        second,
        first,
    ]


@pytest.mark.parametrize("reach", [1, 2, 5, 2000])
def test_the_timeline_comes_in_pages(any_site: Site, monkeypatch: pytest.MonkeyPatch, reach: int) -> None:
    """However many events are read at a time."""
    monkeypatch.setattr(visits, "NEWEST", reach)
    person = any_site.enrol("Somebody", 9)
    passes(any_site, 9, *(each for hour in range(7) for each in (60 * hour, 60 * hour + 5)))
    whole = any_site.get(f"/v1/people/{person}/visits", limit=100)["items"]
    assert [each["events"] for each in whole] == [2] * 7
    found, cursor = [], None
    while True:
        query = {"limit": 3} | ({} if cursor is None else {"cursor": cursor})
        page = any_site.get(f"/v1/people/{person}/visits", **query)
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == whole


def test_a_poster_is_one_visit_of_many_sightings(any_site: Site) -> None:
    """It is seen every nine minutes for two days."""
    person = any_site.enrol("Poster", 9)
    ids = passes(any_site, 9, 0)
    with any_site.store.write() as tx:
        (row,) = tx.execute(tables.event.select().where(tables.event.c.id == ids[0])).mappings()
        copies = [
            dict(row) | {"id": 1000 + number, "occurred_at": NOON + timedelta(minutes=9 * number)}
            for number in range(1, 321)
        ]
        tx.execute(tables.event.insert(), copies)
    (visit,) = any_site.get(f"/v1/people/{person}/visits")["items"]
    assert visit["events"] == 321
    assert visit["end"] == (NOON + timedelta(minutes=9 * 320)).isoformat()
    assert visit["picture"]["event"] == ids[0]


def test_strangers_are_found_by_when_where_how_often_and_name(any_site: Site) -> None:
    often = registered(any_site, 5, 0, 30, 60, 90)
    once = registered(any_site, 6, 200, gate=22)
    twice = registered(any_site, 7, -200, -100)
    any_site.enrol("Somebody", 8)

    def found(**query: Any) -> list[int]:
        return any_site.ids("/v1/strangers", **query)

    assert found() == [once, often, twice]
    assert found(order="visits") == [often, twice, once]
    assert found(min_visits=2) == [often, twice]
    assert found(min_visits=3, order="visits") == [often]
    assert found(**{"from": (NOON + timedelta(minutes=80)).isoformat()}) == [once, often]
    assert found(to=(NOON - timedelta(minutes=50)).isoformat()) == [twice]
    between = {"from": (NOON + timedelta(minutes=100)).isoformat(), "to": (NOON + timedelta(minutes=190)).isoformat()}
    assert found(**between) == []
    assert found(gate="10.0.0.22") == [once]
    assert found(gate="10.0.0.22", **{"from": (NOON + timedelta(minutes=300)).isoformat()}) == []
    assert found(device="nobody") == found(gate="nobody") == []
    assert set(found(device=any_site.desk.event(newest(any_site)).device_id)) == {once, often, twice}
    assert found(q=f"stranger {once}") == [once]
    assert found(q="%") == []
    with any_site.store.write(lock=people.GALLERY_LOCK) as tx:
        people.change(tx, twice, {"state": "ignored"})
    assert found() == [once, often]
    assert found(state="ignored") == [twice]


@pytest.mark.parametrize("order", ["last_seen", "visits"])
def test_strangers_come_in_pages_of_each_order(any_site: Site, order: str) -> None:
    # Some came equally often, two were seen last at the same moment.
    for number, minutes in enumerate([(0, 30), (30,), (5, 90), (90, 150, 200), (300,)]):
        registered(any_site, 3 + number, *minutes, gate=21 + number)
    whole = any_site.ids("/v1/strangers", order=order)
    assert len(whole) == 5
    found: list[int] = []
    cursor = None
    while True:
        query: dict[str, Any] = {"limit": 2, "order": order} | ({} if cursor is None else {"cursor": cursor})
        page = any_site.get("/v1/strangers", **query)
        found += [each["id"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == whole


@pytest.mark.parametrize(
    "path",
    [
        "/v1/strangers?cursor=1",
        "/v1/strangers?cursor=99999999999999999999.1",
        "/v1/strangers?cursor=1.-1",
        "/v1/strangers?cursor=a.b",
        "/v1/strangers?cursor=1.9999999999999999999",
        "/v1/strangers?order=name",
        "/v1/strangers?min_visits=-1",
        "/v1/strangers?nonsense=1",
        "/v1/people/1/visits?cursor=99999999999999999",
        "/v1/people/1/visits?limit=101",
    ],
)
def test_what_cannot_be_meant_is_refused(any_site: Site, path: str) -> None:
    assert is_problem(any_site.client.get(path), 422, "invalid_arguments")


@pytest.mark.parametrize("cursor", [-62_000_000_000_000_000, 0, 61_000_000_000_000_000])
def test_a_cursor_at_the_end_of_time_is_harmless(any_site: Site, cursor: int) -> None:
    person = registered(any_site, 5, 0)
    found = any_site.get(f"/v1/people/{person}/visits", cursor=cursor)["items"]
    assert len(found) == (cursor > TIME)
    for order in ("last_seen", "visits"):
        listed = any_site.ids("/v1/strangers", cursor=f"{cursor}.1", order=order)
        assert listed == ([person] if cursor > TIME else [])


def test_who_is_no_stranger_is_told_so(any_site: Site) -> None:
    person = any_site.enrol("Somebody", 5)
    for path in (f"/v1/strangers/{person}", f"/v1/strangers/{person + 1}", f"/v1/people/{person + 1}/visits"):
        assert is_problem(any_site.client.get(path), 404, "no_such_person")
    assert any_site.get(f"/v1/people/{person}/visits") == {"items": [], "next": None}


def test_a_stranger_who_was_never_seen_is_listed_too(any_site: Site) -> None:
    seen = registered(any_site, 5, 0)
    never = any_site.enrol("Made by hand", 6, list="stranger")
    assert any_site.ids("/v1/strangers") == [never, seen]
    assert any_site.ids("/v1/strangers", order="visits") == [seen, never]


@pytest.fixture
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database from now on, with the values."""
    asked: list[tuple[str, Any]] = []

    def note(*told: Any) -> None:
        asked.append((str(told[2]), told[3]))

    listening.listen(Engine, "before_cursor_execute", note)
    yield asked
    listening.remove(Engine, "before_cursor_execute", note)


def plans(site: Site, statements: list[tuple[str, Any]]) -> list[str]:
    """How SQLite goes about each of them, line by line."""
    asked = [each for each in list(statements) if each[0].lstrip().startswith(("SELECT", "WITH"))]
    with site.store.read() as tx:
        connection = tx.connection.driver_connection
        assert connection is not None
        return [row[3] for query, values in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values)]


def test_looking_a_person_up_reads_indexes_and_no_table_of_events(
    site: Site, statements: list[tuple[str, Any]]
) -> None:
    """The person, the timeline and fifty events cost the same however many events there are of others."""
    person = registered(site, 5, *range(0, 600, 30))
    for path, expected in (
        (f"/v1/people/{person}", "USING COVERING INDEX ix_event_person_time (person_id=?)"),
        (f"/v1/strangers/{person}", "USING COVERING INDEX ix_event_person_time (person_id=?)"),
        (
            f"/v1/people/{person}/visits?limit=10",
            "USING COVERING INDEX ix_event_person_time (person_id=? AND occurred_at>?)",
        ),
        (f"/v1/events?person={person}&limit=50", "USING INDEX ix_event_person (person_id=?"),
        ("/v1/strangers", "USING COVERING INDEX ix_event_person_time (person_id=?)"),
        ("/v1/strangers?gate=10.0.0.21", "USING COVERING INDEX ix_event_person_time (person_id=?)"),
    ):
        statements.clear()
        assert site.client.get(path).status_code == 200
        assert statements
        found = plans(site, statements)
        assert any(expected in line for line in found), (path, found)
        for table in ("event", "sighting", "event_picture", "face", "stranger_candidate"):
            assert not any(line.startswith(f"SCAN {table}") for line in found), (path, found)
