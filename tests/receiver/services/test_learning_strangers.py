"""By which pictures strangers are known: further ones are learnt, and a stricter threshold holds for them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from receiver.domain.events import ListName
from receiver.domain.people import FaceState, PersonState
from receiver.domain.strangers import Rules
from receiver.services.intake.intake import Intake
from receiver.services.people.keeping_faces import FaceChange, KeepingFaces
from receiver.services.recognising import meeting_strangers
from receiver.store import faces, people, tables
from receiver.store.store import Store
from tests.receiver.faces import (
    Desk,
    PreparedEngine,
    current_faces,
    enrol,
    face_of,
    gate_of,
    sighting,
)
from tests.receiver.passing import MINUTE, met, seen, states


def test_further_pictures_of_a_stranger_are_learnt_up_to_a_number(
    store: Store, any_intake: Intake, engine: PreparedEngine
) -> None:
    for shade in range(50, 60):
        # Each as far from the plain face as the others, and in a direction of its own.
        face = face_of(1)
        face[shade] = 0.3
        engine.prepare(shade, [sighting(face)])
    desk = Desk(store, engine, rules=Rules(faces=4))
    person = met(desk, any_intake, *range(50, 60))
    found = list(states(desk, person).values())
    assert found.count("current") == 4
    assert {desk.event(each).person_id for each in states(desk, person)} == {person}


def test_the_same_shot_is_not_learnt(any_desk: Desk, any_intake: Intake) -> None:
    person = met(any_desk, any_intake, 1, 30, 31, 33)
    # 31 and 33 lie within 0.2 of the second picture.
    assert len(current_faces(any_desk.store, person)) == 2


def test_what_is_only_just_matched_is_not_learnt(any_desk: Desk, any_intake: Intake, engine: PreparedEngine) -> None:
    person = met(any_desk, any_intake, 1, 30)
    limit = threshold_of(any_desk, person)
    engine.prepare(60, [sighting(face_of(1, off=0.15 + limit - 0.01))])
    engine.prepare(61, [sighting(face_of(1, off=0.15 + limit - 0.05))])
    barely = seen(any_desk, any_intake, 60, 5 * MINUTE)
    assert any_desk.event(barely).person_id == person
    assert len(current_faces(any_desk.store, person)) == 2
    clearly = seen(any_desk, any_intake, 61, 6 * MINUTE)
    assert clearly in current_faces(any_desk.store, person)


def threshold_of(desk: Desk, person: int) -> float:
    with desk.store.read() as tx:
        found = desk.decider.verify(tx, person, [face_of(1)])
    assert found is not None
    return found.threshold


def test_a_picture_that_somebody_set_aside_and_a_stranger_set_aside_learn_nothing(
    any_desk: Desk, any_intake: Intake
) -> None:
    person = met(any_desk, any_intake, 1, 30, 35)
    with any_desk.store.read() as tx:
        last = people.faces_of(tx, [person])[-1].id
    KeepingFaces(any_desk.store, gate_of()).change(last, FaceChange(FaceState.SET_ASIDE))
    seen(any_desk, any_intake, 35, 10 * MINUTE)
    assert list(states(any_desk, person).values()) == ["current", "current", "set_aside"]
    with any_desk.store.write(lock=people.GALLERY_LOCK) as tx:
        people.change(tx, person, {"state": PersonState.SET_ASIDE})
        people.note_change(tx, person, datetime.now(UTC))
    event = seen(any_desk, any_intake, 34, 11 * MINUTE)
    assert any_desk.event(event).person_id == person
    assert len(states(any_desk, person)) == 3


def test_after_enough_pictures_nothing_is_exchanged(
    any_desk: Desk, any_intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting_strangers, "MOST_TRIED", 2)
    person = met(any_desk, any_intake, 1, 30, 35, 34)
    assert len(states(any_desk, person)) == 2


def test_named_people_learn_nothing_by_themselves(any_desk: Desk, any_intake: Intake) -> None:
    person = enrol(any_desk.store, ListName.STAFF, face_of(1))
    for number, shade in enumerate([30, 35, 33]):
        event = seen(any_desk, any_intake, shade, number * MINUTE)
        assert any_desk.event(event).person_id == person
    assert current_faces(any_desk.store, person) == [None]


def test_a_picture_that_came_by_itself_needs_a_nearer_face_than_an_uploaded_one(
    any_desk: Desk, any_intake: Intake
) -> None:
    """The same face in the same library: once from an event, once vouched for."""
    person = met(any_desk, any_intake, 1, 30)
    strict = threshold_of(any_desk, person)
    with any_desk.store.write(lock=people.GALLERY_LOCK) as tx:
        tx.execute(update(tables.face).values(source="upload"))
        people.note_change(tx, person, datetime.now(UTC))
    assert strict < threshold_of(any_desk, person)
    # Reading everything anew says the same as following the changes.
    any_desk.library.forget()
    assert strict < threshold_of(any_desk, person)
    with any_desk.store.write(lock=people.GALLERY_LOCK) as tx:
        tx.execute(update(tables.face).values(source="event"))
        people.note_change(tx, person, datetime.now(UTC))
    any_desk.library.forget()
    assert strict == threshold_of(any_desk, person)


def test_an_uploaded_picture_vouches_only_for_what_is_near_to_it(any_desk: Desk, engine: PreparedEngine) -> None:
    person = enrol(any_desk.store, ListName.STRANGER, face_of(1), face_of(1, off=0.5))
    with any_desk.store.write(lock=people.GALLERY_LOCK) as tx:
        first = people.faces_of(tx, [person])[0].id
        faces.change(tx, first, {"source": "event"})
        people.note_change(tx, person, datetime.now(UTC))

    def threshold_at(off: float) -> float:
        with any_desk.store.read() as tx:
            found = any_desk.decider.verify(tx, person, [face_of(1, off=off)])
        assert found is not None
        return found.threshold

    # The face at 0.5 is vouched for; from -0.2 it lies further away than two pictures of one person do.
    assert threshold_at(-0.2) < threshold_at(0.3)
