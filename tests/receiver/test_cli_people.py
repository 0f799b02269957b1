"""people add --override, change, show and face: the library's repairs from the command line."""

from pathlib import Path

import pytest

from tests.receiver.command_line import Commands, prepare_library


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare_library(tmp_path, monkeypatch)


COMMANDS = Commands("people")
run, said, refused = COMMANDS.run, COMMANDS.said, COMMANDS.refused


def test_a_look_alike_is_told_by_name_and_taken_when_somebody_insists() -> None:
    said("add", "Ann Example", "1.jpg")
    text = refused("add", "A Twin", "3.jpg")
    assert "3.jpg: not used, look_alike" in text
    assert "Ann Example (person 1)" in text
    assert "is enrolled as person 2" in said("add", "A Twin", "3.jpg", "--override")
    assert "insisted on in spite of look_alike" in said("show", "2")


def test_everything_about_a_person_is_shown_and_changed() -> None:
    said("add", "Ann", "--group", "night", "--group", "press", "--valid-from", "2026-01-01", "--external-id", "E1")
    text = said("show", "1")
    assert "groups: night, press" in text
    assert "ids: E1" in text
    assert "valid from: 2026-01-01" in text
    assert "changed: name, state" in said("change", "1", "--name", "Ann B", "--state", "set_aside")
    assert "Ann B  (staff, set_aside)" in said("show", "1")
    assert "there is no person 7" in refused("show", "7")
    assert "there is no person 7" in refused("change", "7", "--name", "x")
    assert run("change", "1").exit_code == 2
    assert "later than valid_from" in refused("change", "1", "--valid-until", "2025-01-01")


def test_faces_are_added_replaced_restored_set_aside_and_removed() -> None:
    said("add", "Ann Example", "1.jpg")
    assert "contradiction" in refused("face", "add", "1", "2.jpg")
    assert "3.jpg: used" in said("face", "add", "1", "3.jpg", "--replace")
    assert "there already" in said("face", "add", "1", "3.jpg")
    shown = said("show", "1")
    assert "face 1: former" in shown
    assert "face 2: current" in shown
    assert "Face 1 is current now" in said("face", "set", "1", "current")
    assert "Face 2 is set_aside now" in said("face", "set", "2", "set_aside")
    assert "Face 2 is gone" in said("face", "remove", "2")
    assert "there is no face 2" in refused("face", "set", "2", "current")
    assert "no_face" in refused("face", "add", "1", "9.jpg", "--override")
