"""Networks ready to run: dlib's files written as ONNX once into a folder, checked at every start, run by ONNX Runtime."""

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from recognition import models
from recognition.models import ModelError, ModelFile

BUILDER = 1
"""Counts the ways in which networks were written; another number makes every kept file foreign."""

LEFT_SECONDS = 600
"""A half written file this old is nobody's any more; to write one takes a tenth of a second."""

UNUSABLE = (
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.NotImplemented,
    runtime_errors.RuntimeException,
    UnicodeDecodeError,
)
"""What ONNX Runtime raises for a file that is no network, or a network that it cannot run; they have no common root.

Names inside the file that are no UTF-8 are the last."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one network is made of one of dlib's files.

    Attributes:
        name: the beginning of the kept file's name.
        source: dlib's file.
        write: its content to the content of an ONNX file.
        has_arena: whether ONNX Runtime keeps the memory of one run for the next; good where all runs are of one size.
    """

    name: str
    source: ModelFile
    write: Callable[[bytes], bytes]
    has_arena: bool

    @property
    def prefix(self) -> str:
        """What a kept file's name begins with; its digest follows."""
        return f"{self.name}-{BUILDER}-{self.source.sha256[:16]}-"


def _write_resnet(data: bytes) -> bytes:
    from recognition import dlib_weights, onnx_graphs  # noqa: PLC0415 - onnx is loaded for writing only

    return onnx_graphs.resnet(dlib_weights.read_resnet(data))


def _write_detector(data: bytes) -> bytes:
    from recognition import dlib_weights, onnx_graphs  # noqa: PLC0415 - onnx is loaded for writing only

    return onnx_graphs.detector(dlib_weights.read_detector(data))


RESNET = Recipe("dlib-resnet", models.RESNET, _write_resnet, has_arena=True)
DETECTOR = Recipe("dlib-mmod", models.DETECTOR, _write_detector, has_arena=False)

_sessions: dict[tuple[str, Path], Any] = {}
_lock = threading.Lock()


def default_cache_dir() -> Path:
    """The user's own folder for what can be made again: ``$XDG_CACHE_HOME/gatehouse``, else ``~/.cache/gatehouse``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatehouse"


def shared_session(recipe: Recipe, cache_dir: Path | None = None) -> Any:
    """ONNX Runtime's session of that network, one for the whole process; threads may run it at the same time.

    Raises:
        ModelError: ``model_missing`` or ``model_corrupt``: of dlib's file, when the network must be written.
    """
    folder = (cache_dir or default_cache_dir()).absolute()
    with _lock:
        key = (recipe.name, folder)
        if key not in _sessions:
            _sessions[key] = _opened(recipe, content(recipe, folder))
        return _sessions[key]


def _opened(recipe: Recipe, network: bytes) -> Any:
    try:
        return session(network, has_arena=recipe.has_arena)
    except UNUSABLE as error:
        raise ModelError("model_corrupt", f"ONNX Runtime cannot run {recipe.name}: {error}") from None


def session(network: bytes, *, has_arena: bool) -> Any:
    """A session on one thread without spinning: a server works on as many pictures at once as it has threads.

    Raises:
        UNUSABLE: ONNX Runtime cannot run what ``network`` says.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = has_arena
    options.enable_mem_pattern = has_arena  # a plan for each size of the input is kept for ever
    options.log_severity_level = 4  # what goes wrong is raised
    # Its fallback would only try the same again, and tell so on the terminal.
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"], enable_fallback=False)


def content(recipe: Recipe, folder: Path) -> bytes:
    """The network as ONNX: as kept in ``folder`` if every byte is as it was written, else written anew and kept.

    The file's name holds the digest of its content, of dlib's file, and the number of the builder, so a changed byte,
    another source and an older way of writing are all noticed before anything is run. Two processes may do this at
    once: each puts its file in place whole. Where nothing can be kept, the network is made and works all the same.

    Raises:
        ModelError: ``model_missing`` or ``model_corrupt``: of dlib's file.
    """
    for path in sorted(folder.glob(f"{recipe.prefix}*.onnx")):
        with suppress(OSError):  # removed or not readable: as if it were not there
            kept = path.read_bytes()
            if path.name == _name(recipe, kept):
                return kept
    written = recipe.write(models.checked_path(recipe.source).read_bytes())
    with suppress(OSError):  # a folder that cannot be written costs 0.3 s at each start, and nothing else
        _keep(folder, _name(recipe, written), written)
    return written


def _name(recipe: Recipe, data: bytes) -> str:
    return f"{recipe.prefix}{hashlib.sha256(data).hexdigest()[:32]}.onnx"


def _keep(folder: Path, name: str, data: bytes) -> None:
    """Whole or not at all, also if the power fails."""
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder, name)
    handle, path = tempfile.mkstemp(dir=folder, prefix=".", suffix=f"-{name}")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(path).replace(folder / name)
    except OSError:
        Path(path).unlink(missing_ok=True)
        raise


def _sweep(folder: Path, name: str) -> None:
    """Remove what processes that were killed while they wrote the same file have left; others may be writing it now."""
    for path in folder.glob(f".*-{name}"):
        with suppress(OSError):  # another process sweeps too
            if time.time() - path.stat().st_mtime > LEFT_SECONDS:
                path.unlink()
