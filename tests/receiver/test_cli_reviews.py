"""reviews list, show, accept, reject and later: the review list from the command line."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.bootstrap import House
from receiver.cli import reviewing
from receiver.domain.events import ListName
from receiver.services.people.people import See
from receiver.settings import Settings
from receiver.store import people, reviews
from receiver.store.pictures import StoredPicture
from receiver.store.reviews import NewReview, ReviewPicture
from schemas.reviews import KINDS, STATES
from tests.made_stores import made_house
from tests.receiver.boxes import jpeg
from tests.receiver.command_line import Commands, work_in
from tests.receiver.faces import MODEL, PreparedEngine, enrol, face_of, gate_of, read_prepared, sighting


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The prepared engine in place of dlib."""
    engine = PreparedEngine()
    engine.prepare(2, [sighting(face_of(2))])

    def sees(_house: House) -> See:
        return lambda data: engine.sightings(read_prepared(data))

    monkeypatch.setattr("receiver.bootstrap.local_see", sees)
    monkeypatch.setattr("receiver.bootstrap.make_decider", lambda _house: gate_of()._decider)
    work_in(tmp_path, monkeypatch, model=MODEL)


COMMANDS = Commands("reviews")
run, said, refused = COMMANDS.run, COMMANDS.said, COMMANDS.refused


@pytest.fixture
def two(tmp_path: Path) -> tuple[int, int]:
    """Two people and the question whether they are one, which is item 1."""
    house = made_house(Settings(data_dir=tmp_path / "data", model=MODEL))
    first = enrol(house.store, ListName.STAFF, face_of(1), name="Ann Example")
    second = enrol(house.store, ListName.STAFF, face_of(5), name="Ann Exampel")
    with house.store.write() as tx:
        shown = [ReviewPicture(people.faces_of(tx, [first])[0].digest, "current", first)]
        found = NewReview(
            "proposed_merge", "k", "near", person_id=first, other_id=second, detail={"distance": 0.3}, pictures=shown
        )
        reviews.note(tx, found, datetime.now(UTC))
    house.close()
    return first, second


def test_nothing_to_look_at_is_told() -> None:
    assert said("list") == "Nothing to look at.\n"


@pytest.mark.usefixtures("two")
def test_an_item_is_listed_counted_and_shown_with_both_answers() -> None:
    text = said("list", "--kind", "proposed_merge", "--oldest")
    assert "proposed_merge" in text
    assert "Ann Example (person 1, staff) and Ann Exampel (person 2, staff)" in text
    assert "1 open  proposed_merge" in text
    assert "Nothing to look at." in said("list", "--person", "9")
    text = said("show", "1")
    assert "Are these two the same person?" in text
    assert "distance: 0.3" in text
    assert "picture current of Ann Example (person 1, staff): /v1/pictures/" in text
    assert "accept: The two become one person; this can be undone." in text
    assert "reject: They stay two people" in text


@pytest.mark.usefixtures("two")
def test_accepting_tells_what_came_of_it_and_how_it_is_undone() -> None:
    assert "`people undo 1` takes it back" in said("accept", "1")
    text = refused("reject", "1")
    assert "review item 1 was accepted by account" in text
    assert "accepted by account" in said("show", "1")


@pytest.mark.usefixtures("two")
def test_an_item_is_put_off_and_rejected() -> None:
    assert "comes again at 2100-01-02 00:00 UTC" in said("later", "1", "--until", "2100-01-02")
    assert "Nothing to look at." in said("list")
    assert "later" in said("list", "--state", "later")
    assert "is past" in refused("later", "1", "--until", "2001-01-01")
    assert said("reject", "1") == "Item 1 is rejected.\n"
    assert "was rejected by account" in refused("later", "1")


def test_an_item_that_is_not_there_is_told() -> None:
    for what in ("show", "accept", "reject", "later"):
        assert "there is no review item 7" in refused(what, "7")


def test_a_face_is_looked_at_with_the_engine_of_this_process(two: tuple[int, int], tmp_path: Path) -> None:
    house = made_house(Settings(data_dir=tmp_path / "data", model=MODEL))
    digest = hashlib.sha256(jpeg(2)).digest()
    house.pictures.put([StoredPicture(digest, "image/jpeg", 1, 1, jpeg(2))])
    with house.store.write() as tx:
        new = NewReview("identity_conflict", "c", "identity_conflict", two[0], pictures=[ReviewPicture(digest, "new")])
        reviews.note(tx, new, datetime.now(UTC))
    house.close()
    assert f"person {two[0]}" in said("accept", "2")
    house = made_house(Settings(data_dir=tmp_path / "data", model=MODEL))
    with house.store.read() as tx:
        assert [row.state for row in people.faces_of(tx, [two[0]])] == ["former", "current"]
    house.close()


def test_the_command_knows_the_same_words_as_the_interface() -> None:
    assert (set(reviewing.KINDS), set(reviewing.STATES)) == (set(KINDS), {*STATES, "any"})
