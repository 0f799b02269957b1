"""Imports over HTTP: an archive is taken over, worked on by a worker, looked at, reported, cancelled and forgotten."""

import csv
import io
import random
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from receiver.domain.imports import JobState, RowState
from receiver.services.importing.import_jobs import FOLDER
from receiver.services.importing.importing import Importing, ImportingParts
from receiver.services.people.people import People, See
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from receiver.translation.import_words import LIST_NAMES
from schemas import api, imports
from schemas.imports import JOB_STATES, ROW_STATES
from tests.receiver.archives import packed
from tests.receiver.boxes import jpeg
from tests.receiver.faces import gate_of
from tests.receiver.importer import HEADER, NOBODY, PIXELS, see_prepared, settled_library
from tests.receiver.web.site import Site, is_problem, open_site

TABLE = HEADER + "1,Ann,,a.jpg\n2,王小明,访客,b.jpg\n3,Nobody,,n.jpg\n"
FILES = {"people.csv": TABLE.encode("gb18030"), "a.jpg": jpeg(1), "b.jpg": jpeg(2), "n.jpg": jpeg(NOBODY)}


def post(site: Site, data: bytes, name: str = "people.zip", **fields: str) -> TestResponse:
    return site.client.post("/v1/imports", data={"file": (io.BytesIO(data), name), **fields})


def posted(site: Site, data: bytes, **fields: str) -> dict[str, Any]:
    answer = post(site, data, **fields)
    assert answer.status_code == 202, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def work(site: Site, import_id: int) -> None:
    """What the worker does."""

    def library(store: Store, pictures: Pictures, see: See) -> People:
        return People(store, pictures, see, PIXELS, gate_of())

    settled_library(site.store)
    Importing(ImportingParts(site.store, Pictures(site.store.pictures), see_prepared, library)).run(import_id)


def kept_files(folder: Path) -> list[Path]:
    return list((folder / FOLDER).glob("*"))


def test_an_archive_is_imported_looked_at_and_forgotten(any_site: Site, tmp_path: Path) -> None:
    begun = posted(any_site, packed(FILES), list="vip")
    assert (begun["state"], begun["total"], begun["percent"], begun["name"]) == ("waiting", None, 0, "people.zip")
    assert len(kept_files(tmp_path)) == 1
    work(any_site, begun["id"])
    done = any_site.get(f"/v1/imports/{begun['id']}")
    assert (done["state"], done["total"], done["percent"]) == ("done", 3, 100)
    assert done["counts"] == {"waiting": 0, "enrolled": 2, "extended": 0, "unchanged": 0, "refused": 1}
    assert kept_files(tmp_path) == []
    assert {(each["name"], each["list"]) for each in any_site.get("/v1/people")["items"]} == {
        ("Ann", "vip"), ("王小明", "visitor"),
    }  # fmt: skip
    refused = any_site.get(f"/v1/imports/{begun['id']}/rows", state="refused")["items"]
    assert [(row["external_id"], row["reason"], row["place"]) for row in refused] == [
        ("3", "no_face", "people.csv line 4")
    ]
    assert any_site.client.delete(f"/v1/imports/{begun['id']}").status_code == 204
    assert is_problem(any_site.client.get(f"/v1/imports/{begun['id']}"), 404, "no_such_import")
    assert len(any_site.get("/v1/people")["items"]) == 2


def test_a_cursor_beyond_everything_is_the_end(any_site: Site) -> None:
    begun = posted(any_site, packed(FILES))
    work(any_site, begun["id"])
    page = any_site.get(f"/v1/imports/{begun['id']}/rows", cursor=2**63 - 1)
    assert page == {"items": [], "next": None}


def test_a_large_archive_goes_to_the_disk_piece_by_piece(site: Site, tmp_path: Path) -> None:
    data = packed({"noise.bin": random.Random(1).randbytes(3_000_000), **FILES})
    boundary, body = encode_multipart({"file": FileStorage(io.BytesIO(data), "people.zip")})
    answer = site.client.post("/v1/imports", data=body, content_type=f"multipart/form-data; boundary={boundary}")
    assert answer.status_code == 202, answer.get_data(as_text=True)
    begun = answer.get_json()
    assert [path.read_bytes() for path in kept_files(tmp_path)] == [data]
    work(site, begun["id"])
    assert site.get(f"/v1/imports/{begun['id']}")["counts"]["enrolled"] == 2


def test_a_report_opens_in_a_spreadsheet(site: Site) -> None:
    begun = posted(site, packed(FILES))
    work(site, begun["id"])
    answer = site.client.get(f"/v1/imports/{begun['id']}/report")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert f"import-{begun['id']}.csv" in answer.headers["Content-Disposition"]
    assert answer.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [(row["name"], row["state"], row["reason"]) for row in rows] == [
        ("Ann", "enrolled", "new_person"), ("王小明", "enrolled", "new_person"), ("Nobody", "refused", "no_face"),
    ]  # fmt: skip
    assert all(row["sentence"] for row in rows)


def test_a_dry_run_keeps_nobody(site: Site) -> None:
    begun = posted(site, packed(FILES), dry_run="true")
    work(site, begun["id"])
    done = site.get(f"/v1/imports/{begun['id']}")
    assert (done["is_dry_run"], done["counts"]["enrolled"]) == (True, 2)
    assert site.get("/v1/people")["items"] == []


def test_lists_come_page_by_page(site: Site) -> None:
    ids = [posted(site, packed(FILES))["id"] for _ in range(3)]
    first = site.get("/v1/imports", limit=2)
    assert [each["id"] for each in first["items"]] == ids[:0:-1]
    assert site.ids("/v1/imports", limit=2, cursor=first["next"]) == ids[:1]
    work(site, ids[0])
    page = site.get(f"/v1/imports/{ids[0]}/rows", limit=2)
    assert [row["number"] for row in page["items"]] == [0, 1]
    rest = site.get(f"/v1/imports/{ids[0]}/rows", limit=2, cursor=page["next"])
    assert ([row["number"] for row in rest["items"]], rest["next"]) == ([2], None)


def test_an_import_that_waits_is_cancelled_at_once(site: Site, tmp_path: Path) -> None:
    begun = posted(site, packed(FILES))
    assert is_problem(site.client.delete(f"/v1/imports/{begun['id']}"), 409, "import_running")
    assert site.client.post(f"/v1/imports/{begun['id']}/cancel").get_json()["state"] == "cancelled"
    assert kept_files(tmp_path) == []
    assert is_problem(site.client.post(f"/v1/imports/{begun['id']}/cancel"), 409, "import_ended")
    work(site, begun["id"])
    assert site.get("/v1/people")["items"] == []


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"PK\x03\x04 cut off", "people.zip", "bad_zip"), (b"no archive", "people.zip", "not_importable"),
        (TABLE.encode(), "people.csv", "table_alone"), (b"", "people.zip", "not_importable"),
    ],
)  # fmt: skip
def test_what_is_no_archive_is_refused_and_not_kept(
    data: bytes, name: str, reason: str, site: Site, tmp_path: Path
) -> None:
    answer = post(site, data, name)
    assert is_problem(answer, 422, reason)
    assert reason == "table_alone" or answer.get_json()["detail"].startswith(f"{name} is ")
    assert kept_files(tmp_path) == []
    assert site.get("/v1/imports")["items"] == []


def test_a_form_that_does_not_fit_is_refused_and_nothing_is_kept(site: Site, tmp_path: Path) -> None:
    data = packed(FILES)
    assert is_problem(post(site, data, list="stranger"), 422, "invalid_arguments")
    assert is_problem(post(site, data, lisst="staff"), 422, "invalid_arguments")
    assert is_problem(post(site, data, dry_run="perhaps"), 422, "invalid_arguments")
    assert is_problem(site.client.post("/v1/imports", json={"file": "x"}), 422, "no_file")
    assert is_problem(site.client.post("/v1/imports"), 422, "no_file")
    two = {"file": [(io.BytesIO(data), "a.zip"), (io.BytesIO(data), "b.zip")]}
    assert is_problem(site.client.post("/v1/imports", data=two), 422, "no_file")
    other = {"archive": (io.BytesIO(data), "a.zip")}
    assert is_problem(site.client.post("/v1/imports", data=other), 422, "no_file")
    broken = site.client.post("/v1/imports", data=b"--x", content_type="multipart/form-data; boundary=x")
    assert is_problem(broken, 422, "no_file")
    assert kept_files(tmp_path) == []


def test_a_form_that_cannot_hold_a_file_is_not_even_read(site: Site) -> None:
    sent = io.BytesIO(b"file=x&" + b"a&" * 10_000)
    size = len(sent.getvalue())
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(size)}
    answer = site.client.post("/v1/imports", input_stream=sent, headers=headers)
    assert is_problem(answer, 422, "no_file")
    assert sent.tell() == 0


def test_without_recognition_nothing_is_taken_over(tmp_path: Path) -> None:
    with open_site(tmp_path, recognition="off") as site:
        assert is_problem(post(site, packed(FILES)), 503, "recognition_off")
        assert kept_files(tmp_path) == []


def test_a_disk_without_room_takes_no_archive(tmp_path: Path) -> None:
    with open_site(tmp_path, disk_reserve=str(2**62)) as site:
        assert is_problem(post(site, packed(FILES)), 503, "disk_full")
        assert kept_files(tmp_path) == []


def test_an_archive_that_cannot_be_written_is_not_kept_by_half(site: Site, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    site.services.imports.new_file = lambda: tmp_path / FOLDER / "none" / "x.zip"  # type: ignore[method-assign]
    assert is_problem(post(site, packed(FILES)), 503, "cannot_spool")
    assert kept_files(tmp_path) == []


def test_a_name_from_a_browser_is_shown_without_its_folders(site: Site) -> None:
    assert post(site, packed(FILES), "C:/my/People.zip").get_json()["name"] == "People.zip"


@pytest.mark.parametrize("path", ["/v1/imports/7", "/v1/imports/7/rows", "/v1/imports/7/report"])
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    assert is_problem(site.client.get(path), 404, "no_such_import")


def test_the_words_of_the_interface_are_those_of_the_house() -> None:
    assert list(JOB_STATES) == [each.value for each in JobState]
    assert list(ROW_STATES) == [each.value for each in RowState]
    assert imports.LISTS == LIST_NAMES
    assert set(imports.LISTS) == set(api.LISTS) - {"stranger"}
