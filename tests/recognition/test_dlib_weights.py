"""dlib's files are read exactly, and a file that is not exactly one of them is refused."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recognition import dlib_file, dlib_weights, models
from recognition.dlib_file import DlibFile
from recognition.layers import Affine, Convolution, Dense, Layer, Layers
from recognition.models import ModelError

Reader = Callable[[bytes], Layers]


@dataclass(frozen=True)
class Known:
    """One published file, and which of its bytes are the weights themselves."""

    data: bytes
    layers: Layers
    is_weight: np.ndarray


class Watching(DlibFile):
    """Notes where the long runs of plain numbers lie; whatever else a file holds says how it is laid out."""

    found: list[tuple[int, int]]

    def take(self, count: int) -> bytes:
        end = self._at + count
        if count >= 64:  # no word, number or flag is that long
            self.found.append((self._at, end))
        return super().take(count)


READERS: dict[models.ModelFile, Reader] = {
    models.RESNET: dlib_weights.read_resnet,
    models.DETECTOR: dlib_weights.read_detector,
}
BOTH = pytest.mark.parametrize("file", READERS, ids=lambda file: file.name)


@cache
def known(file: models.ModelFile) -> Known:
    data = models.checked_path(file).read_bytes()
    Watching.found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dlib_weights, "DlibFile", Watching)
        layers = READERS[file](data)
    is_weight = np.zeros(len(data), bool)
    for start, end in Watching.found:
        is_weight[start:end] = True
    return Known(data, layers, is_weight)


def refusal(file: models.ModelFile, data: bytes) -> str:
    with pytest.raises(ModelError) as refused:
        READERS[file](data)
    assert refused.value.reason == "model_corrupt"
    return refused.value.detail


def is_same(one: Layer, other: Layer) -> bool:
    if type(one) is not type(other):
        return False
    pairs = [(getattr(one, each.name), getattr(other, each.name)) for each in fields(one)]
    return all(np.array_equal(mine, yours) for mine, yours in pairs)


def test_the_network_has_the_layers_that_are_published() -> None:
    layers = known(models.RESNET).layers
    kinds = [type(layer).__name__ for layer in layers]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counts == {"Convolution": 29, "Affine": 29, "Relu": 29, "Addition": 14, "Pool": 6, "Dense": 1, "Mark": 22}
    assert isinstance(layers[-1], Dense)
    assert layers[-1].weights.shape == (256, 128)


def test_the_detector_has_seven_convolutions_that_see_eighty_pixels() -> None:
    layers = known(models.DETECTOR).layers
    filters = [layer.weights.shape for layer in layers if isinstance(layer, Convolution)]
    assert filters == [
        (16, 3, 5, 5),
        (32, 16, 5, 5),
        (32, 32, 5, 5),
        (45, 32, 5, 5),
        *[(45, 45, 5, 5)] * 2,
        (1, 45, 9, 9),
    ]


@BOTH
def test_weights_are_numbers_of_the_size_that_networks_have(file: models.ModelFile) -> None:
    for layer in known(file).layers:
        if isinstance(layer, Convolution):
            assert 0.001 < float(np.abs(layer.weights).max()) < 10
        elif isinstance(layer, Affine):
            assert float(np.abs(layer.gamma).max()) > 0.01


@BOTH
def test_most_of_a_file_is_weights(file: models.ModelFile) -> None:
    assert 0.98 < float(known(file).is_weight.mean()) < 1


@BOTH
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_file_that_ends_early_is_refused(file: models.ModelFile, data: st.DataObject) -> None:
    whole = known(file).data
    length = data.draw(st.one_of(st.integers(0, 400), st.integers(0, len(whole) - 1)))
    assert "it ends early" in refusal(file, whole[:length])


@BOTH
@settings(deadline=None, max_examples=20)
@given(more=st.binary(min_size=1, max_size=40))
def test_a_file_that_goes_on_too_long_is_refused(file: models.ModelFile, more: bytes) -> None:
    assert "bytes after the last layer" in refusal(file, known(file).data + more)


@BOTH
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_no_changed_byte_of_the_layout_gives_other_numbers(file: models.ModelFile, data: st.DataObject) -> None:
    """It is refused, or it was a note of training that no result depends on."""
    original = known(file)
    layout = np.flatnonzero(~original.is_weight)
    at = int(layout[data.draw(st.integers(0, len(layout) - 1))])
    changed = bytearray(original.data)
    changed[at] = data.draw(st.integers(0, 255))
    try:
        layers = READERS[file](bytes(changed))
    except ModelError as error:
        assert error.reason == "model_corrupt"  # noqa: PT017 - one of two good ends
    else:
        assert all(is_same(*pair) for pair in zip(layers, original.layers, strict=True))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (b"con_4", b"con_5", "no known kind of layer"),
        (b"con_4", b"relu_", "mode|form|version|kind|layer"),
        (b"loss_metric_2", b"loss_metric_3", "loss"),
        (b"input_rgb_image_sized", b"input_rgb_image_sizes", "input"),
        (b"max_pool_2", b"avg_pool_2", "average pool 3 stride 2"),
        (b"affine_", b"relu___", "no known kind"),
    ],
)
def test_a_foreign_word_is_refused(before: bytes, after: bytes, said: str) -> None:
    changed = known(models.RESNET).data.replace(before, after, 1)
    with pytest.raises(ModelError, match=said):
        dlib_weights.read_resnet(changed)


def test_one_network_is_not_taken_for_the_other() -> None:
    refusal(models.DETECTOR, known(models.RESNET).data)
    refusal(models.RESNET, known(models.DETECTOR).data)


@BOTH
def test_a_weight_that_is_no_number_is_refused(file: models.ModelFile) -> None:
    original = known(file)
    at = int(np.flatnonzero(original.is_weight)[0])
    changed = bytearray(original.data)
    changed[at : at + 4] = np.float32(np.nan).tobytes()
    assert "a weight is no number" in refusal(file, bytes(changed))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x01\x00", 0),
        (b"\x01\x05", 5),
        (b"\x81\x05", -5),
        (b"\x02\x00\x01", 256),
        (b"\x08" + b"\xff" * 8, 2**64 - 1),
    ],
)
def test_whole_numbers_are_a_sign_and_their_bytes(data: bytes, value: int) -> None:
    assert DlibFile(data).integer() == value


@pytest.mark.parametrize("data", [b"\x00", b"\x09" + b"\1" * 9, b"\x11\x05", b"\x81\x00", b"\x02\x05\x00", b"\x02\x05"])
def test_whole_numbers_that_dlib_would_not_write_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError):
        DlibFile(data).integer()


def test_real_numbers_are_a_mantissa_and_a_power_of_two() -> None:
    assert DlibFile(b"\x01\x10\x81\x04").real() == 1.0
    assert DlibFile(b"\x81\x03\x01\x02").real() == -12.0


def test_an_endless_number_is_refused() -> None:
    with pytest.raises(ModelError, match="out of range"):
        DlibFile(b"\x01\x01\x02\xff\x7f").real()  # dlib writes infinity so


def test_a_text_longer_than_the_file_is_refused() -> None:
    with pytest.raises(ModelError, match="ends early"):
        DlibFile(b"\x08" + b"\xff" * 8).text()


def test_a_refusal_says_what_is_wrong() -> None:
    assert str(dlib_file.corrupt("it is blue")) == "The file of weights is not the known one: it is blue."
