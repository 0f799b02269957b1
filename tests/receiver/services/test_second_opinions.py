"""What we say to a device's word: by our library, by the device's own picture, and whom we ask where they contradict."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from receiver.domain.events import ListName
from receiver.domain.reviews import ReviewState
from receiver.services.intake.intake import Intake
from receiver.services.recognising import second_opinions
from receiver.store import people, reviews, tables
from receiver.store.database import Row
from receiver.store.store import Store
from tests.receiver.boxes import count, open_intake, text_of
from tests.receiver.faces import Desk, PreparedEngine, digest_of, enrol, face_of, sighting, told

# A further picture of person 1, one that is near the limit, one that is blurred, and person 1 as the box has him.
ANOTHER, NEAR, BLURRED, BOX_PICTURE, BOX_BLURRED = 41, 42, 43, 44, 45
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


@pytest.fixture
def engine() -> PreparedEngine:
    prepared = PreparedEngine()
    for number in range(1, 21):
        prepared.prepare(number, [sighting(face_of(number))])
    prepared.prepare(ANOTHER, [sighting(face_of(1, off=0.3))])
    prepared.prepare(NEAR, [sighting(face_of(1, off=0.61))])
    prepared.prepare(BLURRED, [sighting(face_of(2, off=0.1), sharpness=0.1)])
    prepared.prepare(BOX_PICTURE, [sighting(face_of(1, off=-0.1))])
    prepared.prepare(BOX_BLURRED, [sighting(face_of(1, off=-0.1), blur=0.9)])
    return prepared


@pytest.fixture
def desk(store: Store, engine: PreparedEngine) -> Desk:
    return Desk(store, engine)


@pytest.fixture
def intake(store: Store, tmp_path: Path) -> Iterator[Intake]:
    with open_intake(store, tmp_path) as opened:
        yield opened


def seen(desk: Desk, intake: Intake, face: int | None, number: int = 0, **changes: Any) -> Row:
    event_id = told(intake, face, number, **({"identity_id": "E1"} | changes))
    desk.work()
    return desk.event(event_id)


def said(event: Row) -> tuple[str, list[str], list[str] | None]:
    """What is said, with the reasons by the library and by the device's picture."""
    detail = event.second_opinion_detail
    device = detail["device_picture"]
    return event.second_opinion, detail["library"]["reasons"], device and device["reasons"]


def asked(store: Store) -> list[Row]:
    with store.read() as tx:
        return list(tx.execute(tables.review.select().order_by(tables.review.c.id)))


def shown(store: Store, review_id: int) -> list[tuple[bytes, str]]:
    with store.read() as tx:
        return [(each.digest, each.role) for each in reviews.pictures_of(tx, [review_id])[review_id]]


def test_the_same_face_agrees_and_nobody_is_asked(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1")
    event = seen(desk, intake, ANOTHER, reg_pic=text_of(BOX_PICTURE))
    assert said(event) == ("agrees", ["within_threshold"], ["within_threshold"])
    library = event.second_opinion_detail["library"]
    assert (library["person"], round(library["distance"], 3), library["limit"]) == (person, 0.3, 0.58)
    assert asked(desk.store) == []


def test_another_face_disagrees_and_somebody_is_shown_all_three(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1), identity="E1")
    other = enrol(desk.store, ListName.STAFF, face_of(2))
    event = seen(desk, intake, 2, reg_pic=text_of(BOX_PICTURE))
    assert said(event) == ("disagrees", ["beyond_threshold"], ["beyond_threshold"])
    (item,) = asked(desk.store)
    assert (item.kind, item.state, item.reason) == ("second_opinion", "open", "face_disagrees")
    assert (item.person_id, item.other_id, item.event_id) == (person, other, event.id)
    assert (item.detail["count"], item.detail["events"]) == (1, [event.id])
    with desk.store.read() as tx:
        (face,) = people.faces_of(tx, [person])
    assert [role for _, role in shown(desk.store, item.id)] == ["live", "reported", "current"]
    assert shown(desk.store, item.id)[2][0] == face.digest


@pytest.mark.parametrize(
    ("box_picture", "library_face", "reason"),
    [(2, 1, "library_disagrees"), (BOX_PICTURE, 2, "device_picture_disagrees")],
)
def test_the_reason_tells_whose_picture_is_wrong(
    desk: Desk, intake: Intake, box_picture: int, library_face: int, reason: str
) -> None:
    enrol(desk.store, ListName.STAFF, face_of(library_face, off=0.2), identity="E1")
    # The same face as the box's or as ours, but another picture of it.
    desk.engine.prepare(50, [sighting(face_of(2, off=-0.2))])
    event = seen(desk, intake, 50, reg_pic=text_of(box_picture))
    assert event.second_opinion == "disagrees"
    assert [each.reason for each in asked(desk.store)] == [reason]


def test_whom_the_library_does_not_have_it_says_nothing_of(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, face_of(3), identity="E3")
    assert said(seen(desk, intake, 1)) == ("cannot_tell", ["not_in_library"], None)
    agreed = seen(desk, intake, 1, MINUTE, reg_pic=text_of(BOX_PICTURE))
    assert said(agreed) == ("agrees", ["not_in_library"], ["within_threshold"])
    contradicted = seen(desk, intake, 2, 2 * MINUTE, reg_pic=text_of(BOX_PICTURE))
    assert said(contradicted) == ("disagrees", ["not_in_library"], ["beyond_threshold"])
    (item,) = asked(desk.store)
    assert (item.person_id, item.reason) == (None, "face_disagrees")


def test_an_id_of_another_device_is_somebody_elses(desk: Desk, intake: Intake) -> None:
    person = enrol(desk.store, ListName.STAFF, face_of(1))
    elsewhere = seen(desk, intake, 9, box="ANOTHERBOX")
    with desk.store.write(lock=people.GALLERY_LOCK) as tx:
        people.add_identity(tx, person, "E1", elsewhere.device_id)
    assert said(seen(desk, intake, 1, MINUTE)) == ("cannot_tell", ["not_in_library"], None)
    assert said(seen(desk, intake, ANOTHER, 2 * MINUTE, box="ANOTHERBOX"))[0] == "agrees"


@pytest.mark.parametrize(
    ("face", "box_picture", "expected"),
    [
        (NEAR, None, ("cannot_tell", ["near_threshold"], None)),
        (BLURRED, None, ("cannot_tell", ["beyond_threshold", "too_blurred"], None)),
        (BLURRED, BOX_PICTURE, ("cannot_tell", ["beyond_threshold", "too_blurred"], ["beyond_threshold", "too_blurred"])),
        (ANOTHER, BOX_BLURRED, ("agrees", ["within_threshold"], ["within_threshold", "too_blurred"])),
        (None, BOX_PICTURE, ("cannot_tell", ["no_face"], ["no_face"])),
        (ANOTHER, 99, ("agrees", ["within_threshold"], ["no_face_on_device_picture"])),
        (BOX_PICTURE, BOX_PICTURE, ("agrees", ["within_threshold"], ["same_picture"])),
    ],
)  # fmt: skip
def test_near_the_limit_and_on_bad_pictures_nobody_can_tell(
    desk: Desk, intake: Intake, face: int | None, box_picture: int | None, expected: Any
) -> None:
    enrol(desk.store, ListName.STAFF, face_of(1), identity="E1")
    changes: dict[str, Any] = {} if box_picture is None else {"reg_pic": text_of(box_picture)}
    assert said(seen(desk, intake, face, **changes)) == expected
    assert asked(desk.store) == []


def test_a_person_without_a_face_of_the_model_is_not_compared(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, identity="E1")
    assert said(seen(desk, intake, 1)) == ("cannot_tell", ["person_without_face"], None)


def test_a_name_alone_is_compared_with_the_devices_picture_only(desk: Desk, intake: Intake) -> None:
    event = seen(desk, intake, 2, identity_id="", identity_name="Somebody", reg_pic=text_of(BOX_PICTURE))
    assert said(event) == ("disagrees", ["no_identity_id"], ["beyond_threshold"])
    again = seen(desk, intake, 2, MINUTE, identity_id="", identity_name="Another", reg_pic=text_of(BOX_PICTURE))
    assert again.second_opinion == "disagrees"
    assert len(asked(desk.store)) == 2


@pytest.mark.parametrize(
    "changes",
    [{"identity_id": "", "identity_name": ""}, {"identity_id": "7", "ext_data": {"person_type": 4}}],
)
def test_strangers_and_the_unnamed_are_not_asked_about(desk: Desk, intake: Intake, changes: dict[str, Any]) -> None:
    event = seen(desk, intake, 1, reg_pic=text_of(BOX_PICTURE), **changes)
    assert (event.second_opinion, event.second_opinion_detail) == (None, None)


def test_two_who_are_both_near_are_told_apart_by_nobody(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, face_of(1, off=0.4), identity="E1")
    twin = enrol(desk.store, ListName.STAFF, face_of(1))
    event = seen(desk, intake, BOX_PICTURE)
    assert event.person_id == twin
    assert said(event)[:2] == ("cannot_tell", ["somebody_else_nearer", "within_threshold"])


def test_a_picture_that_the_device_has_just_brought_does_not_speak_for_it(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, face_of(1, off=0.3), identity="E1")
    event = seen(desk, intake, 1, want_action="1002")
    assert event.registration == "replaced"
    # Held against what was there before.
    assert event.second_opinion_detail["library"]["distance"] == pytest.approx(0.3, abs=1e-3)
    assert event.second_opinion == "agrees"


def test_one_person_at_one_gate_is_one_item_a_day(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, face_of(1), identity="E1")
    enrol(desk.store, ListName.STAFF, face_of(3), identity="E3")
    first = seen(desk, intake, 2, 0)
    second = seen(desk, intake, 2, MINUTE)
    (item,) = asked(desk.store)
    assert (item.detail["count"], item.detail["events"], item.event_id) == (2, [second.id, first.id], second.id)
    # Another gate, another person, another day.
    seen(desk, intake, 2, 2 * MINUTE, ext_data={"ep_id": "ABCDEF000120240101000001__10.0.0.99"})
    seen(desk, intake, 2, 3 * MINUTE, identity_id="E3")
    seen(desk, intake, 2, DAY + MINUTE)
    assert [each.detail["count"] for each in asked(desk.store)] == [2, 1, 1, 1]


def test_what_was_decided_stays_decided_that_day(desk: Desk, intake: Intake) -> None:
    enrol(desk.store, ListName.STAFF, face_of(1), identity="E1")
    seen(desk, intake, 2, 0)
    (item,) = asked(desk.store)
    with desk.store.write() as tx:
        tx.execute(update(tables.review).values(state=ReviewState.REJECTED.value))
    seen(desk, intake, 2, MINUTE)
    (item,) = asked(desk.store)
    assert (item.state, item.detail["count"]) == ("rejected", 1)


def test_the_item_names_some_events_and_counts_all(desk: Desk, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinions, "NAMED", 2)
    enrol(desk.store, ListName.STAFF, face_of(1), identity="E1")
    events = [seen(desk, intake, 2, place * MINUTE).id for place in range(4)]
    (item,) = asked(desk.store)
    assert (item.detail["count"], item.detail["events"]) == (4, [events[3], events[2]])


def test_the_mean_of_a_moment_takes_a_contradiction_back(desk: Desk, intake: Intake) -> None:
    """One turned away from the camera lies too far; the next picture of that moment shows who it was."""
    enrol(desk.store, ListName.STAFF, face_of(1), identity="E1")
    clear, turned = face_of(1, off=0.35), face_of(1, off=0.66)
    turned[126] = 0.1
    desk.engine.prepare(60, [sighting(turned)])
    desk.engine.prepare(61, [sighting(clear)])
    first = seen(desk, intake, 60, 0)
    assert first.second_opinion == "disagrees"
    assert [each.state for each in asked(desk.store)] == ["open"]
    second = seen(desk, intake, 61, 2000)
    assert second.second_opinion == "agrees"
    first = desk.event(first.id)
    assert (first.decision, first.decision_detail["fused_with"]) == ("matched", [second.id])
    assert first.second_opinion == "agrees"
    assert [each.state for each in asked(desk.store)] == ["settled"]


def test_the_devices_picture_is_looked_at_once(desk: Desk, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[bytes] = []
    see = PreparedEngine.sightings

    def noting(engine: PreparedEngine, rgb: Any) -> Any:
        looked.append(rgb.tobytes())
        return see(engine, rgb)

    monkeypatch.setattr(PreparedEngine, "sightings", noting)
    for place, face in enumerate((1, 2, ANOTHER)):
        event = seen(desk, intake, face, place * MINUTE, reg_pic=text_of(BOX_PICTURE))
    assert len(looked) == 4
    with desk.store.read() as tx:
        rows = list(tx.execute(tables.sighting.select().where(tables.sighting.c.event_id == event.id)))
    assert [(row.kind, row.is_live) for row in rows] == [("face", True), ("library", False)]
    assert digest_of(desk.store, event.id) != rows[1].digest
    assert count(desk.store, tables.review) == 1
