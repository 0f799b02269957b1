"""A library moves to another model while the old one answers, and nothing and nobody is lost on the way."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from receiver.domain.errors import Busy, Conflict
from receiver.domain.events import ListName
from receiver.services.intake.intake import Intake
from receiver.services.people.people import NewPerson, People
from receiver.services.people.re_embedding import Moved, ReEmbedding, forget, nearest, overlap
from receiver.store import library, people, tables
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import Box, RecognitionError, Sighting
from tests.receiver.boxes import jpeg, open_intake
from tests.receiver.faces import (
    MODEL,
    SECOND_MODEL,
    Desk,
    PreparedEngine,
    face_of,
    gate_of,
    read_prepared,
    sighting,
    told,
)


class Site:
    """A library whose people are enrolled with pictures, and a worker that stays at work meanwhile."""

    def __init__(self, store: Store, engine: PreparedEngine) -> None:
        self.store = store
        self.engine = engine
        self.desk = Desk(store, engine)
        self.pictures = Pictures(store.pictures)
        self.people = People(store, self.pictures, self.desk_see, 1_000_000, gate_of())

    def desk_see(self, data: bytes) -> list[Sighting]:
        with self.store.read() as tx:
            model = library.model_of(tx)
        return self.desk.engines.engine_for(model).sightings(read_prepared(data))

    def enrol(self, *shades: int) -> int:
        new = NewPerson(f"person {shades[0]}", ListName.STAFF, pictures=[jpeg(shade) for shade in shades])
        return self.people.add(new)[0]

    def moving(self, model: str = SECOND_MODEL, see: Callable[[bytes], list[Sighting]] | None = None) -> ReEmbedding:
        looking = self.desk.engines._load(model)
        return ReEmbedding(
            self.store, self.pictures, see or (lambda data: looking.sightings(read_prepared(data))), model
        )

    def move(self, model: str = SECOND_MODEL, *, may_leave_out: bool = False) -> Moved:
        return self.moving(model).run(lambda: None, may_leave_out=may_leave_out)

    def model(self) -> str:
        with self.store.read() as tx:
            return library.model_of(tx)

    def embedded(self, model: str) -> list[int]:
        table = tables.face_embedding
        with self.store.read() as tx:
            return sorted(tx.execute(select(table.c.face_id).where(table.c.model == model)).scalars())

    def lose_picture(self, shade: int) -> None:
        with self.store.pictures.write() as tx:
            tx.execute(delete(tables.picture).where(tables.picture.c.data == jpeg(shade)))


@pytest.fixture
def site(store: Store, engine: PreparedEngine) -> Site:
    return Site(store, engine)


@pytest.fixture
def any_intake(store: Store, tmp_path: Path) -> Iterator[Intake]:
    with open_intake(store, tmp_path) as opened:
        yield opened


def test_all_faces_current_and_former_are_embedded_and_the_new_model_decides(site: Site) -> None:
    site.engine.prepare(21, [sighting(face_of(1, off=0.2))])
    first, second = site.enrol(1, 21), site.enrol(3)
    with site.store.write(lock=people.GALLERY_LOCK) as tx:
        people.retire_faces(tx, second)
    seen: list[int] = []
    moved = site.moving().run(lambda: seen.append(1), may_leave_out=False)
    assert (moved.is_active, moved.embedded, moved.left_out, len(seen)) == (True, 3, [], 3)
    assert site.model() == SECOND_MODEL
    assert site.embedded(MODEL) == site.embedded(SECOND_MODEL) == [1, 2, 3]
    with site.store.read() as tx:
        rows = people.embeddings_of(tx, first, SECOND_MODEL)
    assert [row.embedding for row in rows] == [face_of(1, off=off)[::-1].tobytes() for off in (0, 0.2)]


def test_workers_follow_at_their_next_task_with_the_other_engine(site: Site, any_intake: Intake) -> None:
    person = site.enrol(1)
    before = told(any_intake, 1, 1)
    site.desk.work()
    assert site.move().is_active
    after = told(any_intake, 1, 10_001)
    site.desk.work()
    found = [site.desk.event(each) for each in (before, after)]
    assert [(row.person_id, row.decision_detail["model"]) for row in found] == [(person, MODEL), (person, SECOND_MODEL)]


def test_the_old_model_answers_until_everything_is_embedded(site: Site, any_intake: Intake) -> None:
    person = site.enrol(1)
    site.enrol(2)
    told_meanwhile: list[int] = []
    engine = PreparedEngine(SECOND_MODEL, site.engine.seen)

    def see(data: bytes) -> list[Sighting]:
        told_meanwhile.append(told(any_intake, 1, 10_000 * len(told_meanwhile)))
        site.desk.work()
        return engine.sightings(read_prepared(data))

    assert site.moving(see=see).run(lambda: None, may_leave_out=False).is_active
    rows = [site.desk.event(each) for each in told_meanwhile]
    assert [(row.person_id, row.decision_detail["model"]) for row in rows] == [(person, MODEL)] * 2


def test_who_is_enrolled_meanwhile_is_caught_too(site: Site, any_intake: Intake) -> None:
    site.enrol(1)
    engine = PreparedEngine(SECOND_MODEL, site.engine.seen)
    new = iter((2, 3))
    meanwhile: list[int] = []

    def see(data: bytes) -> list[Sighting]:
        for shade in new:
            meanwhile.append(site.enrol(shade))
            break
        return engine.sightings(read_prepared(data))

    assert site.moving(see=see).run(lambda: None, may_leave_out=False).embedded == 3
    event_id = told(any_intake, 3)
    site.desk.work()
    assert site.desk.event(event_id).person_id == meanwhile[1]
    assert site.embedded(SECOND_MODEL) == [1, 2, 3]


def test_who_is_removed_meanwhile_stays_removed(site: Site) -> None:
    person = site.enrol(1)
    engine = PreparedEngine(SECOND_MODEL, site.engine.seen)

    def see(data: bytes) -> list[Sighting]:
        site.people.remove(person)
        return engine.sightings(read_prepared(data))

    assert site.moving(see=see).run(lambda: None, may_leave_out=False).is_active
    assert site.embedded(SECOND_MODEL) == []


def test_a_run_that_was_ended_is_taken_up_where_it_stood(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.services.people.re_embedding.PAGE", 1)
    for shade in (1, 2, 3):
        site.enrol(shade)
    engine = PreparedEngine(SECOND_MODEL, site.engine.seen)
    looks: list[int] = []

    def see(data: bytes) -> list[Sighting]:
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt
        return engine.sightings(read_prepared(data))

    with pytest.raises(KeyboardInterrupt):
        site.moving(see=see).run(lambda: None, may_leave_out=False)
    assert (site.model(), site.embedded(SECOND_MODEL)) == (MODEL, [1, 2])
    again = site.moving()
    assert again.count() == 1
    assert again.run(lambda: None, may_leave_out=False).embedded == 1


def test_current_faces_that_cannot_be_embedded_are_named_and_nothing_is_switched(site: Site) -> None:
    gone, lost = site.enrol(1), site.enrol(2)
    site.enrol(3)
    site.lose_picture(1)
    site.engine.prepare(2, [])
    moved = site.move()
    assert (moved.is_active, moved.embedded) == (False, 1)
    assert [(each.person_id, each.name, each.state, each.reason) for each in moved.left_out] == [
        (gone, "person 1", "current", "picture_gone"),
        (lost, "person 2", "current", "no_face"),
    ]
    assert site.model() == MODEL
    forced = site.move(may_leave_out=True)
    assert (forced.is_active, len(forced.left_out), site.model()) == (True, 2, SECOND_MODEL)


def test_former_faces_that_cannot_be_embedded_keep_nobody_back(site: Site) -> None:
    person = site.enrol(1)
    with site.store.write(lock=people.GALLERY_LOCK) as tx:
        people.retire_faces(tx, person)
    site.lose_picture(1)
    moved = site.move()
    assert (moved.is_active, [each.state for each in moved.left_out]) == (True, ["former"])


def test_a_face_that_was_left_out_is_known_as_soon_as_it_is_embedded(site: Site, any_intake: Intake) -> None:
    person = site.enrol(1)
    site.engine.prepare(1, [])
    assert site.move(may_leave_out=True).is_active
    site.engine.prepare(1, [sighting(face_of(1))])
    early = told(any_intake, 1, 1)
    site.desk.work()
    assert site.move().embedded == 1
    late = told(any_intake, 1, 20_000)
    site.desk.work()
    assert [site.desk.event(each).person_id for each in (early, late)] == [None, person]


def test_the_face_is_the_one_at_the_stored_box(site: Site) -> None:
    person = site.enrol(1)
    beside = [sighting(face_of(2), left=400, size=300), sighting(face_of(1)), sighting(face_of(3), left=90)]
    site.engine.prepare(1, beside)
    assert site.move().is_active
    with site.store.read() as tx:
        (row,) = people.embeddings_of(tx, person, SECOND_MODEL)
    assert row.embedding == face_of(1)[::-1].tobytes()


def test_another_face_elsewhere_in_the_picture_is_not_taken(site: Site) -> None:
    site.enrol(1)
    site.engine.prepare(1, [sighting(face_of(2), left=80)])
    assert [each.reason for each in site.move().left_out] == ["no_face"]


def test_a_library_goes_back_with_those_enrolled_since(site: Site, any_intake: Intake) -> None:
    site.enrol(1)
    site.move()
    since = site.enrol(2)
    assert site.embedded(MODEL) == [1]
    back = site.move(MODEL)
    assert (back.is_active, back.embedded, site.model()) == (True, 1, MODEL)
    event_id = told(any_intake, 2)
    site.desk.work()
    assert site.desk.event(event_id).person_id == since
    with site.store.read() as tx:
        active = library.active(tx)
    assert active is not None
    assert active.previous_model == SECOND_MODEL


def test_a_second_move_to_the_same_model_keeps_the_way_back(site: Site) -> None:
    site.enrol(1)
    site.move()
    assert site.move().embedded == 0
    with site.store.read() as tx:
        active = library.active(tx)
    assert active is not None
    assert (active.model, active.previous_model) == (SECOND_MODEL, MODEL)


def test_what_speaks_of_the_server_ends_the_run(site: Site) -> None:
    site.enrol(1)

    def see(_data: bytes) -> list[Sighting]:
        raise RecognitionError("model_missing", "no file")

    with pytest.raises(RecognitionError, match="no file"):
        site.moving(see=see).run(lambda: None, may_leave_out=True)
    with pytest.raises(RecognitionError, match="embeddings of prepared"):
        site.moving(see=lambda data: site.engine.sightings(read_prepared(data))).run(lambda: None, may_leave_out=True)
    assert site.model() == MODEL


def test_a_look_that_the_library_overtook_is_done_again_and_is_no_failed_try(
    site: Site, any_intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = site.enrol(1)
    event_id = told(any_intake, 1)
    task = site.desk.claim()
    assert task is not None
    looker = site.desk.recogniser._looker
    look, looks = looker.look, []

    def moved_after_the_first(number: int) -> object:
        seen = look(number)
        looks.append(seen.model if seen else "")
        if len(looks) == 1:
            site.move()
        return seen

    monkeypatch.setattr(looker, "look", moved_after_the_first)
    site.desk.recogniser.handle(task)
    assert looks == [MODEL, SECOND_MODEL]
    event = site.desk.event(event_id)
    assert (event.person_id, event.decision_detail["model"]) == (person, SECOND_MODEL)


def test_an_enrolment_that_the_library_overtook_is_to_be_sent_again(site: Site) -> None:
    def see(data: bytes) -> list[Sighting]:
        found = site.engine.sightings(read_prepared(data))
        site.move()
        return found

    overtaken = People(site.store, site.pictures, see, 1_000_000, gate_of())
    with pytest.raises(Busy) as refused:
        overtaken.add(NewPerson("somebody", ListName.STAFF, pictures=[jpeg(1)]))
    assert refused.value.reason == "wrong_model"
    with site.store.read() as tx:
        assert people.listed(tx, None, None, None, 9) == []
    assert site.enrol(1)
    assert site.embedded(SECOND_MODEL) == [1]


def test_embeddings_of_a_model_that_is_not_needed_are_dropped(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.services.people.re_embedding.MANY", 2)
    for shade in (1, 2, 3):
        site.enrol(shade)
    with site.store.write(lock=people.GALLERY_LOCK) as tx:
        library.add_embeddings(tx, "third", {1: b"1", 2: b"2", 3: b"3", 99: b"nobody's"})
    site.move()
    for model in (MODEL, SECOND_MODEL):
        with pytest.raises(Conflict) as refused:
            forget(site.store, model)
        assert refused.value.reason == "model_in_use"
    assert (forget(site.store, "third"), forget(site.store, "third")) == (3, 0)
    assert site.embedded(MODEL) == site.embedded(SECOND_MODEL) == [1, 2, 3]


def test_a_library_without_faces_follows_the_setting_and_one_with_faces_keeps_its_model(site: Site) -> None:
    now = datetime.now(UTC)
    with site.store.write(lock=people.GALLERY_LOCK) as tx:
        assert library.settle(tx, SECOND_MODEL, now) == SECOND_MODEL
        assert library.settle(tx, MODEL, now) == MODEL
    site.enrol(1)
    with site.store.write(lock=people.GALLERY_LOCK) as tx:
        assert library.settle(tx, SECOND_MODEL, now) == MODEL
    assert site.model() == MODEL


@pytest.mark.parametrize(
    ("other", "share"),
    [(Box(0, 0, 10, 10), 1.0), (Box(5, 0, 15, 10), 1 / 3), (Box(10, 0, 20, 10), 0.0), (Box(20, 20, 30, 30), 0.0)],
)
def test_how_much_two_boxes_share(other: Box, share: float) -> None:
    assert overlap(Box(0, 0, 10, 10), other) == pytest.approx(share)
    assert nearest([], other) is None
