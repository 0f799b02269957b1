"""people import, where no process of its own is needed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from receiver import cli
from receiver.bootstrap import House
from receiver.services.importing.import_jobs import ImportJobs
from receiver.services.importing.importing import Importing, ImportingParts
from receiver.services.people.people import NewPerson, People, See
from receiver.services.upkeep.room import Room
from receiver.settings import Settings
from receiver.store import people
from receiver.store.pictures import Pictures
from receiver.store.store import Store, open_store
from tests.made_stores import make_files
from tests.receiver.archives import packed, placed
from tests.receiver.boxes import jpeg
from tests.receiver.faces import gate_of
from tests.receiver.importer import HEADER, NOBODY, PIXELS, see_prepared, settled_library


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the checkout or of this shell; the prepared engine in place of dlib's models."""
    monkeypatch.chdir(tmp_path)
    make_files(tmp_path / "data")
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(f"GATEHOUSE_{name.upper()}", raising=False)
    monkeypatch.setattr("receiver.bootstrap.make_local_importing", importing_with(People))


def importing_with(kind: type[People]) -> Callable[[House], Importing]:
    """What an import works with, around a library of that kind."""

    def library(store: Store, pictures: Pictures, see: See) -> People:
        return kind(store, pictures, see, PIXELS, gate_of())

    def made(house: House) -> Importing:
        settled_library(house.store)
        return Importing(ImportingParts(house.store, house.pictures, see_prepared, library))

    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, ["people", "import", *arguments])


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def names(folder: Path) -> list[tuple[str, str]]:
    store = open_store("", folder / "data")
    with store.read() as tx:
        found = sorted((row.name, row.list) for row in people.listed(tx, None, None, None, 99))
    store.close()
    return found


def test_a_folder_is_imported_and_a_second_import_adds_nobody(tmp_path: Path) -> None:
    files = {
        "One/a.jpg": jpeg(1),
        "One/b.jpg": jpeg(NOBODY),
        "Two.jpg": jpeg(2),
        "Three.JPG": jpeg(NOBODY),
        "notes.txt": b"",
    }
    placed(tmp_path / "faces", files)
    first = said("faces")
    assert "2 enrolled, 0 already there, 1 refused." in first
    assert "b.jpg: not used, no_face" in first
    assert "0 enrolled, 2 already there, 1 refused." in said("faces")
    assert names(tmp_path) == [("One", "staff"), ("Two", "staff")]


def test_an_archive_with_a_table_is_imported_and_reported(tmp_path: Path) -> None:
    table = HEADER + "1,Ann,,a.jpg\n2,Ben,vip,b.jpg\n3,Cid,,none.jpg\n"
    (tmp_path / "p.zip").write_bytes(packed({"t.csv": table.encode(), "a.jpg": jpeg(1), "b.jpg": jpeg(2)}))
    text = said("p.zip", "--list", "visitor", "--report", "report.csv")
    assert "2 enrolled, 0 already there, 1 refused." in text
    assert "Cid: picture_missing" in text
    report = (tmp_path / "report.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[4] for line in report] == ["state", "enrolled", "enrolled", "refused"]
    assert names(tmp_path) == [("Ann", "visitor"), ("Ben", "vip")]


def test_a_dry_run_keeps_nobody(tmp_path: Path) -> None:
    placed(tmp_path / "faces", {"One.jpg": jpeg(1)})
    text = said("faces", "--dry-run")
    assert "1 enrolled" in text
    assert "nothing was kept" in text
    assert names(tmp_path) == []


def test_what_cannot_be_imported_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    for name, sentence in (("empty", "holds no pictures"), ("a.rar", "other archives must be repacked")):
        result = run(name)
        assert (result.exit_code, sentence in result.output) == (1, True), result.output
    assert run("missing").exit_code == 2
    assert run("empty", "--list", "stranger").exit_code == 2


def test_many_remarks_are_cut_short(tmp_path: Path) -> None:
    placed(tmp_path / "faces", {f"{number}.jpg": jpeg(NOBODY) for number in range(60)})
    lines = said("faces").splitlines()
    assert sum("no_face" in line for line in lines) == 50
    assert "--report writes them all" in lines[-2]


class Interrupted(People):
    """Somebody presses Ctrl-C at the second person."""

    def add(self, new: NewPerson) -> tuple[int, list[dict[str, Any]]]:
        if new.name == "2":
            raise KeyboardInterrupt
        return super().add(new)


def test_an_interrupted_import_is_cancelled_and_goes_on_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed(tmp_path / "faces", {f"{number}.jpg": jpeg(number) for number in range(1, 4)})

    with monkeypatch.context() as patch:
        patch.setattr("receiver.bootstrap.make_local_importing", importing_with(Interrupted))
        result = run("faces")
    assert "1 enrolled, 0 already there, 0 refused, 2 left." in result.output
    assert "goes on from here" in result.output
    store = open_store("", tmp_path / "data")
    try:
        (job,) = make_jobs(store, tmp_path).listed(None, 9).items
    finally:
        store.close()
    assert job["state"] == "cancelled"
    assert "2 enrolled, 1 already there, 0 refused." in said("faces")


def make_jobs(store: Store, folder: Path) -> ImportJobs:
    return ImportJobs(store, Room(folder / "data", 0), lambda: None)
