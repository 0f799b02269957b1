"""The library as it is at one moment, in matrices."""

from dataclasses import dataclass
from statistics import mode

import numpy as np
import numpy.typing as npt

from receiver.domain.events import ListName
from receiver.domain.library_health import Crowd
from receiver.domain.scales import Scale
from receiver.services.deciding.library import Library, Standing
from receiver.store import people
from receiver.store.database import Tx
from recognition.engine import Embedding

Numbers = npt.NDArray[np.int64]
# Numbers in one matrix of distances: 32 MB.
ROOM = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All current faces of the model that decides, sorted by person and age.

    Attributes:
        model: of the embeddings.
        scale: that model's.
        standing: the thresholds that hold.
        face_ids: shape (n,).
        owners: shape (n,), the row in ``person_ids`` of each face's person.
        embeddings: shape (n, d).
        person_ids: shape (m,), rising.
        lists: of each person.
        starts: shape (m,), where each person's faces begin.
        crowd: the means of each person's faces, and their numbers.
    """

    model: str
    scale: Scale
    standing: Standing
    face_ids: Numbers
    owners: Numbers
    embeddings: Embedding
    person_ids: Numbers
    lists: tuple[ListName, ...]
    starts: Numbers
    crowd: Crowd

    def rows_of(self, *lists: ListName) -> Numbers:
        """The rows of the people of some lists."""
        return np.array([row for row, each in enumerate(self.lists) if each in lists], np.int64)

    def own(self, row: int) -> slice:
        """The faces of a person."""
        start = int(self.starts[row])
        return slice(start, start + int(self.crowd.faces[row]))


def block_of(people_compared: int) -> int:
    """How many rows may be compared with so many people at once."""
    return max(1, ROOM // max(people_compared, 1))


def taken(tx: Tx, library: Library) -> Snapshot | None:
    """The library now; None if it has no face. What is damaged is left out, as it is in decisions.

    Raises:
        SetupError: ``no_thresholds``: nothing is known of the model's distances.
    """
    standing = library.standing(tx)
    rows = people.gallery_rows(tx, library.model)
    if not rows:
        return None
    size = mode(len(row.embedding) for row in rows)
    rows = [row for row in rows if len(row.embedding) == size]
    matrix = np.frombuffer(b"".join(row.embedding for row in rows), np.float32).reshape(len(rows), -1)
    ids = np.array([(row.person_id, row.id) for row in rows], np.int64)
    whole = np.flatnonzero(np.isfinite(matrix).all(axis=1))
    order = whole[np.lexsort((ids[whole, 1], ids[whole, 0]))]
    if not len(order):
        return None
    embeddings, ids = matrix[order], ids[order]
    person_ids, starts, owners, counts = np.unique(
        ids[:, 0], return_index=True, return_inverse=True, return_counts=True
    )
    means = np.add.reduceat(embeddings, starts, axis=0, dtype=np.float64) / counts[:, None]
    return Snapshot(
        model=library.model,
        scale=library.scale,
        standing=standing,
        face_ids=ids[:, 1],
        owners=owners,
        embeddings=embeddings,
        person_ids=person_ids,
        lists=tuple(ListName(rows[order[start]].list) for start in starts.tolist()),
        starts=starts,
        crowd=Crowd(means.astype(np.float32), counts),
    )
