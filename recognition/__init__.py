"""Faces in pictures: finding, measuring, embedding and comparing them; knows nothing of HTTP, SQL or doors."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recognition.engine import Engine, RgbImage

ENGINES = ("onnx", "face_recognition")
OTHER_NAMES = {"dlib": "onnx", "on": "onnx"}
"""What settings of earlier versions, and those who only want it on, say."""

PIXEL_LIMIT = 50_000_000

# dlib, OpenCV and the models are loaded inside the functions: a process that never looks at a face pays nothing for them.


def load_engine(
    name: str = "onnx",
    cache_dir: str | os.PathLike[str] | None = None,
    *,
    embedder: str = "dlib-resnet-v1",
    cnn: str = "fallback",
) -> "Engine":
    """Load an engine with its models; takes about 0.6 s and 130 MB, with ``face_recognition`` 1.1 s and 160 MB.

    Args:
        name: ``onnx`` (also ``dlib`` or ``on``): dlib's detectors, landmarks and weights, the networks run by ONNX
            Runtime; or ``face_recognition``: the package as its users know it.
        cache_dir: where ONNX files are kept, written at the first start (0.3 s); ``$XDG_CACHE_HOME/gatehouse`` or
            ``~/.cache/gatehouse`` if None.
        embedder: the embedding model of ``onnx``: dlib's, or the id of one in ``cache_dir`` (recognition.embedders).
        cnn: whether ``onnx`` asks the slower CNN detector too (120 ms for a scene): as a ``fallback`` where HOG finds
            no sure face, ``always``, or ``never``.

    Raises:
        RecognitionError: ``unknown_engine``, ``unknown_cnn_mode``, ``engine_missing``, ``model_missing``,
            ``model_corrupt``, ``embedder_missing`` or ``embedder_invalid``.
    """
    name = OTHER_NAMES.get(name, name)
    if name == "onnx":
        from recognition.onnx_engine import OnnxEngine  # noqa: PLC0415

        return OnnxEngine(None if cache_dir is None else Path(cache_dir), embedder, cnn)
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
