"""Measures the site's own library: how many strangers would be called by a name, and how many known people missed."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from receiver.domain.errors import Invalid
from receiver.domain.events import ListName
from receiver.domain.thresholds import Wanted
from receiver.services.calibration.measured import KnownFace, Measured, Stranger
from receiver.services.calibration.measuring import Basis, Faces, Progress, measured, site_scores
from receiver.services.calibration.scores import Step
from receiver.services.calibration.strangers import See, StrangerFolder, files_in, read_strangers
from receiver.services.deciding.library import NAMED, ORDINARY, Library, Standing
from receiver.store import calibrations
from receiver.store.database import Row
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import Box, Embedding

VERSION = 1
# Of look-alikes and contradictions: more are a sign of something else, such as one person enrolled under many names.
KEPT = 1000


@dataclass(frozen=True, slots=True)
class CalibratingParts:
    """What calibrating works with.

    Attributes:
        store: the open store.
        pictures: the library's, for the page.
        see: finds the faces of an encoded picture, with the library's engine.
        library: as decisions see it.
        fpir: the share of strangers that the site accepts to be called by a name.
    """

    store: Store
    pictures: Pictures
    see: See
    library: Library
    fpir: float


class Calibrating:
    """The use case of `people calibrate`."""

    def __init__(self, parts: CalibratingParts) -> None:
        self._parts = parts

    def measure(self, folder: Path | None, progress: Progress) -> Measured:
        """Measures the library under its active model.

        Args:
            folder: pictures of people who are not in the library, one a picture; None: there are none.
            progress: tells how far it is.

        Raises:
            Invalid: ``nothing_to_measure``, ``no_strangers_there``: too few faces for anything to be measured.
            SetupError: ``no_thresholds``: nothing is known of the model's distances.
            RecognitionError: the engine cannot be used.
        """
        with self._parts.store.read() as tx:
            standing = self._parts.library.standing(tx)
            model = self._parts.library.model
            rows = calibrations.faces(tx, model)
        basis = self._basis(model, standing)
        _check(rows, model, has_strangers=folder is not None)
        read = self._read(folder, model, rows, progress)
        return measured(basis, _faces(rows, read), datetime.now(UTC), progress)

    def keep(self, found: Measured) -> int:
        """Stores what was found, so that decisions use it; without embeddings, names or pictures. Returns its id."""
        with self._parts.store.write() as tx:
            return calibrations.add(tx, found.model, as_json(found), found.made_at)

    def names(self, found: Measured) -> dict[int, str]:
        """The names of everybody in the library, for the page."""
        with self._parts.store.read() as tx:
            return calibrations.names(tx, {face.person_id for face in found.faces})

    def picture(self, digest: bytes) -> bytes | None:
        """A picture of the library; None if it is gone."""
        found = self._parts.pictures.get(digest)
        return None if found is None else found.data

    def _read(self, folder: Path | None, model: str, rows: Sequence[Row], progress: Progress) -> StrangerFolder:
        if folder is None:
            return StrangerFolder()
        files = files_in(folder)
        known = frozenset(row.digest for row in rows)
        with progress("Looking at strangers", len(files)) as step:
            read = read_strangers(folder, _told(files, step), self._parts.see, model, known)
        if not read.faces:
            raise Invalid(
                "no_strangers_there",
                f"no picture in {folder} has a face that can be used ({read.summary or 'it is empty'}); "
                "put one picture of each stranger there, or leave --strangers out",
            )
        return read

    def _basis(self, model: str, standing: Standing) -> Basis:
        people = sum(standing.people[each] for each in ORDINARY)
        wanted = Wanted(self._parts.fpir, people, sum(standing.people.values()))
        return Basis(model, standing.scoring, wanted, standing.thresholds[ListName.STAFF], ORDINARY, NAMED)


def _told(files: Sequence[Path], step: Step) -> Iterator[Path]:
    for path in files:
        yield path
        step(1)


def _check(rows: Sequence[Row], model: str, *, has_strangers: bool) -> None:
    named = {row.person_id for row in rows if row.list in ORDINARY}
    others = {row.person_id for row in rows if row.list not in ORDINARY}
    if not named:
        raise Invalid(
            "nothing_to_measure",
            f"the library knows no face of anybody with a name under {model}; enrol people with `people import FOLDER` first",
        )
    if len(named) + len(others) == 1 and not has_strangers:
        raise Invalid(
            "nothing_to_measure",
            "there is one person in the library and nobody to be mistaken for; enrol more people, or give --strangers FOLDER",
        )


def _faces(rows: Sequence[Row], read: StrangerFolder) -> Faces:
    """The library's faces and the strangers of the folder, with those of the library's own list of strangers behind them."""
    known = [KnownFace(row.id, row.person_id, row.list, row.digest, Box(*row.box)) for row in rows]
    embeddings = np.stack([np.frombuffer(row.embedding, np.float32) for row in rows])
    listed = [place for place, face in enumerate(known) if face.list == ListName.STRANGER]
    strangers = [Stranger(each.picture, each.group, each.box) for each in read.faces]
    strangers += [Stranger("", "", known[place].box, known[place]) for place in listed]
    apart: Embedding = np.stack([*(each.embedding for each in read.faces), *embeddings[listed], embeddings[0]])[:-1]
    return Faces(known, embeddings, strangers, apart, read.refused)


def as_json(found: Measured) -> dict[str, Any]:
    """What is stored: figures and ids; no embedding, no name, no picture, no label of a group."""
    return {
        "version": VERSION,
        "scores": asdict(site_scores(found)),
        "accepted": found.accepted,
        "people": found.people,
        "faces": len(found.faces),
        "strangers": len(found.strangers),
        "refused": {reason: len(pictures) for reason, pictures in found.refused.items()},
        "now": asdict(found.now),
        "then": asdict(found.then),
        "rates": [asdict(point) for point in found.rates],
        "groups": [asdict(each) | {"group": number} for number, each in enumerate(found.groups)],
        "look_alikes": [
            {"people": each.people, "face": found.faces[each.face].face_id, "score": each.score}
            for each in found.look_alikes[:KEPT]
        ],
        "contradictions": [
            {"person": face.person_id, "face": face.face_id, "distance": each.distance, "nearer": each.nearer}
            for each in found.contradictions[:KEPT]
            for face in [found.faces[each.face]]
        ],
    }
