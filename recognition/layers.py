"""What a network is made of, as frozen values: one class for each kind of layer that dlib's two networks have."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """Cross-correlation with ``weights`` (filters, channels, rows, columns) and ``bias`` (filters,).

    Attributes:
        stride: pixels from one result to the next, in both directions.
        padding: zeros added on every side.
    """

    weights: Floats
    bias: Floats
    stride: int
    padding: int

    @property
    def signature(self) -> str:
        shape = "x".join(map(str, self.weights.shape))
        return f"convolution {shape} stride {self.stride} padding {self.padding}"


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """Each channel times its ``gamma`` plus its ``beta``; a batch normalisation that has learned is one too."""

    gamma: Floats
    beta: Floats

    @property
    def signature(self) -> str:
        return f"affine {self.gamma.size}"


@dataclass(frozen=True, slots=True)
class Relu:
    """Negative values become 0."""

    signature: str = "relu"


@dataclass(frozen=True, slots=True)
class Pool:
    """The ``max`` or ``average`` of ``side`` x ``side`` values; of the whole plane where ``side`` is 0."""

    kind: str
    side: int
    stride: int

    @property
    def signature(self) -> str:
        return f"{self.kind} pool {self.side} stride {self.stride}"


@dataclass(frozen=True, slots=True)
class Addition:
    """Adds what was marked before; channels, rows and columns that one of the two lacks count as 0."""

    signature: str = "addition"


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A row of values times ``weights`` (inputs, outputs), no bias."""

    weights: Floats

    @property
    def signature(self) -> str:
        inputs, outputs = self.weights.shape
        return f"dense {inputs} to {outputs}"


@dataclass(frozen=True, slots=True)
class Mark:
    """``tag ...`` remembers the values here for later; ``skip ...`` goes on with those remembered under that name."""

    signature: str


Layer = Convolution | Affine | Relu | Pool | Addition | Dense | Mark
Layers = tuple[Layer, ...]
