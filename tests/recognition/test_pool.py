"""The engine's processes: they answer, survive crashes, refuse when their line is full, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recognition.engine import Sighting
from recognition.errors import RecognitionError
from recognition.headers import ImageError
from recognition.pool import EnginePool, EngineSetup, Look, PoolBusyError, PoolLimits, Trouble, open_engine
from tests.photos import ANOTHER_MAN, photo
from tests.source import ROOT

PATIENCE = 30


def wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(PATIENCE * 100):
        if is_so():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come about")


class Obedient:
    """An engine that does what a picture's bytes say; what it was asked is written into its folder."""

    def __init__(self, setup: EngineSetup) -> None:
        self.setup = setup
        self.folder = setup.cache_dir

    def look(self, data: bytes) -> list[Sighting]:
        with (self.folder / "asked").open("a") as asked:
            asked.write(f"{data.decode()}\n")
        getattr(self, data.decode())()
        return []

    def fine(self) -> None:
        """Nothing stands in its way."""

    def hang(self) -> None:
        threading.Event().wait()

    def wait(self) -> None:
        wait_until((self.folder / "go").exists)

    def die(self) -> None:
        os._exit(9)

    def die_once(self) -> None:
        if not (self.folder / "died").exists():
            (self.folder / "died").touch()
            self.die()

    def fail(self) -> None:
        raise ImageError("truncated", "it ends too early")

    def blunder(self) -> None:
        raise ZeroDivisionError

    def tell(self) -> None:
        raise RecognitionError("told", f"{self.setup.embedder} {os.environ['OPENBLAS_NUM_THREADS']}")


def open_obedient(setup: EngineSetup) -> Look:
    return Obedient(setup).look


class Pool:
    """A pool under test, what it told, and what its engines were asked."""

    def __init__(self, folder: Path, opener: Callable[[EngineSetup], Look] = open_obedient, **limits: float) -> None:
        self.folder = folder
        self.setup = EngineSetup("onnx", folder, 10_000_000)
        self.troubles: list[Trouble] = []
        bounds: dict[str, Any] = {"wait_seconds": PATIENCE, "look_seconds": PATIENCE, **limits}
        self.inner = EnginePool(lambda: self.setup, PoolLimits(**bounds), self.troubles.append, opener)
        self.look = self.inner.sightings

    def pids(self) -> list[int]:
        return [seat.process.pid for seat in self.inner._seats if seat.process is not None]

    def asked(self) -> list[str]:
        path = self.folder / "asked"
        return path.read_text().split() if path.exists() else []

    def release(self) -> None:
        """Lets everybody go on who was asked to wait."""
        (self.folder / "go").touch()


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Pool]]:
    made: list[Pool] = []

    def open_pool(**options: float) -> Pool:
        made.append(Pool(tmp_path, **options))  # type: ignore[arg-type]
        return made[-1]

    yield open_pool
    pids = [pid for pool in made for pid in pool.pids()]
    for pool in made:
        pool.inner.close()
    wait_until(lambda: not any(map(is_running, pids)))


def test_the_engine_answers_and_is_started_anew_after_its_end_between_pictures(make: Callable[..., Pool]) -> None:
    pool = make(opener=open_engine)
    data = photo(ANOTHER_MAN).read_bytes()
    (face,) = pool.look(data)
    assert face.embedding.shape == (128,)
    (first,) = pool.pids()
    assert first != os.getpid()
    with pytest.raises(ImageError) as unreadable:
        pool.look(b"no picture")
    assert unreadable.value.reason == "not_a_picture"
    assert (pool.pids(), pool.troubles) == ([first], [])

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not is_running(first))
    (again,) = pool.look(data)
    assert again.box == face.box
    assert pool.pids() != [first]
    assert pool.troubles == ["crash"]


def test_a_picture_that_kills_the_engine_is_tried_twice_and_no_more(make: Callable[..., Pool]) -> None:
    pool = make()
    with pytest.raises(RecognitionError) as caught:
        pool.look(b"die")
    assert caught.value.reason == "engine_crashed"
    assert (pool.asked(), pool.troubles) == (["die", "die"], ["crash", "crash"])
    assert pool.look(b"fine") == []
    assert len(pool.troubles) == 2


def test_what_nobody_foresaw_ends_the_process_and_is_a_clear_answer(make: Callable[..., Pool]) -> None:
    pool = make()
    with pytest.raises(RecognitionError) as caught:
        pool.look(b"blunder")
    assert caught.value.reason == "engine_crashed"
    assert pool.look(b"fine") == []


def test_a_picture_whose_process_something_else_ended_is_answered(make: Callable[..., Pool]) -> None:
    pool = make()
    assert pool.look(b"die_once") == []
    assert (pool.asked(), pool.troubles) == (["die_once", "die_once"], ["crash"])


def test_a_crash_is_no_business_of_the_other_callers(make: Callable[..., Pool]) -> None:
    pool = make(processes=2)
    with ThreadPoolExecutor(3) as threads:
        beside = threads.submit(pool.look, b"wait")
        wait_until(lambda: pool.asked() == ["wait"])
        killing = threads.submit(pool.look, b"die")
        behind = threads.submit(pool.look, b"fine")
        assert getattr(killing.exception(), "reason", None) == "engine_crashed"
        assert behind.result() == []
        pool.release()
        assert beside.result() == []
    assert sorted(pool.asked()) == ["die", "die", "fine", "wait"]
    assert pool.troubles == ["crash", "crash"]


def test_several_processes_look_at_the_same_time(make: Callable[..., Pool]) -> None:
    pool = make(processes=2, line=0)
    with ThreadPoolExecutor(2) as threads:
        looking = [threads.submit(pool.look, b"wait") for _ in range(2)]
        wait_until(lambda: pool.asked() == ["wait", "wait"])
        assert len(set(pool.pids())) == 2
        pool.release()
        assert [each.result() for each in looking] == [[], []]


def test_no_more_processes_are_started_than_are_needed(make: Callable[..., Pool]) -> None:
    pool = make(processes=2)
    for _ in range(3):
        pool.look(b"fine")
    assert len(pool.pids()) == 1


@pytest.mark.parametrize("limits", [{"line": 0}, {"line": 1, "wait_seconds": 0.0}])
def test_who_finds_no_place_is_refused_and_nothing_is_started_for_it(
    make: Callable[..., Pool], limits: dict[str, float]
) -> None:
    pool = make(**limits)
    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(pool.look, b"wait")
        wait_until(lambda: pool.asked() == ["wait"])
        with pytest.raises(PoolBusyError) as caught:
            pool.look(b"fine")
        assert caught.value.reason == "busy"
        assert pool.troubles == ["full"]
        pool.release()
        assert looking.result() == []
    assert pool.look(b"fine") == []
    assert pool.asked() == ["wait", "fine"]


def test_a_line_is_as_long_as_it_may_be(make: Callable[..., Pool]) -> None:
    pool = make(line=2)
    with ThreadPoolExecutor(4) as threads:
        looking = [threads.submit(pool.look, b"wait") for _ in range(4)]
        wait_until(lambda: any(each.done() for each in looking))
        pool.release()
        errors = [each.exception() for each in looking]
    assert [type(each) for each in errors if each is not None] == [PoolBusyError]
    assert pool.troubles == ["full"]


def test_an_answer_that_does_not_come_is_busy_and_its_process_ended(make: Callable[..., Pool]) -> None:
    pool = make()
    assert pool.look(b"fine") == []
    (pid,) = pool.pids()
    patient = pool.inner._limits
    pool.inner._limits = replace(patient, look_seconds=0.2)
    with pytest.raises(PoolBusyError) as caught:
        pool.look(b"hang")
    assert caught.value.reason == "busy"
    assert (pool.pids(), pool.troubles) == ([], ["late"])
    wait_until(lambda: not is_running(pid))
    pool.inner._limits = patient
    assert pool.look(b"fine") == []


def test_an_answer_at_the_last_moment_counts_and_its_process_goes_on(
    make: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    class JustTooLate(threading.Timer):
        """Its time is up after the answer has come and before anybody could call it off."""

        def cancel(self) -> None:
            super().cancel()
            self.function()

    monkeypatch.setattr(threading, "Timer", JustTooLate)
    pool = make()
    assert pool.look(b"fine") == []
    pids = pool.pids()
    assert pool.look(b"fine") == []
    assert (pool.pids(), pool.troubles) == (pids, [])


def test_a_process_without_work_ends_and_that_is_no_trouble(make: Callable[..., Pool]) -> None:
    pool = make(idle_seconds=0.1)
    assert pool.look(b"fine") == []
    (first,) = pool.pids()
    wait_until(lambda: not is_running(first))
    assert pool.look(b"fine") == []
    assert pool.pids() != [first]
    assert pool.troubles == []


def test_another_embedder_is_another_process(make: Callable[..., Pool]) -> None:
    pool = make()
    assert pool.look(b"fine") == []
    (first,) = pool.pids()
    assert pool.look(b"fine") == []
    assert pool.pids() == [first]
    pool.setup = replace(pool.setup, embedder="other")
    with pytest.raises(RecognitionError) as caught:
        pool.look(b"tell")
    assert caught.value.detail == "other 1"
    wait_until(lambda: not is_running(first))
    assert pool.troubles == []


def test_an_engines_own_error_is_handed_on_and_its_process_kept(make: Callable[..., Pool]) -> None:
    pool = make()
    with pytest.raises(ImageError) as caught:
        pool.look(b"fail")
    assert (caught.value.reason, caught.value.detail) == ("truncated", "it ends too early")
    (first,) = pool.pids()
    assert pool.look(b"fine") == []
    assert pool.pids() == [first]


def test_an_engine_that_cannot_be_loaded_says_so_every_time(make: Callable[..., Pool]) -> None:
    pool = make(opener=open_engine)
    pool.setup = replace(pool.setup, name="nonsense")
    for _ in range(2):
        with pytest.raises(RecognitionError) as caught:
            pool.look(photo(ANOTHER_MAN).read_bytes())
        assert caught.value.reason == "unknown_engine"
    assert pool.troubles == []


def test_a_closed_pool_keeps_nobody_waiting(make: Callable[..., Pool]) -> None:
    pool = make()
    with ThreadPoolExecutor(2) as threads:
        looking = [threads.submit(pool.look, b"hang") for _ in range(2)]
        wait_until(lambda: pool.asked() == ["hang"])
        pids = pool.pids()
        pool.inner.close()
        errors = [each.exception() for each in looking]
    assert [type(each) for each in errors] == [PoolBusyError] * 2
    with pytest.raises(PoolBusyError):
        pool.look(b"fine")
    wait_until(lambda: not any(map(is_running, pids)))
    assert pool.troubles == []


def test_recognition_switched_off_is_told_so(make: Callable[..., Pool]) -> None:
    pool = make()
    pool.setup = replace(pool.setup, name="off")
    with pytest.raises(RecognitionError) as caught:
        pool.look(b"fine")
    assert caught.value.reason == "recognition_off"
    assert pool.pids() == []


OWNER = """
import sys, time
from pathlib import Path
from recognition.pool import EnginePool, EngineSetup
from tests.recognition.test_pool import open_obedient
if __name__ == "__main__":
    setup = EngineSetup("onnx", Path(sys.argv[1]), 1)
    pool = EnginePool(lambda: setup, open_engine=open_obedient)
    pool.sightings(b"fine")
    print(pool._seats[0].process.pid, flush=True)
    time.sleep(600)
"""


def test_an_engine_whose_owner_was_killed_ends(tmp_path: Path) -> None:
    program = tmp_path / "owner.py"
    program.write_text(OWNER)
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, program, tmp_path], env=environ, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert is_running(pid)
        owner.kill()
        wait_until(lambda: not is_running(pid))


def test_an_engines_process_reads_its_settings_before_arrays_are_loaded() -> None:
    program = "import recognition.pool, sys; print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
