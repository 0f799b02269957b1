"""Trust over the interface: who is pending and why, trusting, blocking, and keys that show who speaks and are never shown."""

import base64
import gzip
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver import bootstrap, logs
from receiver.settings import Settings
from receiver.store import tables
from receiver.translation import sophon as translation
from receiver.web.device_paths import CHANNELS, STATUS_PATHS, split_key, starred
from schemas.errors import UnreadableItem
from tests.made_stores import made_house
from tests.receiver.boxes import HISTORY, LICENCE, count, history, text_of
from tests.receiver.services.test_statuses import REPORT
from tests.receiver.web.asgi import Answered, ask
from tests.receiver.web.conftest import Web
from tests.receiver.web.logins import client_of
from tests.receiver.web.site import Site, is_problem, open_site

JSON = (b"content-type", b"application/json")
PROXY = "10.8.0.1"
HEADER = "X-SSL-Client-S-DN"


@pytest.fixture
def gated(tmp_path: Path, database_url: str) -> Iterator[Site]:
    with open_site(tmp_path, database_url, device_trust="adopt") as opened:
        yield opened


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web, str]]:
    """A site that believes keys only, and the key of its one device."""
    folder = tmp_path_factory.mktemp("keyed")
    settings = Settings(
        data_dir=folder, recognition="off", device_trust="secret", trusted_proxies=(ip_network("10.8.0.0/24"),),
        client_certificate_header=HEADER,
    )  # fmt: skip
    house = made_house(settings)
    app = bootstrap.make_app(house)
    client = client_of(app)
    device_id = client.post("/v1/devices", json={"name": "north", "licence": LICENCE}).get_json()["id"]
    made = client.post(f"/v1/devices/{device_id}/key")
    assert made.status_code == 201
    certified = client.post("/v1/devices", json={"name": "south", "certificate": "CN=south"})
    assert certified.get_json()["known_by"] == "certificate"
    yield Web(app, house.store, folder), made.get_json()["key"]
    house.close()


NUMBERS = iter(range(10**6))


def event() -> bytes:
    return orjson.dumps(history(next(NUMBERS)))


def reason(answer: Answered) -> Any:
    assert answer.status == 200, answer.body
    (item,) = answer.json["data"]["items"]
    assert item["result"] == "new"
    return item["reason"]


def basic(user: str, password: str) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{user}:{password}".encode())


def test_a_pending_device_is_shown_with_why_and_what_it_sent_as_unverified(gated: Site) -> None:
    told = gated.told(1, 1)
    (device,) = gated.get("/v1/devices", state="pending")["items"]
    assert (device["pending_reason"], device["kept"], device["dropped"]) == ("unknown", {"waiting": 1, "left": 0}, 0)
    assert (device["bound"], device["known_by"], device["trusted_at"]) == ("10.0.0.9", "address", None)
    shown = gated.get(f"/v1/events/{told}")
    assert (shown["verified"], shown["recognition"], shown["device"]["state"]) == (False, "held", "pending")
    assert gated.ids(verified="false") == [told]
    assert gated.ids(verified="true") == []
    assert gated.get("/v1/devices", state="trusted")["items"] == []


def test_a_device_is_trusted_bound_and_blocked(gated: Site) -> None:
    gated.told(1)
    change = {"state": "trusted", "address": "10.0.0.0/24", "group": "north"}
    answer = gated.client.patch("/v1/devices/1", json=change)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    shown = answer.get_json()
    assert (shown["state"], shown["bound"], shown["group"], shown["is_catching_up"]) == (
        "trusted", "10.0.0.0/24", "north", True,
    )  # fmt: skip
    assert shown["trusted_by"].startswith("account ")
    assert shown["trusted_by"].endswith(" (127.0.0.1, API)")
    assert gated.client.patch("/v1/devices/1", json={"state": "blocked"}).get_json()["state"] == "blocked"
    (recorded,) = gated.services.intake.record([history(2)], HISTORY)
    assert (recorded.result, recorded.reason) == ("dropped", "device_blocked")
    assert gated.get("/v1/devices")["items"][0]["dropped"] == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/v1/devices/99", {"state": "trusted"}, 404, "no_such_device"),
        ("/v1/devices/1", {"state": "trusted", "address": "10.0.0.0/99"}, 422, "bad_address"),
        ("/v1/devices/1", {"state": "friendly"}, 422, "invalid_arguments"),
        ("/v1/devices/1", {}, 422, "invalid_arguments"),
        ("/v1/devices/1", {"address": "a\x00b"}, 422, "invalid_arguments"),
    ],
)
def test_what_is_wrong_with_a_change_is_told(
    site: Site, path: str, body: dict[str, Any], status: int, word: str
) -> None:
    site.told(1)
    assert is_problem(site.client.patch(path, json=body), status, word)


def test_a_device_is_written_down_before_it_speaks(gated: Site) -> None:
    new = {"licence": LICENCE, "address": "10.0.0.9"}
    assert gated.client.post("/v1/devices", json=new).status_code == 201
    assert is_problem(gated.client.post("/v1/devices", json=new), 409, "device_taken")
    assert is_problem(gated.client.post("/v1/devices", json={}), 422, "nothing_to_know_it_by")
    (device,) = gated.get("/v1/devices")["items"]
    assert (device["state"], device["bound"]) == ("trusted", "10.0.0.9")


@pytest.mark.parametrize("path", [*CHANNELS, "//HistoryEvent", "/HistoryEvent/"])
def test_a_key_in_the_address_shows_who_speaks_on_every_path(keyed: tuple[Web, str], path: str) -> None:
    web, key = keyed
    assert reason(ask(web.front(), f"/in/{key}{path}", event(), [JSON])) is None
    if path.startswith("//"):
        return  # only the front puts slashes together
    assert web.client.post(f"/in/{key}{path}", data=event()).get_json()["data"]["items"][0]["reason"] is None


@pytest.mark.parametrize("path", STATUS_PATHS)
def test_so_does_a_status_report(keyed: tuple[Web, str], path: str) -> None:
    web, key = keyed
    body = orjson.dumps({**REPORT, "gateway_name": f"named at {path}"})
    assert ask(web.front(), f"/in/{key}{path}", body, [JSON]).status == 200
    assert web.devices()[0].name == f"named at {path}"


def test_a_key_may_come_in_every_other_way_too(keyed: tuple[Web, str]) -> None:
    web, key = keyed
    ways: list[dict[str, Any]] = [
        {"query_string": f"key={key}".encode()},
        {"headers": [JSON, (b"authorization", b"Bearer " + key.encode())]},
        {"headers": [JSON, basic("box", key)]},
        {"headers": [JSON, basic(key, "")]},
    ]
    for way in ways:
        more = {"headers": [JSON], **way}
        assert reason(ask(web.front(), "/HistoryEvent", event(), **more)) is None
        # Packed bodies go through the application instead of the line.
        assert reason(ask(web.front(), "/HistoryEvent", gzip.compress(event()), **more)) is None


def test_without_the_key_or_with_another_it_is_acknowledged_and_pending(keyed: tuple[Web, str]) -> None:
    web, key = keyed
    for path, headers in (
        ("/HistoryEvent", []), ("/in/guessed/HistoryEvent", []), ("/HistoryEvent", [basic("box", key + "x")]),
        ("/HistoryEvent", [(b"authorization", b"Basic \xff\xfe")]), ("/HistoryEvent", [(b"authorization", b"Digest x")]),
        (f"/in/{'k' * 600}/HistoryEvent", []),
    ):  # fmt: skip
        assert reason(ask(web.front(), path, event(), [JSON, *headers])) == "device_pending"


def test_a_certificates_name_is_believed_from_a_trusted_proxy_only(keyed: tuple[Web, str]) -> None:
    web, _ = keyed
    header = (HEADER.lower().encode(), b"CN=south")
    for peer, expected in (((PROXY, 1), None), (("10.9.0.1", 1), "device_pending")):
        assert reason(ask(web.front(), "/HistoryEvent", event(), [JSON, header], client=peer)) == expected
        packed = ask(web.front(), "/HistoryEvent", gzip.compress(event()), [JSON, header], client=peer)
        assert reason(packed) == expected
    wrong = (HEADER.lower().encode(), b"CN=north")
    assert reason(ask(web.front(), "/HistoryEvent", event(), [JSON, wrong], client=(PROXY, 1))) == "device_pending"


def test_a_key_opens_nothing_but_what_boxes_post_to(keyed: tuple[Web, str]) -> None:
    web, key = keyed
    for path in ("/v1/devices", "/docs/", "/metrics", "", "/"):
        assert web.client.get(f"/in/{key}{path}").status_code == 404
        assert ask(web.front(), f"/in/{key}{path}", method="GET").status == 404


def test_no_key_is_logged_or_kept(keyed: tuple[Web, str], capsys: pytest.CaptureFixture[str]) -> None:
    web, key = keyed
    for path in (f"/in/{key}/HistoryEvent", f"/in/{key}/nowhere", f"//in//{key}//HistoryEvent", f"/x/in/{key}"):
        for body in (event(), b"junk", b"[1]", b"x" * 5_000_000):
            ask(web.front(), path, body, [JSON], query_string=f"key={key}".encode())
            ask(web.front(), path, body, [JSON])
    logs._LINES.flush()
    said = capsys.readouterr()
    assert "/in/***/HistoryEvent" in said.err
    assert key not in said.err + said.out
    for table in (tables.message, tables.quarantine, tables.device):
        with web.store.read() as tx:
            assert key not in repr(tx.execute(table.select()).all())
    for file in web.folder.rglob("*"):
        assert not file.is_file() or key.encode() not in file.read_bytes(), file


def test_an_unreadable_message_with_a_key_can_be_replayed_as_its_devices(
    keyed: tuple[Web, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    web, key = keyed

    def cannot(_message: object) -> Any:
        raise UnreadableItem("odd", "an older program")

    body = event()
    with monkeypatch.context() as broken:
        broken.setattr(translation, "speaker_of", cannot)
        answer = ask(web.front(), f"/in/{key}/HistoryEvent", body, [JSON])
        assert answer.json["data"]["items"][0]["result"] == "quarantined"
    held = web.client.get("/v1/quarantine", query_string={"state": "held", "limit": 1}).get_json()["items"][0]
    replayed = web.client.post(f"/v1/quarantine/{held['id']}/replay")
    assert replayed.status_code == 200, replayed.get_data(as_text=True)
    newest = web.client.get("/v1/events", query_string={"limit": 1}).get_json()["items"][0]
    assert (newest["verified"], newest["device"]["licence"]) == (True, LICENCE)


@pytest.mark.parametrize(
    "origin", [b"https://evil.example", b"null", b"http://127.0.0.1:8080", b"http://[", b"file://"]
)
@pytest.mark.parametrize("path", ["/HistoryEvent", "/RealTimeEvent", "/DeviceStatus"])
def test_a_page_in_somebodys_browser_does_not_speak_as_the_device_there(
    keyed: tuple[Web, str], path: str, origin: bytes
) -> None:
    """Its browser would post for it what needs no asking beforehand, from an address that may be trusted."""
    web, key = keyed
    plain, host = (b"content-type", b"text/plain"), (b"host", b"gate.example")
    before = count(web.store, tables.event)
    for place in (path, f"/in/{key}{path}"):
        answer = ask(web.front(), place, event(), [plain, host, (b"origin", origin)])
        assert (answer.status, answer.json["reason"]) == (403, "foreign_page")
    assert count(web.store, tables.event) == before
    own = [plain, host, (b"origin", b"http://gate.example")]
    assert ask(web.front(), "/HistoryEvent", event(), own).status == 200


def test_nothing_is_kept_of_what_a_blocked_device_sends(gated: Site) -> None:
    gated.told(1)
    gated.client.patch("/v1/devices/1", json={"state": "blocked"})
    before = [
        count(gated.store, table) for table in (tables.event, tables.message, tables.event_key, tables.quarantine)
    ]
    gated.services.intake.record([history(2, reg_pic=text_of(9)), "junk"], HISTORY)
    after = [count(gated.store, table) for table in (tables.event, tables.message, tables.event_key, tables.quarantine)]
    # The junk may be anybody's at that address: it waits where what cannot be read waits, within bounds.
    assert after == [*before[:3], before[3] + 1]


@pytest.mark.parametrize(
    ("path", "plain", "key"),
    [
        ("/in/abc/HistoryEvent", "/HistoryEvent", "abc"), ("/in/abc/v1/devices", "/in/abc/v1/devices", ""),
        ("/in//HistoryEvent", "/in//HistoryEvent", ""), ("/HistoryEvent", "/HistoryEvent", ""),
        ("/in/a/in/b/HistoryEvent", "/in/a/in/b/HistoryEvent", ""), ("/in/abc", "/in/abc", ""),
    ],
)  # fmt: skip
def test_the_key_is_taken_out_of_the_address(path: str, plain: str, key: str) -> None:
    assert split_key(path) == (plain, key)


def test_whatever_stands_where_a_key_would_is_starred() -> None:
    assert starred("/in/abc/HistoryEvent") == "/in/***/HistoryEvent"
    assert starred("//in//abc//x") == "//in//***//x"
    assert starred("/IN/abc/HistoryEvent") == "/IN/***/HistoryEvent"
    assert starred("/in/a/in/b") == "/in/***/in/***"
    assert starred("/inside/abc") == "/inside/abc"
    assert starred("/HistoryEvent?key=abc") == "/HistoryEvent?key=***"
    assert starred("/HistoryEvent;key=a.b&c=d/e") == "/HistoryEvent;key=***&c=d/e"
    assert starred("/v1/keys/gk_12_0a1b2c") == "/v1/keys/gk_12_***"
    assert starred("/v1/people/eyJhbGciOi.eyJpc3Mi.x-_y") == "/v1/people/eyJ***"
    assert starred("/v1/reviews/12/later") == "/v1/reviews/12/later"
