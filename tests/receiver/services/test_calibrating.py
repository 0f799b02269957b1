"""What is measured is what decides, on libraries large and small; what is stored; and what is told and shown of it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from receiver.domain.errors import Invalid, SetupError
from receiver.domain.events import ListName
from receiver.domain.identity import MARGIN, Status
from receiver.domain.scales import DLIB
from receiver.services.calibration.calibrating import Calibrating, CalibratingParts
from receiver.services.deciding.deciding import Decider, Probe
from receiver.services.deciding.library import Library
from receiver.store import calibrations, people
from receiver.store import library as active_model
from receiver.store.people import CURRENT, FORMER
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from receiver.store.tables import face
from recognition.engine import RecognitionError, Sighting
from tests.receiver.drawn_library import FPIR, NOW, Site, is_called
from tests.receiver.faces import MODEL, enrol


@pytest.fixture
def site(sqlite_store: Store, tmp_path: Path) -> Site:
    with sqlite_store.write() as tx:
        active_model.settle(tx, MODEL, NOW)
    return Site(sqlite_store, tmp_path / "strangers")


def populate(site: Site, people_of_staff: int) -> None:
    """Staff with one to three pictures, a few on the blacklist, a few strangers."""
    for pictures in (1, 2, 3):
        site.enrol(people_of_staff // 3, pictures=pictures)
    site.enrol(4, ListName.BLACKLIST, pictures=2)
    site.enrol(6, ListName.STRANGER, pictures=2)
    site.enrol(2, ListName.VIP, pictures=2)


@pytest.mark.parametrize(("people_of_staff", "scoring"), [(30, "plain"), (120, "cohort_3_0.5")])
def test_a_stranger_is_counted_as_called_by_a_name_where_the_decision_does_it(
    site: Site, people_of_staff: int, scoring: str
) -> None:
    populate(site, people_of_staff)
    site.strangers(150)
    found = site.measure(site.folder)
    assert found.scoring == scoring
    of_folder = {each.picture: place for place, each in enumerate(found.strangers) if each.face is None}
    assert len(of_folder) == 150
    called = [
        name
        for name in of_folder
        if is_called(site, site.seen[name.encode()][0].embedding)  # type: ignore[index]
    ]
    counted = [name for name, place in of_folder.items() if found.impostors.scores[place] <= found.now.threshold]
    assert called == counted
    assert 0 < len(called) < 150


@pytest.mark.parametrize("people_of_staff", [30, 120])
def test_a_known_picture_is_counted_as_missed_where_the_decision_would_miss_it(
    site: Site, people_of_staff: int
) -> None:
    site.noise = 0.42
    populate(site, people_of_staff)
    found = site.measure()
    rows = [row for row, place in enumerate(found.own.faces) if found.faces[place].list == "staff"][::5]
    outcomes = set()
    for row in rows:
        known = found.faces[found.own.faces[row]]
        with site.store.write(lock=people.GALLERY_LOCK) as tx:
            (embedding,) = [each.embedding for each in calibrations.faces(tx, MODEL) if each.id == known.face_id]
            tx.execute(update(face).where(face.c.id == known.face_id).values(state=FORMER))
        with site.store.read() as tx:
            decision = Decider(site.library()).decide(tx, Probe([np.frombuffer(embedding, np.float32)]))
        with site.store.write(lock=people.GALLERY_LOCK) as tx:
            tx.execute(update(face).where(face.c.id == known.face_id).values(state=CURRENT))
        is_own = decision.status is Status.MATCHED and decision.person_id == known.person_id
        is_near = found.own.scores[row] <= found.now.threshold and found.own.distances[row] <= DLIB.verification
        assert is_own == (is_near and found.own.gaps[row] >= MARGIN), known
        outcomes.add(is_own)
    assert outcomes == {True, False}


def test_people_are_strangers_to_the_rest_if_nobody_else_is_given(site: Site) -> None:
    site.enrol(20, pictures=2)
    found = site.measure()
    assert not found.strangers
    assert found.impostors.people == 20
    for row in range(0, 40, 7):
        others = [each for each in range(40) if found.faces[each].person_id != found.others.owners[row]]
        with site.store.read() as tx:
            rows = [np.frombuffer(each.embedding, np.float32) for each in calibrations.faces(tx, MODEL)]
        means = {
            found.faces[each].person_id: np.mean(
                [rows[one] for one in others if found.faces[one].person_id == found.faces[each].person_id], axis=0
            )
            for each in others
        }
        near = min(float(np.linalg.norm(rows[row] - mean)) for mean in means.values())
        assert found.others.scores[row] == pytest.approx(float(DLIB.alignment.aligned(near, 2)), abs=1e-5)


def test_strangers_of_the_library_are_strangers_too_and_not_their_own_doubles(site: Site) -> None:
    site.enrol(20)
    listed = site.enrol(3, ListName.STRANGER, pictures=2)
    found = site.measure()
    assert [each.face.person_id for each in found.strangers if each.face] == sorted(listed * 2)
    assert found.impostors.people == 3
    assert found.people == 20
    assert not set(found.apart.nearest.tolist()) & set(listed)


def test_two_people_whose_pictures_are_alike_are_named(site: Site) -> None:
    site.enrol(10)
    twin = site.person()
    one, other = (enrol(site.store, ListName.STAFF, *site.pictures(twin, 2, 0.1)) for _ in range(2))
    found = site.measure()
    assert {frozenset(pair.people) for pair in found.look_alikes} >= {frozenset((one, other))}
    assert found.look_alikes[0].people in {(one, other), (other, one)}
    assert found.faces[found.look_alikes[0].face].person_id == found.look_alikes[0].people[0]


def test_somebody_on_the_blacklist_may_be_a_look_alike_too(site: Site) -> None:
    site.enrol(10)
    twin = site.person()
    one = enrol(site.store, ListName.STAFF, *site.pictures(twin, 2, 0.1))
    other = enrol(site.store, ListName.BLACKLIST, *site.pictures(twin, 2, 0.1))
    assert frozenset(site.measure().look_alikes[0].people) == {one, other}


def test_a_picture_of_somebody_else_contradicts_the_others(site: Site) -> None:
    site.enrol(10)
    owner, other = site.person(), site.person()
    mixed = enrol(site.store, ListName.STAFF, *site.pictures(owner, 3, 0.1), *site.pictures(other, 1, 0.1))
    true = enrol(site.store, ListName.STAFF, *site.pictures(other, 2, 0.1))
    found = site.measure()
    (wrong,) = [each for each in found.contradictions if found.faces[each.face].person_id == mixed]
    assert found.faces[wrong.face].face_id == max(each.face_id for each in found.faces if each.person_id == mixed)
    assert wrong.nearer == true
    assert not [each for each in found.contradictions if found.faces[each.face].person_id == true]


def test_what_cannot_be_used_is_counted_with_its_reason(site: Site) -> None:
    (person,) = site.enrol(1)
    site.enrol(4)
    site.strangers(5)
    unusable: dict[str, list[Sighting] | Exception] = {
        "empty.jpg": [],
        "bad.jpg": RecognitionError("truncated", "it ends early"),
        ".hidden.jpg": RecognitionError("never_read"),
    }
    for name, found in unusable.items():
        (site.folder / name).write_bytes(name.encode())
        site.seen[name.encode()] = found
    (site.folder / "again.jpg").write_bytes(b"0.jpg")
    # of these bytes enrol() gave the first face the digest
    (site.folder / "known.jpg").write_bytes(b"%d 0" % person)
    measured = site.measure(site.folder)
    assert {reason: list(names) for reason, names in measured.refused.items()} == {
        "no_face": ["empty.jpg"],
        "truncated": ["bad.jpg"],
        "repeated_picture": ["again.jpg"],
        "known_picture": ["known.jpg"],
    }
    assert len(measured.strangers) == 5


def test_an_engine_that_cannot_be_used_ends_it_at_once(site: Site) -> None:
    site.enrol(3)
    site.strangers(3)
    site.seen[b"1.jpg"] = RecognitionError("model_missing", "fetch it")
    with pytest.raises(RecognitionError, match="fetch it"):
        site.measure(site.folder)


def test_sub_folders_are_groups_and_small_ones_are_put_together(site: Site) -> None:
    site.enrol(12)
    site.strangers(30, "north")
    site.strangers(20, "south")
    site.strangers(3, "east")
    site.strangers(4)
    found = site.measure(site.folder)
    assert {each.group: each.fpir.people for each in found.groups} == {"north": 30, "south": 20, "small groups": 7}
    assert found.clusters is None


def test_many_strangers_without_groups_are_sorted_by_their_faces(site: Site) -> None:
    site.enrol(12)
    site.strangers(130)
    found = site.measure(site.folder)
    assert found.clusters is not None
    assert np.bincount(found.clusters).tolist() == sorted((each.fpir.people for each in found.groups), reverse=True)
    assert len(found.groups) == 2


def test_a_few_strangers_are_not_sorted(site: Site) -> None:
    site.enrol(12)
    site.strangers(40)
    assert not site.measure(site.folder).groups


def test_a_library_without_anybody_says_what_to_do(site: Site) -> None:
    site.enrol(2, ListName.STRANGER)
    with pytest.raises(Invalid, match="people import") as caught:
        site.measure()
    assert caught.value.reason == "nothing_to_measure"


def test_one_person_alone_needs_strangers(site: Site) -> None:
    site.enrol(1)
    with pytest.raises(Invalid, match="--strangers"):
        site.measure()
    site.strangers(4)
    assert site.measure(site.folder).impostors.people == 4


def test_a_folder_without_a_face_says_what_to_do(site: Site) -> None:
    site.enrol(3)
    site.folder.mkdir()
    (site.folder / "a.jpg").write_bytes(b"a")
    site.seen[b"a"] = []
    with pytest.raises(Invalid, match="1 no_face") as caught:
        site.measure(site.folder)
    assert caught.value.reason == "no_strangers_there"


def test_a_model_of_which_nothing_is_known_is_no_crash(site: Site) -> None:
    site.enrol(3)
    calibrating = Calibrating(
        CalibratingParts(site.store, Pictures(site.store.pictures), site.see, Library(MODEL, FPIR, scales={}), FPIR)
    )
    with pytest.raises(SetupError) as caught:
        calibrating.measure(None, site.bar)
    assert caught.value.reason == "no_thresholds"


def test_nobody_with_two_pictures_leaves_the_misses_unknown(site: Site) -> None:
    site.enrol(12, pictures=1)
    found = site.measure()
    assert math.isnan(found.now.fnir.value)
    assert not found.contradictions


def test_measuring_stores_nothing_and_keeping_stores_no_face_and_no_name(site: Site) -> None:
    site.enrol(20)
    site.strangers(30, "a group's label")
    calibrating = site.calibrating()
    found = calibrating.measure(site.folder, site.bar)
    with site.store.read() as tx:
        assert calibrations.newest(tx, MODEL) is None
    kept = calibrating.keep(found)
    with site.store.read() as tx:
        row = calibrations.newest(tx, MODEL)
    assert row is not None
    assert row.id == kept
    text = json.dumps(row.result, allow_nan=False)
    assert "known" not in text.replace("unknown", "")
    assert "label" not in text
    assert ".jpg" not in text
    assert row.result["scores"]["strangers"] == 30
    assert row.result["scores"]["people"] == 20
    assert len(row.result["scores"]["lowest"]) == int(np.isfinite(found.impostors.scores).sum())


def test_the_decision_uses_what_was_kept(site: Site) -> None:
    site.enrol(30)
    # people whom the shipped figures know nothing of: nearly as near as somebody's own pictures
    with site.store.read() as tx:
        near = [np.frombuffer(row.embedding, np.float32) for row in calibrations.faces(tx, MODEL)[::3]]
    for number, each in enumerate(near):
        site.stranger(f"{number}.jpg", site.pictures(each, 1, 0.33)[0])
    library, calibrating = site.library(), site.calibrating()
    with site.store.read() as tx:
        before = library.standing(tx).thresholds[ListName.STAFF]
    found = calibrating.measure(site.folder, site.bar)
    assert found.now.threshold == pytest.approx(before)
    assert found.then.threshold < before
    calibrating.keep(found)
    with site.store.read() as tx:
        standing = library.standing(tx)
    assert standing.thresholds[ListName.STAFF] == pytest.approx(found.then.threshold)
    assert standing.site is not None
    assert standing.site.strangers == 30


def test_the_bar_goes_to_the_end(site: Site) -> None:
    site.enrol(100, pictures=3)
    site.strangers(20)
    site.measure(site.folder)
    assert {label: sum(done) for label, done in site.steps.items()} == {
        "Looking at strangers": 20,
        "Comparing people with each other": 300,
        "Comparing strangers with everybody": 20,
    }


def test_a_stranger_far_from_everybody_is_not_called_by_the_name_of_the_least_far(site: Site) -> None:
    """The cohort forgives a face that is far from all others much, but never beyond the limit for two pictures."""
    site.enrol(110)
    alone = np.zeros(128, np.float32)
    alone[40] = 1.6
    enrol(site.store, ListName.STAFF, alone)
    beside = alone.copy()
    beside[41] = 0.62
    site.stranger("beside.jpg", beside)
    found = site.measure(site.folder)
    assert found.apart.distances[0] > DLIB.verification
    assert found.apart.scores[0] <= found.now.threshold
    assert found.impostors.scores[0] == math.inf
    assert not is_called(site, beside)


def test_a_stranger_between_two_people_is_called_by_neither_name(site: Site) -> None:
    twin = site.person()
    for _ in range(2):
        enrol(site.store, ListName.STAFF, *site.pictures(twin, 1, 0.02))
    site.stranger("twin.jpg", site.pictures(twin, 1, 0.02)[0])
    found = site.measure(site.folder)
    assert found.apart.scores[0] <= found.now.threshold
    assert found.impostors.scores[0] == math.inf
    assert not is_called(site, site.seen[b"twin.jpg"][0].embedding)  # type: ignore[index]


def test_a_stranger_of_the_library_is_not_the_own_cohort(site: Site) -> None:
    site.enrol(115)
    (embedding,) = site.pictures(site.person(), 1)
    listed = enrol(site.store, ListName.STRANGER, embedding)
    inside = site.measure()
    with site.store.write(lock=people.GALLERY_LOCK) as tx:
        people.retire_faces(tx, listed)
    site.stranger("outside.jpg", embedding)
    outside = site.measure(site.folder)
    assert inside.scoring == outside.scoring == "cohort_3_0.5"
    assert inside.apart.scores.tolist() == pytest.approx(outside.apart.scores.tolist())
