"""Erasing a person over HTTP: hidden at once, then gone from every table and file, and never back by itself."""

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from receiver.services.erasing import erasing, erasing_pictures
from receiver.services.erasing.erasing_pictures import faces_near
from receiver.services.intake.recording import Recorded
from receiver.settings import Settings
from receiver.store import database, deliveries, imports, lanes, pictures, quarantine, tables
from receiver.store.pictures import Pictures
from receiver.store.store import MAIN_FILE, PICTURES_FILE
from tests.made_stores import made_house
from tests.receiver.boxes import HISTORY, REAL_TIME, count, history, jpeg, real_time, text_of
from tests.receiver.erasing import columns_with, files_with, make_erasing, stopped_after, without_rest
from tests.receiver.faces import MODEL, face_of, sighting
from tests.receiver.web.site import Site, is_problem, open_site

NAME, IDENTITY = "Quilliam Erasable", "QX-778-ZZ"
NEEDLES = (NAME.encode(), IDENTITY.encode(), face_of(3).tobytes(), jpeg(3), jpeg(30))
HIM = {"identity_id": IDENTITY, "identity_name": NAME}


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of these tests are one."""
    monkeypatch.setattr(erasing_pictures, "SETTLED", erasing_pictures.SETTLED * 0)
    monkeypatch.setattr(pictures, "FOLLOW_SECONDS", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def passage(site: Site, number: int = 0, face: int = 3, **changes: Any) -> int:
    """He passes: his crop, his library picture and whatever else the box knows."""
    inner = {"reg_pic": text_of(30), "identity_info": {"phone": f"call {NAME}"}}
    return site.told(number, face, ext_data=inner | changes.pop("ext_data", {}), **{**HIM, **changes})


def begin(site: Site, person: int) -> int:
    answer = site.client.delete(f"/v1/people/{person}", query_string={"erase": "true"})
    assert answer.status_code == 202, answer.get_data(as_text=True)
    return int(answer.get_json()["id"])


def erase(site: Site, folder: Path, person: int) -> Any:
    erasure_id = begin(site, person)
    make_erasing(site.store, folder).run(erasure_id, without_rest())
    return site.get(f"/v1/erasures/{erasure_id}")


def known(site: Site, events: int = 3) -> tuple[int, list[int]]:
    """He is enrolled, passes some times, and is recognised."""
    person = site.enrol(NAME, 3, external_id=IDENTITY)
    ids = [passage(site, number) for number in range(events)]
    site.desk.work()
    return person, ids


def test_who_is_erased_is_hidden_at_once(any_site: Site) -> None:
    person, ids = known(any_site)
    other = any_site.told(50, 5)
    digest = any_site.get(f"/v1/events/{ids[0]}")["pictures"]["face"]["digest"]
    assert any_site.ids(q=NAME) == any_site.ids(person=person) == sorted(ids, reverse=True)
    begin(any_site, person)
    assert any_site.ids() == [other]
    assert any_site.ids(q=NAME) == any_site.ids(person=person) == []
    assert any_site.ids("/v1/people") == []
    for path in (f"/v1/people/{person}", f"/v1/events/{ids[0]}", f"/v1/events/{ids[0]}/messages"):
        assert any_site.client.get(path).status_code == 404
    assert is_problem(any_site.client.get(f"/v1/pictures/{digest}"), 404, "no_such_picture")
    # Another process decides about the same face again: nobody knows it.
    again = any_site.told(60, 3, identity_id="", identity_name="")
    any_site.desk.work()
    assert any_site.desk.event(again).decision == "unknown"


def test_nothing_of_an_erased_person_is_left_in_any_table(any_site: Site, folder: Path) -> None:
    # Before he was enrolled his box called him a stranger: his face waits to be seen a second time.
    passage(any_site, 40, ext_data={"person_type": 4})
    any_site.desk.work()
    person, ids = known(any_site)
    other = any_site.told(50, 5, identity_id="else", identity_name="Somebody Else")
    any_site.desk.work()
    twice = any_site.enrol(f"{NAME} again", note=f"also {IDENTITY}", groups=["night"])
    assert any_site.client.post(f"/v1/people/{person}/merge", json={"other": twice}).status_code == 200
    assert "correction.before" in columns_with(any_site.store, NEEDLES)
    assert len(columns_with(any_site.store, NEEDLES)) > 8
    assert "stranger_candidate.embedding" in columns_with(any_site.store, NEEDLES)
    done = erase(any_site, folder, person)
    # Who had been merged into him has an erasure too.
    (also,) = done["also"]
    make_erasing(any_site.store, folder).run(also, without_rest())
    assert columns_with(any_site.store, NEEDLES) == set()
    counts = done["certificate"]["counts"]
    assert (counts["people"], counts["faces"], counts["embeddings"], counts["corrections"]) == (1, 1, 1, 1)
    assert (counts["events"], counts["messages"], counts["sightings"]) == (4, 4, 4)
    assert counts["candidates"] == 1
    assert counts["pictures_deleted"] == 2
    assert (done["state"], done["percent"]) == ("done", 100)
    assert {each["what"] for each in done["certificate"]["remains"]} >= {"backups", "devices", "upstream"}
    # The events are still counted, without anybody.
    for event in (any_site.get(f"/v1/events/{each}") for each in ids):
        assert event["reported"]["identity_name"] == event["reported"]["identity_id"] == ""
        assert event["decision"]["person"] is None
        assert event["recognition_reason"] == "erased"
        assert {each["reason"] for each in event["refused_pictures"]} == {"erased"}
        assert event["gate"]["ip"] == "10.0.0.21"
    (message,) = any_site.get(f"/v1/events/{ids[0]}/messages")["items"]
    assert message["redacted"] == "erased"
    assert message["message"]["ext_data"]["device_ip"] == "10.0.0.21"
    assert any_site.get(f"/v1/events/{other}")["reported"]["identity_name"] == "Somebody Else"
    assert any_site.get(f"/v1/events/{other}/messages")["items"][0]["redacted"] is None


@pytest.mark.parametrize("pragma", ["secure_delete=ON", "secure_delete=OFF"])
def test_the_bytes_are_gone_from_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pragma: str) -> None:
    monkeypatch.setattr(database, "SECURE_DELETE", pragma)
    with open_site(tmp_path) as site:
        # Among many others, so that pages are split and rows are moved.
        person = site.enrol(NAME, 3, external_id=IDENTITY)
        for number in range(60):
            if number % 3:
                site.told(number, 5, identity_id=f"else {number}", identity_name="Somebody Else")
            else:
                passage(site, number)
        site.desk.work()
        assert files_with(tmp_path, NEEDLES) >= {f"{MAIN_FILE}-wal", f"{PICTURES_FILE}-wal"}
        done = erase(site, tmp_path, person)
        assert done["counts"]["events"] == 20
        assert files_with(tmp_path, NEEDLES) == set()
        assert (tmp_path / f"{MAIN_FILE}-wal").stat().st_size < 100_000
        assert len(site.ids(limit=100)) == 60
    assert files_with(tmp_path, NEEDLES) == set()


def test_a_large_file_is_written_anew_at_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "COMPACT_AT_ONCE", 0)
    with open_site(tmp_path) as site:
        person, _ = known(site)
        done = erase(site, tmp_path, person)

        def free_space() -> Any:
            (erasure,) = site.get("/v1/erasures")["items"]
            return next(each for each in erasure["certificate"]["remains"] if each["what"] == "free_space")["gone_at"]

        assert done["state"] == "done"
        assert free_space() is None
        work = make_erasing(site.store, tmp_path)
        assert (work.compact(), work.compact()) == (1, 0)
        assert free_space() is not None
        assert files_with(tmp_path, NEEDLES) == set()


def test_every_connection_overwrites_what_it_deletes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's SQLite does so by itself, and would hide that we had forgotten to ask for it."""
    real = sqlite3.dbapi2.connect

    def careless(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = real(*arguments, **options)
        connection.execute("PRAGMA secure_delete=OFF")
        return connection

    monkeypatch.setattr(sqlite3.dbapi2, "connect", careless)
    with open_site(tmp_path) as site:
        for each in (site.store.main, site.store.pictures):
            assert each.deletes_securely()
            assert each._alone("PRAGMA secure_delete")[0] == 1


def test_an_erasure_goes_on_wherever_it_was_ended(site: Site, folder: Path) -> None:
    person, _ = known(site, events=30)
    erasure_id = begin(site, person)
    for steps in [0, 1, 1, 2, 1, 3, 1, 1, 2, *[1] * 60]:
        make_erasing(site.store, folder).run(erasure_id, stopped_after(steps))
    done = site.get(f"/v1/erasures/{erasure_id}")
    assert done["state"] == "done"
    assert done["counts"]["events"] == done["counts"]["messages"] == done["counts"]["sightings"] == 30
    assert columns_with(site.store, NEEDLES) == set()
    assert count(site.store, tables.task) == 0


def test_a_resend_does_not_bring_the_erased_back(any_site: Site, folder: Path) -> None:
    person, (event_id, *_) = known(any_site)
    erase(any_site, folder, person)
    inner = {"reg_pic": text_of(30), "identity_info": {"phone": f"call {NAME}"}, "recognize_face": text_of(3)}
    again = any_site.services.intake.record([history(0, ext_data=inner, **HIM)], HISTORY)
    assert again == [Recorded(event_id, "duplicate")]
    late = any_site.services.intake.record([real_time(0, ext_data=inner, **HIM)], REAL_TIME)
    assert late == [Recorded(None, "duplicate", "erased")]
    # The bytes came before anybody could look at the key: nobody is shown them, and the sweep takes them.
    assert columns_with(any_site.store, NEEDLES) == {"picture.data"}
    digest = Pictures(any_site.store.pictures).come_again(datetime.max.replace(tzinfo=UTC), b"", 9)[0]
    assert is_problem(any_site.client.get(f"/v1/pictures/{digest.hex()}"), 404, "no_such_picture")


def test_a_picture_that_somebody_else_brings_later_is_shown(site: Site, folder: Path) -> None:
    person, _ = known(site)
    erase(site, folder, person)
    later = site.told(90, 3, identity_id="", identity_name="")
    link = site.get(f"/v1/events/{later}")["pictures"]["face"]["url"]
    assert site.client.get(link).data == jpeg(3)


def test_on_a_shared_scene_only_the_erased_face_is_blurred(any_site: Site, folder: Path) -> None:
    person = any_site.enrol(NAME, 3, external_id=IDENTITY)
    scene = {"spot_pic": text_of(200)}
    passage(any_site, 1, ext_data=scene)
    other = any_site.told(1, 5, identity_id="else", identity_name="Somebody Else", ext_data=scene)
    any_site.desk.work()
    before = any_site.get(f"/v1/events/{other}")["pictures"]["scene"]["digest"]
    looked: list[bytes] = []

    def locate(_image: Any, probes: bytes, model: str) -> list[list[int]]:
        looked.append(probes)
        return [] if model != MODEL else [[2, 2, 8, 8]]

    erasure_id = begin(any_site, person)
    make_erasing(any_site.store, folder, locate).run(erasure_id, without_rest())
    done = any_site.get(f"/v1/erasures/{erasure_id}")
    assert done["counts"]["pictures_blurred"] == 1
    assert looked == [face_of(3).tobytes()]
    shown = any_site.get(f"/v1/events/{other}")
    assert shown["pictures"]["scene"]["digest"] != before
    assert shown["reported"]["identity_name"] == "Somebody Else"
    assert any_site.client.get(shown["pictures"]["scene"]["url"]).status_code == 200
    assert any_site.client.get(f"/v1/pictures/{before}").status_code == 404
    (message,) = any_site.get(f"/v1/events/{other}/messages")["items"]
    assert message["redacted"] == "blurred"
    assert message["message"]["ext_data"]["spot_pic"] not in {None, text_of(200)}
    assert columns_with(any_site.store, [*NEEDLES, jpeg(200)]) == set()


def test_the_face_on_a_shared_picture_is_found_by_its_embedding() -> None:
    near, far = sighting(face_of(3, off=0.1), left=10), sighting(face_of(5), left=300)
    assert faces_near([near, far], face_of(3).tobytes(), MODEL, 0.6) == [[10, 2, 110, 102]]


def test_a_device_that_names_the_erased_to_another_face_is_forgotten_only(any_site: Site, folder: Path) -> None:
    other = any_site.enrol("Somebody Else", 5)
    person = any_site.enrol(NAME, 3, external_id=IDENTITY)
    wrong = any_site.told(1, 5, **HIM)
    any_site.desk.work()
    done = erase(any_site, folder, person)
    assert (done["counts"]["mentions"], done["counts"]["events"]) == (1, 0)
    event = any_site.get(f"/v1/events/{wrong}")
    assert event["decision"]["person"]["id"] == other
    assert event["pictures"]["face"]["digest"]
    assert columns_with(any_site.store, [NAME.encode(), IDENTITY.encode()]) == set()


def test_what_waits_upstream_and_in_quarantine_goes_too(site: Site, folder: Path) -> None:
    person, ids = known(site)
    other = site.told(50, 5)
    now = datetime.now(UTC)
    with site.store.write() as tx:
        rows = [deliveries.row_of_event(1, (1, each, each), 0, now) for each in (*ids, other)]
        deliveries.add(tx, rows, now)
        for place, raw in enumerate((f'{{"a": "{NAME}"', f"x={IDENTITY}&y=1", '{"a": "somebody else"')):
            quarantine.keep(
                tx,
                {
                    "received_at": now,
                    "channel": "history",
                    "peer": "10.0.0.9",
                    "path": "/HistoryEvent",
                    "content_type": "",
                    "reason": "not_json",
                    "detail": "",
                    "raw": raw.encode(),
                    "form": "body",
                    "digest": bytes([place]) * 32,
                },
            )
    done = erase(site, folder, person)
    assert (done["counts"]["deliveries"], done["counts"]["quarantined"]) == (3, 2)
    with site.store.read() as tx:
        assert list(tx.execute(select(tables.delivery.c.event_id)).scalars()) == [other]
        books = lanes.books_of(tx, 1)
    assert books.is_balanced
    assert (books.recorded, books.waiting, books.dropped) == (4, 1, 3)
    assert count(site.store, tables.quarantine) == 1


def test_rows_of_imports_do_not_name_the_erased(any_site: Site, folder: Path) -> None:
    person, _ = known(any_site)
    now = datetime.now(UTC)
    plain = {
        "import_id": 1, "place": "", "external_id": "", "name": "", "list": "staff", "note": "", "paths": [],
        "more": {}, "state": "enrolled", "detail": None, "person_id": None, "pictures": None,
    }  # fmt: skip
    alike = [{"path": "a.jpg", "is_used": False, "reason": "twin", "findings": [{"name": NAME}]}]
    with any_site.store.write() as tx:
        job = {"state": "done", "name": "people.zip", "path": "", "is_upload": False, "list": "staff"}
        imports.add(tx, job | {"is_dry_run": False, "created_at": now})
        changes: list[dict[str, Any]] = [
            {"person_id": person, "name": NAME, "place": f"{NAME}/1.jpg"},
            {"external_id": IDENTITY, "state": "waiting"},
            {"name": "Somebody", "detail": f"that id is {NAME}'s"},
            {"name": "Somebody", "pictures": alike},
            {"name": "Somebody", "detail": "another reason"},
        ]
        imports.add_rows(tx, [plain | {"number": number} | each for number, each in enumerate(changes)])
    done = erase(any_site, folder, person)
    assert (done["counts"]["import_rows"], done["counts"]["import_mentions"]) == (2, 2)
    assert columns_with(any_site.store, NEEDLES) == set()
    rows = any_site.get("/v1/imports/1/rows")["items"]
    assert [row["reason"] for row in rows] == ["erased", "erased", None, None, None]
    assert rows[3]["pictures"] == [{"path": "a.jpg", "is_used": False, "reason": "twin"}]
    assert rows[4]["detail"] == "another reason"
    # Nobody is enrolled by a row that had not had its turn.
    assert [row["state"] for row in rows[:2]] == ["refused", "refused"]


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[tuple[Site, Path]]:
    """A site whose backup was made before the erasure, and restored after it."""
    with open_site(tmp_path / "old") as site:
        person, _ = known(site)
        pending = passage(site, 70, identity_id="", identity_name="")
        for name in (MAIN_FILE, PICTURES_FILE):
            (tmp_path / "new").mkdir(exist_ok=True)
            with sqlite3.connect(tmp_path / "old" / name) as source, sqlite3.connect(tmp_path / "new" / name) as copy:
                source.backup(copy)
            source.close()
            copy.close()
        site.desk.work()
        assert site.desk.event(pending).person_id == person
        erase(site, tmp_path / "old", person)
    shutil.copy(tmp_path / "old" / "erased.jsonl", tmp_path / "new")
    with open_site(tmp_path / "new") as site:
        yield site, tmp_path / "new"


def test_a_restored_backup_is_erased_again(restored: tuple[Site, Path]) -> None:
    site, folder = restored
    assert site.ids() == site.ids("/v1/people") == []
    (erasure,) = site.get("/v1/erasures")["items"]
    assert (erasure["reason"], erasure["state"]) == ("restored", "running")
    make_erasing(site.store, folder).run(erasure["id"], without_rest())
    assert columns_with(site.store, NEEDLES) == set()
    assert site.get(f"/v1/erasures/{erasure['id']}")["counts"]["events"] == 4
    house = made_house(Settings(data_dir=folder, recognition="off"))
    house.close()
    assert len(site.get("/v1/erasures")["items"]) == 1


def test_numbers_that_mean_others_by_now_are_not_erased(tmp_path: Path) -> None:
    with open_site(tmp_path / "old") as site:
        person, _ = known(site)
        erase(site, tmp_path / "old", person)
    (tmp_path / "new").mkdir()
    shutil.copy(tmp_path / "old" / "erased.jsonl", tmp_path / "new")
    with open_site(tmp_path / "new") as site:
        assert site.enrol("Somebody Else", 5) == person
        site.told(1, 5)
    with open_site(tmp_path / "new") as site:
        assert site.ids("/v1/people") == [person]
        assert len(site.ids()) == 1


def test_who_is_on_hold_is_neither_erased_nor_deleted(any_site: Site) -> None:
    person, ids = known(any_site)
    path = f"/v1/people/{person}"
    assert any_site.client.patch(path, json={"legal_hold": True}).get_json()["legal_hold"] is True
    for query in ({}, {"erase": "true"}):
        assert is_problem(any_site.client.delete(path, query_string=query), 409, "legal_hold")
    assert any_site.client.patch(path, json={"legal_hold": False}).get_json()["legal_hold"] is False
    assert any_site.client.patch(f"/v1/events/{ids[1]}", json={"legal_hold": True}).get_json()["legal_hold"] is True
    assert is_problem(any_site.client.delete(path, query_string={"erase": "true"}), 409, "legal_hold")
    assert any_site.ids() == sorted(ids, reverse=True)
    assert any_site.client.patch(f"/v1/events/{ids[1]}", json={"legal_hold": False}).status_code == 200
    begin(any_site, person)
    assert is_problem(any_site.client.patch(f"/v1/events/{ids[1]}", json={"legal_hold": True}), 404, "no_such_event")
    assert is_problem(any_site.client.patch("/v1/people/77", json={"legal_hold": True}), 404, "no_such_person")


def test_nobody_can_be_erased_who_is_not_there(site: Site) -> None:
    assert is_problem(site.client.delete("/v1/people/5?erase=true"), 404, "no_such_person")
    assert is_problem(site.client.get("/v1/erasures/5"), 404, "no_such_erasure")
