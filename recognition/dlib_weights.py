"""Reads the networks in dlib's own files of weights, in plain Python, and refuses whatever is not exactly the known layout.

dlib writes a network as it is nested in C++: first the loss, then the versions of all layers from the output inwards,
then the input, then each layer's values from the input outwards. The file does not say how layers are connected, so a
reader must know it: the layouts below are what is expected, and a file of another one is refused.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from recognition.dlib_file import DlibFile, corrupt
from recognition.layers import Addition, Affine, Convolution, Dense, Floats, Layer, Layers, Mark, Pool, Relu

AVERAGES = tuple(float(np.float32(average)) for average in (122.782, 117.001, 104.298))
"""Mean red, green and blue of the pictures that both networks learned from, on the scale of 0 to 255."""

OVERLAP = 0.3382761351109955
"""Two finds of the detector whose common area is more than this share of the rectangle around both are one face."""

WINDOW = 80
"""Side in pixels of the one window that the detector looks through."""


def read_resnet(data: bytes) -> Layers:
    """The layers of dlib's face recognition network from the input on, from the content of its file.

    The network takes RGB chips of 150x150 pixels, minus AVERAGES, over 256, and gives 128 numbers.

    Raises:
        ModelError: ``model_corrupt``: the file ends early, goes on too long or is laid out otherwise.
    """
    return _read(data, _resnet_loss, _sized_input, _resnet_layout())


def read_detector(data: bytes) -> Layers:
    """The layers of dlib's mmod face detector from the input on, from the content of its file.

    The network takes a plane of pictures (RGB, minus AVERAGES, over 256) of any size, and gives scores for every 8th
    pixel; a window is WINDOW pixels wide, and finds overlap by OVERLAP.

    Raises:
        ModelError: ``model_corrupt``, as of read_resnet.
    """
    return _read(data, _mmod_loss, _pyramid_input, _detector_layout())


def _read(
    data: bytes, loss: Callable[[DlibFile], None], source: Callable[[DlibFile], None], layout: tuple[str, ...]
) -> Layers:
    file = DlibFile(data)
    file.expect(file.integer(), 1, "version of the loss")
    loss(file)
    versions = _versions(file, len(layout))
    source(file)
    layers = tuple(_layer(file, version, wanted) for version, wanted in zip(reversed(versions), layout, strict=True))
    file.expect(file.left, 0, "bytes after the last layer")
    return layers


def _convolution(filters: int, channels: int, side: int, stride: int = 1, padding: int = 0) -> list[str]:
    shape = f"{filters}x{channels}x{side}x{side}"
    return [f"convolution {shape} stride {stride} padding {padding}", f"affine {filters}"]


def _resnet_layout() -> tuple[str, ...]:
    layout = [*_convolution(32, 3, 7, stride=2), "relu", "max pool 3 stride 2"]
    channels = 32
    for filters, blocks, is_halving in ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True)):
        for number in range(blocks):
            layout += _block(filters, channels, is_halving=is_halving and number == 0)
            channels = filters
    return (*layout, "average pool 0 stride 1", "dense 256 to 128")


def _block(filters: int, channels: int, *, is_halving: bool) -> list[str]:
    """Two convolutions beside a short cut; the short cut of one that halves the plane is pooled."""
    stride, padding = (2, 0) if is_halving else (1, 1)
    first = [*_convolution(filters, channels, 3, stride, padding), "relu"]
    second = _convolution(filters, filters, 3, 1, 1)
    pooled = ["tag 2", "skip 1", "average pool 2 stride 2"] if is_halving else []
    return ["tag 1", *first, *second, *pooled, "addition", "relu"]


def _detector_layout() -> tuple[str, ...]:
    layout: list[str] = []
    for filters, channels, stride, padding in ((16, 3, 2, 0), (32, 16, 2, 0), (32, 32, 2, 0)):
        layout += [*_convolution(filters, channels, 5, stride, padding), "relu"]
    for channels in (32, 45, 45):
        layout += [*_convolution(45, channels, 5, 1, 2), "relu"]
    return (*layout, _convolution(1, 45, 9, 1, 4)[0])


def _resnet_loss(file: DlibFile) -> None:
    file.expect(file.text(), "loss_metric_2", "loss")
    file.reals(2)  # margin and threshold: of training only


def _mmod_loss(file: DlibFile) -> None:
    file.expect(file.text(), "loss_mmod_", "loss")
    file.expect(file.integer(), 1, "version of the loss's options")
    file.expect(file.integers(2), (WINDOW, WINDOW), "window")
    file.reals(3)  # costs of a false alarm and of a miss, and what counts as found: of training only
    file.expect(file.reals(2), (OVERLAP, 1.0), "overlap of finds")
    file.reals(2)  # overlap with what training leaves out


def _sized_input(file: DlibFile) -> None:
    file.expect(file.text(), "input_rgb_image_sized", "input")
    file.expect(file.reals(3), AVERAGES, "mean colour")
    file.expect(file.integers(2), (150, 150), "size of the input")


def _pyramid_input(file: DlibFile) -> None:
    file.expect(file.text(), "input_rgb_image_pyramid", "input")
    file.expect(file.reals(3), AVERAGES, "mean colour")


MARK, LAYER, INNERMOST = 1, 2, 3  # what the versions tell apart


def _versions(file: DlibFile, count: int) -> list[int]:
    versions = [file.integer() for _ in range(count)]
    if versions[-1] != INNERMOST or not set(versions[:-1]) <= {MARK, LAYER}:
        raise corrupt(f"it has not {count} layers")
    return versions


def _layer(file: DlibFile, version: int, wanted: str) -> Layer:
    if version == MARK:
        if not wanted.startswith(("tag", "skip")):
            raise corrupt(f"there is a mark where {wanted!r} belongs")
        return Mark(wanted)
    kind = file.text()
    read = KINDS.get(kind)
    if read is None:
        raise corrupt(f"{kind[:80]!r} is no known kind of layer")
    layer = read(file)
    file.expect(layer.signature, wanted, "layer")
    for _ in range(3):
        file.flag()  # states of training
    for _ in range(3):
        file.tensor(0, 0, 0, 0)  # gradients and a result, which are not kept
    if version == INNERMOST:
        file.expect(file.integer(), 1, "number of samples for each picture")
    return layer


def _read_convolution(file: DlibFile) -> Convolution:
    count, values = _flat(file)
    filters, rows, columns, *steps = file.integers(7)
    stride, padding = steps[0], steps[2]
    file.expect(steps, [stride, stride, padding, padding], "stride and padding")
    shape = file.shape(1)
    file.expect(shape[:1] + shape[2:], (filters, rows, columns), "shape of the filters")
    file.expect(file.shape(1), (1, filters, 1, 1), "shape of the biases")
    file.expect(count, math.prod(shape) + filters, "number of weights")
    file.reals(4)  # rates of learning
    return Convolution(values[:-filters].reshape(shape), values[-filters:], stride, padding)


def _flat(file: DlibFile) -> tuple[int, Floats]:
    """All weights of a layer in one row, however long."""
    count, *others = file.shape(2)
    file.expect(others, [1, 1, 1], "shape of the weights")
    values = np.frombuffer(file.take(4 * count), "<f4").astype(np.float32)
    if not count or not np.isfinite(values).all():
        raise corrupt("a weight is no number")
    return count, values


def _scale(file: DlibFile) -> Affine:
    """Gammas, then betas, one of each a channel."""
    count, values = _flat(file)
    channels = count // 2
    for _ in range(2):
        file.expect(file.shape(1), (1, channels, 1, 1), "shape of a scale")
    file.expect(count, 2 * channels, "number of scales")
    return Affine(values[:channels], values[channels:])


def _read_affine(file: DlibFile) -> Affine:
    scale = _scale(file)
    file.expect(file.integer(), 0, "mode of a scale")  # 0: one a channel
    return scale


def _read_normalisation(file: DlibFile) -> Affine:
    """What a batch normalisation does after training, with the means and variances that it kept."""
    scale = _scale(file)
    shape = (1, scale.gamma.size, 1, 1)
    _, _, means, variances = (file.tensor(*shape).ravel().astype(np.float64) for _ in range(4))
    file.integers(2)  # how often they were updated, and over how many
    *_, least = file.reals(5)  # rates of learning, then what keeps the root from 0
    file.expect(least, 1e-4, "least variance")
    if variances.min() < 0:
        raise corrupt("a variance is negative")
    gamma = scale.gamma / np.sqrt(variances + least)
    beta = scale.beta - gamma * means
    return replace(scale, gamma=gamma.astype(np.float32), beta=beta.astype(np.float32))


def _read_relu(file: DlibFile) -> Relu:  # noqa: ARG001 - it has no values
    return Relu()


def _read_addition(file: DlibFile) -> Addition:  # noqa: ARG001 - it has no values
    return Addition()


def _read_max(file: DlibFile) -> Pool:
    return _pool(file, "max")


def _read_average(file: DlibFile) -> Pool:
    return _pool(file, "average")


def _pool(file: DlibFile, kind: str) -> Pool:
    numbers = file.integers(6)
    side, stride = numbers[0], numbers[2]
    file.expect(numbers, (side, side, stride, stride, 0, 0), "form of a pool")
    return Pool(kind, side, stride)


def _read_dense(file: DlibFile) -> Dense:
    outputs, inputs = file.integers(2)
    weights = file.tensor(inputs, outputs, 1, 1)
    file.expect(file.shape(1), (inputs, outputs, 1, 1), "shape of the dense weights")
    file.expect(file.shape(1), (0, 0, 0, 0), "shape of the dense biases")
    file.expect(file.integer(), 1, "mode of the bias")  # 1: none
    file.reals(4)  # rates of learning
    return Dense(weights.reshape(inputs, outputs))


KINDS: dict[str, Callable[[DlibFile], Layer]] = {
    "con_4": _read_convolution,
    "affine_": _read_affine,
    "bn_con2": _read_normalisation,
    "relu_": _read_relu,
    "add_prev_": _read_addition,
    "max_pool_2": _read_max,
    "avg_pool_2": _read_average,
    "fc_2": _read_dense,
}
