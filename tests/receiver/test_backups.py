"""A backup is made while the server is written to, says what it holds, and comes back as it was."""

import json
import shutil
import subprocess
import threading
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from sqlalchemy import func, select

from receiver import bootstrap
from receiver.assembly.house import House
from receiver.assembly.privacy import make_erasing
from receiver.domain.errors import GatehouseError, Unavailable
from receiver.services.upkeep.backing_up import BackingUp, BackupParts
from receiver.services.upkeep.restoring import Restored, Restoring
from receiver.settings import Settings
from receiver.store import copying, tables
from receiver.store.audit import AuditFilter
from tests.made_stores import in_schema, made_house
from tests.receiver.boxes import HISTORY, history, text_of
from tests.receiver.web.logins import client_of
from tests.system.conftest import MakeSite, make_site
from tests.system.processes import eventually

__all__ = ["make_site"]

EVENTS = 12


class Place:
    """A data folder, or a database, that can be emptied."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.database_url = database_url

    @property
    def parts(self) -> BackupParts:
        return BackupParts(self.folder, self.database_url)

    def open(self) -> House:
        return made_house(Settings(data_dir=self.folder, database_url=self.database_url, recognition="off"))

    def empty(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.database_url:
            main, log = copying.Postgres(self.database_url).schemas
            with psycopg.connect(self.database_url.partition("?")[0], autocommit=True) as connection:
                for schema in (main, log):
                    connection.execute(f'DROP SCHEMA "{schema}" CASCADE'.encode())
                connection.execute(f'CREATE SCHEMA "{main}"'.encode())


@pytest.fixture
def place(empty_database_url: str, tmp_path: Path) -> Place:
    """On PostgreSQL with a schema of its own, beside what else is in the database."""
    return Place(tmp_path / "data", empty_database_url and in_schema("gate", empty_database_url))


def fill(house: House) -> None:
    intake = bootstrap.make_intake(house)
    for number in range(EVENTS):
        intake.record([history(number, ext_data={"recognize_face": text_of(number)})], HISTORY)
    app = bootstrap.make_app(house, intake)
    answer = client_of(app).post("/v1/people", json={"name": "Ann Example", "external_id": "a-1"})
    assert answer.status_code == 201


def held(house: House) -> dict[str, Any]:
    """Everything that the main tables and the pictures hold, as digests."""
    found: dict[str, Any] = {}
    for database, part in ((house.store.main, tables.main), (house.store.pictures, tables.picture_store)):
        with database.read() as tx:
            for table in part.sorted_tables:
                rows = sorted(repr(tuple(row)) for row in tx.execute(select(table)))
                found[table.name] = (len(rows), sha256("\n".join(rows).encode()).hexdigest())
    return found


@pytest.fixture
def filled(place: Place) -> tuple[Place, dict[str, Any]]:
    house = place.open()
    fill(house)
    before = held(house)
    house.close()
    return place, before


def backup(place: Place, path: Path) -> dict[str, Any]:
    return BackingUp(place.parts).write(path)


def restore(place: Place, path: Path, *, is_forced: bool = False) -> Restored:
    return Restoring(place.parts).read(path, is_forced=is_forced)


def test_what_comes_back_is_what_was_there(filled: tuple[Place, dict[str, Any]], tmp_path: Path) -> None:
    place, before = filled
    manifest = backup(place, tmp_path / "b.zip")
    place.empty()
    restored = restore(place, tmp_path / "b.zip")
    house = place.open()
    after = held(house)
    log = house.audit.listed(AuditFilter()).items
    # It works on: numbers go on after those of the backup.
    fill_again = bootstrap.make_intake(house).record([history(99)], HISTORY)
    with house.store.read() as tx:
        newest = tx.execute(select(func.max(tables.event.c.id))).scalar_one()
    house.close()
    assert after == before
    assert {name: count for name, (count, _) in after.items()} == {
        name: count for name, count in manifest["counts"].items() if not name.startswith("audit_")
    }
    assert restored.counts["event"] == EVENTS
    assert [row["action"] for row in log] == ["person.enrolled"]
    assert (fill_again[0].result, newest) == ("new", EVENTS + 1)


def test_a_backup_is_for_its_owner_alone_and_holds_no_key(filled: tuple[Place, dict[str, Any]], tmp_path: Path) -> None:
    place, _ = filled
    (place.folder / "audit.key").write_bytes(b"k" * 32)
    backup(place, tmp_path / "b.zip")
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert not [name for name in archive.namelist() if "key" in name]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.zip", "data"]


def test_a_file_that_somebody_put_there_first_is_not_written_into(
    filled: tuple[Place, dict[str, Any]], tmp_path: Path
) -> None:
    """In a folder that others may write to, whoever made the file could read it, and a link would lead elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("as it was", encoding="utf-8")
    elsewhere.chmod(0o644)
    for put in (Path.symlink_to, Path.hardlink_to):
        put(tmp_path / "b.zip.part", elsewhere)
        BackingUp(filled[0].parts).write(tmp_path / "b.zip")
        assert (tmp_path / "b.zip").lstat().st_mode & 0o7777 == 0o600
        assert elsewhere.read_text(encoding="utf-8") == "as it was"


def test_nothing_is_overwritten_unless_it_is_wanted(filled: tuple[Place, dict[str, Any]], tmp_path: Path) -> None:
    place, before = filled
    backup(place, tmp_path / "b.zip")
    house = place.open()
    bootstrap.make_intake(house).record([history(50)], HISTORY)
    house.close()
    with pytest.raises(GatehouseError, match="--force") as refused:
        restore(place, tmp_path / "b.zip")
    assert refused.value.reason == "not_empty"
    house = place.open()
    assert held(house) != before
    house.audit.note("person.read", kind="person", subject="1")
    house.close()
    restore(place, tmp_path / "b.zip", is_forced=True)
    house = place.open()
    assert held(house) == before
    # The newer audit log stays: bringing back an old one would be a way to be rid of what it says.
    assert [row["action"] for row in house.audit.listed(AuditFilter()).items] == ["person.read", "person.enrolled"]
    house.close()


def test_who_was_erased_after_the_backup_is_erased_again(filled: tuple[Place, dict[str, Any]], tmp_path: Path) -> None:
    place, _ = filled
    backup(place, tmp_path / "b.zip")
    house = place.open()
    app = bootstrap.make_app(house)
    assert client_of(app).delete("/v1/people/1?erase=true").status_code == 202
    make_erasing(house, None).run(1)
    house.close()
    restore(place, tmp_path / "b.zip", is_forced=True)
    house = place.open()
    people = client_of(bootstrap.make_app(house)).get("/v1/people").get_json()["items"]
    house.close()
    assert people == []


def changed(source: Path, target: Path, **members: bytes | None) -> Path:
    """The backup with other members; None takes one out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = members.get(name.replace(".", "_"), old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


def test_a_damaged_backup_changes_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path / "data", "")
    house = place.open()
    fill(house)
    before = held(house)
    house.close()
    backup(place, good := tmp_path / "b.zip")
    with zipfile.ZipFile(good) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    small = manifest | {"members": manifest["members"] | {"gatehouse.sqlite": {"bytes": 10, "sha256": "0" * 64}}}
    climbing = manifest | {"members": manifest["members"] | {"../../evil": {"bytes": 1, "sha256": "0" * 64}}}
    newer = manifest | {"revision": "9999"}
    broken = tmp_path / "broken.zip"
    broken.write_bytes(good.read_bytes()[:-3000])
    (tmp_path / "nothing.zip").write_bytes(b"nothing")
    expected = {
        changed(good, tmp_path / "1.zip", pictures_sqlite=b"x" * 100): "bad_backup",
        changed(good, tmp_path / "2.zip", pictures_sqlite=None): "bad_backup",
        changed(good, tmp_path / "3.zip", manifest_json=None): "bad_backup",
        changed(good, tmp_path / "4.zip", manifest_json=b"[]"): "bad_backup",
        changed(good, tmp_path / "5.zip", manifest_json=json.dumps(small).encode()): "bad_backup",
        changed(good, tmp_path / "6.zip", manifest_json=json.dumps(climbing).encode()): "bad_backup",
        changed(good, tmp_path / "7.zip", manifest_json=json.dumps(newer).encode()): "other_database",
        broken: "bad_backup",
        tmp_path / "nothing.zip": "bad_backup",
    }
    for path, reason in expected.items():
        with pytest.raises(GatehouseError) as refused:
            restore(place, path, is_forced=True)
        assert refused.value.reason == reason, path
    house = place.open()
    assert held(house) == before
    house.close()
    assert not (tmp_path / "evil").exists()


def test_a_backup_is_not_brought_back_under_a_running_server(tmp_path: Path) -> None:
    place = Place(tmp_path / "data", "")
    house = place.open()
    fill(house)
    backup(place, tmp_path / "b.zip")
    with pytest.raises(GatehouseError) as refused:
        restore(place, tmp_path / "b.zip", is_forced=True)
    assert refused.value.reason == "server_running"
    house.close()
    restore(place, tmp_path / "b.zip", is_forced=True)


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    filled: tuple[Place, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = filled
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(Unavailable) as refused:
        backup(place, tmp_path / "b.zip")
    assert refused.value.reason == "disk_full"
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


@pytest.mark.postgres
def test_a_password_is_in_the_environment_and_never_on_the_command_line(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], str | None]] = []
    real = subprocess.run

    def run(command: list[str], **options: Any) -> Any:
        seen.append((command, options["env"].get("PGPASSWORD")))
        return real(command, **options)

    monkeypatch.setattr(subprocess, "run", run)
    address = postgres_url.replace("postgresql://postgres@", "postgresql://postgres:s3cret-w0rd@")
    place = Place(tmp_path / "data", address)
    place.open().close()
    backup(place, tmp_path / "b.zip")
    assert [password for _, password in seen] == ["s3cret-w0rd"]
    assert "s3cret-w0rd" not in str([command for command, _ in seen])


@pytest.mark.postgres
def test_a_missing_tool_is_told(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path / "data", postgres_url)
    place.open().close()
    monkeypatch.setattr(shutil, "which", lambda _tool: None)
    with pytest.raises(GatehouseError) as refused:
        backup(place, tmp_path / "b.zip")
    assert refused.value.reason == "no_pg_dump"


def test_a_backup_under_load_is_of_one_moment(make_site: MakeSite, database_url: str, tmp_path: Path) -> None:
    """A gate posts while it is made; every event of the copy has its pictures, and the copy runs as a server."""
    site = make_site(database_url, RECOGNITION="off")
    site.start("web")
    eventually(site.is_ready)
    ending, posted = threading.Event(), []

    def post() -> None:
        number = 0
        while not ending.is_set():
            items = [history(number + each, ext_data={"recognize_face": text_of(number + each)}) for each in range(10)]
            answer = requests.post(f"{site.url}/HistoryEvent", json=items, timeout=60)
            posted.append(answer.status_code)
            number += 10

    poster = threading.Thread(target=post)
    poster.start()
    try:
        eventually(lambda: len(posted) > 10)
        began = len(posted)
        made = site.run("db", "backup", str(tmp_path / "b.zip"))
        eventually(lambda: len(posted) > began)
    finally:
        ending.set()
        poster.join()
    assert made.returncode == 0, made.stdout + made.stderr
    assert set(posted) == {200}
    everything = site.every("/v1/events")
    site.stop()
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        counts = json.loads(archive.read("manifest.json"))["counts"]
    assert 10 * 10 <= counts["event"] <= len(everything)
    place = Place(site.data_dir, database_url)
    place.empty()
    back = site.run("db", "restore", str(tmp_path / "b.zip"))
    assert back.returncode == 0, back.stdout + back.stderr
    house = place.open()
    with house.store.read() as tx:
        assert tx.execute(select(func.count()).select_from(tables.event)).scalar_one() == counts["event"]
        digests = set(tx.execute(select(tables.event_picture.c.digest)).scalars())
    assert len(digests) >= 10
    for digest in digests:
        stored = house.pictures.get(digest)
        assert stored is not None
        assert sha256(stored.data).digest() == digest
    house.close()
    site.forget_login()
    site.start("web")
    eventually(site.is_ready)
    restored = site.every("/v1/events")
    assert [row["id"] for row in restored] == [row["id"] for row in everything[-counts["event"] :]]
