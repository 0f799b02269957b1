"""Writes a network of layers as ONNX, with what is added and multiplied before or after a convolution folded into it.

Loads the package ``onnx`` (30 MB): imported only by whoever writes a network.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from recognition.dlib_weights import AVERAGES
from recognition.layers import Addition, Affine, Convolution, Dense, Floats, Layer, Layers, Mark, Pool, Relu

CHIP_SIDE = 150
OPSET, IR_VERSION = 17, 8
"""Of 2022: every ONNX Runtime that the project allows reads them."""
DEPTH = 256
"""What the pictures' values are divided by; dlib takes 256, not 255."""


def resnet(layers: Layers) -> bytes:
    """The face recognition network: ``chips`` (uint8, Nx150x150x3, RGB) to ``embeddings`` (float32, Nx128)."""
    graph = _Graph("pixels", channels=3, side=CHIP_SIDE)
    graph.node("Cast", ["chips"], "values", to=TensorProto.FLOAT)
    graph.node("Transpose", ["values"], "pixels", perm=[0, 3, 1, 2])
    for layer in _folded(layers):
        graph.add(layer)
    source = helper.make_tensor_value_info("chips", TensorProto.UINT8, ["n", CHIP_SIDE, CHIP_SIDE, 3])
    return graph.written(source, "embeddings", ["n", 128])


def detector(layers: Layers) -> bytes:
    """The face detector: ``plane`` (float32, 1x3xHxW, RGB of 0 to 255) to ``scores`` (float32, 1x1xH/8xW/8, roughly)."""
    graph = _Graph("plane", channels=3, side=0)
    for layer in _folded(layers):
        graph.add(layer)
    source = helper.make_tensor_value_info("plane", TensorProto.FLOAT, [1, 3, "height", "width"])
    return graph.written(source, "scores", [1, 1, "rows", "columns"])


def _folded(layers: Layers) -> Iterable[Layer]:
    """The layers without scales: each becomes part of the convolution before it, the input's of the first.

    The first convolution adds no zeros around its input, so its scale folds exactly, at the edges too.
    """
    folded: list[Layer] = []
    for layer in layers:
        last = folded[-1] if folded else None
        if isinstance(layer, Affine) and isinstance(last, Convolution):
            folded[-1] = _scaled(last, layer)
        else:
            folded.append(layer)
    first = folded[0]
    assert isinstance(first, Convolution)
    assert not first.padding
    folded[0] = _of_pixels(first)
    return folded


def _scaled(convolution: Convolution, scale: Affine) -> Convolution:
    gamma = scale.gamma.astype(np.float64)
    weights = convolution.weights * gamma[:, None, None, None]
    bias = convolution.bias * gamma + scale.beta
    return replace(convolution, weights=weights.astype(np.float32), bias=bias.astype(np.float32))


def _of_pixels(convolution: Convolution) -> Convolution:
    weights = convolution.weights.astype(np.float64) / DEPTH
    bias = convolution.bias - np.einsum("fcyx,c->f", weights, np.asarray(AVERAGES))
    return replace(convolution, weights=weights.astype(np.float32), bias=bias.astype(np.float32))


@dataclass(frozen=True, slots=True)
class _Values:
    """What flows between two nodes.

    Attributes:
        name: of the tensor in the graph.
        channels: how many.
        side: rows and columns; 0 where they are not fixed.
    """

    name: str
    channels: int
    side: int


class _Graph:
    """Nodes in the order of the layers, and what each gives on."""

    def __init__(self, source: str, channels: int, side: int) -> None:
        self._now = _Values(source, channels, side)
        self._marked: dict[str, _Values] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def add(self, layer: Layer) -> None:
        """The next layer of the network."""
        match layer:
            case Convolution():
                self._convolution(layer)
            case Relu():
                self._now = replace(self._now, name=self._step("Relu", [self._now.name]))
            case Pool():
                self._pool(layer)
            case Addition():
                self._addition()
            case Dense():
                flat = self._step("Flatten", [self._now.name], axis=1)
                name = self._step("MatMul", [flat, self._constant(layer.weights)])
                self._now = _Values(name, layer.weights.shape[1], 1)
            case Mark():
                self._mark(layer)
            case Affine():
                raise ValueError("a scale stands behind a convolution")

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        """A node of ONNX's own kind."""
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def written(self, source: onnx.ValueInfoProto, output: str, shape: list[int | str]) -> bytes:
        """The whole graph, checked, as the content of a file; the same layers give the same bytes."""
        self.node("Identity", [self._now.name], output)
        target = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self._nodes, "dlib", [source], [target], self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def _step(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"v{len(self._nodes)}"
        self.node(kind, inputs, name, **attributes)
        return name

    def _constant(self, values: Floats | np.ndarray) -> str:
        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _convolution(self, layer: Convolution) -> None:
        inputs = [self._now.name, self._constant(layer.weights), self._constant(layer.bias)]
        filters, _, side, _ = layer.weights.shape
        steps = {"strides": [layer.stride] * 2, "pads": [layer.padding] * 4, "kernel_shape": [side] * 2}
        name = self._step("Conv", inputs, **steps)
        self._now = _Values(name, filters, self._reduced(side, layer.stride, layer.padding))

    def _pool(self, layer: Pool) -> None:
        if layer.side == 0:
            name = self._step("GlobalAveragePool", [self._now.name])
            self._now = replace(self._now, name=name, side=1)
            return
        kind = {"max": "MaxPool", "average": "AveragePool"}[layer.kind]
        sides = {"kernel_shape": [layer.side] * 2, "strides": [layer.stride] * 2}
        name = self._step(kind, [self._now.name], **sides)
        self._now = replace(self._now, name=name, side=self._reduced(layer.side, layer.stride, 0))

    def _reduced(self, side: int, stride: int, padding: int) -> int:
        return (self._now.side + 2 * padding - side) // stride + 1 if self._now.side else 0

    def _mark(self, layer: Mark) -> None:
        kind, number = layer.signature.split()
        if kind == "tag":
            self._marked[number] = self._now
        else:
            self._now = self._marked[number]

    def _addition(self) -> None:
        """Adds what was marked last; dlib fills up whichever of the two is smaller with zeros."""
        _, other = self._marked.popitem()
        channels, side = max(self._now.channels, other.channels), max(self._now.side, other.side)
        names = [self._filled(values, channels, side) for values in (self._now, other)]
        self._now = _Values(self._step("Add", names), channels, side)

    def _filled(self, values: _Values, channels: int, side: int) -> str:
        more = [0, channels - values.channels, side - values.side, side - values.side]
        if not any(more):
            return values.name
        return self._step("Pad", [values.name, self._constant(np.asarray([0] * 4 + more, dtype=np.int64))])
