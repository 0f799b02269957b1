"""The gallery is exact: after any changes it answers as brute force does."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from recognition.engine import Embedding
from recognition.gallery import Batch, Gallery, Match, Scoring, Template, template_of

MODEL = "dlib-resnet-v1"
TAGS = ("staff", "stranger", "visitor")
CLOSE = 1e-5


def vector(seed: int, spread: float = 0.13, dimension: int = 128) -> Embedding:
    return np.random.default_rng(seed).normal(0, spread, dimension).astype(np.float32)


def template(face_id: int, person_id: int, seed: int | None = None, tag: str = "staff") -> Template:
    """A face; one in three was taken by itself."""
    return Template(face_id, person_id, vector(face_id if seed is None else seed), tag, face_id % 3 != 0)


def batch_of(known: list[Template]) -> Batch:
    return Batch(
        np.array([one.face_id for one in known], np.int64),
        np.array([one.person_id for one in known], np.int64),
        [one.tag for one in known],
        # as from a database: bytes that cannot be written to
        np.frombuffer(b"".join(one.embedding.tobytes() for one in known), np.float32).reshape(len(known), -1),
        np.array([one.is_vouched for one in known], np.bool_),
    )


class Model:
    """What the gallery should hold, kept as simply as can be."""

    def __init__(self) -> None:
        self.faces: dict[int, Template] = {}
        self.tags: dict[int, str] = {}

    def keep(self, one: Template) -> None:
        self.faces[one.face_id] = one
        self.tags[one.person_id] = one.tag

    def of(self, person: int) -> list[Template]:
        return [one for _, one in sorted(self.faces.items()) if one.person_id == person]

    @property
    def people(self) -> set[int]:
        return {one.person_id for one in self.faces.values()}

    def distance(self, person: int, probe: Embedding, by: Scoring) -> float:
        faces = np.array([one.embedding for one in self.of(person)], np.float64)
        if by == "mean":
            return float(np.linalg.norm(faces.mean(axis=0) - probe))
        return float(np.linalg.norm(faces - probe, axis=1).min())

    def ranking(self, probe: Embedding, tags: set[str] | None, by: Scoring) -> list[tuple[int, float]]:
        """Brute force: everybody's distance, nearest first."""
        wanted = [person for person in self.people if tags is None or self.tags[person] in tags]
        ranked = [(person, self.distance(person, probe, by)) for person in wanted]
        return sorted(ranked, key=lambda item: (item[1], item[0]))


SCORINGS: st.SearchStrategy[Scoring] = st.sampled_from(["mean", "nearest"])


class AnyChanges(RuleBasedStateMachine):
    """Adds, replaces and removes in any order; few ids and few vectors, so that they collide."""

    @initialize()
    def start(self) -> None:
        self.gallery = Gallery(MODEL)
        self.known = Model()

    @rule(face=st.integers(0, 150), person=st.integers(0, 12), seed=st.integers(0, 40), tag=st.sampled_from(TAGS))
    def put(self, face: int, person: int, seed: int, tag: str) -> None:
        one = template(face, person, seed, tag)
        self.known.keep(one)
        self.gallery.put(one)

    @rule(start=st.integers(0, 150), person=st.integers(0, 12))
    def put_many(self, start: int, person: int) -> None:
        for face in range(start, start + 40):
            self.put(face, person, face, TAGS[face % 3])

    @rule(faces=st.sets(st.integers(0, 150), max_size=60), people=st.integers(1, 12))
    def load(self, faces: set[int], people: int) -> None:
        self.known = Model()
        for face in faces:
            self.known.keep(template(face, face % people, tag=TAGS[face % people % 3]))
        if faces:
            self.gallery.load(batch_of(list(self.known.faces.values())))
        else:
            self.gallery = Gallery(MODEL)

    @rule(face=st.integers(0, 150))
    def remove(self, face: int) -> None:
        assert self.gallery.remove(face) is (self.known.faces.pop(face, None) is not None)

    @rule(person=st.integers(0, 12))
    def remove_person(self, person: int) -> None:
        gone = self.known.of(person)
        assert self.gallery.remove_person(person) == len(gone)
        for one in gone:
            del self.known.faces[one.face_id]

    @rule(
        seed=st.integers(0, 60),
        k=st.integers(1, 15),
        tags=st.none() | st.sets(st.sampled_from((*TAGS, "nobody's"))),
        by=SCORINGS,
    )
    def search(self, seed: int, k: int, tags: set[str] | None, by: Scoring) -> None:
        probe = vector(seed)
        matches = self.gallery.search(probe, k, tags, by)
        ranking = self.known.ranking(probe, tags, by)
        distances = [distance for _, distance in ranking]
        assert [match.distance for match in matches] == pytest.approx(distances[:k], abs=CLOSE)
        assert len({match.person_id for match in matches}) == len(matches)
        for place, match in enumerate(matches):
            self.belongs(match, probe, by)
            after = distances[place + 1] - distances[place] if place + 1 < len(distances) else None
            assert match.margin == pytest.approx(after, abs=CLOSE)

    @rule(seed=st.integers(0, 60))
    def compare(self, seed: int) -> None:
        compared = self.gallery.compare(vector(seed))
        roll = compared.roll
        assert set(roll.person_ids.tolist()) == self.known.people
        for row, person in enumerate(roll.person_ids.tolist()):
            assert roll.faces[row] == len(self.known.of(person))
            assert roll.words[roll.tags[row]] == self.known.tags[person]
            assert compared.distances[row] == pytest.approx(
                self.known.distance(person, vector(seed), "mean"), abs=2e-3 if compared.distances[row] < 0.1 else CLOSE
            )
        staff = {person for person in self.known.people if self.known.tags[person] == "staff"}
        assert set(roll.person_ids[roll.tagged({"staff"})].tolist()) == staff

    @rule(seed=st.integers(0, 60), person=st.integers(0, 12), by=SCORINGS)
    def one_to_one(self, seed: int, person: int, by: Scoring) -> None:
        match = self.gallery.distance_to(person, vector(seed), by)
        assert (match is None) == (person not in self.known.people)
        if match is not None:
            self.belongs(match, vector(seed), by)

    def belongs(self, match: Match, probe: Embedding, by: Scoring) -> None:
        one = self.known.faces[match.face_id]
        assert (one.person_id, self.known.tags[one.person_id]) == (match.person_id, match.tag)
        assert match.faces == len(self.known.of(match.person_id))
        assert match.distance == pytest.approx(self.known.distance(match.person_id, probe, by), abs=CLOSE)
        vouched = [np.linalg.norm(face.embedding - probe) for face in self.known.of(match.person_id) if face.is_vouched]
        assert match.vouched == (pytest.approx(min(vouched), abs=CLOSE) if vouched else None)
        assert match.unvouched == match.faces - len(vouched)
        nearest = float(np.linalg.norm(one.embedding - probe))
        assert nearest == pytest.approx(self.known.distance(match.person_id, probe, "nearest"), abs=CLOSE)

    @invariant()
    def sizes_agree(self) -> None:
        assert len(self.gallery) == len(self.known.faces)
        assert self.gallery.people == len(self.known.people)


TestAnyChanges = AnyChanges.TestCase
TestAnyChanges.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)


def test_the_same_face_is_at_distance_zero_though_the_caller_changes_its_own_copy() -> None:
    mine = vector(77)
    gallery = Gallery(MODEL, [*(template(face, face) for face in range(50)), Template(77, 77, mine)])
    mine[:] = 0
    (best,) = gallery.search(vector(77), k=1)
    assert (best.person_id, best.face_id, best.distance) == (77, 77, 0.0)


def test_people_as_near_come_in_the_order_of_their_numbers() -> None:
    gallery = Gallery(MODEL, [template(3, 30, seed=1), template(1, 10, seed=1), template(2, 20, seed=1)])
    assert [match.person_id for match in gallery.search(vector(1))] == [10, 20, 30]


def test_a_mean_of_several_faces_may_be_nearer_than_each_of_them() -> None:
    face, other = vector(1), vector(2)
    gallery = Gallery(MODEL, [Template(1, 7, face), Template(2, 7, other)])
    middle = template_of(np.stack([face, other]))
    (mean,), (nearest,) = gallery.search(middle), gallery.search(middle, by="nearest")
    assert mean.distance == pytest.approx(0, abs=CLOSE)
    assert nearest.distance == pytest.approx(float(np.linalg.norm(face - other)) / 2, abs=CLOSE)
    assert (mean.face_id, mean.faces) == (nearest.face_id, 2)


def test_one_person_with_very_many_near_faces_does_not_hide_the_others() -> None:
    probe = vector(0)
    crowd = [Template(face, 1, probe + vector(face, 0.001)) for face in range(1, 400)]
    gallery = Gallery(MODEL, [*crowd, template(500, 2), template(501, 3)])
    assert {match.person_id for match in gallery.search(probe, k=3, by="nearest")} == {1, 2, 3}


@pytest.mark.parametrize("dimension", [16, 128, 512])
def test_the_model_says_how_many_numbers_an_embedding_has(dimension: int) -> None:
    gallery = Gallery("other", [Template(1, 1, vector(1, dimension=dimension))])
    assert gallery.search(vector(1, dimension=dimension))[0].person_id == 1
    with pytest.raises(ValueError, match=f"{dimension} finite numbers"):
        gallery.search(vector(1, dimension=dimension + 1))
    with pytest.raises(ValueError, match="finite numbers"):
        gallery.put(Template(2, 2, vector(1, dimension=dimension + 1)))
    assert gallery.people == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused_and_change_nothing(bad: float) -> None:
    gallery = Gallery(MODEL, [template(1, 1)])
    broken = vector(2)
    broken[5] = bad
    with pytest.raises(ValueError, match="finite"):
        gallery.put(Template(1, 9, broken))
    with pytest.raises(ValueError, match="finite"):
        gallery.search(broken)
    with pytest.raises(ValueError, match="finite"):
        gallery.load(batch_of([template(1, 1), Template(2, 2, broken)]))
    assert [match.person_id for match in gallery.search(vector(1))] == [1]


def test_a_face_cannot_be_loaded_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Gallery(MODEL).load(batch_of([template(1, 1), template(1, 2)]))


@pytest.mark.parametrize("lacking", ["face_ids", "person_ids", "tags", "embeddings"])
def test_a_batch_of_which_a_part_is_missing_is_refused_and_changes_nothing(lacking: str) -> None:
    gallery = Gallery(MODEL, [template(7, 7)])
    batch = batch_of([template(1, 1), template(2, 2)])
    with pytest.raises(ValueError, match="each face has one"):
        gallery.load(replace(batch, **{lacking: getattr(batch, lacking)[:1]}))
    assert [match.person_id for match in gallery.search(vector(7))] == [7]


@pytest.mark.parametrize("by", ["mean", "nearest"])
@pytest.mark.parametrize("length", [1, 20, 1000])
def test_a_search_is_exact_for_embeddings_of_any_length(length: float, by: Scoring) -> None:
    """Of long vectors that lie near to one another the fast formula leaves few digits right."""
    random = np.random.default_rng(0)
    known = [Template(face, face // 2, (length + random.normal(0, 0.05, 8)).astype(np.float32)) for face in range(300)]
    model, gallery = Model(), Gallery(MODEL)
    gallery.load(batch_of(known))
    for one in known:
        model.keep(one)
    for _ in range(10):
        probe = (length + random.normal(0, 0.05, 8)).astype(np.float32)
        nearest = [person for person, _ in model.ranking(probe, None, by)[:5]]
        assert [match.person_id for match in gallery.search(probe, by=by)] == nearest


def test_nobody_is_searched_for_among_nobody_and_at_least_one_is_wanted() -> None:
    assert Gallery(MODEL).search(vector(1)) == []
    assert len(Gallery(MODEL).compare(vector(1)).distances) == 0
    with pytest.raises(ValueError, match="1 or more"):
        Gallery(MODEL, [template(1, 1)]).search(vector(1), k=0)


def test_an_empty_gallery_takes_embeddings_of_any_length_again() -> None:
    gallery = Gallery("other", [Template(1, 1, vector(1))])
    gallery.remove(1)
    gallery.put(Template(1, 1, vector(1, dimension=16)))
    assert gallery.search(vector(1, dimension=16))[0].distance == 0


def test_a_search_during_changes_never_sees_half_a_change() -> None:
    """Each person's faces always hold the same vector: a mean or a face of another distance would be half a change."""
    gallery = Gallery(MODEL, [template(face, face % 10, seed=face % 10) for face in range(200)])
    expected = {person: float(np.linalg.norm(vector(person) - vector(99))) for person in range(10)}

    def change(start: int) -> None:
        for face in range(start, start + 200, 3):
            gallery.remove(face)
            gallery.put(template(face, face % 10, seed=face % 10))

    def look(_: int) -> None:
        for by in ("mean", "nearest") * 20:
            for match in gallery.search(vector(99), k=10, by="mean" if by == "mean" else "nearest"):
                assert match.distance == pytest.approx(expected[match.person_id], abs=CLOSE)

    with ThreadPoolExecutor(4) as threads:
        for done in [*threads.map(change, (0, 1)), *threads.map(look, (0, 1))]:
            assert done is None
    assert len(gallery) == len({*range(200), *range(0, 200, 3), *range(1, 201, 3)})
