"""Measures the picture quality of a folder of photographs: `python -m benchmarks.quality FOLDER [--people FOLDER]`.

It prints what a site needs to set limits of its own (GATEHOUSE_QUALITY_LIMITS): the percentiles of each measure, what
each rule of each gate says of the photographs as they are, and what the gates refuse of copies spoiled on purpose.
With `--people` (a folder with one sub-folder a person) it also tells how well each score foretells a missed match.
"""

import argparse
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import recognition
from benchmarks.spoiled import COPIES, Spoil
from recognition.engine import Engine, RgbImage, Sighting, foremost
from recognition.errors import RecognitionError
from recognition.gates import GATES, Gate, GateLimits, Level, Limit, judge
from recognition.limits import parse_limits
from recognition.scores import MEASURES, OVERALL

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
MISSED_BEYOND = 0.55  # distance; of two pictures of one person
ALIKE_WITHIN = 0.60  # distance; dlib's customary tolerance, of two pictures of different people
LEFT_OUT = (0.05, 0.10, 0.20)
RULE_HEAD = ("gate", "rule: refuse / warn", "reason", "refused", "warned or refused")


@dataclass(frozen=True)
class Photo:
    """One photograph and the face that it is about; None where no face was found."""

    path: Path
    face: Sighting | None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--people", type=Path, help="a folder with one sub-folder a person, at or below FOLDER")
    options.add_argument("--copies", type=int, default=100, help="photographs that are spoiled; 0: none (default: 100)")
    options.add_argument("--limits", default="", help="limits as in GATEHOUSE_QUALITY_LIMITS")
    given = options.parse_args()
    limits = parse_limits(given.limits)
    engine = recognition.load_engine()
    photos = list(look_at(given.folder, engine))
    faces = [photo.face for photo in photos if photo.face is not None]
    if not faces:
        raise SystemExit(f"No face was found in the {len(photos)} pictures of {given.folder}.")
    print(f"{len(photos)} photographs, {len(faces)} with a face; engine {engine.name}, model {engine.model}")
    print_table("Measures", ["measure", "unit", *(f"{each} %" for each in PERCENTILES)], percentile_rows(faces))
    print_table("Rules, share of the photographs in %", RULE_HEAD, rule_rows(faces, limits))
    head = ["copy", "no face", *(f"{gate} refuses" for gate in GATES), "strangers alike", "quality", "register's rules"]
    chosen = spread([photo for photo in photos if photo.face is not None], given.copies)
    if chosen:
        print_table("Copies, share in %", head, copy_rows(chosen, engine, limits))
    if given.people is not None:
        people = [photo for photo in photos if given.people.resolve() in photo.path.resolve().parent.parents]
        head = ["score", "rank correlation", "missed", *(f"without {share:.0%}" for share in LEFT_OUT), "area"]
        print_table(f"Missed matches (beyond {MISSED_BEYOND}), in %", head, telling_rows(people))


def look_at(folder: Path, engine: Engine) -> Iterator[Photo]:
    """Every picture below the folder that can be read."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICTURES:
            try:
                yield Photo(path, foremost(engine.sightings(read(path))))
            except RecognitionError as error:
                print(f"{path} is left out: {error}")


def read(path: Path) -> RgbImage:
    return recognition.read_image(path.read_bytes())


def spread(photos: Sequence[Photo], most: int) -> list[Photo]:
    """At most that many of them, evenly spread."""
    step = max(1, -(-len(photos) // most)) if most else len(photos) + 1
    return list(photos[step - 1 :: step])


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    print(f"\n{title}\n")
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(map(shown, row))} |")


def shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def percentile_rows(faces: Sequence[Sighting]) -> Iterator[list[object]]:
    for word, measure in MEASURES.items():
        values = [face.quality.measures[word] for face in faces if word in face.quality.measures]
        raw = np.abs(values) if measure.is_wide else np.array(values)
        if values:
            yield [f"`{word}`", measure.unit, *map(float, np.percentile(raw, PERCENTILES))]
    over_all = [face.quality.scores[OVERALL] for face in faces if OVERALL in face.quality.scores]
    yield [f"`{OVERALL}` (score)", "0 to 100", *map(float, np.percentile(over_all, PERCENTILES))]


def rule_rows(faces: Sequence[Sighting], limits: GateLimits) -> Iterator[list[object]]:
    """What each rule alone says, then what a gate refuses by any of them."""
    for gate in GATES:
        for limit in limits.of(gate):
            told = f"{limit.measure} {limit.sign} {shown_bound(limit, 'refuse')} / {shown_bound(limit, 'warn')}"
            crossed = (crossing(faces, limit, *levels) for levels in (("refuse",), ("refuse", "warn")))
            yield [gate, told, f"`{limit.reason}`", *crossed]
        worst = [worst_level(face, gate, limits) for face in faces]
        refused, warned = share(each == "refuse" for each in worst), share(each is not None for each in worst)
        yield [gate, "any", "", refused, warned]


def shown_bound(limit: Limit, level: Level) -> str:
    bound = limit.bound(level)
    return "-" if bound is None else f"{bound:g}"


def crossing(faces: Sequence[Sighting], limit: Limit, *levels: Level) -> float:
    """Percent of the faces that cross the limit's bound of any of these levels."""
    bounds = [bound for level in levels if (bound := limit.bound(level)) is not None]
    values = [face.quality.measures.get(limit.measure) for face in faces]
    return share(value is not None and any(limit.crosses(value, bound) for bound in bounds) for value in values)


def worst_level(face: Sighting, gate: Gate, limits: GateLimits) -> Level | None:
    """The worst that the gate says of the face; None if nothing."""
    return next((finding.level for finding in judge(face.quality.measures, gate, limits)), None)


def share(hits: Iterable[bool]) -> float:
    """Percent of them."""
    return 100 * float(np.mean(list(hits)))


def copy_rows(photos: Sequence[Photo], engine: Engine, limits: GateLimits) -> Iterator[list[object]]:
    for name, spoil in COPIES.items():
        faces = [spoiled(photo, spoil, engine, number) for number, photo in enumerate(photos)]
        found = [face for face in faces if face is not None]
        refused = [
            share(face is None or worst_level(face, gate, limits) == "refuse" for face in faces) for gate in GATES
        ]
        over_all = float(np.median([face.quality.scores[OVERALL] for face in found] or [0]))
        rules = ", ".join(refusing_rules(found, limits.register))
        yield [name, share(face is None for face in faces), *refused, alike(photos, faces), over_all, rules]


def spoiled(photo: Photo, spoil: Spoil, engine: Engine, seed: int) -> Sighting | None:
    """The face in a spoiled copy; None where it is not found any more."""
    if photo.face is None:
        return None
    return foremost(engine.sightings(spoil(read(photo.path), photo.face, np.random.default_rng(seed))))


def refusing_rules(faces: Sequence[Sighting], limits: Sequence[Limit]) -> Iterator[str]:
    for limit in limits:
        refused = crossing(faces, limit, "refuse") if faces else 0
        if refused >= 1:
            yield f"{limit.measure} {refused:.0f}"


def alike(photos: Sequence[Photo], faces: Sequence[Sighting | None]) -> float:
    """Percent of the pairs of different people, both spoiled alike, that are taken for one; a person is a file's stem up to its number."""
    known = [(photo.path, face.embedding) for photo, face in zip(photos, faces, strict=True) if face is not None]
    pairs = (
        float(np.linalg.norm(one - other)) <= ALIKE_WITHIN
        for (path, one), (other_path, other) in itertools.combinations(known, 2)
        if person(path) != person(other_path)
    )
    hits = list(pairs)
    return share(hits) if hits else 0.0


def person(path: Path) -> str:
    return path.stem.rstrip("0123456789").rstrip("_- ")


def telling_rows(photos: Sequence[Photo]) -> Iterator[list[object]]:
    """How well the poorer score of a pair of one person foretells that the two are not matched."""
    pairs = [
        (one.face, other.face)
        for one, other in itertools.combinations(photos, 2)
        if one.path.parent == other.path.parent and one.face is not None and other.face is not None
    ]
    if not pairs:
        raise SystemExit("No two pictures of one person were found.")
    distances = np.array([np.linalg.norm(one.embedding - other.embedding) for one, other in pairs])
    missed = distances > MISSED_BEYOND
    for word in (*MEASURES, OVERALL):
        poorer = np.array([min(face.quality.scores.get(word, 0) for face in pair) for pair in pairs])
        kept = missed[np.argsort(poorer, kind="stable")]
        area = np.mean([without(kept, cut) for cut in np.linspace(0, 0.5, 51)]) / max(share(missed), 1e-9)
        left = [without(kept, cut) for cut in LEFT_OUT]
        yield [f"`{word}`", -rank_correlation(poorer, distances), share(missed), *left, float(area)]


def without(missed: np.ndarray, cut: float) -> float:
    """Percent missed where that share of the poorest pairs, which stand first, is left out."""
    return share(missed[round(cut * len(missed)) :])


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's; equal values share their mean rank, and where all are equal there is none: 0."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


def ranks(values: np.ndarray) -> np.ndarray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places])


if __name__ == "__main__":
    main()
