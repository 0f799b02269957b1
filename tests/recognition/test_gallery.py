"""The gallery is exact: after any changes it answers as brute force does."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from recognition.engine import Embedding
from recognition.gallery import Gallery, Match, Template

MODEL = "dlib-resnet-v1"
TAGS = ("staff", "stranger", "visitor")
CLOSE = 1e-5


def vector(seed: int, spread: float = 0.13) -> Embedding:
    return np.random.default_rng(seed).normal(0, spread, 128).astype(np.float32)


def template(face_id: int, person_id: int, seed: int | None = None, tag: str = "staff") -> Template:
    return Template(face_id, person_id, vector(face_id if seed is None else seed), tag)


def brute_force(known: dict[int, Template], probe: Embedding, tags: set[str] | None) -> list[tuple[int, float]]:
    """Each person's least distance, nearest first."""
    best: dict[int, float] = {}
    for one in known.values():
        if tags is None or one.tag in tags:
            distance = float(np.linalg.norm(one.embedding.astype(np.float64) - probe))
            best[one.person_id] = min(best.get(one.person_id, np.inf), distance)
    return sorted(best.items(), key=lambda item: (item[1], item[0]))


class AnyChanges(RuleBasedStateMachine):
    """Adds, replaces and removes in any order; few ids and few vectors, so that they collide."""

    @initialize()
    def start(self) -> None:
        self.gallery = Gallery(MODEL)
        self.known: dict[int, Template] = {}

    @rule(face=st.integers(0, 150), person=st.integers(0, 12), seed=st.integers(0, 40), tag=st.sampled_from(TAGS))
    def put(self, face: int, person: int, seed: int, tag: str) -> None:
        self.known[face] = template(face, person, seed, tag)
        self.gallery.put(self.known[face])

    @rule(start=st.integers(0, 150), person=st.integers(0, 12))
    def put_many(self, start: int, person: int) -> None:
        for face in range(start, start + 40):
            self.put(face, person, face, TAGS[face % 3])

    @rule(face=st.integers(0, 150))
    def remove(self, face: int) -> None:
        assert self.gallery.remove(face) is (self.known.pop(face, None) is not None)

    @rule(person=st.integers(0, 12))
    def remove_person(self, person: int) -> None:
        gone = [face for face, one in self.known.items() if one.person_id == person]
        assert self.gallery.remove_person(person) == len(gone)
        for face in gone:
            del self.known[face]

    @rule(
        seed=st.integers(0, 60),
        k=st.integers(1, 15),
        tags=st.none() | st.sets(st.sampled_from((*TAGS, "nobody's"))),
    )
    def search(self, seed: int, k: int, tags: set[str] | None) -> None:
        probe = vector(seed)
        matches = self.gallery.search(probe, k, tags)
        expected = brute_force(self.known, probe, tags)[:k]
        assert [match.person_id for match in matches] == [person for person, _ in expected]
        assert np.allclose([match.distance for match in matches], [distance for _, distance in expected], atol=CLOSE)
        for match in matches:
            self.belongs(match, probe)

    @rule(seed=st.integers(0, 60), person=st.integers(0, 12))
    def compare(self, seed: int, person: int) -> None:
        match = self.gallery.distance_to(person, vector(seed))
        expected = dict(brute_force(self.known, vector(seed), None)).get(person)
        assert (match is None) == (expected is None)
        if match is not None:
            assert match.distance == pytest.approx(expected, abs=CLOSE)
            self.belongs(match, vector(seed))

    def belongs(self, match: Match, probe: Embedding) -> None:
        one = self.known[match.face_id]
        assert (one.person_id, one.tag) == (match.person_id, match.tag)
        assert match.distance == pytest.approx(float(np.linalg.norm(one.embedding - probe)), abs=CLOSE)

    @invariant()
    def sizes_agree(self) -> None:
        assert len(self.gallery) == len(self.known)
        assert self.gallery.people == len({one.person_id for one in self.known.values()})


TestAnyChanges = AnyChanges.TestCase
TestAnyChanges.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)


def test_an_empty_gallery_knows_nobody() -> None:
    gallery = Gallery(MODEL)
    assert gallery.search(vector(1)) == []
    assert gallery.distance_to(1, vector(1)) is None
    assert gallery.remove(1) is False


def test_the_same_face_is_at_distance_zero() -> None:
    gallery = Gallery(MODEL, [template(face, face) for face in range(200)])
    (best,) = gallery.search(vector(77), k=1)
    assert (best.person_id, best.face_id, best.distance) == (77, 77, 0.0)


def test_many_faces_of_one_person_take_one_place_only() -> None:
    near = [Template(face, 1, vector(0) + np.float32(face * 1e-4)) for face in range(500)]
    gallery = Gallery(MODEL, [*near, template(900, 2), template(901, 3)])
    matches = gallery.search(vector(0), k=3)
    assert {match.person_id for match in matches} == {1, 2, 3}
    assert matches[0].face_id == 0


def test_a_gallery_keeps_its_own_copy() -> None:
    mine = vector(1)
    gallery = Gallery(MODEL, [Template(1, 1, mine)])
    mine[:] = 0
    assert gallery.search(vector(1), k=1)[0].distance == 0


@pytest.mark.parametrize("wrong", [np.zeros(127), np.zeros((1, 128)), np.full(128, np.nan), np.full(128, np.inf)])
def test_what_is_no_embedding_is_refused_and_changes_nothing(wrong: Embedding) -> None:
    gallery = Gallery(MODEL, [template(1, 1)])
    for attempt in (
        lambda: gallery.put(Template(1, 2, wrong)),
        lambda: gallery.search(wrong),
        lambda: gallery.distance_to(1, wrong),
    ):
        with pytest.raises(ValueError, match="128 finite numbers"):
            attempt()
    assert gallery.search(vector(1), k=1)[0].person_id == 1


def test_asking_for_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="k must be"):
        Gallery(MODEL).search(vector(1), k=0)


def test_searches_while_others_change_the_gallery_are_never_torn() -> None:
    gallery = Gallery(MODEL, [template(0, 0)])

    def change(start: int) -> None:
        for face in range(start, start + 150):
            gallery.put(template(face, face))
        for face in range(start, start + 150):
            gallery.remove(face)

    with ThreadPoolExecutor(3) as pool:
        changes = [pool.submit(change, 1_000 * (1 + number)) for number in range(2)]
        while not all(change.done() for change in changes):
            for match in gallery.search(vector(0), k=4):
                assert match.person_id == match.face_id
                assert match.distance == pytest.approx(
                    float(np.linalg.norm(vector(match.face_id) - vector(0))), abs=1e-5
                )
        for done in changes:
            done.result()
    assert len(gallery) == 1
