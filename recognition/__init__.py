"""Faces in pictures: finding, measuring, embedding and comparing them; knows nothing of HTTP, SQL or doors."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recognition.engine import Engine, RgbImage

ENGINES = ("dlib", "face_recognition")
PIXEL_LIMIT = 50_000_000

# dlib, OpenCV and the models are loaded inside the functions: a process that never looks at a face pays nothing for them.


def load_engine(name: str = "dlib", cache_dir: Path | None = None) -> "Engine":  # noqa: ARG001 - the door stays as it is
    """Load an engine with its models; takes about 0.3 s and 75 MB, with ``face_recognition`` 1.1 s and 160 MB.

    Args:
        name: ``dlib`` (HOG, five landmarks, dlib's network) or ``face_recognition`` (the package as its users know it).
        cache_dir: where an engine may keep what it derives from its model files; these two derive nothing.

    Raises:
        RecognitionError: ``unknown_engine``, ``model_missing``, ``model_corrupt`` or ``engine_missing``.
    """
    if name == "dlib":
        from recognition.dlib_engine import DlibEngine  # noqa: PLC0415

        return DlibEngine()
    if name == "face_recognition":
        from recognition.face_recognition_engine import FaceRecognitionEngine  # noqa: PLC0415

        return FaceRecognitionEngine()
    from recognition.engine import RecognitionError  # noqa: PLC0415

    raise RecognitionError("unknown_engine", f"There is no engine {name!r}; choose one of {', '.join(ENGINES)}.")


def read_image(data: bytes, pixel_limit: int = PIXEL_LIMIT) -> "RgbImage":
    """Decode an encoded picture: uint8, HxWx3, RGB, upright; see ``recognition.images.read_image`` for the rules.

    Raises:
        ImageError: ``not_a_picture``, ``too_many_pixels``, ``truncated`` or ``cannot_decode``.
    """
    from recognition import images  # noqa: PLC0415

    return images.read_image(data, pixel_limit)
