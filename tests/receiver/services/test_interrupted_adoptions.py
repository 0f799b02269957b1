"""Adoptions that are killed, stopped, cancelled or overtaken go on, or end, without doubling anybody."""

from pathlib import Path
from typing import Any

import pytest

from receiver.domain.errors import Busy, Conflict, NotFound, Unavailable
from receiver.domain.events import ListName
from receiver.services.adopting import adopting
from receiver.services.adopting.adopting_one import OneByOne
from receiver.services.people.people import NewPerson
from receiver.store import adoptions, faces, people
from receiver.store.store import Store
from recognition.engine import RecognitionError
from tests.receiver.adopter import Adopter, Killed, library, picture, watched
from tests.receiver.faces import PreparedEngine, enrol, face_of, sighting


@pytest.fixture
def adopter(store: Store, tmp_path: Path, engine: PreparedEngine) -> Adopter:
    """On each kind of database."""
    return Adopter(store, tmp_path, engine)


@pytest.fixture
def desk(sqlite_store: Store, tmp_path: Path, engine: PreparedEngine) -> Adopter:
    """Where one kind of database is enough."""
    return Adopter(sqlite_store, tmp_path, engine)


@pytest.mark.parametrize("died_after", [1, 4, 9, 11])
def test_an_adoption_that_was_killed_anywhere_goes_on_without_doubling_anybody(
    adopter: Adopter, died_after: int
) -> None:
    for number in range(1, 13):
        adopter.told(number, number, identity=f"E{number}", identity_name=f"Person {number}")
    adoption_id = adopter.begin()

    class Mortal(OneByOne):
        judge = watched(OneByOne.judge, died_after)

    with pytest.raises(Killed):
        adopter.worker(Mortal).run(adoption_id)
    half = adopter.jobs.show(adoption_id)
    assert (half["state"], half["counts"]["waiting"]) == ("running", 12 - died_after + 1)
    assert adopter.tasks() == 1
    adopter.worker().run(adoption_id)
    done = adopter.jobs.show(adoption_id)
    assert (done["state"], done["counts"]["adopted"]) == ("done", 12)
    assert library(adopter) == {f"Person {number}": ("staff", "device", 1) for number in range(1, 13)}
    assert adopter.tasks() == 0


def test_one_that_ends_the_worker_each_time_is_refused_and_the_others_go_on(desk: Adopter) -> None:
    for number in (1, 2):
        desk.told(number, number, identity=f"E{number}", identity_name=f"Person {number}")
    adoption_id = desk.begin()
    desk.worker().give_up(adoption_id)
    desk.worker().run(adoption_id, is_careful=True)
    assert (desk.stands("E1"), desk.stands("E2")) == (("refused", "engine_crashed"), ("adopted", "new_person"))
    assert desk.jobs.show(adoption_id)["counts"]["refused"] == 1


def test_an_adoption_can_be_stopped_and_cancelled(desk: Adopter) -> None:
    for number in range(1, 6):
        desk.told(number, number, identity=f"E{number}", identity_name=f"Person {number}")
    adoption_id = desk.begin()
    done: list[int] = []
    desk.worker().run(adoption_id, lambda: len(done) == 2, lambda: done.append(1))
    assert len(library(desk)) == 2
    cancelled = desk.jobs.cancel(adoption_id)
    assert (cancelled["state"], cancelled["counts"]["waiting"], cancelled["counts"]["adopted"]) == ("cancelled", 0, 2)
    assert desk.tasks() == 0
    with pytest.raises(Conflict):
        desk.jobs.cancel(adoption_id)
    with pytest.raises(NotFound):
        desk.jobs.show(99)
    assert desk.adopt() == {"adopted": 3}


def test_more_than_one_step_of_identities_gets_into_line(desk: Adopter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoptions, "STEP", 2)
    for number in range(1, 6):
        desk.told(number, number, identity=f"E{number}", identity_name=f"Person {number}")
    assert desk.adopt() == {"adopted": 5}


def test_pictures_are_looked_at_ahead_and_once(desk: Adopter) -> None:
    number = adopting.WINDOW + 3
    for each in range(1, number + 1):
        desk.told(each, each, identity=f"E{each}", identity_name=f"Person {each}")
    desk.seen.clear()
    assert desk.adopt() == {"adopted": number}
    assert len(desk.seen) == number


def test_whoever_is_linked_meanwhile_is_not_enrolled_twice(desk: Adopter) -> None:
    """Between the look and the writing somebody else enrols a person with that id."""

    class Overtaken(OneByOne):
        def _scoped(self, row: Any) -> Any:
            scoped = super()._scoped(row)
            if not library(desk):
                desk.worker()._parts.make_one(desk.see)._people.add(
                    NewPerson("Ann", "staff", pictures=[picture(1)], more={"identities": [scoped]})
                )
            return scoped

    desk.told(1, 1, identity_name="Ann")
    adoption_id = desk.begin()
    desk.worker(Overtaken).run(adoption_id)
    assert len(library(desk)) == 1
    with desk.store.read() as tx:
        assert len(faces.by_digest(tx, people.person_with_identity(tx, "E1", 1) or 0)) == 1


def test_an_engine_that_is_missing_refuses_nobody(desk: Adopter) -> None:
    """The server's trouble is no fault of the picture: it is tried again."""
    desk.told(1, 1, identity_name="Ann")
    desk.told(2, 2, identity="E2")
    enrol(desk.store, ListName.STAFF, face_of(2), identity="E2", name="Ben")
    adoption_id = desk.begin()
    for error, of_the_house in (("wrong_model", Busy), ("model_missing", Unavailable)):
        for number in (1, 2):
            desk.engine.prepare(number, RecognitionError(error, "not now"))
        with pytest.raises(of_the_house):
            desk.worker().run(adoption_id)
        with pytest.raises(of_the_house):
            desk.worker().adopt_one((1, "E2"))
    for number in (1, 2):
        desk.engine.prepare(number, [sighting(face_of(number))])
    desk.worker().run(adoption_id)
    assert desk.jobs.show(adoption_id)["counts"] == {
        "adopted": 1, "linked": 1, "renewed": 0, "unchanged": 0, "refused": 0, "waiting": 0,
    }  # fmt: skip
    desk.engine.prepare(30, RecognitionError("truncated", "it ends too early"))
    desk.told(3, 30, identity="E3")
    assert desk.adopt() == {"refused": 1}
    assert desk.stands("E3") == ("refused", "truncated")
