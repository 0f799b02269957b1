"""Input that means harm: paths that climb, SQL in every parameter, and little that unpacks to much."""

import gzip
import io
import random
import struct
import zlib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from receiver.store import tables
from tests.receiver.archives import packed, with_link
from tests.receiver.boxes import count, history, text_of
from tests.receiver.web.site import Site, open_site
from tests.security.servers import any_site, site

__all__ = ["any_site", "site"]  # fixtures of another module

SQL = (
    "' OR '1'='1", "1; DROP TABLE person; --", "1 OR 1=1", "') UNION SELECT * FROM face --", '" OR ""="', "%", "_", "\\", "1%00",
    "pg_sleep(9)", "0x31", "1e5", "-1", "9223372036854775808", "id DESC", "list,name", "${jndi}", "{{7*7}}",
)  # fmt: skip
CLIMBING = (
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//....//etc/passwd", "/etc/passwd",
    "..\\..\\windows\\win.ini", "%00", "a" * 63 + "/", "a" * 64 + "/../../erased.jsonl", "gatehouse.sqlite", "audit.key",
)  # fmt: skip
TINY_LIMIT = 2 * 1024 * 1024


def documented(site: Site) -> Iterator[tuple[str, str, list[str]]]:
    """(method, path with numbers put in, query parameters) of every operation."""
    for path, item in site.get("/v1/openapi.json")["paths"].items():
        shared = item.get("parameters", [])
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                parameters = [*shared, *item[method].get("parameters", [])]
                names = [each["name"] for each in parameters if each.get("in") == "query"]
                filled = path.replace("{digest}", "0" * 64)
                for each in parameters:
                    filled = filled.replace(f"{{{each.get('name')}}}", "1")
                yield method, filled, names


def test_sql_in_every_parameter_is_text_or_refused(any_site: Site) -> None:
    ann = any_site.enrol("Ann Example", 1)
    any_site.told(1, 1)
    tried = 0
    for method, path, names in documented(any_site):
        if method != "get":
            continue
        for name in names:
            for text in SQL:
                answer = any_site.client.get(path, query_string={name: text})
                # Only the front holds streams, and says so where there is none.
                may_say = 503 if path == "/v1/live" else 0
                assert answer.status_code < 500 or answer.status_code == may_say, (path, name, text, answer.data[:300])
                if name == "q" and "'" in text:
                    assert answer.get_json()["items"] == [], (path, text)
                tried += 1
    assert tried > 30 * len(SQL)
    assert any_site.get(f"/v1/people/{ann}")["name"] == "Ann Example"
    assert (count(any_site.store, tables.person), count(any_site.store, tables.event)) == (1, 1)


def test_sql_in_every_part_of_an_address_is_text_or_refused(any_site: Site) -> None:
    any_site.enrol("Ann Example", 1)
    for method, path, _ in documented(any_site):
        if "/1" not in path and "0" * 64 not in path:
            continue
        for text in SQL:
            address = path.replace("/1", f"/{quote(text, safe='')}", 1).replace("0" * 64, quote(text, safe=""))
            answer = any_site.client.open(address, method=method)
            assert answer.status_code < 500, (method, address, answer.data[:300])
    assert count(any_site.store, tables.person) == 1


@pytest.mark.parametrize("path", CLIMBING)
def test_no_address_leads_out_of_the_pictures_and_the_pages(site: Site, path: str) -> None:
    for base in ("/v1/pictures/", "/docs/", "/", "/v1/people/1/"):
        answer = site.client.get(f"{base}{path}")
        assert answer.status_code in {308, 404, 422}, (base, path)
        assert b"root:" not in answer.data
        answer.close()


def test_an_archive_that_climbs_or_links_writes_nothing_outside(tmp_path: Path) -> None:
    outside = tmp_path / "evil.jpg"
    names = ("../evil.jpg", "../../evil.jpg", "/evil.jpg", str(outside), "a/../../evil.jpg", "..\\evil.jpg")
    archives = [packed({name: b"x", "Ann/1.jpg": b"x"}) for name in names] + [with_link("Ann/1.jpg", "/etc/passwd")]
    with open_site(tmp_path / "data") as site:
        for data in archives:
            answer = site.client.post("/v1/imports", data={"file": (io.BytesIO(data), "../../evil.zip")})
            assert answer.status_code in {202, 422}, answer.data
        held = [path for path in tmp_path.rglob("*") if path.name.endswith((".jpg", "passwd"))]
    assert held == []
    assert not outside.exists()


def png_of(width: int, height: int) -> bytes:
    """A picture of a few bytes that says it has that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.fixture
def tight(tmp_path: Path) -> Iterator[Site]:
    """A site that takes bodies of two megabytes."""
    with open_site(tmp_path, body_limit=str(TINY_LIMIT)) as opened:
        yield opened


def test_a_packed_body_is_bounded_after_unpacking(tight: Site) -> None:
    bomb = gzip.compress(b'{"a":"' + b"0" * (50 * TINY_LIMIT) + b'"}')
    twice = gzip.compress(bomb)
    many = gzip.compress(b"[]") * 10_000
    # Within the ratio, and still too much.
    modest = gzip.compress(b'{"a":"' + random.Random(1).randbytes(TINY_LIMIT).hex().encode() + b'"}')
    small = gzip.compress(b'{"a":"' + b"0" * (TINY_LIMIT - 100) + b'"}')
    bodies = (bomb, twice, many, modest, small)
    assert max(map(len, (bomb, twice, many))) < TINY_LIMIT
    answers = [tight.client.post("/HistoryEvent", data=data) for data in bodies]
    assert [answer.status_code for answer in answers] == [413, 400, 400, 413, 413]
    assert "200 times" in answers[4].get_json()["detail"]
    assert count(tight.store, tables.event) == 0


def test_our_own_interface_unpacks_nothing(tight: Site) -> None:
    data = gzip.compress(b'{"name": "Ann"}')
    answer = tight.client.post(
        "/v1/people", data=data, content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert answer.status_code == 400
    assert count(tight.store, tables.person) == 0


def test_a_picture_of_countless_pixels_is_refused_by_its_header(tight: Site) -> None:
    bomb = png_of(65_000, 65_000)
    assert tight.client.post("/v1/detect", data=bomb, content_type="image/png").status_code in {422, 503}
    enrolled = tight.client.post("/v1/people", data={"name": "Ann", "pictures": (io.BytesIO(bomb), "a.png")})
    assert enrolled.status_code == 422
    assert enrolled.get_json()["pictures"][0]["reason"] == "too_many_pixels"
    event = history(2, ext_data={"recognize_face": b64encode(bomb).decode()})
    answer = tight.client.post("/HistoryEvent", json=event)
    assert answer.status_code == 200
    shown = tight.get(f"/v1/events/{answer.get_json()['data']['items'][0]['event_id']}")
    assert [each["reason"] for each in shown["refused_pictures"]] == ["too_many_pixels"]


def test_json_without_end_is_a_problem_and_no_hang(tight: Site) -> None:
    deep = b"[" * 500_000
    nested = b'{"data":' * 100_000 + b"1" + b"}" * 100_000
    wide = b"[" + b"1," * 900_000 + b"1]"
    digits = b'{"name": ' + b"9" * 1_000_000 + b"}"
    texts = b'"' + b"\\u005b" * 300_000 + b'"'
    for body in (deep, nested, wide, digits, texts):
        for path in ("/HistoryEvent", "/DeviceStatus", "/v1/people", "/v1/verify"):
            answer = tight.client.post(path, data=body, content_type="application/json")
            # A box is answered 200 for an item that was put into quarantine.
            allowed = {200, 400, 413, 422} if path.startswith(("/H", "/D")) else {400, 413, 422}
            assert answer.status_code in allowed, (path, body[:20], answer.status_code)
    assert (count(tight.store, tables.person), count(tight.store, tables.event)) == (0, 0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "x" * 256}, "name"),
        ({"note": "x" * 10_001}, "note"),
        ({"pictures": [text_of(1)] * 51}, "pictures"),
        ({"groups": [f"g{number}" for number in range(51)]}, "groups"),
        ({"identities": [{"external_id": f"i{number}"} for number in range(101)]}, "identities"),
        ({"fields": {f"f{number}": "x" for number in range(500)}}, "fields"),
        ({"external_id": "x" * 256}, "external_id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_field_and_list_of_a_person_is_bounded(tight: Site, change: dict[str, Any], field: str) -> None:
    answer = tight.client.post("/v1/people", json={"name": "Ann"} | change)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (422, [field])
    assert count(tight.store, tables.person) == 0


def test_a_form_of_countless_parts_is_refused(tight: Site) -> None:
    parts = "".join(f'--b\r\nContent-Disposition: form-data; name="f{number}"\r\n\r\n1\r\n' for number in range(5000))
    for path in ("/v1/people", "/v1/detect", "/HistoryEvent"):
        answer = tight.client.post(path, data=f"{parts}--b--\r\n", content_type="multipart/form-data; boundary=b")
        assert 400 <= answer.status_code < 500, path
    assert (count(tight.store, tables.person), count(tight.store, tables.event)) == (0, 0)


def test_a_zip_that_unpacks_to_much_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    image = io.BytesIO()
    Image.new("RGB", (8, 8)).save(image, "BMP")
    bomb = packed({"Ann/1.bmp": image.getvalue() + b"\0" * 100_000_000})
    assert len(bomb) < TINY_LIMIT
    with open_site(tmp_path) as site:
        answer = site.client.post("/v1/imports", data={"file": (io.BytesIO(bomb), "bomb.zip")})
        assert answer.status_code in {202, 422}
        big = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 50_000_000]
    assert big == []
