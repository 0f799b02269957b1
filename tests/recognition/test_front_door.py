"""What importing and loading costs and refuses."""

import subprocess
import sys

import pytest

import recognition
from recognition import models
from recognition.engine import RecognitionError
from recognition.headers import ImageError

HEAVY = "dlib cv2 face_recognition face_recognition_models pkg_resources numpy PIL"


def _loaded_after(statements: str) -> set[str]:
    code = f"{statements}; import sys; print(*(name for name in {HEAVY.split()!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_importing_recognition_loads_nothing_heavy() -> None:
    assert _loaded_after("import recognition") == set()


def test_the_plain_engine_never_imports_the_model_packages_code() -> None:
    loaded = _loaded_after("import recognition; recognition.load_engine()")
    assert "dlib" in loaded
    assert not loaded & {"face_recognition", "face_recognition_models", "pkg_resources", "PIL"}


def test_the_reference_engine_leaves_pillow_as_it_was() -> None:
    statements = "import recognition; recognition.load_engine('face_recognition'); from PIL import ImageFile"
    assert "face_recognition" in _loaded_after(f"{statements}; assert not ImageFile.LOAD_TRUNCATED_IMAGES")


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(RecognitionError, match="dlib, face_recognition") as refused:
        recognition.load_engine("retina")
    assert refused.value.reason == "unknown_engine"


def test_engines_say_which_model_their_embeddings_are_of() -> None:
    engine = recognition.load_engine()
    assert (engine.name, engine.model) == ("dlib", models.DLIB_RESNET_V1)


def test_read_image_keeps_to_the_limit_it_is_given() -> None:
    header_of_2x2 = b"BM" + bytes(12) + b"\x0c\0\0\0\2\0\2\0\1\0\x18\0"
    with pytest.raises(ImageError) as refused:
        recognition.read_image(header_of_2x2, pixel_limit=3)
    assert refused.value.reason == "too_many_pixels"
