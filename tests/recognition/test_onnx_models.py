"""The networks are written once, whole, and never used unless every byte is as it was written."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recognition import models, onnx_models
from recognition.models import ModelError, ModelFile
from recognition.onnx_models import DETECTOR, RESNET, Recipe, content
from tests.source import ROOT


@pytest.fixture
def written() -> list[bytes]:
    """What was written, in order."""
    return []


@pytest.fixture
def recipe(written: list[bytes]) -> Recipe:
    """The detector's, which is small, noting each time that it is followed."""

    def write(data: bytes) -> bytes:
        written.append(DETECTOR.write(data))
        return written[-1]

    return replace(DETECTOR, write=write)


@pytest.fixture
def no_sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(onnx_models, "_sessions", {})
    return iter(())


def kept(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_a_network_is_written_once(recipe: Recipe, written: list[bytes], tmp_path: Path) -> None:
    first = content(recipe, tmp_path / "models")
    assert content(recipe, tmp_path / "models") == first == written[0]
    assert len(written) == 1
    assert [path.read_bytes() for path in kept(tmp_path / "models")] == [first]


def test_the_same_weights_always_give_the_same_file(tmp_path: Path) -> None:
    assert content(DETECTOR, tmp_path / "one") == content(DETECTOR, tmp_path / "two")
    assert [path.name for path in kept(tmp_path / "one")] == [path.name for path in kept(tmp_path / "two")]


@pytest.mark.parametrize("damage", ["changed", "cut", "emptied", "foreign"])
def test_a_damaged_file_is_noticed_and_written_anew(
    damage: str, recipe: Recipe, written: list[bytes], tmp_path: Path
) -> None:
    good = content(recipe, tmp_path)
    (path,) = kept(tmp_path)
    middle = len(good) // 2
    damaged = {
        "changed": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
        "cut": good[:-1],
        "emptied": b"",
        "foreign": b"something else altogether",
    }
    path.write_bytes(damaged[damage])
    assert content(recipe, tmp_path) == good
    assert len(written) == 2
    assert path.read_bytes() == good


def test_a_file_of_other_weights_or_of_an_older_builder_is_not_used(
    recipe: Recipe, written: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content(recipe, tmp_path)
    monkeypatch.setattr(onnx_models, "BUILDER", onnx_models.BUILDER + 1)
    content(recipe, tmp_path)
    assert len(written) == 2
    other = replace(recipe, source=ModelFile(recipe.source.name, "0" * 64))
    with pytest.raises(ModelError, match="not the published file"):
        content(other, tmp_path)


def test_a_missing_or_changed_file_of_dlibs_gives_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_sessions: None
) -> None:
    monkeypatch.setattr(models, "installed_folder", lambda: tmp_path)
    with pytest.raises(ModelError) as refused:
        onnx_models.shared_session(RESNET, tmp_path / "models")
    assert refused.value.reason == "model_missing"
    (tmp_path / models.RESNET.name).write_bytes(b"not weights")
    with pytest.raises(ModelError) as refused:
        onnx_models.shared_session(RESNET, tmp_path / "models")
    assert refused.value.reason == "model_corrupt"


def test_a_folder_that_cannot_be_written_only_costs_time(recipe: Recipe, written: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "a file").write_bytes(b"")
    for number in (1, 2):
        assert content(recipe, tmp_path / "a file" / "models") == written[0]
        assert len(written) == number


def test_a_disk_that_fills_up_leaves_nothing_behind(
    recipe: Recipe, written: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert content(recipe, tmp_path) == written[0]
    assert kept(tmp_path) == []


def test_what_a_killed_process_left_half_written_is_removed_and_what_another_is_writing_is_not(
    recipe: Recipe, tmp_path: Path
) -> None:
    content(recipe, tmp_path)
    (path,) = kept(tmp_path)
    path.unlink()
    left, being_written, of_another = (tmp_path / name for name in (f".a-{path.name}", f".b-{path.name}", ".c-mine"))
    for each in (left, being_written, of_another):
        each.write_bytes(b"half")
    for each in (left, of_another):
        os.utime(each, (0, 0))
    content(recipe, tmp_path)
    assert kept(tmp_path) == sorted([path, being_written, of_another])


def test_processes_that_start_together_do_no_harm(tmp_path: Path) -> None:
    code = (
        "import sys, hashlib; from pathlib import Path; from recognition.onnx_models import DETECTOR, content;"
        "print(hashlib.sha256(content(DETECTOR, Path(sys.argv[1]))).hexdigest())"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    ends = [process.communicate() for process in started]
    assert {process.returncode for process in started} == {0}, ends
    assert len({said for said, _ in ends}) == 1
    assert len(kept(tmp_path)) == 1


def test_a_process_has_one_session_however_many_ask(tmp_path: Path, no_sessions: None) -> None:
    with ThreadPoolExecutor(4) as pool:
        sessions = list(pool.map(lambda _: onnx_models.shared_session(DETECTOR, tmp_path), range(8)))
    assert len({id(each) for each in sessions}) == 1


def test_sessions_work_on_one_thread_and_keep_no_plans_for_sizes(tmp_path: Path, no_sessions: None) -> None:
    options = onnx_models.shared_session(DETECTOR, tmp_path).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert not options.enable_mem_pattern
    assert not options.enable_cpu_mem_arena


def test_a_network_that_cannot_be_run_is_told_as_such(tmp_path: Path, no_sessions: None) -> None:
    with pytest.raises(ModelError, match="ONNX Runtime cannot run dlib-mmod") as refused:
        onnx_models.shared_session(replace(DETECTOR, write=lambda _: b"no network"), tmp_path)
    assert refused.value.reason == "model_corrupt"


@pytest.mark.parametrize("change", [(b"", b"no network"), (b"Conv", b"Canv"), (b"Conv", b"C\xffnv")])
def test_what_is_no_network_is_refused_with_a_known_error_and_in_silence(
    change: tuple[bytes, bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = content(DETECTOR, tmp_path).replace(*change)
    with pytest.raises(onnx_models.UNUSABLE):
        onnx_models.session(damaged, has_arena=False)
    assert capfd.readouterr() == ("", "")


def test_the_folder_is_the_users_own_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert onnx_models.default_cache_dir() == Path("/somewhere/gatehouse")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/somebody")
    assert onnx_models.default_cache_dir() == Path("/somebody/.cache/gatehouse")


def test_a_kept_network_is_used_without_loading_what_writes_it(tmp_path: Path) -> None:
    content(DETECTOR, tmp_path)
    code = (
        "import sys; from pathlib import Path; from recognition import onnx_models as m;"
        "m.shared_session(m.DETECTOR, Path(sys.argv[1])); print('onnx' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_a_batch_gives_what_its_pictures_give_alone() -> None:
    session = onnx_models.shared_session(RESNET)
    chips = np.random.default_rng(7).integers(0, 256, (5, 150, 150, 3), dtype=np.uint8)
    together = session.run(None, {"chips": chips})[0]
    alone = np.concatenate([session.run(None, {"chips": chips[at : at + 1]})[0] for at in range(5)])
    assert together.shape == (5, 128)
    assert np.abs(together - alone).max() < 1e-6
