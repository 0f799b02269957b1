"""A backup from before somebody was enrolled is restored after the erasure: what a device had kept of that one goes again."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from receiver.services.erasing import erasing_pictures
from receiver.store import erased_list, pictures
from receiver.store.store import MAIN_FILE, PICTURES_FILE
from tests.receiver.boxes import jpeg, text_of
from tests.receiver.erasing import columns_with, make_erasing, without_rest
from tests.receiver.web.site import open_site
from tests.receiver.web.test_erasing_api import IDENTITY, NAME, NEEDLES, erase, passage


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of these tests are one."""
    monkeypatch.setattr(erasing_pictures, "SETTLED", erasing_pictures.SETTLED * 0)
    monkeypatch.setattr(pictures, "FOLLOW_SECONDS", 0)


def copied(source: Path, target: Path) -> None:
    target.mkdir()
    for name in (MAIN_FILE, PICTURES_FILE):
        with sqlite3.connect(source / name) as original, sqlite3.connect(target / name) as copy:
            original.backup(copy)
        original.close()
        copy.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A backup in which only the device knew who was erased later, with the list of what was erased."""
    with open_site(tmp_path / "old") as site:
        passage(site, 1)
        site.told(2, 5, identity_id="else", identity_name="Somebody Else", ext_data={"reg_pic": text_of(31)})
        site.desk.work()
        copied(tmp_path / "old", tmp_path / "new")
        person = site.enrol(NAME, 3, external_id=IDENTITY)
        assert erase(site, tmp_path / "old", person)["counts"]["device_identities"] == 1
    shutil.copy(tmp_path / "old" / erased_list.FILE, tmp_path / "new")
    return tmp_path / "new"


def test_what_a_device_had_kept_does_not_come_back(folder: Path) -> None:
    assert not [needle for needle in NEEDLES if needle in (folder / erased_list.FILE).read_bytes()]
    with open_site(folder) as site:
        assert [each["name"] for each in site.get("/v1/identities")["items"]] == ["Somebody Else"]
        (erasure,) = site.get("/v1/erasures")["items"]
        make_erasing(site.store, folder).run(erasure["id"], without_rest())
        assert site.get(f"/v1/erasures/{erasure['id']}")["counts"]["device_identities"] == 1
        assert columns_with(site.store, NEEDLES) == set()
        assert columns_with(site.store, [jpeg(31)]) != set()


def test_a_list_without_what_devices_kept_is_still_read(folder: Path) -> None:
    path = folder / erased_list.FILE
    lines = [line for line in path.read_text().splitlines() if "identities" not in line]
    path.write_text("\n".join(lines) + "\n")
    with open_site(folder) as site:
        assert len(site.get("/v1/erasures")["items"]) == 1
        assert len(site.get("/v1/identities")["items"]) == 2
