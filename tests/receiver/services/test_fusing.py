"""Sightings of one person at one gate within seconds: their mean tells who one of them alone did not show."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver.domain.events import ListName
from receiver.services.intake.intake import Intake
from receiver.services.recognising import fusing
from receiver.store import events, people
from receiver.store.store import Store
from recognition.engine import Embedding
from tests.receiver.boxes import HISTORY, LICENCE, REAL_TIME, TIME, history, open_intake, real_time, text_of
from tests.receiver.faces import Desk, PreparedEngine, enrol, face_of, sighting, told

# Pictures of person 1: a clear one, matched alone; one too far off to be matched alone, near enough to the clear one to
# be averaged with it; and another of that kind on the other side.
CLEAR, UNCLEAR, TOO_FAR, NOBODY = 31, 32, 33, 34
SECOND = 1000


def view(off: float, side: float = 0.0) -> Embedding:
    embedding = face_of(1, off=off)
    embedding[126] = side
    return embedding


@pytest.fixture
def engine() -> PreparedEngine:
    prepared = PreparedEngine()
    views = {CLEAR: view(0.30), UNCLEAR: view(0.587, 0.201), TOO_FAR: view(0.587, 0.35), NOBODY: view(0.95, 0.2)}
    for shade, embedding in views.items():
        prepared.prepare(shade, [sighting(embedding)])
    return prepared


def facts(desk: Desk, event_id: int) -> tuple[str, int | None, list[int] | None]:
    event = desk.event(event_id)
    return event.decision, event.person_id, event.decision_detail.get("fused_with")


def told_and_seen(desk: Desk, intake: Intake, shade: int, number: int, **changes: Any) -> int:
    event_id = told(intake, shade, number, **({"identity_id": ""} | changes))
    desk.work()
    return event_id


def test_alone_the_unclear_picture_shows_nobody(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    assert facts(desk, told_and_seen(desk, intake, UNCLEAR, 0)) == ("unknown", None, None)
    assert facts(desk, told_and_seen(desk, intake, CLEAR, 9 * SECOND)) == ("matched", person, None)


@pytest.mark.parametrize("order", [(CLEAR, UNCLEAR), (UNCLEAR, CLEAR)])
def test_two_sightings_of_one_moment_tell_who_the_unclear_one_was(
    desk: Desk, intake: Intake, order: tuple[int, int]
) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    first, second = (told_and_seen(desk, intake, shade, place * 4 * SECOND) for place, shade in enumerate(order))
    clear, unclear = (first, second) if order[0] == CLEAR else (second, first)
    assert facts(desk, unclear) == ("matched", person, [clear])
    assert desk.event(unclear).list == "staff"
    # The clear one stays as it was decided alone.
    assert facts(desk, clear) == ("matched", person, None)


def test_a_message_that_comes_late_joins_by_the_time_of_its_event(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    late = told_and_seen(desk, intake, CLEAR, 4 * SECOND)
    early = told_and_seen(desk, intake, UNCLEAR, 0)
    assert facts(desk, early) == ("matched", person, [late])


@pytest.mark.parametrize(
    ("why", "changes", "number"),
    [
        ("too late", {}, 5 * SECOND + 1),
        ("another gate", {"ext_data": {"ep_id": f"{LICENCE}__10.0.0.22", "device_ip": "10.0.0.22"}}, 0),
        ("another name", {"identity_id": "E2"}, SECOND),
    ],
)
def test_what_is_not_one_moment_is_not_fused(
    desk: Desk, intake: Intake, why: str, changes: dict[str, Any], number: int
) -> None:
    enrol(desk.store, ListName.STAFF, face_of(1))
    told_and_seen(desk, intake, CLEAR, 0, identity_id="E1")
    assert facts(desk, told_and_seen(desk, intake, UNCLEAR, number, **changes)) == ("unknown", None, None), why


def test_a_face_that_is_not_close_is_not_fused(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, face_of(1))
    told_and_seen(desk, intake, CLEAR, 0)
    assert facts(desk, told_and_seen(desk, intake, NOBODY, SECOND)) == ("unknown", None, None)


def test_the_same_shot_twice_is_one_picture(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, face_of(1))
    first = told_and_seen(desk, intake, UNCLEAR, 0)
    second = told_and_seen(desk, intake, UNCLEAR, SECOND)
    assert [facts(desk, each) for each in (first, second)] == [("unknown", None, None)] * 2


def test_nothing_is_withdrawn_where_the_mean_is_too_far(desk: Desk, intake: Intake, engine: PreparedEngine) -> None:
    """The mean of an almost matched and a barely matched picture is nobody's; who was matched alone stays so."""
    person = enrol(desk.store, ListName.BLACKLIST, face_of(1))
    engine.prepare(CLEAR, [sighting(view(0.54))])
    engine.prepare(UNCLEAR, [sighting(view(0.80, 0.2))])
    barely = told_and_seen(desk, intake, CLEAR, 0)
    assert facts(desk, barely) == ("matched", person, None)
    beyond = told_and_seen(desk, intake, UNCLEAR, SECOND)
    assert facts(desk, beyond) == ("unknown", None, [barely])
    assert facts(desk, barely) == ("matched", person, None)
    assert desk.event(barely).blacklist_said_by == "face"


def test_a_fused_event_may_become_a_hit_of_the_blacklist_and_stays_one(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.BLACKLIST, face_of(1))
    unclear = told_and_seen(desk, intake, UNCLEAR, 0)
    assert desk.event(unclear).blacklist_said_by == ""
    told_and_seen(desk, intake, CLEAR, SECOND)
    event = desk.event(unclear)
    assert (event.decision, event.person_id, event.list, event.blacklist_said_by) == (
        "matched",
        person,
        "blacklist",
        "face",
    )
    with desk.store.write(lock=people.GALLERY_LOCK) as tx:
        people.change(tx, person, {"list": ListName.STAFF})
        people.note_change(tx, person, datetime.now(UTC))
    told_and_seen(desk, intake, TOO_FAR, 2 * SECOND)
    assert desk.event(unclear).blacklist_said_by == "face"


def test_both_reports_of_one_passage_are_one_event_and_not_fused_with_itself(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    (first,) = intake.record([real_time(ext_data={"recognize_face": text_of(UNCLEAR)})], REAL_TIME)
    desk.work()
    assert desk.event(first.event_id).decision == "unknown"
    intake.record([history(ext_data={"recognize_face": text_of(CLEAR)})], HISTORY)
    desk.work()
    event = desk.event(first.event_id)
    # Two pictures of one face in one event: averaged, and counted.
    assert facts(desk, event.id) == ("matched", person, None)
    assert event.decision_detail["pictures"] == 2
    with desk.store.read() as tx:
        assert [row.is_live for row in events.sightings_of(tx, event.id)] == [True, True]


def test_a_stranger_who_is_registered_meanwhile_is_found_again(desk: Desk, intake: Intake) -> None:
    unclear = told_and_seen(desk, intake, UNCLEAR, 0)
    clear = told_and_seen(desk, intake, CLEAR, SECOND, want_action="1001")
    stranger = desk.event(clear).person_id
    assert stranger is not None
    assert facts(desk, unclear) == ("matched", stranger, [clear])


def test_workers_who_decide_about_one_moment_at_once_fuse_it(
    store: Store, tmp_path: Path, engine: PreparedEngine
) -> None:
    """Each thread has a recogniser and a library of its own, as processes have."""
    desks = [Desk(store, engine) for _ in range(2)]
    person = enrol(store, ListName.STAFF, face_of(1))
    with open_intake(store, tmp_path) as intake:
        clear, unclear = (told(intake, shade, number, identity_id="") for number, shade in enumerate((CLEAR, UNCLEAR)))
    tasks = [desk.claim() for desk in desks]
    start = threading.Barrier(2)

    def work(desk: Desk, task: Any) -> None:
        start.wait(30)
        desk.recogniser.handle(task)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(desks, tasks, strict=True)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert facts(desks[0], unclear) == ("matched", person, [clear])


def test_at_a_gate_whose_clock_stands_the_latest_are_weighed(
    desk: Desk, intake: Intake, engine: PreparedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fusing, "READ", 4)
    monkeypatch.setattr(fusing, "WEIGHED", 2)
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    for shade in range(40, 48):
        engine.prepare(shade, [sighting(face_of(shade))])
        told_and_seen(desk, intake, shade, 0, timestamp=TIME, score=shade)
    unclear = told_and_seen(desk, intake, UNCLEAR, 0, timestamp=TIME)
    clear = told_and_seen(desk, intake, CLEAR, 0, timestamp=TIME)
    assert facts(desk, unclear) == ("matched", person, [clear])
