"""The model files: what they are called, where they are installed, and that they are what they should be."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from recognition.engine import RecognitionError

DLIB_RESNET_V1 = "dlib-resnet-v1"
"""Id of the embedding model: dlib's face recognition ResNet, 128 numbers, Euclidean distance. Stored with embeddings."""

PACKAGE = "face_recognition_models"


class ModelError(RecognitionError):
    """A model file that is not there (``model_missing``) or is not the known one (``model_corrupt``)."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One published model file.

    Attributes:
        name: its file name inside the package.
        sha256: hex digest of the published file.
    """

    name: str
    sha256: str


RESNET = ModelFile(
    "dlib_face_recognition_resnet_model_v1.dat", "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
)
DETECTOR = ModelFile("mmod_human_face_detector.dat", "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6")
FIVE_POINTS = ModelFile(
    "shape_predictor_5_face_landmarks.dat", "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
)


def installed_folder() -> Path:
    """Where face_recognition_models keeps its files; found without importing it, since it imports pkg_resources.

    Raises:
        ModelError: ``model_missing`` if the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("model_missing", f"The package {PACKAGE} is not installed; run ./scripts/setup.")
    return Path(spec.submodule_search_locations[0]) / "models"


def checked_path(file: ModelFile, folder: Path | None = None) -> Path:
    """The path of a model file whose content is the published one; a wrong file would give wrong numbers silently.

    Args:
        file: which one.
        folder: where to look; the installed package if None.

    Raises:
        ModelError: ``model_missing`` or ``model_corrupt``.
    """
    path = (folder or installed_folder()) / file.name
    if not path.is_file():
        raise ModelError("model_missing", f"{path} is missing; run ./scripts/setup.")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != file.sha256:
        raise ModelError("model_corrupt", f"{path} is not the published file; reinstall {PACKAGE}.")
    return path
