"""A matrix of vectors by number that grows and shrinks in place; what exact search reads."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from recognition.engine import Embedding

FIRST_ROWS = 64

Labels = npt.NDArray[np.int64]
Number = TypeVar("Number", np.float32, np.int64)


class Vectors:
    """Float32 vectors of one length, each with whole numbers beside it, the first of which is its id; no lock of its own.

    Removing puts the last row into the gap, so that a search always reads one block of memory. It takes 4 bytes a number,
    and half as much again while it grows.
    """

    def __init__(self, dimension: int, columns: int) -> None:
        """Make room for vectors of ``dimension`` numbers with ``columns`` labels each, 1 or more."""
        self._used = 0
        self._matrix: Embedding = np.empty((FIRST_ROWS, dimension), np.float32)
        self._squares: npt.NDArray[np.float32] = np.empty(FIRST_ROWS, np.float32)
        self._labels: Labels = np.empty((FIRST_ROWS, columns), np.int64)
        self._row_of: dict[int, int] = {}

    def __len__(self) -> int:
        """Number of vectors."""
        return self._used

    @property
    def matrix(self) -> Embedding:
        """All vectors, shape (n, dimension), float32: a view that the next change may overwrite."""
        return self._matrix[: self._used]

    @property
    def labels(self) -> Labels:
        """What stands beside each vector, shape (n, columns), int64: a view that the next change may overwrite."""
        return self._labels[: self._used]

    def row(self, identity: int) -> int | None:
        """Where the vector with that id is now; None if it is not here."""
        return self._row_of.get(identity)

    def put(self, labels: Sequence[int], vector: Embedding) -> None:
        """Add a vector, or replace the one whose id is ``labels[0]``."""
        row = self._row_of.get(labels[0])
        if row is None:
            row = self._used
            self._make_room(row + 1)
            self._used += 1
            self._row_of[labels[0]] = row
        self._matrix[row] = vector
        self._squares[row] = vector @ vector
        self._labels[row] = labels

    def fill(self, labels: Labels, matrix: Embedding) -> None:
        """Take over many vectors at once in place of all that were here; the ids must be different."""
        # What was read from a database as bytes cannot be written to.
        self._matrix = np.require(matrix, np.float32, ["C", "W"])
        self._labels = np.require(labels, np.int64, ["C", "W"])
        self._squares = np.einsum("ij,ij->i", matrix, matrix)
        self._used = len(matrix)
        self._row_of = dict(zip(labels[:, 0].tolist(), range(self._used), strict=True))

    def remove(self, identity: int) -> bool:
        """Remove a vector; the last one takes its place. False if it was not here."""
        row = self._row_of.pop(identity, None)
        if row is None:
            return False
        self._used -= 1
        if row != self._used:
            for array in (self._matrix, self._squares, self._labels):
                array[row] = array[self._used]
            self._row_of[int(self._labels[row, 0])] = row
        return True

    def squared_distances(self, probe: Embedding) -> npt.NDArray[np.float32]:
        """Squared Euclidean distance of ``probe`` (float32, shape (dimension,)) to each vector; a new array.

        They are off by about 1e-6 of the vectors' own squares; see ``exact_distances``.
        """
        # |g - p|^2 = |g|^2 - 2 g.p + |p|^2: one matrix product, about 40 times faster than subtracting row by row.
        products: npt.NDArray[np.float32] = self.matrix @ probe
        products *= -2
        products += self._squares[: self._used]
        products += probe @ probe
        return np.maximum(products, 0, out=products)

    def exact_distances(self, rows: Sequence[int], probe: Embedding) -> npt.NDArray[np.float64]:
        """Euclidean distance of ``probe`` to the vectors in some rows, to the last digit of float32."""
        if not rows:
            return np.empty(0)
        apart = self._matrix[rows].astype(np.float64) - probe
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", apart, apart)))

    def _make_room(self, rows: int) -> None:
        have = len(self._matrix)
        if rows > have:
            want = max(rows, have + have // 2, FIRST_ROWS)
            self._matrix, self._squares = _grown(self._matrix, want), _grown(self._squares, want)
            self._labels = _grown(self._labels, want)


def _grown(array: npt.NDArray[Number], rows: int) -> npt.NDArray[Number]:
    grown = np.empty((rows, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
