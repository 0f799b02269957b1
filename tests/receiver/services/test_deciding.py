"""Decisions over a library: whom the face is, whom the device named, and what holds at the start."""

from datetime import UTC, datetime

import numpy as np
import pytest

from receiver.domain.events import ListName
from receiver.domain.identity import Status
from receiver.domain.scales import DLIB
from receiver.services.deciding.deciding import Decider, Probe, Summary
from receiver.services.deciding.library import Library
from receiver.store import library, people
from receiver.store.store import Store
from recognition.engine import Embedding
from recognition.gates import Finding
from tests.receiver.faces import MODEL, enrol, face_of

STAFF, VIP, BLACKLIST, STRANGER = ListName.STAFF, ListName.VIP, ListName.BLACKLIST, ListName.STRANGER
DARK = Finding("too_dark", "refuse", "luminance_mean", 5, 30)


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    with sqlite_store.write(lock=people.GALLERY_LOCK) as tx:
        library.settle(tx, MODEL, datetime(2026, 1, 2, tzinfo=UTC))
    return sqlite_store


@pytest.fixture
def decider() -> Decider:
    return Decider(Library(MODEL, 0.01, 0.02, {MODEL: DLIB}))


def between(one: int, other: int, share: float) -> Embedding:
    return np.asarray((1 - share) * face_of(one) + share * face_of(other), np.float32)


def test_the_nearest_person_within_the_threshold_is_named(store: Store, decider: Decider) -> None:
    enrol(store, STAFF, face_of(2))
    person = enrol(store, VIP, face_of(1), face_of(1, off=0.3))
    with store.read() as tx:
        decision = decider.decide(tx, Probe([face_of(1, off=0.2)]))
    assert (decision.status, decision.person_id, decision.list) == (Status.MATCHED, person, VIP)
    assert decision.distance == pytest.approx(0.05)
    assert decision.reasons == ("within_threshold",)


def test_no_probe_is_no_face_and_an_empty_library_knows_nobody(store: Store, decider: Decider) -> None:
    with store.read() as tx:
        assert decider.decide(tx, None).status is Status.NO_FACE
        assert decider.decide(tx, Probe([face_of(1)])).reasons == ("nobody_known",)
        assert decider.decide(tx, Probe([face_of(1)], [DARK])).status is Status.POOR_QUALITY


def test_the_claimed_person_is_compared_one_to_one(store: Store, decider: Decider) -> None:
    claimed = enrol(store, STAFF, face_of(1))
    for number in range(2, 12):
        enrol(store, STAFF, face_of(number))
    probe = [face_of(1, off=0.56)]
    with store.read() as tx:
        assert decider.decide(tx, Probe(probe)).status is Status.UNKNOWN
        confirmed = decider.decide(tx, Probe(probe, claimed=claimed))
        far = decider.decide(tx, Probe([face_of(1, off=0.7)], claimed=claimed))
    assert (confirmed.person_id, confirmed.reasons) == (claimed, ("claim_confirmed",))
    assert (far.status, far.reasons) == (Status.UNKNOWN, ("nobody_close_enough", "claim_unconfirmed"))


def test_a_claimed_person_however_far_is_contradicted_by_the_one_who_is_there(store: Store, decider: Decider) -> None:
    there = enrol(store, STAFF, face_of(1))
    for number in range(2, 9):
        enrol(store, STAFF, between(1, number, 0.5))
    claimed = enrol(store, STAFF, face_of(20))
    with store.read() as tx:
        decision = decider.decide(tx, Probe([face_of(1)], claimed=claimed))
    assert (decision.person_id, decision.reasons) == (there, ("within_threshold", "claim_contradicted"))


def test_candidates_come_nearest_first_of_the_lists_that_are_wanted(store: Store, decider: Decider) -> None:
    near = [enrol(store, STAFF, between(1, 2, share)) for share in (0.1, 0.2, 0.3, 0.4, 0.5)]
    stranger = enrol(store, STRANGER, between(1, 2, 0.15))
    probe = [face_of(1)]
    with store.read() as tx:
        everybody = decider.candidates(tx, probe, 4)
        strangers = decider.candidates(tx, probe, 4, {STRANGER})
        named = decider.candidates(tx, probe, 4, {STAFF})
    assert [one.person_id for one in everybody] == [near[0], stranger, near[1], near[2]]
    assert [one.person_id for one in strangers] == [stranger]
    assert [one.person_id for one in named] == near[:4]
    assert [one.distance for one in named] == sorted(one.distance for one in named)


def test_the_k_nearest_of_one_list_are_found_behind_those_of_another_of_the_same_field(
    store: Store, decider: Decider
) -> None:
    for share in (0.1, 0.2, 0.3):
        enrol(store, STAFF, between(1, 2, share))
    wanted = enrol(store, VIP, face_of(3))
    with store.read() as tx:
        assert [one.person_id for one in decider.candidates(tx, [face_of(1)], 1, {VIP})] == [wanted]


def test_one_person_is_verified_however_far(store: Store, decider: Decider) -> None:
    enrol(store, STAFF, face_of(1))
    person, empty = enrol(store, STAFF, face_of(2)), enrol(store, STAFF)
    with store.read() as tx:
        found = decider.verify(tx, person, [face_of(1)])
        assert decider.verify(tx, empty, [face_of(1)]) is None
    assert found is not None
    assert found.distance == pytest.approx(1.98, abs=0.01)
    assert found.verification == decider.verification_threshold == DLIB.verification


def test_the_summary_says_what_holds(store: Store, decider: Decider) -> None:
    with store.read() as tx:
        assert decider.summary(tx).expected_miss is None
        assert "expected to miss: unknown" in decider.summary(tx).sentence
    for number in range(1, 6):
        enrol(store, STAFF, face_of(number))
    enrol(store, BLACKLIST, face_of(6))
    enrol(store, STRANGER, face_of(7))
    with store.read() as tx:
        summary = decider.summary(tx)
    assert (summary.people[STAFF], summary.people[BLACKLIST], summary.people[STRANGER]) == (5, 1, 1)
    assert (summary.model, summary.scoring, summary.known_strangers) == (MODEL, "plain", None)
    assert summary.expected_miss is not None
    assert 0.01 < summary.expected_miss < 0.2
    assert f"{summary.expected_miss:.1%} of their pictures" in summary.sentence
    assert "library of 5 people, 1 on the blacklist, 1 strangers; model prepared" in summary.sentence


def test_the_summary_says_on_which_scale_its_thresholds_are() -> None:
    people, thresholds = dict.fromkeys(ListName, 200), dict.fromkeys(ListName, 0.2)
    plain, corrected = (
        Summary("a-model", scoring, people, thresholds, None, None).sentence for scoring in ("plain", "cohort_3_0.5")
    )
    assert "; thresholds 0.200, blacklist 0.200;" in plain
    assert "; thresholds after the correction 0.200, blacklist 0.200;" in corrected
