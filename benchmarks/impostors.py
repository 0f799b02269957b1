"""Makes the shipped figures of strangers' and known people's scores: `python -m benchmarks.impostors FOLDER`.

FOLDER holds `enrolled/<person>/*.jpg`, at least 4 pictures a person, and `strangers/*.jpg`, another person each. It
writes receiver/domain/impostor_scores.py; only shares and scores go in there, nothing of any picture or person.
"""

import argparse
import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.photographs import Photographs, read
from benchmarks.starting import BENCH_DIR
from receiver.domain.alignment import MIRRORED, PLAIN, Distances
from receiver.domain.scales import DLIB_MODEL, FEW, MANY, MIRRORED_MODEL, CohortRule, Scale
from receiver.domain.scoring import Scoring
from recognition.engine import Embedding
from recognition.gallery import template_of

TARGET = Path(__file__).parents[1] / "receiver" / "domain" / "impostor_scores.py"
DRAWS = 12
SEED = 1
# Below one in a hundred three or four of some 400 strangers decide.
RATES = (0.01, 0.02, 0.05, 0.1, 0.2)
SHARES = (
    0.01,
    *(round(0.1 * step, 1) for step in range(1, 9)),
    0.85,
    *(round(0.9 + 0.01 * step, 2) for step in range(10)),
)
FACES = (1, 2, 3, 4)
ALIGNMENTS = {DLIB_MODEL: PLAIN, MIRRORED_MODEL: MIRRORED}
RULES = (CohortRule(FEW, 0.5, 3, ()), CohortRule(MANY, 0.7, 10, ()))
HEAD = '''"""Scores of strangers and of known people's own pictures, as measured; written by `python -m benchmarks.impostors`.

Measured with {people} people, {faces} pictures, and {strangers} strangers, one picture each (press photographs, Labeled
Faces in the Wild, deep-funneled); {draws} random choices of the pictures that are enrolled.
"""

from collections.abc import Mapping

Points = tuple[tuple[float, float], ...]
Quantiles = Mapping[int, tuple[float, ...]]

# fmt: off
'''


@dataclass(frozen=True, eq=False)
class Draw:
    """One choice of pictures: some enrolled, the others probes.

    Attributes:
        templates: shape (m, d), the enrolled people's means.
        probes: shape (n, d), their other pictures.
        owners: shape (n,), whose; a column of ``templates``.
    """

    templates: Embedding
    probes: Embedding
    owners: npt.NDArray[np.int64]


def draws(photographs: Photographs, model: str, faces: int) -> Iterator[Draw]:
    """Random choices of so many pictures a person; people with too few are left out."""
    random = np.random.default_rng(SEED)
    embeddings = photographs.embeddings[model]
    for _ in range(DRAWS):
        templates: list[Embedding] = []
        probes: list[tuple[int, int]] = []
        for person in range(photographs.people):
            rows = random.permutation(photographs.of(person)[photographs.has_face[photographs.of(person)]])
            enrolled = [row for row in rows if photographs.may_enrol[row]][:faces]
            if len(enrolled) == faces:
                probes += [(len(templates), row) for row in rows if row not in enrolled]
                templates.append(template_of(embeddings[enrolled]))
        own, rows = np.array(probes).T
        yield Draw(np.array(templates), embeddings[rows], own)


def distances(probes: Embedding, templates: Embedding) -> Distances:
    """Euclidean distance of each to each: shape (n, m), float64."""
    squared = (probes**2).sum(1)[:, None] + (templates**2).sum(1) - 2 * probes @ templates.T
    return np.asarray(np.sqrt(np.maximum(squared.astype(np.float64), 0)))


def own_scores(scores: Distances, owners: npt.NDArray[np.int64]) -> Distances:
    """Each probe's score to its own person; infinite where somebody else's is lower."""
    own = scores[np.arange(len(scores)), owners]
    return np.where(own <= scores.min(axis=1), own, np.inf)


@dataclass(frozen=True, eq=False)
class Crowd:
    """The strangers, as probes and, for large libraries, as people in it."""

    embeddings: Embedding
    is_enrolled: bool

    def against(self, draw: Draw) -> Distances:
        """Each stranger against everybody but itself."""
        to_people = distances(self.embeddings, draw.templates)
        if not self.is_enrolled:
            return to_people
        to_each_other = distances(self.embeddings, self.embeddings)
        np.fill_diagonal(to_each_other, np.inf)
        return np.concatenate([to_people, to_each_other], axis=1)

    def probed_by(self, draw: Draw) -> Distances:
        """The known people's other pictures against everybody."""
        to_people = distances(draw.probes, draw.templates)
        if not self.is_enrolled:
            return to_people
        return np.concatenate([to_people, distances(draw.probes, self.embeddings)], axis=1)

    def faces(self, draw: Draw, faces: int) -> npt.NDArray[np.int64]:
        strangers = len(self.embeddings) if self.is_enrolled else 0
        return np.array([faces] * len(draw.templates) + [1] * strangers, np.int64)


def measured(
    photographs: Photographs, model: str, scoring: Scoring, faces: int, crowd: Crowd
) -> tuple[Sequence[float], Sequence[float]]:
    """The scores at RATES of strangers, and at SHARES of people's own pictures."""
    lowest: list[Distances] = []
    genuine: list[Distances] = []
    for draw in draws(photographs, model, faces):
        counts = crowd.faces(draw, faces)
        lowest.append(scoring.scores(crowd.against(draw), counts).min(axis=1))
        genuine.append(own_scores(scoring.scores(crowd.probed_by(draw), counts), draw.owners))
    return quantiles(lowest, RATES), quantiles(genuine, SHARES)


def quantiles(scores: Sequence[Distances], shares: Sequence[float]) -> list[float]:
    """At the shares, as far as they are finite."""
    found = np.quantile(np.concatenate(scores), shares, method="higher")
    return [round(float(each), 4) for each in found if np.isfinite(each)]


def figures(photographs: Photographs, model: str) -> tuple[dict[str, object], dict[str, object]]:
    """By the word of the scoring: strangers' scores at RATES, and own scores by number of faces."""
    false_alarms: dict[str, object] = {}
    genuine: dict[str, object] = {}
    strangers = photographs.embeddings[model][photographs.strangers]
    for rule in (None, *RULES):
        scoring = Scoring(Scale((), 9.0, ALIGNMENTS[model]), rule)
        crowd = Crowd(strangers, is_enrolled=rule is not None and rule.people == MANY)
        found = {faces: measured(photographs, model, scoring, faces, crowd) for faces in FACES}
        genuine[scoring.word] = {faces: tuple(own) for faces, (_, own) in found.items()}
        # With four faces few people have a picture left, and few strangers' neighbours are left in the library.
        strictest = [min(found[faces][0][place] for faces in (1, 2, 3)) for place in range(len(RATES))]
        for faces in FACES:
            print(f"{model:24} {scoring.word:16} {faces} faces: strangers {found[faces][0]}")
        false_alarms[scoring.word] = tuple(zip(strictest, RATES, strict=True))
    return false_alarms, genuine


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    photographs = read(options.parse_args().folder, BENCH_DIR / "models")
    print(f"{photographs.people} people, {len(photographs.strangers)} strangers")
    both = {model: figures(photographs, model) for model in ALIGNMENTS}
    head = HEAD.format(
        people=photographs.people,
        faces=int((photographs.has_face & (photographs.owners >= 0)).sum()),
        strangers=len(photographs.strangers),
        draws=DRAWS,
    )
    TARGET.write_text(head + body(both), encoding="utf-8")
    print(f"wrote {TARGET}")


def body(both: dict[str, tuple[dict[str, object], dict[str, object]]]) -> str:
    """The module's constants."""
    alarms = {model: found[0] for model, found in both.items()}
    genuine = {model: found[1] for model, found in both.items()}
    return "\n".join(
        (
            f"SHARES = {SHARES}",
            '"""Shares of a person\'s own pictures at which GENUINE gives scores."""\n',
            f"FALSE_ALARMS: Mapping[str, Mapping[str, Points]] = {laid_out(alarms)}",
            '"""By model and scoring: score, and the share of strangers whose lowest is at or below it.\n',
            "`plain` and `cohort_3_0.5`: against the known people; `cohort_10_0.7`: against known people and other strangers. The",
            'strictest of one to three faces a person."""\n',
            f"GENUINE: Mapping[str, Mapping[str, Quantiles]] = {laid_out(genuine)}",
            '"""By model, scoring and number of faces: the scores below which SHARES of people\'s own pictures lie, as far as they are',
            'nearest to their own person."""\n',
        )
    )


def laid_out(value: object, depth: int = 0) -> str:
    """Nested dictionaries with one entry a line."""
    if not isinstance(value, dict):
        return repr(value)
    indent = "    " * depth
    lines = [
        f"{indent}    {json.dumps(key) if isinstance(key, str) else key}: {laid_out(each, depth + 1)},"
        for key, each in value.items()
    ]
    return "\n".join(("{", *lines, f"{indent}}}"))


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
