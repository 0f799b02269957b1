"""Answers needed at once: the engine in a process of its own, started on demand, ended when idle, with a bounded line."""

import multiprocessing
import os
import threading
import time
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pathlib import Path

from recognition.engine import RecognitionError, Sighting

LINE_LENGTH = 16
ANSWER_SECONDS = 30.0
IDLE_SECONDS = 60.0


class PoolBusyError(RecognitionError):
    """Too many callers wait already, or the answer took too long; the same call may succeed later."""


class EnginePool:
    """One engine process for callers that wait for the answer; none of them ever loads a model itself.

    Args:
        engine_name: as recognition.load_engine knows it, or ``off``.
        cache_dir: where the engine keeps what it derives from its models.
        pixel_limit: most pixels a picture may have.
    """

    def __init__(self, engine_name: str, cache_dir: Path, pixel_limit: int) -> None:
        self._setup = (engine_name, str(cache_dir), pixel_limit)
        self._lock = threading.Lock()
        self._executor: ProcessPoolExecutor | None = None
        self._waiting = 0
        self._used_at = 0.0
        self.crashes = 0

    def sightings(self, data: bytes) -> list[Sighting]:
        """All faces of an encoded picture, largest first.

        Raises:
            ImageError: it cannot be decoded.
            PoolBusyError: ``busy``: the line is full, or no answer came in 30 s.
            RecognitionError: ``recognition_off``, or ``engine_crashed`` on this picture.
        """
        if self._setup[0] == "off":
            raise RecognitionError(
                "recognition_off", "recognition is switched off on this server: faces cannot be read"
            )
        executor, future = self._submit(data)
        try:
            return future.result(ANSWER_SECONDS)
        except FutureTimeoutError as error:
            self._drop(executor, kill=True)
            raise PoolBusyError("busy", f"no answer within {ANSWER_SECONDS:g} s; try again") from error
        except CancelledError as error:
            raise PoolBusyError("busy", "the engine is started anew because of another picture; try again") from error
        except BrokenProcessPool as error:
            self._crashed(executor)
            raise RecognitionError(
                "engine_crashed", "the engine ended on this picture; it is started anew for the next"
            ) from error
        finally:
            with self._lock:
                self._waiting -= 1
                self._used_at = time.monotonic()

    def close(self) -> None:
        """Ends the process."""
        if self._executor is not None:
            self._drop(self._executor, kill=False)

    def _submit(self, data: bytes) -> "tuple[ProcessPoolExecutor, Future[list[Sighting]]]":
        with self._lock:
            if self._waiting >= LINE_LENGTH:
                raise PoolBusyError("busy", "too many pictures wait to be read; try again in a few seconds")
            executor = self._executor or self._start()
            try:
                future = executor.submit(_look, self._setup, data)
            except BrokenProcessPool:
                # It ended between two pictures: no fault of this one.
                self.crashes += 1
                executor.shutdown(wait=False)
                executor = self._start()
                future = executor.submit(_look, self._setup, data)
            self._waiting += 1
            self._used_at = time.monotonic()
            return executor, future

    def _start(self) -> ProcessPoolExecutor:
        # Not forked: the caller's threads and connections must not come along.
        self._executor = ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),)
        )
        threading.Thread(target=self._end_when_idle, args=(self._executor,), daemon=True).start()
        return self._executor

    def _end_when_idle(self, executor: ProcessPoolExecutor) -> None:
        while True:
            time.sleep(IDLE_SECONDS / 4)
            with self._lock:
                if self._executor is not executor:
                    return
                if self._waiting == 0 and time.monotonic() - self._used_at > IDLE_SECONDS:
                    self._executor = None
                    break
        executor.shutdown(wait=False)

    def _crashed(self, executor: ProcessPoolExecutor) -> None:
        """One crash is one, however many wait; whoever hears of it late leaves the next process alone."""
        with self._lock:
            is_first = self._executor is executor
            self.crashes += is_first
        if is_first:
            self._drop(executor, kill=False)

    def _drop(self, executor: ProcessPoolExecutor, *, kill: bool) -> None:
        with self._lock:
            if self._executor is executor:
                self._executor = None
        processes = list((executor._processes or {}).values()) if kill else []  # noqa: SLF001 - a stuck process is ended no other way
        executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()


def _end_with(parent: int) -> None:
    """An engine process whose owner was killed would wait for its next picture for ever."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


@cache
def _engine(name: str, cache_dir: str) -> object:
    from recognition import load_engine  # noqa: PLC0415 - in the pool's process only

    return load_engine(name, Path(cache_dir))


def _look(setup: tuple[str, str, int], data: bytes) -> list[Sighting]:
    from recognition import read_image  # noqa: PLC0415 - in the pool's process only
    from recognition.engine import Engine  # noqa: PLC0415

    name, cache_dir, pixel_limit = setup
    engine: Engine = _engine(name, cache_dir)  # type: ignore[assignment]
    return engine.sightings(read_image(data, pixel_limit))
