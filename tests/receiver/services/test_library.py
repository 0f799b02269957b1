"""The library in memory is the one in the database: whoever changed it, whatever it decides by."""

import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, literal_column
from structlog.testing import capture_logs

from receiver.domain.errors import SetupError
from receiver.domain.events import ListName
from receiver.domain.identity import Candidate
from receiver.domain.scales import DLIB, MIRRORED, Scale
from receiver.domain.scoring import Scoring
from receiver.domain.site_scores import SiteScores
from receiver.domain.thresholds import Wanted, threshold
from receiver.services.deciding import library as module
from receiver.services.deciding.library import Library, Query
from receiver.store import calibrations, people, tables
from receiver.store import library as active_model
from receiver.store.database import Tx
from receiver.store.store import Store
from recognition.engine import Embedding
from tests.made_stores import made_store
from tests.receiver.faces import MODEL, enrol, face_of

STAFF, BLACKLIST, STRANGER = ListName.STAFF, ListName.BLACKLIST, ListName.STRANGER
NOW = datetime(2026, 1, 2, tzinfo=UTC)
OTHER = "other-model"
SCALES = {MODEL: DLIB, OTHER: MIRRORED}


@pytest.fixture
def store(store: Store) -> Store:
    """A store whose library has settled on a model."""
    with store.write(lock=people.GALLERY_LOCK) as tx:
        active_model.settle(tx, MODEL, NOW)
    return store


def library_of(scales: dict[str, Scale] | None = None) -> Library:
    return Library(MODEL, 0.01, 0.02, SCALES if scales is None else scales)


def look(library: Library, store: Store, *faces: Embedding, also: int | None = None) -> dict[int, Candidate]:
    with store.read() as tx:
        found = library.candidates(tx, Query(faces or [face_of(1)], also=also))
    return {one.person_id: one for one in found}


def scattered(number: int) -> list[Embedding]:
    """Faces about as far from each other as different people's."""
    random = np.random.default_rng(5)
    return [each.astype(np.float32) for each in random.normal(0, 0.055, (number, 128))]


def put_in(tx: Tx, face: Embedding, person_list: ListName = STAFF) -> int:
    """A person with one face, within somebody's transaction."""
    row = {"name": "", "list": person_list, "source": "test", "created_at": NOW, "updated_at": NOW}
    person = people.add(tx, row)
    values = {"person_id": person, "digest": b"s" * 32, "box": [], "quality": {}, "source": "test",
              "state": people.CURRENT, "event_id": None, "created_at": NOW}  # fmt: skip
    people.add_face(tx, values, {MODEL: face.tobytes()})
    people.note_change(tx, person, NOW)
    return person


def enrol_all(store: Store, faces: Sequence[Embedding], person_list: ListName = STAFF) -> list[int]:
    with store.write(lock=people.GALLERY_LOCK) as tx:
        return [put_in(tx, face, person_list) for face in faces]


def test_who_is_added_changed_or_removed_elsewhere_is_so_here(store: Store) -> None:
    library = library_of()
    first = enrol(store, STAFF, face_of(1))
    assert set(look(library, store)) == {first}
    second = enrol(store, BLACKLIST, face_of(1, off=0.2))
    assert {one.list for one in look(library, store).values()} == {STAFF, BLACKLIST}
    with store.write(lock=people.GALLERY_LOCK) as tx:
        people.change(tx, second, {"list": "vip"})
        people.note_change(tx, second, NOW)
        people.remove(tx, first)
        people.note_change(tx, first, NOW)
    (left,) = look(library, store).values()
    assert (left.person_id, left.list) == (second, ListName.VIP)
    assert left.distance == pytest.approx(0.2)


def test_a_face_that_is_no_longer_current_does_not_count(store: Store) -> None:
    library = library_of()
    person = enrol(store, STAFF, face_of(1))
    look(library, store)
    with store.write(lock=people.GALLERY_LOCK) as tx:
        people.retire_faces(tx, person)
        people.note_change(tx, person, NOW)
    assert look(library, store) == {}


def test_nothing_is_missed_while_a_slower_transaction_is_open(store: Store) -> None:
    """The slower one is in the middle of its change when a faster one comes: whoever follows by numbers sees both."""
    library = library_of()
    enrol(store, STAFF, face_of(3))
    look(library, store)
    is_half_done, may_end = threading.Event(), threading.Event()
    ids: list[int] = []

    def slower() -> None:
        with store.write(lock=people.GALLERY_LOCK) as tx:
            ids.append(put_in(tx, face_of(1)))
            is_half_done.set()
            may_end.wait(10)

    def faster() -> None:
        ids.append(enrol(store, STAFF, face_of(1, off=0.1)))

    threads = [threading.Thread(target=slower), threading.Thread(target=faster)]
    threads[0].start()
    assert is_half_done.wait(10)
    threads[1].start()
    # What follows looks while both are open, and must not step over the slower one's number.
    threads[1].join(0.3)
    assert ids[0] not in look(library, store)
    may_end.set()
    for each in threads:
        each.join(10)
    assert len(ids) == 2
    assert set(ids) <= set(look(library, store))


def test_very_many_changes_are_read_as_a_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MANY", 2)
    library = library_of()
    look(library, store)
    ids = enrol_all(store, [face_of(number) for number in range(1, 5)])
    assert ids[0] in look(library, store)
    with store.read() as tx:
        assert library.standing(tx).people[STAFF] == 4


def test_what_a_rolled_back_transaction_had_added_is_forgotten(store: Store) -> None:
    library = library_of()
    with pytest.raises(ZeroDivisionError), store.write(lock=people.GALLERY_LOCK) as tx:  # noqa: PT012 - all of it is the block
        person = put_in(tx, face_of(1))
        assert [one.person_id for one in library.candidates(tx, Query([face_of(1)]))] == [person]
        raise ZeroDivisionError
    library.forget()
    assert look(library, store) == {}


def test_it_follows_the_model_that_decides(store: Store) -> None:
    library = library_of()
    person = enrol(store, STAFF, face_of(1))
    assert person in look(library, store)
    with store.write(lock=people.GALLERY_LOCK) as tx:
        active_model.switch(tx, OTHER, NOW)
    # The faces have no embedding of the other model, and those of the first are not compared with it.
    assert look(library, store) == {}
    assert (library.model, library.scale) == (OTHER, MIRRORED)
    with store.write(lock=people.GALLERY_LOCK) as tx:
        active_model.switch(tx, MODEL, NOW)
    assert person in look(library, store)


def test_a_model_without_figures_recognises_nobody_and_says_why(store: Store) -> None:
    enrol(store, STAFF, face_of(1))
    with pytest.raises(SetupError) as refused:
        look(library_of(scales={}), store)
    assert refused.value.reason == "no_thresholds"


def test_each_list_has_its_own_number_of_people_and_its_own_threshold(store: Store) -> None:
    library = library_of()
    enrol_all(store, [face_of(number) for number in range(1, 13)])
    enrol_all(store, [face_of(13), face_of(14)], BLACKLIST)
    enrol_all(store, [face_of(number) for number in range(15, 19)], STRANGER)
    with store.read() as tx:
        standing = library.standing(tx)
    scoring = Scoring(DLIB, None)
    assert standing.scoring == scoring
    assert standing.thresholds[STAFF] == threshold(scoring, Wanted(0.01, 12))
    assert standing.thresholds[BLACKLIST] == threshold(scoring, Wanted(0.02, 2))
    assert standing.thresholds[STRANGER] == threshold(scoring, Wanted(0.01, 4))
    (near,) = [one for one in look(library, store, face_of(13)).values() if one.distance < 0.01]
    assert near.threshold == pytest.approx(standing.thresholds[BLACKLIST])


@pytest.mark.parametrize("number", [1, 4, 110, 520])
def test_pictures_that_nobody_vouched_for_have_a_stricter_threshold_in_a_library_of_any_size(
    store: Store, number: int
) -> None:
    """With a cohort and without one."""
    library = library_of()
    enrol_all(store, scattered(number), STRANGER)
    with store.read() as tx:
        standing = library.standing(tx)
        limits = [library.waiting_limit(tx, waiting) for waiting in (1, 10, 100, 1000)]
    for each in ListName:
        assert standing.automatic[each] <= standing.thresholds[each] - 0.03 * DLIB.verification
    assert limits == sorted(limits, reverse=True)
    assert limits[0] < DLIB.verification


def test_candidates_of_every_kind_are_there_however_near_the_others_are(store: Store) -> None:
    library = library_of()
    enrol_all(store, [face_of(1, off=off / 100) for off in range(8)])
    wanted = enrol(store, BLACKLIST, face_of(2))
    stranger = enrol(store, STRANGER, face_of(3))
    far = enrol(store, STAFF, face_of(4))
    found = look(library, store)
    assert {wanted, stranger} <= set(found)
    assert far not in found
    assert found[stranger].distance == pytest.approx(1.98, abs=0.01)
    assert far in look(library, store, also=far)


def test_several_pictures_of_a_person_and_of_a_probe_are_averaged_and_judged_more_strictly(store: Store) -> None:
    library = library_of()
    one = enrol(store, STAFF, face_of(1))
    three = enrol(store, STAFF, face_of(2), face_of(2, off=0.3), face_of(2, off=-0.3))
    found = look(library, store, face_of(2), also=one)
    assert found[three].distance == pytest.approx(0, abs=1e-6)
    assert found[three].threshold < found[one].threshold
    assert found[three].verification < found[one].verification == DLIB.verification
    fused = look(library, store, face_of(2, off=0.3), face_of(2, off=-0.3))
    assert fused[three].distance == pytest.approx(0, abs=1e-6)
    assert fused[three].threshold < found[three].threshold


def test_from_a_hundred_other_people_on_they_are_the_cohort(store: Store) -> None:
    library = library_of()
    faces = scattered(101)
    ids = enrol_all(store, faces[:90])
    enrol_all(store, faces[90:100], STRANGER)
    assert all(one.cohort is None for one in look(library, store, faces[0]).values())
    enrol(store, STRANGER, faces[100])
    probe = faces[0] + np.float32(0.02)
    found = look(library, store, probe)[ids[0]]
    distances = sorted(float(np.linalg.norm(face - probe)) for face in faces[1:])
    assert found.cohort == pytest.approx(0.5 * sum(distances[:3]) / 3, abs=1e-5)
    scoring = Scoring(DLIB, DLIB.rules[0])
    accepted = threshold(scoring, Wanted(0.01, 90, 101))
    assert found.cohort is not None
    assert found.threshold == pytest.approx(min(accepted + found.cohort, DLIB.verification), abs=1e-5)


def test_what_the_site_measured_counts_as_soon_as_it_is_stored(store: Store) -> None:
    library = library_of()
    enrol_all(store, [face_of(number) for number in range(1, 11)])
    before = look(library, store)
    site = SiteScores("plain", 10, 30, tuple(0.50 + place / 100 for place in range(30)))
    with store.write() as tx:
        calibrations.add(tx, OTHER, {"scores": asdict(replace(site, lowest=(0.1,)))}, NOW)
        calibrations.add(tx, MODEL, {"scores": asdict(site)}, NOW)
    after = look(library, store)
    person = min(before)
    assert after[person].threshold == pytest.approx(0.51)
    assert before[person].threshold > 0.52
    with store.read() as tx:
        assert library.standing(tx).site == site


@pytest.mark.parametrize(
    "damaged", [np.full(128, np.nan), np.zeros(127), np.zeros(0)], ids=["no numbers", "cut", "emptied"]
)
def test_one_damaged_face_is_left_out_and_told_of_and_all_others_are_known(store: Store, damaged: Embedding) -> None:
    running = library_of()
    ids = enrol_all(store, [face_of(1), face_of(2)])
    assert look(running, store).keys() == set(ids)
    enrol_all(store, [damaged.astype(np.float32)])
    third = enrol_all(store, [face_of(3)])
    for library in (running, library_of()):
        with capture_logs() as lines:
            assert look(library, store).keys() == {*ids, *third}
        assert [line["event"] for line in lines] == ["faces_unreadable"]


def test_where_all_faces_are_damaged_nobody_is_known(store: Store) -> None:
    enrol_all(store, [np.full(128, np.inf, np.float32)])
    assert look(library_of(), store) == {}


@pytest.mark.parametrize(
    "result", [[], {}, {"scores": None}, {"scores": {"scoring": "plain"}}, {"scores": {"lowest": 3, "genuine": []}}]
)
def test_a_damaged_calibration_leaves_the_shipped_figures_in_force(result: Any, store: Store) -> None:
    library = library_of()
    enrol_all(store, [face_of(number) for number in range(1, 11)])
    before = look(library, store)
    with store.write() as tx:
        tx.execute(insert(tables.calibration).values(model=MODEL, result=result, created_at=NOW))
    with capture_logs() as lines:
        assert look(library, store) == before
        assert look(library, store) == before
    assert [line["event"] for line in lines] == ["calibration_unreadable"]


def test_a_calibration_that_is_no_json_leaves_the_shipped_figures_in_force(tmp_path: Path) -> None:
    """In SQLite; PostgreSQL keeps JSON from being anything else."""
    store = made_store(tmp_path)
    library = library_of()
    enrol_all(store, [face_of(number) for number in range(1, 11)])
    before = look(library, store)
    with store.write() as tx:
        values = {"model": MODEL, "created_at": NOW}
        tx.execute(insert(tables.calibration).values(**values, result=literal_column("'{\"scores\": ['")))
    assert look(library, store) == before
    store.close()


def test_threads_share_it(store: Store) -> None:
    library = library_of()
    ids = enrol_all(store, [face_of(number) for number in range(1, 9)])
    wrong: list[str] = []

    def ask(number: int) -> None:
        for _ in range(15):
            found = look(library, store, face_of(number))
            if found[ids[number - 1]].distance > 1e-5:
                wrong.append(f"{number}: {found}")

    def change() -> None:
        for number in range(9, 19):
            enrol(store, STAFF, face_of(number))

    threads = [threading.Thread(target=ask, args=[number]) for number in (1, 2, 3)]
    threads.append(threading.Thread(target=change))
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong
    with store.read() as tx:
        assert library.standing(tx).people[STAFF] == 18
