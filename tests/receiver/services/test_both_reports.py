"""Both reports of one passage bring pictures: the better one decides, and a worse one takes nothing back."""

import pytest

from receiver.domain.events import ListName
from receiver.services.asking.visiting import Visiting
from receiver.services.intake.intake import Intake
from receiver.store import tables
from receiver.store.database import Row
from receiver.store.strangers import StrangerFilter
from tests.receiver.boxes import HISTORY, REAL_TIME, history, real_time, text_of
from tests.receiver.faces import Desk, PreparedEngine, digest_of, enrol, face_of, strangers

FACELESS = 30


def crop(shade: int) -> dict[str, str]:
    return {"recognize_face": text_of(shade)}


def registered(desk: Desk, intake: Intake) -> Row:
    """A stranger whom his first history report made known."""
    (recorded,) = intake.record([history(want_action="1001", ext_data=crop(1))], HISTORY)
    desk.work()
    event = desk.event(recorded.event_id)
    assert (event.decision, event.registration) == ("matched", "registered")
    return event


def facts(event: Row) -> tuple[object, ...]:
    return event.decision, event.person_id, event.list, event.registration, event.decision_detail["face"]


def visits(desk: Desk) -> list[tuple[int, int]]:
    found = Visiting(desk.store).strangers(StrangerFilter())
    return [(each["id"], each["events"]) for each in found.items]


@pytest.mark.parametrize("is_first_picture_gone", [False, True])
def test_a_later_crop_without_a_face_takes_nothing_back(
    desk: Desk, intake: Intake, *, is_first_picture_gone: bool
) -> None:
    before = registered(desk, intake)
    seen = visits(desk)
    if is_first_picture_gone:
        digest = digest_of(desk.store, before.id)
        with desk.store.pictures.write() as tx:
            tx.execute(tables.picture.delete().where(tables.picture.c.digest == digest))
    (again,) = intake.record([real_time(ext_data=crop(FACELESS))], REAL_TIME)
    desk.work()
    after = desk.event(before.id)
    assert again.event_id == before.id
    assert facts(after) == facts(before)
    assert after.recognition == "done"
    assert seen == visits(desk) == [(before.person_id, 1)]
    assert strangers(desk.store) == [before.person_id]


@pytest.mark.parametrize(("first", "second"), [(FACELESS, 1), (1, FACELESS)])
def test_the_first_crop_that_shows_a_face_counts(
    desk: Desk, intake: Intake, engine: PreparedEngine, first: int, second: int
) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    engine.prepare(FACELESS, [])
    (told,) = intake.record([real_time(ext_data=crop(first))], REAL_TIME)
    intake.record([history(ext_data=crop(second))], HISTORY)
    desk.work()
    event = desk.event(told.event_id)
    assert (event.decision, event.person_id, event.decision_detail["picture"]) == ("matched", person, "face")


def test_of_two_crops_with_faces_the_first_counts(desk: Desk, intake: Intake) -> None:
    people = [enrol(desk.store, ListName.STAFF, face_of(number)) for number in (1, 2)]
    (told,) = intake.record([real_time(ext_data=crop(1))], REAL_TIME)
    intake.record([history(ext_data=crop(2))], HISTORY)
    desk.work()
    assert desk.event(told.event_id).person_id == people[0]
