"""How often strangers are called by a name and known people missed: `python -m benchmarks.accuracy FOLDER [--json FILE]`.

FOLDER holds `enrolled/<person>/*.jpg` and `strangers/*.jpg`. Every figure comes from the server's own decisions: people
are enrolled into a fresh SQLite library, as far as the gate `enrol` lets their pictures in, and the decider that the
server has is asked about every other picture.
"""

import argparse
import contextlib
import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.machine import facts
from benchmarks.photographs import STRANGER, Photographs, read
from benchmarks.starting import BENCH_DIR
from receiver.domain.events import ListName
from receiver.domain.identity import MARGIN, Candidate, Status
from receiver.domain.intervals import clopper_pearson
from receiver.domain.scales import SHIPPED, Scale
from receiver.services.deciding.deciding import Decider, Probe
from receiver.services.deciding.library import Library
from receiver.store import library as active_model
from receiver.store import people
from receiver.store.database import Tx
from receiver.store.store import Store, open_store

SPLITS = 5
FPIR, BLACKLIST_FPIR = 0.01, 0.02
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Recipe:
    """One way to decide.

    Attributes:
        model: id of the embedding model.
        has_cohort: whether distances are corrected by a cohort, where the library is large enough.
        enrolled: pictures a person.
        probes: pictures that are averaged before they are decided on.
    """

    model: str
    has_cohort: bool
    enrolled: int = 3
    probes: int = 1

    @property
    def scale(self) -> Scale:
        return SHIPPED[self.model] if self.has_cohort else replace(SHIPPED[self.model], rules=())


@dataclass(frozen=True)
class Outcome:
    """What came of one recipe, over all splits; shares in percent.

    Attributes:
        people: enrolled in each split.
        fpir: strangers called by a name, by the shipped threshold; then its 95 % interval over one split's strangers.
        fnir: own pictures not called by the own name, by the shipped threshold.
        fnir_at_1: the same where exactly 1 % of these strangers are accepted.
        fnir_at_least: the same where fewer are accepted than these strangers can show: none of them.
        expected_miss: what the server says at its start.
    """

    people: int
    fpir: float
    fpir_low: float
    fpir_high: float
    fpir_splits: Sequence[float]
    fnir: float
    fnir_splits: Sequence[float]
    fnir_at_1: float
    fnir_at_least: float
    expected_miss: float | None


class TakenBack(Exception):
    """Ends a transaction that must change nothing."""


@dataclass(frozen=True)
class Answer:
    """One probe.

    Attributes:
        named: who it was called by; None: nobody.
        excess: how far beyond the threshold the best person was, below 0 if within; infinite if never to be matched.
        best: who that was.
    """

    named: int | None
    excess: float
    best: int | None


NOBODY = Answer(None, np.inf, None)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--json", type=Path, help="write the figures there too")
    given = options.parse_args()
    BENCH_DIR.mkdir(exist_ok=True)
    found = measured(read(given.folder, BENCH_DIR / "models"))
    text = json.dumps({"machine": facts(BENCH_DIR), **found}, indent=2)
    print_tables(found)
    if given.json:
        given.json.write_text(text, encoding="utf-8")


def measured(photographs: Photographs) -> dict[str, Any]:
    """All figures, ready for JSON."""
    recipes = [Recipe(model, has_cohort) for model in SHIPPED for has_cohort in (False, True)]
    default = recipes[-1]
    fused = [replace(default, enrolled=1, probes=3), replace(default, enrolled=2, probes=2)]
    return {
        "margin": MARGIN,
        "recipes": [asdict(each) | asdict(outcome_of(photographs, each)) for each in recipes],
        "fused": [asdict(each) | asdict(outcome_of(photographs, each)) for each in fused],
        "sizes": [
            asdict(each) | {"people": size, "fpir_splits": realised(photographs, each, size)}
            for each in (default, replace(default, enrolled=1), recipes[1])
            for size in (10, 30, 60, 120)
        ],
    }


def outcome_of(photographs: Photographs, recipe: Recipe) -> Outcome:
    """Everybody enrolled, five times with other pictures."""
    splits = [Split.of(photographs, recipe, seed, photographs.people) for seed in range(SPLITS)]
    answers = [split.answers() for split in splits]
    fpir = [100 * share_named(impostors) for impostors, _, _ in answers]
    fnir = [100 * share_missed(genuine, 0) for _, genuine, _ in answers]
    strangers = statistics.mean(len(impostors) for impostors, _, _ in answers)
    low, high = clopper_pearson(statistics.mean(fpir) / 100 * strangers, strangers)
    return Outcome(
        people=len(splits[0].enrolled),
        fpir=round(statistics.mean(fpir), 2),
        fpir_low=round(100 * low, 2),
        fpir_high=round(100 * high, 2),
        fpir_splits=[round(each, 2) for each in fpir],
        fnir=round(statistics.mean(fnir), 2),
        fnir_splits=[round(each, 2) for each in fnir],
        fnir_at_1=round(statistics.mean(missed_at(*each[:2], FPIR) for each in answers), 2),
        fnir_at_least=round(statistics.mean(missed_at(*each[:2], 0) for each in answers), 2),
        expected_miss=answers[0][2],
    )


def realised(photographs: Photographs, recipe: Recipe, size: int) -> list[float]:
    """The share of strangers called by a name with so many people enrolled, in percent; for each split."""
    splits = [Split.of(photographs, recipe, seed, size) for seed in range(SPLITS)]
    return [round(100 * share_named(split.answers()[0]), 2) for split in splits]


def share_named(answers: Sequence[Answer]) -> float:
    return sum(each.named is not None for each in answers) / len(answers)


def share_missed(genuine: Sequence[tuple[int, Answer]], moved: float) -> float:
    """The share that is not called by its own name; with the threshold ``moved``, where it is not 0."""
    if moved == 0:
        return sum(each.named != own for own, each in genuine) / len(genuine)
    return sum(each.best != own or each.excess > moved for own, each in genuine) / len(genuine)


def missed_at(impostors: Sequence[Answer], genuine: Sequence[tuple[int, Answer]], fpir: float) -> float:
    """The share missed, in percent, where no more than ``fpir`` of the strangers at hand are accepted."""
    ordered = sorted(each.excess for each in impostors)
    return 100 * share_missed(genuine, float(np.nextafter(ordered[int(fpir * len(ordered))], -np.inf)))


@dataclass(frozen=True, eq=False)
class Split:
    """One choice of people and pictures.

    Attributes:
        enrolled: by person, the rows that are enrolled.
        own: by person, the rows that are probes, in groups that are averaged.
        strangers: rows of unknown people, in groups.
    """

    photographs: Photographs
    recipe: Recipe
    enrolled: Mapping[int, Rows]
    own: Mapping[int, Sequence[Rows]]
    strangers: Sequence[Rows]

    @classmethod
    def of(cls, photographs: Photographs, recipe: Recipe, seed: int, size: int) -> "Split":
        random = np.random.default_rng(seed)
        enrolled: dict[int, Rows] = {}
        own: dict[int, Sequence[Rows]] = {}
        others: list[Rows] = []
        for person in random.permutation(photographs.people).tolist():
            rows = random.permutation(photographs.of(person))
            fit = rows[photographs.may_enrol[rows]][: recipe.enrolled]
            probes = rows[~np.isin(rows, fit)]
            if len(enrolled) < size and len(fit) == recipe.enrolled and len(probes) >= recipe.probes:
                enrolled[person] = fit
                own[person] = groups(probes, recipe.probes)
            elif len(rows) >= recipe.probes:
                others += groups(rows, recipe.probes)[:1]
        single = np.flatnonzero(photographs.owners == STRANGER)
        return cls(photographs, recipe, enrolled, own, [*others, *(groups(single, 1) if recipe.probes == 1 else [])])

    def answers(self) -> tuple[list[Answer], list[tuple[int, Answer]], float | None]:
        """Of the strangers, of the known people's other pictures, and what the server expects to miss."""
        with fresh_store() as store:
            ids = self._enrol(store)
            decider = Decider(Library(self.recipe.model, FPIR, BLACKLIST_FPIR, {self.recipe.model: self.recipe.scale}))
            with store.read() as tx:
                expected = decider.summary(tx).expected_miss
                impostors = [self._answer(decider, tx, rows) for rows in self.strangers]
                genuine = [
                    (ids[person], self._answer(decider, tx, rows))
                    for person, probes in self.own.items()
                    for rows in probes
                ]
            if self.recipe.probes > 1:
                impostors += self._left_out(store, decider, ids)
            return impostors, genuine, expected

    def _enrol(self, store: Store) -> dict[int, int]:
        embeddings = self.photographs.embeddings[self.recipe.model]
        ids = {}
        with store.write(lock=people.GALLERY_LOCK) as tx:
            active_model.settle(tx, self.recipe.model, NOW)
            for person, rows in self.enrolled.items():
                row = {"name": str(person), "list": ListName.STAFF, "source": "bench"}
                ids[person] = people.add(tx, row | {"created_at": NOW, "updated_at": NOW})
                for face in rows.tolist():
                    values = {"person_id": ids[person], "digest": b"%032d" % face, "box": [], "quality": {}}
                    values |= {"source": "bench", "state": people.CURRENT, "event_id": None, "created_at": NOW}
                    people.add_face(tx, values, {self.recipe.model: embeddings[face].tobytes()})
                people.note_change(tx, ids[person], NOW)
        return ids

    def _left_out(self, store: Store, decider: Decider, ids: Mapping[int, int]) -> Iterator[Answer]:
        """Known people as strangers, each while taken out of the library: strangers have one picture only."""
        for person, probes in self.own.items():
            with contextlib.suppress(TakenBack), store.write(lock=people.GALLERY_LOCK) as tx:
                people.remove(tx, ids[person])
                people.note_change(tx, ids[person], NOW)
                yield self._answer(decider, tx, probes[0])
                raise TakenBack
            decider.forget()

    def _answer(self, decider: Decider, tx: Tx, rows: Rows) -> Answer:
        seen = rows[self.photographs.has_face[rows]]
        if not len(seen):
            return NOBODY
        embeddings = list(self.photographs.embeddings[self.recipe.model][seen])
        decision = decider.decide(tx, Probe(embeddings))
        named = decision.person_id if decision.status is Status.MATCHED else None
        candidates = decider.candidates(tx, embeddings, 2)
        return Answer(named, excess(candidates), candidates[0].person_id)


def excess(candidates: Sequence[Candidate]) -> float:
    """How far the best one is beyond the threshold; no threshold helps where the next one is too near."""
    if len(candidates) > 1 and candidates[1].aligned - candidates[0].aligned < MARGIN:
        return np.inf
    return candidates[0].distance - candidates[0].threshold


def groups(rows: Rows, size: int) -> list[Rows]:
    """So many together; what is left over is not used."""
    return [rows[start : start + size] for start in range(0, len(rows) - size + 1, size)]


@contextlib.contextmanager
def fresh_store() -> Iterator[Store]:
    """A library in files that are gone afterwards."""
    with tempfile.TemporaryDirectory(dir=BENCH_DIR) as folder:
        store = open_store("", Path(folder))
        store.upgrade()
        yield store
        store.close()


def print_tables(found: Mapping[str, Any]) -> None:
    """For people to read."""
    print(
        "| model | cohort | enrolled | probes averaged | FPIR % (95 %) | FNIR % | FNIR % at FPIR 1 % | at none accepted | expected |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for each in found["recipes"] + found["fused"]:
        interval = f"{each['fpir']} ({each['fpir_low']} to {each['fpir_high']})"
        cells = [each["model"], "yes" if each["has_cohort"] else "no", each["enrolled"], each["probes"], interval]
        cells += [each["fnir"], each["fnir_at_1"], each["fnir_at_least"], expected(each)]
        print("| " + " | ".join(str(cell) for cell in cells) + " |")
    print("\nStrangers called by a name where 1 % is meant, in percent, for each choice of people:")
    for each in found["sizes"]:
        recipe = f"{each['model']}{', cohort' if each['has_cohort'] else ''}, {each['enrolled']} pictures a person"
        print(f"{each['people']:5} people, {recipe:50} {each['fpir_splits']}")


def expected(outcome: Mapping[str, Any]) -> str:
    """What the server says at its start, which is for one picture at a time."""
    is_known = outcome["probes"] == 1 and outcome["expected_miss"] is not None
    return f"{100 * outcome['expected_miss']:.1f}" if is_known else "-"


if __name__ == "__main__":
    main()
