"""The description of an embedding network that somebody put into the models folder: a TOML file beside an ONNX file.

``arc.toml`` describes ``arc.onnx``; docs/explanation/recognition.md shows a whole one.
"""

import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recognition import models
from recognition.models import ModelError

Point = tuple[float, float]
Three = tuple[float, float, float]

IDS = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
SIDES = range(16, 1025)  # pixels
DIMENSIONS = range(2, 4097)
RGB_CHANNELS = 3
LARGEST = 1000  # of a mean or scale of values from 0 to 255

EYES_OF_ARCFACE = ((38.2946, 51.6963), (73.5318, 51.5014))
NOSE_BASE = 0.75
"""Distance of the nose's base from the eye line over that of the eyes: the median of 400 press photographs (0.59 to 0.90)."""

TEMPLATES: dict[str, tuple[Point, Point, Point]] = {
    "arcface-112": (*EYES_OF_ARCFACE, (56.07, round(51.6 + NOSE_BASE * 35.24, 2))),
}
"""Where the middles of the eyes (left and right in the picture) and the nose's base come to lie, in pixels of the input.

ArcFace's own template names the eyes, the tip of the nose and the corners of the mouth. dlib's five points give of
those only the eyes; for the nose's tip they give its base, so that stands here where faces with these eyes have it.
"""


@dataclass(frozen=True, slots=True)
class EmbedderFile:
    """What the TOML file says.

    Attributes:
        model: the model's id, stored with every embedding.
        network: path of the ONNX file.
        sha256: hex digest of that file.
        size: width and height of the input in pixels.
        layout: order of its axes behind the batch: ``nchw`` or ``nhwc``.
        channels: ``rgb`` or ``bgr``.
        mean: taken from the values of 0 to 255, one a channel in the network's order.
        scale: what the difference is multiplied by, likewise.
        points: where the middles of the eyes at the picture's left and right and the nose's base lie in the input.
        metric: ``euclidean``, or ``cosine``: embeddings are then stored at unit length, which orders them alike.
        dimension: numbers of an embedding.
        licence: of the network, for whoever asks; empty if it says none.
        verification_threshold: Euclidean distance up to which two faces are one person's; None if it says none.
        false_matches: pairs of a Euclidean distance and the share of pairs of two people that are nearer; may be empty.
    """

    model: str
    network: Path
    sha256: str
    size: tuple[int, int]
    layout: str
    channels: str
    mean: Three
    scale: Three
    points: tuple[Point, Point, Point]
    metric: str
    dimension: int
    licence: str = ""
    verification_threshold: float | None = None
    false_matches: tuple[tuple[float, float], ...] = ()


def available(folder: Path) -> list[str]:
    """The ids of all embedders whose description in ``folder`` can be read, in order."""
    return sorted(set(_readable(folder)))


def described(model: str, folder: Path) -> EmbedderFile:
    """The description of that model among the TOML files in ``folder``.

    Raises:
        ModelError: ``embedder_missing``: no file has that id; ``embedder_invalid``: the file of that name is wrong.
    """
    wrong: ModelError | None = None
    for path in _files(folder):
        try:
            found = read(path)
        except ModelError as error:
            wrong = error if path.stem == model else wrong
            continue
        if found.model == model:
            return found
    if wrong is not None:
        raise wrong
    known = ", ".join([models.DLIB_RESNET_V1, *available(folder)])
    raise ModelError("embedder_missing", f"There is no embedding model {model!r} in {folder}; there are: {known}.")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.toml"))


def _readable(folder: Path) -> Iterator[str]:
    for path in _files(folder):
        try:
            yield read(path).model
        except ModelError:
            continue


def read(path: Path) -> EmbedderFile:
    """One description, checked; the network itself is looked at when it is loaded.

    Raises:
        ModelError: ``embedder_invalid``: the file cannot be read, lacks something, or says what cannot be.
    """
    try:
        table = _Table(path, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:  # both of TOML and of UTF-8 are ValueErrors
        raise _invalid(path, f"it cannot be read: {error}") from None
    source, alignment = table.table("input"), table.table("alignment")
    size = source.whole("width", SIDES), source.whole("height", SIDES)
    file = EmbedderFile(
        model=table.id(),
        network=path.with_suffix(".onnx"),
        sha256=table.text("sha256").lower(),
        size=size,
        layout=source.choice("layout", ("nchw", "nhwc")),
        channels=source.choice("channels", ("rgb", "bgr")),
        mean=source.three("mean"),
        scale=source.three("scale"),
        points=alignment.points(size),
        metric=table.choice("metric", ("euclidean", "cosine")),
        dimension=table.whole("dimension", DIMENSIONS),
        licence=table.text("licence", ""),
        verification_threshold=table.distance("verification_threshold"),
        false_matches=table.curve("false_matches"),
    )
    for each in (table, source, alignment):
        each.end()
    return file


def _invalid(path: Path, what: str) -> ModelError:
    return ModelError("embedder_invalid", f"{path.name} does not describe an embedding model: {what}.")


class _Table:
    """A table of the file; what is asked for is taken out, and at the end nothing may be left."""

    def __init__(self, path: Path, values: dict[str, Any], name: str = "") -> None:
        self._path, self._values, self._name = path, dict(values), name

    def table(self, name: str) -> "_Table":
        values = self._values.pop(name, None)
        if not isinstance(values, dict):
            raise _invalid(self._path, f"the table [{name}] is missing")
        return _Table(self._path, values, f"{name}.")

    def id(self) -> str:
        model = self.text("id")
        if not IDS.fullmatch(model) or model == models.DLIB_RESNET_V1:
            raise self._wrong("id", "small letters, digits, '.', '-' and '_', and not dlib's own")
        return model

    def text(self, name: str, default: str | None = None) -> str:
        value = self._values.pop(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self._values.pop(name, None)
        if value not in choices:
            raise self._wrong(name, " or ".join(choices))
        return str(value)

    def whole(self, name: str, among: range) -> int:
        value = self._values.pop(name, None)
        if type(value) is not int or value not in among:
            raise self._wrong(name, f"a whole number from {among.start} to {among.stop - 1}")
        return value

    def three(self, name: str) -> Three:
        value = self._values.pop(name, None)
        values = value if isinstance(value, list) else [value] * RGB_CHANNELS
        if len(values) != RGB_CHANNELS or not all(_is_number(each) and abs(each) <= LARGEST for each in values):
            raise self._wrong(name, f"a number of at most {LARGEST}, or three")
        first, second, third = map(float, values)
        return first, second, third

    def distance(self, name: str) -> float | None:
        value = self._values.pop(name, None)
        if value is not None and not (_is_number(value) and value > 0):
            raise self._wrong(name, "a number above 0")
        return None if value is None else float(value)

    def points(self, size: tuple[int, int]) -> tuple[Point, Point, Point]:
        """Those of the named template, or the three that are given, inside the input and not all in one place."""
        name, points = self._values.pop("template", None), self._values.pop("points", None)
        if (name is None) == (points is None):
            raise self._wrong("template", "there, or points are, and not both")
        if name is not None:
            if name not in list(TEMPLATES) or size != (112, 112):
                raise self._wrong("template", f"one of {', '.join(TEMPLATES)}, which is for 112 x 112 pixels")
            return TEMPLATES[name]
        if not _is_triangle(points, size):
            raise self._wrong("points", "three points [x, y] inside the input, the eyes apart")
        left, right, nose = ((float(x), float(y)) for x, y in points)
        return left, right, nose

    def curve(self, name: str) -> tuple[tuple[float, float], ...]:
        """Distances and shares that both rise."""
        rows = self._values.pop(name, [])
        is_good = isinstance(rows, list) and all(map(_is_point, rows))
        pairs = tuple((float(one), float(two)) for one, two in rows) if is_good else ()
        distances, shares = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        is_rising = distances == sorted(set(distances)) and shares == sorted(shares)
        if not is_good or not is_rising or not all(0 <= share <= 1 for share in shares):
            raise self._wrong(name, "pairs of a distance and a share of 0 to 1, both rising")
        return pairs

    def end(self) -> None:
        if self._values:
            raise _invalid(self._path, f"{self._name}{min(self._values)} is not known here")

    def _wrong(self, name: str, wanted: str) -> ModelError:
        return _invalid(self._path, f"{self._name}{name} must be {wanted}")


def _is_number(value: object) -> bool:
    """Whether it is a finite number that a float can hold; TOML's whole numbers have no end."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))  # noqa: PLR2004 - x and y


def _is_triangle(points: object, size: tuple[int, int]) -> bool:
    if not isinstance(points, list) or len(points) != 3 or not all(map(_is_point, points)):  # noqa: PLR2004 - eyes, nose
        return False
    width, height = size
    return points[0] != points[1] and all(0 <= x < width and 0 <= y < height for x, y in points)
