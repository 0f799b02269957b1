"""Two people whom different devices know by the same id: who is erased or exported takes nothing of the other along."""

import io
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver.services.erasing import erasing_pictures
from receiver.store import pictures
from tests.receiver.boxes import jpeg, text_of
from tests.receiver.erasing import columns_with, make_erasing, without_rest
from tests.receiver.web.site import Site

NORTH, SOUTH = "north-box", "south-box"
HIS_ID = "17"
# Whose id is wider, and whose is narrower at the southern box; {south} is that box's number.
SCOPES = [
    ({}, {"device": "{south}"}),
    ({}, {"device_group": "factory"}),
    ({"device_group": "factory"}, {"device": "{south}"}),
]


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of these tests are one."""
    monkeypatch.setattr(erasing_pictures, "SETTLED", erasing_pictures.SETTLED * 0)
    monkeypatch.setattr(pictures, "FOLLOW_SECONDS", 0)


def told(site: Site, number: int, face: int | None, box: str, name: str) -> int:
    inner = {"spot_pic": text_of(200 + number), "identity_info": {"phone": f"call {name}"}}
    return site.told(number, face, box=box, identity_id=HIS_ID, identity_name=name, ext_data=inner)


@pytest.fixture(params=SCOPES, ids=["device", "group", "device of a group"])
def shared(any_site: Site, request: pytest.FixtureRequest) -> tuple[int, int, list[int], list[int]]:
    """The one with the wider id, the other, and the events of each: recognised, and named by the device only."""
    first = [told(any_site, 1, None, NORTH, "Ann Wider"), told(any_site, 2, None, SOUTH, "Bob Narrow")]
    ids = {each["licence"]: each["id"] for each in any_site.get("/v1/devices")["items"]}
    for device in ids.values():
        any_site.client.patch(f"/v1/devices/{device}", json={"group": "factory"})
    wider, narrower = (
        {name: ids[SOUTH] if value == "{south}" else value for name, value in scope.items()} for scope in request.param
    )
    one = any_site.enrol("Ann Wider", 3, identities=[{"external_id": HIS_ID, **wider}])
    other = any_site.enrol("Bob Narrow", 5, identities=[{"external_id": HIS_ID, **narrower}])
    if narrower.get("device_group"):
        any_site.client.patch(f"/v1/devices/{ids[NORTH]}", json={"group": ""})
    hers = [first[0], told(any_site, 3, 3, NORTH, "Ann Wider"), told(any_site, 4, None, NORTH, "Ann Wider")]
    his = [first[1], told(any_site, 5, 5, SOUTH, "Bob Narrow"), told(any_site, 6, None, SOUTH, "Bob Narrow")]
    any_site.desk.work()
    return one, other, hers, his


def state_of(site: Site, events: list[int]) -> list[dict[str, Any]]:
    return [
        site.get(f"/v1/events/{each}") | {"messages": site.get(f"/v1/events/{each}/messages")["items"]}
        for each in events
    ]


def test_who_is_erased_takes_nothing_of_whoever_has_the_id_more_narrowly(
    any_site: Site, shared: tuple[int, int, list[int], list[int]], tmp_path: Path
) -> None:
    one, other, hers, his = shared
    # That he must be kept is no reason to keep her.
    for each in (f"/v1/people/{other}", f"/v1/events/{his[2]}"):
        assert any_site.client.patch(each, json={"legal_hold": True}).status_code == 200
    before = state_of(any_site, his)
    answer = any_site.client.delete(f"/v1/people/{one}", query_string={"erase": "true"})
    assert answer.status_code == 202, answer.get_data(as_text=True)
    assert any_site.ids() == sorted(his, reverse=True)
    # Told by him while she is being erased.
    late = told(any_site, 7, None, SOUTH, "Bob Narrow")
    any_site.desk.work()
    make_erasing(any_site.store, tmp_path).run(answer.get_json()["id"], without_rest())
    done = any_site.get(answer.headers["Location"])
    assert (done["counts"]["events"], done["counts"]["mentions"]) == (len(hers), 0)
    assert state_of(any_site, his) == before
    assert any_site.get(f"/v1/events/{late}")["reported"]["identity_name"] == "Bob Narrow"
    assert [each["name"] for each in any_site.get("/v1/identities")["items"]] == ["Bob Narrow"]
    assert columns_with(any_site.store, [b"Ann Wider", jpeg(3)]) == set()


def test_an_export_shows_nothing_of_whoever_has_the_id_more_narrowly(
    any_site: Site, shared: tuple[int, int, list[int], list[int]]
) -> None:
    one, other, hers, his = shared
    for person, events, name, strange in ((one, hers, "Ann Wider", b"Bob"), (other, his, "Bob Narrow", b"Ann")):
        data = any_site.client.get(f"/v1/people/{person}/export").data
        archive = zipfile.ZipFile(io.BytesIO(data))
        exported = [orjson.loads(line)["id"] for line in archive.read("events.jsonl").splitlines()]
        assert exported == events
        document = orjson.loads(archive.read("person.json"))
        assert [each["name"] for each in document["device_identities"]] == [name]
        kept = [archive.read(each) for each in archive.namelist()]
        assert not [data for data in kept if strange in data]
