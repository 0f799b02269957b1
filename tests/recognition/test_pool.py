"""The engine's process: answers, survives crashes, refuses when its line is full, and leaves nothing behind."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recognition import pool as pool_module
from recognition.engine import RecognitionError
from recognition.pool import EnginePool, PoolBusyError
from tests.photos import ANOTHER_MAN, photo

PIXELS = 10_000_000


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[EnginePool]:
    before = set(multiprocessing.active_children())
    opened = EnginePool("dlib", tmp_path, PIXELS)
    yield opened
    opened.close()
    started = [each.pid for each in set(multiprocessing.active_children()) - before]
    # The executor's own thread reaps them: whoever else waited for them would not be told how they ended.
    for _ in range(300):
        if not any(Path(f"/proc/{pid}").exists() for pid in started):
            return
        threading.Event().wait(0.1)
    raise AssertionError(f"still running: {started}")


def engine_pid(pool: EnginePool) -> int:
    assert pool._executor is not None
    (pid,) = pool._executor._processes
    return pid


def test_it_answers_and_is_started_anew_after_its_end_between_pictures(pool: EnginePool) -> None:
    data = photo(ANOTHER_MAN).read_bytes()
    (face,) = pool.sightings(data)
    assert face.embedding.shape == (128,)
    first = engine_pid(pool)
    assert first != os.getpid()

    with pytest.raises(RecognitionError) as unreadable:
        pool.sightings(b"no picture")
    assert unreadable.value.reason == "not_a_picture"
    assert engine_pid(pool) == first
    assert pool.crashes == 0

    executor = pool._executor
    os.kill(first, signal.SIGKILL)
    while executor is not None and not executor._broken:
        os.sched_yield()
    (again,) = pool.sightings(data)
    assert again.box == face.box
    assert engine_pid(pool) != first
    assert pool.crashes == 1
    assert pool._waiting == 0


def test_a_full_line_is_busy_and_starts_nothing(pool: EnginePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "LINE_LENGTH", 0)
    with pytest.raises(PoolBusyError) as caught:
        pool.sightings(b"")
    assert caught.value.reason == "busy"
    assert pool._executor is None


def test_an_answer_that_does_not_come_is_busy_and_its_process_ended(
    pool: EnginePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "ANSWER_SECONDS", 0.0)
    with pytest.raises(PoolBusyError):
        pool.sightings(photo(ANOTHER_MAN).read_bytes())
    assert pool._executor is None
    assert pool._waiting == 0


def test_one_crash_is_told_to_all_who_wait_and_counted_once(pool: EnginePool) -> None:
    data = photo(ANOTHER_MAN).read_bytes()
    pool.sightings(data)
    pid = engine_pid(pool)
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(3) as threads:
        futures = [threads.submit(pool.sightings, data) for _ in range(3)]
        while pool._waiting < 3:
            os.sched_yield()
        os.kill(pid, signal.SIGKILL)
        errors = [future.exception() for future in futures]
    assert [getattr(each, "reason", None) for each in errors] == ["engine_crashed"] * 3
    assert pool.crashes == 1
    assert pool.sightings(data)


def test_recognition_switched_off_is_told_so(tmp_path: Path) -> None:
    off = EnginePool("off", tmp_path, PIXELS)
    with pytest.raises(RecognitionError) as caught:
        off.sightings(b"")
    assert caught.value.reason == "recognition_off"
    assert off._executor is None
    off.close()
