"""The alphabet of dlib's files: numbers, texts and tensors, read strictly from the beginning to the end."""

import math

import numpy as np

from recognition.layers import Floats
from recognition.models import ModelError


class DlibFile:
    """The content of a file, read from its beginning to its end; whatever dlib would not have written so is refused.

    Every method raises ModelError (``model_corrupt``) where the file has something else or ends early.
    """

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        if count > self.left:
            raise corrupt("it ends early")
        self._at += count
        return bytes(self._data[self._at - count : self._at])

    def integer(self) -> int:
        """A control byte (how many bytes follow, and the sign), then the magnitude, least byte first."""
        control = self.take(1)[0]
        count = control & 0x0F
        if control & 0x70 or not 1 <= count <= 8:  # noqa: PLR2004 - a whole number has one to eight bytes
            raise corrupt("a number has no known form")
        magnitude = self.take(count)
        value = int.from_bytes(magnitude, "little")
        if (count > 1 and not magnitude[-1]) or (control & 0x80 and not value):
            raise corrupt("a number is not written as dlib writes it")
        return -value if control & 0x80 else value

    def real(self) -> float:
        """A mantissa and an exponent of 2; nothing here is infinite."""
        mantissa, exponent = self.integer(), self.integer()
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError:
            raise corrupt("a number is out of range") from None

    def flag(self) -> bool:
        """The letter 1 or 0."""
        mark = self.take(1)
        if mark not in (b"0", b"1"):
            raise corrupt("a yes or no is neither")
        return mark == b"1"

    def text(self) -> str:
        """A length, then so many bytes."""
        count = self.integer()
        if not 0 <= count <= self.left:
            raise corrupt("it ends early")
        return self.take(count).decode("latin-1")

    def shape(self, version: int) -> tuple[int, ...]:
        """Samples, channels, rows and columns, behind the version (2 of a tensor, 1 of a view into one)."""
        self.expect(self.integer(), version, "version of a tensor")
        sides = tuple(self.integer() for _ in range(4))
        if min(sides) < 0:
            raise corrupt("a tensor has a negative side")
        return sides

    def tensor(self, *shape: int) -> Floats:
        """Plain 32-bit numbers, all finite, which must be of that many samples, channels, rows and columns."""
        self.expect(self.shape(2), shape, "shape of a tensor")
        values = np.frombuffer(self.take(4 * math.prod(shape)), "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise corrupt("a weight is no number")
        return values.reshape(shape)

    def reals(self, count: int) -> tuple[float, ...]:
        """So many real numbers."""
        return tuple(self.real() for _ in range(count))

    def integers(self, count: int) -> tuple[int, ...]:
        """So many whole numbers."""
        return tuple(self.integer() for _ in range(count))

    def expect(self, found: object, wanted: object, what: str) -> None:
        """Refuse the file unless what it says is the one thing that is wanted."""
        if found != wanted:
            raise corrupt(f"the {what} is {str(found)[:80]!r} and not {str(wanted)!r}")


def corrupt(what: str) -> ModelError:
    """The error that says what is wrong with the file."""
    return ModelError("model_corrupt", f"The file of weights is not the known one: {what}.")
