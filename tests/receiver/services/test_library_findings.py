"""What the look over the library finds: people who look alike, pictures that contradict or have aged."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from receiver.domain.enrolment import look_alikes
from receiver.services.checking import ageing, snapshot
from receiver.services.deciding.library import Query
from receiver.store import events, people, reviews, tables
from receiver.store.store import Store
from recognition.engine import Embedding
from tests.receiver.faces import MODEL, face_of
from tests.receiver.night import DAY, NOW, Night, lately, staff, stranger
from tests.receiver.past import Past


@pytest.fixture
def night(store: Store) -> Night:
    return Night(store)


def test_two_enrolled_people_whom_a_gate_would_confuse_are_found(night: Night) -> None:
    one, other = staff(night, face_of(1)), staff(night, face_of(1, off=0.4))
    staff(night, face_of(3))
    stranger(night, face_of(1, off=0.1))
    before = night.rows()
    counts = night.check()
    assert counts["look_alikes"] == {"faces": 3, "found": 1, "left_out": 0}
    (item,) = night.items("look_alike")
    assert {item.person_id, item.other_id} == {one, other}
    assert item.detail["distance"] == pytest.approx(0.4, abs=1e-3)
    assert item.detail["distance"] <= item.detail["limit"]
    assert night.roles(item) == ["current", "other"]
    assert night.rows() == before


def test_a_look_alike_that_somebody_insisted_on_is_not_asked_about_again(night: Night) -> None:
    staff(night, face_of(1))
    twin = staff(night, face_of(1, off=0.3))
    with night.store.write() as tx:
        where = tables.face.c.person_id == twin
        tx.execute(update(tables.face).where(where).values(insisted=["look_alike"], insisted_at=NOW))
    assert night.check()["look_alikes"]["found"] == 0
    assert night.items() == []


def test_a_large_library_is_judged_as_its_gate_judges(night: Night) -> None:
    """From a hundred people on a cohort corrects the distances; the first look must not lose anybody."""
    random = np.random.default_rng(7)
    middles = random.normal(size=(130, 12)) * 0.25
    # Pairs at rising distances, some of which the cohort makes too near.
    middles[100:120, 1:] = middles[:20, 1:]
    middles[100:120, 0] = middles[:20, 0] + np.linspace(0.1, 0.6, 20)
    for middle in middles:
        face = np.zeros(128, np.float32)
        face[:12] = middle
        staff(night, face)
    assert night.check()["look_alikes"]["found"] == len(night.items("look_alike"))
    found = {tuple(sorted(pair)) for pair in night.pairs("look_alike")}
    with night.store.read() as tx:
        taken = snapshot.taken(tx, night.library)
        assert taken is not None
        assert taken.standing.scoring.rule is not None
        expected = set()
        for row, person in enumerate(taken.person_ids.tolist()):
            for each in alike_to(night, tx, taken.embeddings[row], person):
                expected.add(tuple(sorted((person, each))))
    assert 1 < len(expected) < 20
    assert found == expected


def alike_to(night: Night, tx: Any, embedding: Embedding, person: int) -> list[int]:
    near = night.library.candidates(tx, Query([embedding]))
    return [each.person_id or 0 for each in look_alikes(near, person) if each.level == "refuse"]


def test_a_face_that_contradicts_its_person_is_found(night: Night) -> None:
    person = staff(night, face_of(1), face_of(1, off=0.1), face_of(2))
    staff(night, face_of(3), face_of(3, off=0.2))
    counts = night.check()
    assert counts["contradictions"] == {"people": 2, "found": 1, "left_out": 0}
    (item,) = night.items("contradicting_picture")
    with night.store.read() as tx:
        wrong = people.faces_of(tx, [person])[2]
    assert (item.person_id, item.subject, item.detail["others"]) == (person, wrong.id, 2)
    assert item.detail["distance"] > item.detail["limit"]
    assert night.roles(item) == ["current", "other", "other"]


def test_a_contradiction_that_somebody_insisted_on_is_not_asked_about_again(night: Night) -> None:
    staff(night, face_of(1), face_of(2))
    with night.store.write() as tx:
        tx.execute(update(tables.face).values(insisted=["contradiction"], insisted_at=NOW))
    assert night.check()["contradictions"]["found"] == 0


def test_a_picture_that_has_aged_is_found_with_a_newer_one(night: Night) -> None:
    person = staff(night, face_of(1))
    newest, *_ = lately(Past(night.store, MODEL), person, 6)
    before = night.rows()
    counts = night.check()
    assert counts["ageing"] == {"people": 1, "found": 1}
    (item,) = night.items("stale_picture")
    with night.store.read() as tx:
        (face,) = people.faces_of(tx, [person])
        (seen_face,) = events.sightings_of(tx, newest)
        shown = reviews.pictures_of(tx, [item.id])[item.id]
    assert (item.person_id, item.subject, item.event_id) == (person, face.id, newest)
    assert [each.role for each in shown] == ["current", "new", "live", "live", "live"]
    assert (shown[0].digest, shown[1].digest, shown[1].box) == (face.digest, seen_face.digest, seen_face.box)
    assert item.detail["days"] == 6
    assert item.detail["limit"] < item.detail["nearest"] <= item.detail["farthest"]
    assert item.detail["among_themselves"] < item.detail["nearest"]
    assert night.rows() == before


@pytest.mark.parametrize(
    ("days", "changes"),
    [
        (4, {}),
        (6, {"off": 0.2}),
        (6, {"quality": {"blur": 0.9}}),
        (6, {"is_live": False}),
        (6, {"model": "another"}),
        (6, {"decision": "unknown"}),
    ],
    ids=["too few days", "still alike", "bad pictures", "not whom it is about", "of another model", "not matched"],
)
def test_a_picture_has_not_aged(night: Night, days: int, changes: dict[str, Any]) -> None:
    person = staff(night, face_of(1))
    past = Past(night.store, MODEL)
    if "decision" in changes:
        for event_id in lately(past, person, days):
            with night.store.write() as tx:
                events.change(tx, event_id, changes)
    else:
        lately(past, person, days, **changes)
    assert night.check()["ageing"] == {"people": 1, "found": 0}


def test_long_ago_does_not_count(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    person = staff(night, face_of(1))
    lately(Past(night.store, MODEL), person, 6)
    monkeypatch.setattr(ageing, "RECENT", 3 * DAY)
    assert night.check()["ageing"]["found"] == 0


@pytest.mark.parametrize(("says", "found"), [("agrees", 1), ("cannot_tell", 0), (None, 0)])
def test_whom_the_device_verifies_counts_as_far_as_its_own_picture_agrees(
    night: Night, says: str | None, found: int
) -> None:
    """Beyond our own threshold we match nobody any more; the box knows the person still."""
    person = staff(night, face_of(1), identity="E1")
    for event_id in lately(Past(night.store, MODEL), None, 6, off=0.7):
        device = None if says is None else {"says": says}
        detail = {"library": {"person": person}, "device_picture": device}
        values = {"identity_id": "E1", "second_opinion": "disagrees", "second_opinion_detail": detail}
        with night.store.write() as tx:
            events.change(tx, event_id, values)
    assert night.check()["ageing"]["found"] == found


def test_everybody_is_looked_at_step_by_step(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ageing, "PEOPLE", 2)
    past = Past(night.store, MODEL)
    for _ in range(5):
        lately(past, staff(night, face_of(1)), 5)
    assert night.check()["ageing"] == {"people": 5, "found": 5}
