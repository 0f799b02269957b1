"""What tests of commands share: a folder to work in, and saying a command and reading what it says."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from receiver.bootstrap import House
from receiver.cli import cli
from receiver.services.people.people import People
from receiver.settings import Settings
from tests.made_stores import make_files
from tests.receiver.boxes import jpeg
from tests.receiver.faces import MODEL, PreparedEngine, face_of, gate_of, read_prepared, sighting


class Commands:
    """The commands of one group."""

    def __init__(self, *group: str) -> None:
        self._group = group

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, (*self._group, *arguments))

    def said(self, *arguments: str) -> str:
        """What a command that works says."""
        result = self.run(*arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    def refused(self, *arguments: str) -> str:
        """What a command that does not work says."""
        result = self.run(*arguments)
        assert result.exit_code == 1, (result.output, result.exception)
        return result.output


def work_in(folder: Path, monkeypatch: pytest.MonkeyPatch, **environ: str) -> None:
    """No settings of the checkout or of this shell; an empty store in the folder ``data``."""
    monkeypatch.chdir(folder)
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(f"GATEHOUSE_{name.upper()}", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(f"GATEHOUSE_{name.upper()}", value)
    make_files(folder / "data")


def prepare_library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prepared engine in place of dlib: pictures 1 and 3 are of one person, 2 of another, 9 of nobody."""
    work_in(folder, monkeypatch, model=MODEL)
    engine = PreparedEngine()
    for number, face in ((1, face_of(1)), (2, face_of(2)), (3, face_of(1, off=0.1))):
        engine.prepare(number, [sighting(face)])

    def made(house: House) -> People:
        return People(house.store, house.pictures, lambda data: engine.sightings(read_prepared(data)), 1000, gate_of())

    monkeypatch.setattr("receiver.bootstrap.make_local_people", made)
    monkeypatch.setattr("receiver.bootstrap.make_gate", lambda _house, _decider: gate_of())
    for number in (1, 2, 3, 9):
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
