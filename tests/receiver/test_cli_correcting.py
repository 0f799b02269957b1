"""people merge, split, promote, ignore, undo and corrections from the command line."""

from pathlib import Path

import pytest

from receiver.services.correcting import event_moves
from receiver.settings import load
from tests.made_stores import made_house
from tests.receiver.command_line import Commands, prepare_library
from tests.receiver.corrections import Workshop


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare_library(tmp_path, monkeypatch)


COMMANDS = Commands("people")
run, said, refused = COMMANDS.run, COMMANDS.said, COMMANDS.refused


def test_two_are_merged_and_parted_again() -> None:
    said("add", "Ann", "1.jpg")
    said("add", "A. Example", "3.jpg", "--override", "--list", "visitor")
    assert "say with `list`" in refused("merge", "1", "2")
    text = said("merge", "1", "2", "--list", "staff")
    assert "Correction 1: A. Example (person 2, visitor) is Ann (person 1, staff); 1 faces, 0 events moved" in text
    assert "`people undo 1` takes it back" in text
    assert "A. Example" not in said("list")
    assert "is person 1 by now" in said("show", "2")
    assert "undone at" in said("undo", "1")
    assert "A. Example" in said("list")
    assert "was undone" in refused("undo", "1")
    assert "undone at" in said("corrections")


def test_faces_that_are_far_apart_are_told_with_their_distance() -> None:
    said("add", "Ann", "1.jpg")
    said("add", "Ben", "2.jpg")
    text = refused("merge", "1", "2")
    assert "insist with override" in text
    assert "contradiction, refuse: distance" in text
    assert "Correction 1" in said("merge", "1", "2", "--override")


def test_faces_are_split_off() -> None:
    said("add", "Ann", "1.jpg", "2.jpg", "--override")
    text = said("split", "1", "--face", "2", "--name", "Ben", "--list", "vip")
    assert "1 faces, 0 events of Ann (person 1, staff) are Ben (person 2, vip)'s" in text
    assert "Ben" in said("list")
    assert "Correction 1" in said("undo", "--person", "2")
    assert "Ben" not in said("list")
    assert "name the faces" in refused("split", "1")
    assert "not of person 1: face 99" in refused("split", "1", "--face", "99")
    assert run("split", "1", "--face", "2", "--to", "3", "--name", "x").exit_code == 2


def test_a_stranger_is_promoted_or_ignored() -> None:
    said("add", "stranger 1", "1.jpg", "--list", "stranger")
    said("add", "stranger 2", "2.jpg", "--list", "stranger")
    text = said("promote", "1", "--list", "vip", "--name", "Ann", "--external-id", "E1", "--group", "night")
    assert "stranger promoted: Ann (person 1, vip)" in text
    shown = said("show", "1")
    assert "ids: E1" in shown
    assert "groups: night" in shown
    assert "ignored: stranger 2 (person 2, stranger)" in said("ignore", "2")
    assert "stranger 2" not in said("list")
    assert "Ann" in said("list")
    listed = said("corrections", "--person", "2").splitlines()
    assert len(listed) == 1
    assert "ignored" in listed[0]
    assert "on the list vip" in refused("ignore", "1")
    assert run("undo").exit_code == 2
    assert "there is no correction 9" in refused("undo", "9")


def test_nothing_corrected_yet_is_said() -> None:
    assert "Nothing has been corrected yet" in said("corrections")


def test_many_events_are_moved_before_the_command_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_moves, "STEP", 2)
    said("add", "Ann", "1.jpg")
    said("add", "A.", "3.jpg", "--override")
    house = made_house(load())
    shop = Workshop(house.store)
    events = [shop.passed(2, number) for number in range(7)]
    text = said("merge", "1", "2")
    assert "7 events moved" in text
    assert shop.events(1) == events
    house.close()


def test_erasing_takes_along_who_was_merged(tmp_path: Path) -> None:
    said("add", "Ann", "1.jpg")
    said("add", "A. Example", "3.jpg", "--override")
    said("merge", "1", "2")
    assert "Certificate" in said("erase", "1", "--yes", "--recognition", "off")
    content = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir() if path.suffix == ".sqlite")
    assert b"A. Example" not in content
    assert "there is no person 2" in refused("show", "2")
