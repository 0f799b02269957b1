"""What importing and loading costs and refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

import recognition
from recognition import models
from recognition.engine import Engine, RecognitionError
from recognition.headers import ImageError

HEAVY = "dlib cv2 face_recognition face_recognition_models pkg_resources numpy onnx onnxruntime PIL"


def _loaded_after(statements: str) -> set[str]:
    code = f"{statements}; import sys; print(*(name for name in {HEAVY.split()!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_importing_recognition_loads_nothing_heavy() -> None:
    assert _loaded_after("import recognition") == set()


def test_the_default_engine_loads_only_what_it_runs(engine: Engine) -> None:
    """Its networks are written by now, so what writes them is not loaded."""
    loaded = _loaded_after("import recognition; recognition.load_engine()")
    assert loaded == {"dlib", "cv2", "numpy", "onnxruntime"}


def test_the_reference_engine_leaves_pillow_as_it_was() -> None:
    statements = "import recognition; recognition.load_engine('face_recognition'); from PIL import ImageFile"
    assert "face_recognition" in _loaded_after(f"{statements}; assert not ImageFile.LOAD_TRUNCATED_IMAGES")


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(RecognitionError, match="onnx, face_recognition") as refused:
        recognition.load_engine("retina")
    assert refused.value.reason == "unknown_engine"


def test_engines_say_which_model_their_embeddings_are_of(engine: Engine) -> None:
    assert (engine.name, engine.model, engine.dimension) == ("onnx", models.DLIB_RESNET_V1, 128)


@pytest.mark.parametrize("name", ["onnx", "dlib", "on"])
def test_the_default_engine_has_other_names(name: str, tmp_path: Path) -> None:
    engine = recognition.load_engine(name, tmp_path)
    assert engine.name == "onnx"
    kept = {path.name.partition("-1-")[0] for path in tmp_path.iterdir()}
    assert kept == {"dlib-resnet", "dlib-mmod"}


def test_the_folder_of_networks_may_be_named_as_a_text(tmp_path: Path) -> None:
    recognition.load_engine(cache_dir=str(tmp_path / "networks"), cnn="never")
    assert len(list((tmp_path / "networks").iterdir())) == 1


def test_an_engine_that_never_asks_the_cnn_does_not_make_it(tmp_path: Path) -> None:
    recognition.load_engine(cache_dir=tmp_path, cnn="never")
    assert [path.name.partition("-1-")[0] for path in tmp_path.iterdir()] == ["dlib-resnet"]


def test_read_image_keeps_to_the_limit_it_is_given() -> None:
    header_of_2x2 = b"BM" + bytes(12) + b"\x0c\0\0\0\2\0\2\0\1\0\x18\0"
    with pytest.raises(ImageError) as refused:
        recognition.read_image(header_of_2x2, pixel_limit=3)
    assert refused.value.reason == "too_many_pixels"
