"""Writes a calibration as one HTML page that needs nothing else: figures, curves, and the faces that a person should look at."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from receiver.domain.clusters import central
from receiver.domain.evaluation import CLOSEST, GroupAlarms, curve, rates_between
from receiver.domain.intervals import CONFIDENCE
from receiver.services.calibration import telling, words
from receiver.services.calibration.figure import Drawing, draw
from receiver.services.calibration.measured import Contradiction, KnownFace, LookAlikes, Measured, Stranger

TEMPLATE = "page.html"
# What a person looks through in one sitting; the rest is counted.
SHOWN, FACES_OF_A_PERSON, FACES_OF_A_GROUP = 24, 6, 8
STEPS = 80
HIGHEST_RATE, LOWEST_RATE = 0.3, 0.001


@dataclass(frozen=True, slots=True)
class PageParts:
    """What the page is made of, beside the figures.

    Attributes:
        names: by person id.
        portrait: a face as a ``data:`` address, empty where its picture is gone.
        source: where the strangers' pictures came from, in words; empty if there were none.
        is_kept: whether the result was stored.
    """

    names: Mapping[int, str]
    portrait: Callable[[KnownFace | Stranger], str]
    source: str
    is_kept: bool


def curves(found: Measured) -> bytes:
    """The diagrams as a PNG."""
    people = found.impostors.people
    lowest = min(LOWEST_RATE, 0.5 / max(people, 1)) if people else LOWEST_RATE
    points = curve(found.genuine, found.impostors, rates_between(lowest, HIGHEST_RATE, STEPS))
    field = found.apart if found.strangers else found.others
    return draw(
        Drawing(
            points=points,
            threshold=found.now.threshold,
            fpir=found.now.fpir,
            fnir=found.now.fnir,
            known=found.own.scores,
            strangers=field.scores,
            who="Strangers" if found.strangers else "Known people, as if they were not enrolled,",
            unit=telling.unit(found.scoring),
            accepted=found.accepted,
            shown_from=1 - (1 - CONFIDENCE) ** (1 / max(people, 1)),
        )
    )


def page(found: Measured, png: bytes, parts: PageParts) -> str:
    """The whole page; every text that comes from outside is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    album = _Album(found, parts)
    return environment.get_template(TEMPLATE).render(
        made_at=f"{found.made_at:%Y-%m-%d %H:%M} UTC",
        subtitle=telling.subtitle(found, parts.source),
        cards=telling.cards(found),
        findings=telling.findings(found, is_kept=parts.is_kept),
        curves="data:image/png;base64," + base64.b64encode(png).decode(),
        rates=telling.rate_rows(found),
        rates_note=telling.rates_note(found),
        groups=_groups(found, parts) if found.groups else None,
        albums=album.sections(),
        weak=telling.weak(found.model),
        method=telling.method(found),
    )


def _groups(found: Measured, parts: PageParts) -> dict[str, Any]:
    is_labelled = found.clusters is None
    scale = max(max(each.closest.value, each.fpir.value) for each in found.groups) or 1.0
    rows = [
        {
            "name": each.group if is_labelled else f"Cluster {each.group}",
            "about": words.counted(each.fpir.people, "stranger"),
            "pictures": [_picture(parts, one, one.picture) for one in _typical(found, each)],
            "now": each.fpir.value,
            "now_text": words.interval(each.fpir),
            "closest": each.closest.value,
            "closest_text": f"{words.percent(each.closest.value)} among the {CLOSEST} closest",
        }
        for each in found.groups
    ]
    return {
        "is_labelled": is_labelled,
        "about": telling.about_groups(is_labelled=is_labelled),
        "scale": scale,
        "rows": rows,
    }


def _typical(found: Measured, group: GroupAlarms) -> list[Stranger]:
    """A few of the group: the most typical of a cluster; nothing is shown of a group whose label says it."""
    if found.clusters is None or found.embeddings is None:
        return []
    places = central(found.embeddings.astype(np.float64), found.clusters, int(group.group) - 1, FACES_OF_A_GROUP)
    return [found.strangers[place] for place in places]


def _picture(parts: PageParts, face: KnownFace | Stranger, text: str, *, is_marked: bool = False) -> dict[str, Any]:
    return {"uri": parts.portrait(face), "alt": text, "is_marked": is_marked}


class _Album:
    """The sections with faces that a person should look at."""

    def __init__(self, found: Measured, parts: PageParts) -> None:
        self._found = found
        self._parts = parts
        self._faces: dict[int, list[KnownFace]] = {}
        for face in found.faces:
            self._faces.setdefault(face.person_id, []).append(face)

    def sections(self) -> list[dict[str, Any]]:
        """Strangers who would be called by a name, look-alikes, and pictures that contradict each other."""
        scores = self._found.impostors.scores
        taken = [int(row) for row in np.argsort(scores, kind="stable") if scores[row] <= self._found.now.threshold]
        return [
            *([self._section(telling.TAKEN, taken, self._taken)] if self._found.strangers else []),
            self._section(telling.ALIKE, self._found.look_alikes, self._alike),
            self._section(telling.CONTRADICTING, self._found.contradictions, self._contradicting),
        ]

    def _section(
        self, text: telling.Section, rows: Sequence[Any], pair: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        left = len(rows) - SHOWN
        more = f"{words.counted(left, 'more is', 'more are')} not shown." if left > 0 else ""
        pairs = [pair(row) for row in rows[:SHOWN]]
        return {"title": text.title, "about": text.about if rows else text.none, "pairs": pairs, "more": more}

    def _taken(self, row: int) -> dict[str, Any]:
        found = self._found
        stranger, person = found.strangers[row], int(found.apart.nearest[row])
        about = stranger.group or ("stranger of the library" if stranger.face is not None else "stranger")
        name = stranger.picture or self._name(stranger.face.person_id if stranger.face is not None else 0)
        left = {"name": name, "about": about, "pictures": [_picture(self._parts, stranger, name)]}
        note = f"Score {words.number(found.apart.scores[row])}, threshold {words.number(found.now.threshold)}."
        return {"left": left, "right": self._person(person), "note": note}

    def _alike(self, pair: LookAlikes) -> dict[str, Any]:
        one, other = pair.people
        marked = self._found.faces[pair.face]
        note = f"Score {words.number(pair.score)} of the marked picture, threshold {words.number(self._found.now.threshold)}."
        return {"left": self._person(one, marked), "right": self._person(other), "note": note}

    def _contradicting(self, each: Contradiction) -> dict[str, Any]:
        face = self._found.faces[each.face]
        others = [one for one in self._faces[face.person_id] if one is not face]
        name = self._name(face.person_id)
        left: dict[str, Any] = {
            "name": name,
            "about": "this picture",
            "pictures": [self._face(face, is_marked=True)],
        }
        note = f"Distance {words.number(each.distance)}; up to {words.number(each.limit)} two pictures pass as one person's."
        if each.nearer is None:
            right = {"name": name, "about": "the other pictures", "pictures": self._some(others)}
        else:
            right = self._person(each.nearer) | {"about": f"nearer than {name}'s own other pictures"}
            left = left | {
                "about": "the marked picture",
                "pictures": [self._face(face, is_marked=True), *self._some(others)],
            }
        return {"left": left, "right": right, "note": note}

    def _person(self, person_id: int, marked: KnownFace | None = None) -> dict[str, Any]:
        faces = sorted(self._faces.get(person_id, []), key=lambda face: face is not marked)
        about = f"person {person_id}, {faces[0].list if faces else 'gone'}"
        return {"name": self._name(person_id), "about": about, "pictures": self._some(faces, marked)}

    def _some(self, faces: Sequence[KnownFace], marked: KnownFace | None = None) -> list[dict[str, Any]]:
        return [self._face(face, is_marked=face is marked) for face in faces[:FACES_OF_A_PERSON]]

    def _face(self, face: KnownFace, *, is_marked: bool) -> dict[str, Any]:
        return _picture(self._parts, face, f"{self._name(face.person_id)}, face {face.face_id}", is_marked=is_marked)

    def _name(self, person_id: int) -> str:
        return self._parts.names.get(person_id) or f"person {person_id}"
