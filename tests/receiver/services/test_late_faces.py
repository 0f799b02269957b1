"""What undoing a merge gives back where people were seen meanwhile: their pictures, in the states in which they were."""

import pytest

from receiver.domain.events import ListName
from receiver.domain.people import FaceState
from receiver.services.correcting.splitting import Split
from receiver.services.intake.intake import Intake
from receiver.services.people.keeping_faces import FaceChange, KeepingFaces
from receiver.store import people
from tests.receiver.boxes import text_of
from tests.receiver.corrections import BY, Workshop
from tests.receiver.faces import Desk, PreparedEngine, enrol, face_of, gate_of, sighting, strangers, told
from tests.receiver.passing import MINUTE, seen

# Six pictures of each of two people who look rather like each other, in directions of their own; the last one is the most
# unlike, so that it is learnt in any case.
FIRST, SECOND = range(40, 46), range(60, 66)
LATER = 50 * MINUTE


@pytest.fixture
def known(any_desk: Desk, any_intake: Intake, engine: PreparedEngine) -> tuple[int, int]:
    """Two strangers with five pictures each."""
    for off, shades in ((0.0, FIRST), (0.6, SECOND)):
        for shade in shades:
            face = face_of(1, off=off)
            face[shade] = 0.3 if shade == shades[-1] else 0.2
            engine.prepare(shade, [sighting(face)])
    for number in range(5):
        seen(any_desk, any_intake, FIRST[number], number * MINUTE)
        seen(any_desk, any_intake, SECOND[number], number * MINUTE)
    first, second = strangers(any_desk.store)
    return first, second


@pytest.fixture
def shop(any_desk: Desk) -> Workshop:
    return Workshop(any_desk.store)


def states(shop: Workshop, person: int) -> dict[int, str]:
    with shop.store.read() as tx:
        return {row.id: row.state for row in people.faces_of(tx, [person])}


def learnt(shop: Workshop, event: int) -> int:
    with shop.store.read() as tx:
        (face,) = (row.id for row in people.faces_of(tx, shop.everyone()) if row.event_id == event)
    return int(face)


def test_who_is_seen_after_a_merge_goes_back_with_what_was_learnt(
    any_desk: Desk, any_intake: Intake, shop: Workshop, known: tuple[int, int]
) -> None:
    first, second = known
    before = {each: states(shop, each) for each in known}
    made = shop.merge(first, second, is_insisted=True)
    event = seen(any_desk, any_intake, SECOND[5], LATER)
    again = seen(any_desk, any_intake, SECOND[5], LATER + MINUTE)
    face = learnt(shop, event)
    assert list(states(shop, first).values()).count("former") == 6
    shop.undo(made)
    assert states(shop, first) == before[first]
    assert states(shop, second) == before[second] | {face: "current"}
    assert [any_desk.event(each).person_id for each in (event, again)] == [second, second]


def test_who_stays_keeps_what_was_learnt_of_that_one(
    any_desk: Desk, any_intake: Intake, shop: Workshop, known: tuple[int, int]
) -> None:
    first, second = known
    before = {each: states(shop, each) for each in known}
    made = shop.merge(first, second, is_insisted=True)
    event = seen(any_desk, any_intake, FIRST[5], LATER)
    face = learnt(shop, event)
    shop.undo(made)
    assert states(shop, first) == before[first] | {face: "current"}
    assert states(shop, second) == before[second]


def test_what_somebody_said_of_a_picture_since_stays_so(
    any_desk: Desk, any_intake: Intake, shop: Workshop, known: tuple[int, int]
) -> None:
    first, second = known
    made = shop.merge(first, second, is_insisted=True)
    seen(any_desk, any_intake, SECOND[5], LATER)
    former, other, *_ = (face for face, state in states(shop, first).items() if state == "former")
    keeping = KeepingFaces(any_desk.store, gate_of())
    keeping.change(former, FaceChange(FaceState.FORMER))
    keeping.change(other, FaceChange(FaceState.SET_ASIDE))
    shop.undo(made)
    after = states(shop, first) | states(shop, second)
    assert (after.pop(former), after.pop(other)) == ("former", "set_aside")
    assert set(after.values()) == {"current"}


def test_a_merge_of_merged_people_is_undone_with_what_was_learnt(
    any_desk: Desk, any_intake: Intake, shop: Workshop, known: tuple[int, int]
) -> None:
    first, second = known
    third = shop.enrol(ListName.STRANGER, face_of(1, off=0.35))
    made = [shop.merge(first, second, is_insisted=True), shop.merge(third, first, is_insisted=True)]
    face = learnt(shop, seen(any_desk, any_intake, SECOND[5], LATER))
    shop.undo(made[1])
    assert face in states(shop, first)
    shop.undo(made[0])
    assert states(shop, second)[face] == "current"
    assert {state for each in (first, second, third) for state in states(shop, each).values()} == {"current"}


def test_who_is_seen_after_a_split_to_somebody_goes_back_with_what_was_learnt(
    any_desk: Desk, any_intake: Intake, shop: Workshop, known: tuple[int, int]
) -> None:
    first, second = known
    before = {each: states(shop, each) for each in known}
    going = frozenset(before[first])
    made = shop.splitting.split(first, Split(faces=going, to=second, is_insisted=True), by=BY)
    face = learnt(shop, seen(any_desk, any_intake, FIRST[5], LATER))
    assert face in states(shop, second)
    shop.undo(made)
    assert states(shop, first) == before[first] | {face: "current"}
    assert states(shop, second) == before[second]


@pytest.mark.parametrize("renewed", [0, 1])
def test_a_library_update_after_a_merge_renews_the_one_whom_the_device_named(
    any_desk: Desk, any_intake: Intake, shop: Workshop, engine: PreparedEngine, renewed: int
) -> None:
    looks = (face_of(1), face_of(1, off=0.3))
    both = [enrol(any_desk.store, ListName.STAFF, each, identity=f"E{n}") for n, each in enumerate(looks)]
    before = {each: states(shop, each) for each in both}
    made = shop.merge(*both, is_insisted=True)
    engine.prepare(70, [sighting(face_of(1, off=0.2))])
    event = told(any_intake, 70, want_action="1002", identity_id=f"E{renewed}", reg_pic=text_of(70))
    any_desk.work()
    face = learnt(shop, event)
    assert list(states(shop, both[0]).values()) == ["former", "former", "current"]
    shop.undo(made)
    own, other = both[renewed], both[1 - renewed]
    assert states(shop, own) == dict.fromkeys(before[own], "former") | {face: "current"}
    assert states(shop, other) == before[other]
    assert any_desk.event(event).person_id == own


def test_of_library_updates_of_two_who_were_merged_each_has_the_own_one_back(
    any_desk: Desk, any_intake: Intake, shop: Workshop, engine: PreparedEngine
) -> None:
    looks = (face_of(1), face_of(1, off=0.3))
    both = [enrol(any_desk.store, ListName.STAFF, each, identity=f"E{n}") for n, each in enumerate(looks)]
    made = shop.merge(*both, is_insisted=True)
    new = []
    for number, off in enumerate((0.1, 0.2)):
        engine.prepare(70 + number, [sighting(face_of(1, off=off))])
        action = {"want_action": "1002", "identity_id": f"E{number}", "reg_pic": text_of(70 + number)}
        new.append(told(any_intake, 70 + number, number, **action))
        any_desk.work()
    shop.undo(made)
    for person, event in zip(both, new, strict=True):
        assert list(states(shop, person).values()) == ["former", "current"]
        assert states(shop, person)[learnt(shop, event)] == "current"
