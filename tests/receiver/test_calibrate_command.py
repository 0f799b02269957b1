"""people calibrate on the command line: with prepared faces, and with the real engine on real photographs."""

import re
import shutil
from pathlib import Path

import pytest

from receiver.domain.scales import DLIB
from receiver.services.recognising.engines import Engines
from receiver.store import calibrations
from receiver.store.store import open_store
from tests.photos import PEOPLE, TWO_FACES, photo
from tests.receiver.boxes import jpeg
from tests.receiver.command_line import Commands, work_in
from tests.receiver.faces import MODEL, PreparedEngine, face_of, read_prepared, sighting

PNG, PAGE = "calibration.png", "calibration.html"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the checkout or of this shell."""
    work_in(tmp_path, monkeypatch)


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PreparedEngine:
    """Two people with two pictures each are enrolled; the folder has one stranger and one picture without a face."""
    monkeypatch.setenv("GATEHOUSE_MODEL", MODEL)
    engine = PreparedEngine()
    monkeypatch.setattr("receiver.bootstrap.make_engines", lambda _house: Engines(lambda _network: engine))
    monkeypatch.setattr("receiver.bootstrap.make_scales", lambda _house: {MODEL: DLIB})
    monkeypatch.setattr("receiver.bootstrap.House.read_image", lambda _house, data: read_prepared(data))
    for number, face in enumerate((face_of(1), face_of(1, off=0.3), face_of(2), face_of(2, off=0.3), face_of(3))):
        engine.prepare(number, [sighting(face)])
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(number))
    for name, first in (("Anybody", 0), ("<b>Somebody</b>", 2)):
        said("add", name, f"{first}.jpg", f"{first + 1}.jpg")
    (tmp_path / "strangers").mkdir()
    (tmp_path / "4.jpg").rename(tmp_path / "strangers" / "4.jpg")
    (tmp_path / "strangers" / "nobody.jpg").write_bytes(jpeg(9))
    return engine


COMMANDS = Commands("people")
run, said, refused = COMMANDS.run, COMMANDS.said, COMMANDS.refused


def stored() -> int:
    """The newest calibration's id, 0 without one."""
    store = open_store("", Path("data"))
    try:
        with store.read() as tx:
            return calibrations.newest_id(tx, MODEL)
    finally:
        store.close()


@pytest.mark.usefixtures("prepared")
def test_a_calibration_is_told_written_and_stored() -> None:
    text = said("calibrate", "--strangers", "strangers", "--output", "out")
    assert "2 people, 4 pictures of those with two or more, held against 1 stranger (folder strangers)" in text
    assert "1 stranger cannot tell" in text
    assert "The result is stored" in text
    assert stored() == 1
    assert Path("out", PNG).read_bytes().startswith(b"\x89PNG")
    page = Path("out", PAGE).read_text(encoding="utf-8")
    assert "1 picture of strangers could not be used: 1 no_face." in page
    assert "<b>Somebody" not in page


@pytest.mark.usefixtures("prepared")
def test_with_no_store_nothing_is_stored() -> None:
    assert "Nothing was stored" in said("calibrate", "--no-store", "--strangers", "strangers", "--output", "out")
    assert stored() == 0
    assert Path("out", PAGE).is_file()


@pytest.mark.usefixtures("prepared")
def test_the_files_go_below_the_data_folder_where_nothing_else_is_said() -> None:
    text = said("calibrate")
    (folder,) = Path("data", "calibrations").iterdir()
    assert f"{folder.name}/{PAGE}" in text
    assert {path.name for path in folder.iterdir()} == {PNG, PAGE}
    assert "No strangers were given" in text


@pytest.mark.usefixtures("prepared")
def test_a_folder_that_cannot_be_written_is_a_sentence() -> None:
    Path("file").write_text("", encoding="utf-8")
    assert "give another --output" in refused("calibrate", "--output", "file/out", "--no-store")


def test_an_empty_library_is_told_what_to_do() -> None:
    assert "people import" in refused("calibrate", "--no-store")


@pytest.mark.usefixtures("prepared")
def test_strangers_cannot_be_looked_at_without_an_engine() -> None:
    assert "recognition is switched off" in refused("calibrate", "--strangers", "strangers", "--recognition", "off")
    assert "Page:" in said("calibrate", "--recognition", "off", "--output", "out")


def test_real_photographs_are_measured_and_an_enrolled_man_among_the_strangers_is_found(tmp_path: Path) -> None:
    said("import", str(PEOPLE))
    strangers = tmp_path / "strangers"
    strangers.mkdir()
    shutil.copy(photo(TWO_FACES), strangers / "two.jpg")  # the larger face is the man who is enrolled
    shutil.copy(PEOPLE / "biden" / "biden.jpg", strangers / "same.jpg")
    (strangers / "notes.txt").write_text("no picture", encoding="utf-8")
    text = said("calibrate", "--strangers", str(strangers), "--output", "out")
    assert "known people's pictures missed (FNIR)      0 %" in text
    assert "strangers called by a name (FPIR)          100 %" in text
    page = Path("out", PAGE).read_text(encoding="utf-8")
    assert "1 known_picture, 1 not_a_picture" in page
    taken = page.partition("Strangers who would be called by a name")[2].partition("</section>")[0]
    assert re.findall(r'<p class="name">([^<]*)</p>', taken) == ["two.jpg", "obama"]
    assert len(re.findall(r"data:image/jpeg;base64,[A-Za-z0-9+/=]{500,}", taken)) == 4
