"""people identities and people adopt, where no process of its own is needed."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from receiver import cli
from receiver.bootstrap import House
from receiver.services.adopting.adopting import Adopting
from receiver.settings import Settings
from tests.made_stores import made_store
from tests.receiver.adopter import Adopter
from tests.receiver.faces import PreparedEngine, face_of, sighting


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PreparedEngine:
    """The prepared engine in place of dlib's models; no settings of the checkout or of this shell."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(f"GATEHOUSE_{name.upper()}", raising=False)
    prepared = PreparedEngine()
    for number in (1, 2, 3):
        prepared.prepare(number, [sighting(face_of(number))])

    def made(house: House) -> Adopting:
        return Adopter(house.store, house.settings.data_dir, prepared).worker()

    monkeypatch.setattr("receiver.bootstrap.make_local_adopting", made)
    return prepared


@pytest.fixture(autouse=True)
def passed_by(tmp_path: Path, engine: PreparedEngine) -> None:
    """Three people whom a box knows, the third without a face on the box's picture."""
    folder = tmp_path / "data"
    folder.mkdir()
    store = made_store(folder)
    adopter = Adopter(store, folder, engine)
    adopter.told(1, 1, identity="E1", identity_name="Ann")
    adopter.told(2, 2, identity="E2", identity_name="Ben", ext_data={"person_type": 2})
    adopter.told(3, 9, identity="E3", identity_name="Cid")
    store.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, ["people", *arguments])


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def test_whom_the_devices_know_is_listed_and_adopted() -> None:
    assert [line.split()[:3] for line in said("identities").splitlines()] == [
        ["1:E1", "staff", "Ann"], ["1:E2", "visitor", "Ben"], ["1:E3", "staff", "Cid"],
    ]  # fmt: skip
    text = said("adopt")
    assert "2 adopted, 0 linked to people who are there, 0 unchanged, 1 refused." in text
    assert "1:E3" in text
    assert "no_face" in text
    assert "Ann" in said("list")
    assert "0 adopted, 0 linked to people who are there, 0 unchanged, 0 refused." in said("adopt")
    assert "person" in said("identities", "--state", "adopted")


def test_some_are_adopted_by_a_filter_or_by_their_ids() -> None:
    assert said("adopt", "--list", "visitor").count("1 adopted") == 1
    assert said("adopt", "--id", "1:E1", "--id", "1:E9").count("1 adopted") == 1
    assert said("identities", "--text", "cid", "--device", "1").splitlines()[0].endswith("known")


@pytest.mark.parametrize("arguments", [["--id", "E1"], ["--id", "x:E1"], ["--id", "1:E1", "--list", "staff"]])
def test_a_wrong_choice_is_told(arguments: list[str]) -> None:
    result = run("adopt", *arguments)
    assert result.exit_code == 2
    assert "--id" in result.output or "DEVICE:ID" in result.output


def test_an_empty_house_says_where_identities_come_from(tmp_path: Path) -> None:
    assert "None." in said("identities", "--text", "nobody of that name")
    assert "recognition is switched off" in run("adopt", "--recognition", "off").output
