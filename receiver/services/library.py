"""The library as the recogniser needs it: one gallery in memory, kept in step with the database."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from receiver.domain.events import ListName
from receiver.domain.identity import Candidate
from receiver.domain.thresholds import threshold_for
from receiver.store import people
from receiver.store.database import Tx
from recognition.engine import Embedding
from recognition.gallery import Gallery, Template

# Enough to see the runner-up person, among the named ones and among the strangers.
CANDIDATES = 3
# More changes than this are cheaper, and within a statement's limits, as a reading of everything.
MANY = 1000
NAMED = frozenset(each for each in ListName if each is not ListName.STRANGER)


@dataclass(frozen=True, slots=True)
class Nearest:
    """The people nearest to a face, with the threshold that holds for a library of this size."""

    candidates: Sequence[Candidate]
    threshold: float


class Library:
    """All current faces of one model; every method wants an open transaction and first catches up with it."""

    def __init__(self, model: str, fpir: float) -> None:
        self.model = model
        self._fpir = fpir
        self._gallery = Gallery(model)
        self._last_change: int | None = None

    def nearest(self, tx: Tx, embedding: Embedding) -> Nearest:
        """The nearest people, nearest first."""
        self.catch_up(tx)
        matches = self._gallery.search(embedding, CANDIDATES, NAMED) + self._gallery.search(
            embedding, CANDIDATES, {ListName.STRANGER}
        )
        found = [Candidate(each.person_id, each.face_id, ListName(each.tag), each.distance) for each in matches]
        return Nearest(found, threshold_for(self._fpir, self._gallery.people))

    def catch_up(self, tx: Tx) -> None:
        """Takes over what others changed; under the gallery's lock nothing can be missing afterwards."""
        if self._last_change is None:
            self._last_change = people.last_change(tx)
            self._take(tx, None)
            return
        changes = people.changes_after(tx, self._last_change)
        if len(changes) > MANY:
            self.forget()
            self.catch_up(tx)
        elif changes:
            changed = sorted({person_id for _, person_id in changes})
            for person_id in changed:
                self._gallery.remove_person(person_id)
            self._take(tx, changed)
            self._last_change = changes[-1][0]

    def forget(self) -> None:
        """After a transaction that was rolled back: what it had added may be in here."""
        self._gallery = Gallery(self.model)
        self._last_change = None

    def _take(self, tx: Tx, ids: Sequence[int] | None) -> None:
        for row in people.gallery_rows(tx, self.model, ids):
            self._gallery.put(Template(row.id, row.person_id, np.frombuffer(row.embedding, dtype=np.float32), row.list))
