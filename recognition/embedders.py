"""Turns faces into embeddings with a network on ONNX Runtime: dlib's own, or one that was put into the models folder."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from recognition import embedder_files, landmarks, models, onnx_models
from recognition.embedder_files import EmbedderFile, Point
from recognition.engine import Embedding, RgbImage
from recognition.models import ModelError

Pair = tuple[Embedding, Embedding]
"""The embeddings of a face and of its mirror image."""

Rows = npt.NDArray[np.float32]

BATCH = 16
"""Chips that are given to a network at once; more gain no time and cost memory."""


class Embedder(Protocol):
    """Turns faces into embeddings; one object may be used by several threads.

    Attributes:
        model: id of the model, stored with every embedding.
        dimension: numbers of an embedding.
    """

    @property
    def model(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def embed(self, rgb: RgbImage, shapes: Sequence[Any]) -> list[Pair]:
        """The embeddings (float32) of the faces with these landmarks (dlib's) in ``rgb``, each with its mirror image's."""
        ...


def available(cache_dir: Path | None = None) -> list[str]:
    """The ids of all models that ``load`` knows: dlib's, then those described in ``cache_dir``.

    A description that cannot be read is left out; loading the model of its name says what is wrong with it.
    """
    return [models.DLIB_RESNET_V1, *embedder_files.available(_folder(cache_dir))]


def load(model: str, cache_dir: Path | None = None) -> Embedder:
    """The embedder of that model, ready to run.

    Raises:
        ModelError: ``embedder_missing``: there is none of that id, or its network is not there; ``embedder_invalid``:
            the description or the network is wrong, and in what; of dlib's, ``model_missing`` or ``model_corrupt``.
    """
    if model == models.DLIB_RESNET_V1:
        return DlibEmbedder(cache_dir)
    return FileEmbedder(embedder_files.described(model, _folder(cache_dir)))


def _folder(cache_dir: Path | None) -> Path:
    return cache_dir or onnx_models.default_cache_dir()


class DlibEmbedder:
    """dlib's face recognition network: 128 numbers, not of unit length, compared by Euclidean distance."""

    model = models.DLIB_RESNET_V1
    dimension = 128

    def __init__(self, cache_dir: Path | None = None) -> None:
        self._session = onnx_models.shared_session(onnx_models.RESNET, cache_dir)

    def embed(self, rgb: RgbImage, shapes: Sequence[Any]) -> list[Pair]:
        """As of Embedder; equal to dlib's ``compute_face_descriptor`` to about 3e-7."""
        return _in_pairs([landmarks.chip(rgb, shape) for shape in shapes], BATCH, self._run)

    def _run(self, chips: npt.NDArray[np.uint8]) -> Rows:
        return np.asarray(self._session.run(None, {"chips": chips})[0], dtype=np.float32)


class FileEmbedder:
    """A network that somebody put into the models folder, used as its description says."""

    def __init__(self, file: EmbedderFile) -> None:
        self._file = file
        self._session = _session(file)
        self._input, self._batch = _checked_input(self._session, file)
        order = slice(None) if file.channels == "rgb" else slice(None, None, -1)
        self._order = order
        self._probe()

    @property
    def model(self) -> str:
        return self._file.model

    @property
    def dimension(self) -> int:
        return self._file.dimension

    def embed(self, rgb: RgbImage, shapes: Sequence[Any]) -> list[Pair]:
        """As of Embedder; of unit length where the description's metric is ``cosine``."""
        return _in_pairs([self._chip(rgb, shape) for shape in shapes], self._batch, self._run)

    def _chip(self, rgb: RgbImage, shape: Any) -> RgbImage:
        """The face turned, scaled and moved so that its eyes and nose lie where the network wants them."""
        move = similarity(three_points(landmarks.points(shape)), self._file.points)
        return np.asarray(cv2.warpAffine(rgb, move, self._file.size, flags=cv2.INTER_LINEAR), dtype=np.uint8)

    def _run(self, chips: npt.NDArray[np.uint8]) -> Rows:
        """Rows of embeddings for Nx(height)x(width)x3 RGB.

        Raises:
            ModelError: ``embedder_invalid``: it fails, or gives something else; it may do well with one picture and not with
                the next.
        """
        values = chips[..., self._order].astype(np.float32)
        values = (values - np.asarray(self._file.mean, np.float32)) * np.asarray(self._file.scale, np.float32)
        if self._file.layout == "nchw":
            values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
        try:
            output = self._session.run(None, {self._input: values})[0]
            rows = np.asarray(output, dtype=np.float32).reshape(len(chips), -1)
        except (*onnx_models.UNUSABLE, ValueError) as error:
            raise _invalid(self._file, f"it cannot be run: {error}") from None
        if rows.shape[1] != self._file.dimension:
            raise _invalid(self._file, f"it gives {rows.shape[1]} numbers and not {self._file.dimension}")
        if self._file.metric == "cosine":
            rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
        if not np.isfinite(np.einsum("ij,ij->i", rows, rows)).all():
            raise _invalid(self._file, "it gives what are no numbers, or numbers too large to be compared")
        return rows

    def _probe(self) -> None:
        """What a network really gives shows only when it is run: with a grey chip and a reddish one of all shades."""
        width, height = self._file.size
        grey = np.full((height, width, 3), 127, np.uint8)
        reddish = np.resize(np.arange(256, dtype=np.uint8), grey.shape) // np.array([1, 2, 4], np.uint8)
        chips = np.stack([grey, reddish])
        rows = np.concatenate([self._run(chips[start : start + self._batch]) for start in range(0, 2, self._batch)])
        if np.array_equal(*rows):
            raise _invalid(self._file, "it gives the same for different pictures: everybody would be one")


_sessions: dict[tuple[Path, str], Any] = {}
_lock = threading.Lock()


def _session(file: EmbedderFile) -> Any:
    """One session for the process, of a network whose bytes are those that the description names."""
    with _lock:
        key = (file.network.absolute(), file.sha256)
        if key not in _sessions:
            _sessions[key] = _opened(file)
        return _sessions[key]


def _opened(file: EmbedderFile) -> Any:
    try:
        network = file.network.read_bytes()
    except OSError as error:
        raise ModelError("embedder_missing", f"{file.network} cannot be read: {error.strerror}.") from None
    if hashlib.sha256(network).hexdigest() != file.sha256:
        raise _invalid(file, "its SHA-256 is not the one that the description names")
    try:
        return onnx_models.session(network, has_arena=True)
    except onnx_models.UNUSABLE as error:
        raise _invalid(file, f"ONNX Runtime cannot load it: {error}") from None


FLOATS = frozenset({"tensor(float)", "tensor(float16)", "tensor(double)"})


def _checked_input(session: Any, file: EmbedderFile) -> tuple[str, int]:
    """The name of the network's input, and how many chips it takes at once; its output must be an array of numbers."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        raise _invalid(file, "it must have one input, of 32-bit floats")
    if session.get_outputs()[0].type not in FLOATS:
        raise _invalid(file, "its first output must be floats")
    batch = inputs[0].shape[0] if inputs[0].shape else 0
    if isinstance(batch, int) and batch != 1:
        raise _invalid(file, f"it takes {batch} pictures at once; it must take one, or any number")
    return inputs[0].name, 1 if batch == 1 else BATCH


def _invalid(file: EmbedderFile, what: str) -> ModelError:
    return ModelError("embedder_invalid", f"The network {file.network.name} cannot be used: {what}.")


def _in_pairs(chips: Sequence[RgbImage], batch: int, run: Callable[[npt.NDArray[np.uint8]], Rows]) -> list[Pair]:
    """The rows of each chip and of its mirror image; all faces of a picture go in together."""
    doubled = [each for chip in chips for each in (chip, chip[:, ::-1])]
    starts = range(0, len(doubled), batch)
    rows = [row for start in starts for row in run(np.stack(doubled[start : start + batch]))]
    return list(zip(rows[::2], rows[1::2], strict=True))


def three_points(points: Sequence[tuple[int, int]]) -> tuple[Point, Point, Point]:
    """The middles of the eyes at the picture's left and right, and the nose's base, of dlib's five points."""
    (right_out, right_in, left_out, left_in, nose) = points
    left = ((left_out[0] + left_in[0]) / 2, (left_out[1] + left_in[1]) / 2)
    right = ((right_out[0] + right_in[0]) / 2, (right_out[1] + right_in[1]) / 2)
    return left, right, (float(nose[0]), float(nose[1]))


def similarity(source: Sequence[Point], target: Sequence[Point]) -> npt.NDArray[np.float64]:
    """The 2x3 matrix that turns, scales and moves ``source`` nearest to ``target`` (least squares); never mirrors.

    With points as complex numbers a similarity is a product and a sum, and its best factor a quotient of two sums.
    """
    here, there = (np.asarray([complex(*point) for point in points]) for points in (source, target))
    middle, wanted = here.mean(), there.mean()
    spread = float(np.sum(np.abs(here - middle) ** 2))
    factor = np.sum(np.conj(here - middle) * (there - wanted)) / spread if spread else 1.0 + 0j
    move = wanted - factor * middle
    return np.asarray([[factor.real, -factor.imag, move.real], [factor.imag, factor.real, move.imag]])
