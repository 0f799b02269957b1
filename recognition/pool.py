"""Answers needed at once: engines in processes of their own, started on demand, ended when idle, with a bounded line."""

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from recognition.errors import RecognitionError

if TYPE_CHECKING:
    from recognition.engine import Sighting

# Not forked: the caller's threads and connections must not come along.
CONTEXT = multiprocessing.get_context("spawn")
# A process may be ended by something else, such as a machine short of memory; whoever ends two does it by itself.
TRIES = 2

Trouble = Literal["crash", "late", "full"]
Look = Callable[[bytes], "list[Sighting]"]


class PoolBusyError(RecognitionError):
    """Too many callers wait already, or the answer took too long; the same call may succeed later."""


@dataclass(frozen=True, slots=True)
class EngineSetup:
    """What an engine process is started with; another setup is another process.

    Attributes:
        name: as recognition.load_engine knows it, or ``off``.
        cache_dir: where the engine keeps what it derives from its models.
        pixel_limit: most pixels a picture may have.
        embedder: the embedding model, as recognition.load_engine knows it.
        cnn: when the CNN detector looks: ``fallback``, ``always`` or ``never``.
    """

    name: str
    cache_dir: Path
    pixel_limit: int
    embedder: str = "dlib-resnet-v1"
    cnn: str = "fallback"


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How much is done for callers at once, and how long.

    Attributes:
        processes: most engine processes at a time; each holds its models (about 200 MB).
        line: callers that wait for a process, beside those whose picture is looked at; one more is refused.
        wait_seconds: until one of them is refused.
        look_seconds: for one picture, the start of the process included; then the process is ended.
        idle_seconds: without a picture, until a process ends itself.
    """

    processes: int = 1
    line: int = 8
    wait_seconds: float = 10.0
    look_seconds: float = 30.0
    idle_seconds: float = 60.0


def open_engine(setup: EngineSetup) -> Look:
    """Loads the engine, in the process that is to use it; what comes back looks at one encoded picture.

    Raises:
        RecognitionError: the engine cannot be loaded; see recognition.load_engine.
    """
    from recognition import load_engine, read_image  # noqa: PLC0415 - in the engine's process only

    engine = load_engine(setup.name, setup.cache_dir, embedder=setup.embedder, cnn=setup.cnn)
    return lambda data: engine.sightings(read_image(data, setup.pixel_limit))


class EnginePool:
    """Engine processes for callers that wait for the answer; none of them ever loads a model itself.

    Each process looks at one picture at a time, so a process that dies takes no other caller's picture with it. Every
    method may be called from any thread.

    Args:
        setup: asked before every picture, so that another embedding model needs no restart.
        limits: how many processes, how long a line.
        on_trouble: told ``crash`` (a process ended by itself), ``late`` (it was ended for taking too long) and ``full``
            (a caller was refused, since no process was free).
        open_engine: how an engine process comes to its engine; a function of a module, since it is pickled.
    """

    def __init__(
        self,
        setup: Callable[[], EngineSetup],
        limits: PoolLimits | None = None,
        on_trouble: Callable[[Trouble], None] = lambda _trouble: None,
        open_engine: Callable[[EngineSetup], Look] = open_engine,
    ) -> None:
        self._setup = setup
        self._limits = limits or PoolLimits()
        self._on_trouble = on_trouble
        self._start = partial(_EngineProcess, open_engine, self._limits)
        self._line = threading.BoundedSemaphore(self._limits.processes + self._limits.line)
        # The process that was used last is used next, so that those beyond need end for want of work.
        self._free: queue.LifoQueue[_Seat] = queue.LifoQueue()
        self._seats = [_Seat() for _ in range(self._limits.processes)]
        for seat in self._seats:
            self._free.put(seat)
        self._is_closed = False

    def sightings(self, data: bytes) -> "list[Sighting]":
        """All faces of an encoded picture, largest first.

        A picture whose process dies is tried once more in another one.

        Raises:
            ImageError: it cannot be decoded.
            PoolBusyError: ``busy``: the line is full, no process became free, or the answer took too long.
            RecognitionError: ``recognition_off``; ``engine_crashed``: two processes died of this picture; or the
                engine cannot be loaded.
        """
        setup = self._setup()
        if setup.name == "off":
            raise RecognitionError(
                "recognition_off", "recognition is switched off on this server: faces cannot be read"
            )
        with self._seat() as seat:
            crashes = 0
            while crashes < TRIES:
                try:
                    return self._process(seat, setup).look(data, self._limits.look_seconds)
                except _EndedError as ended:
                    crashes += self._is_crash(seat, ended)
        raise RecognitionError("engine_crashed", f"the engine ended {TRIES} times on this picture; keep and report it")

    def close(self) -> None:
        """Ends all processes, also those that are looking; from here on every call is refused."""
        self._is_closed = True
        for process in [seat.process for seat in self._seats]:
            if process is not None:
                process.kill()

    @contextlib.contextmanager
    def _seat(self) -> "Iterator[_Seat]":
        """A place to have a picture looked at, the caller's own for a while."""
        if not self._line.acquire(blocking=False):
            self._on_trouble("full")
            raise PoolBusyError("busy", "too many pictures wait to be read; try again in a few seconds")
        try:
            seat = self._next_free()
            try:
                yield seat
            finally:
                self._free.put(seat)
        finally:
            self._line.release()

    def _next_free(self) -> "_Seat":
        try:
            return self._free.get(timeout=self._limits.wait_seconds)
        except queue.Empty:
            self._on_trouble("full")
            raise PoolBusyError("busy", "other pictures are being read; try again in a few seconds") from None

    def _process(self, seat: "_Seat", setup: EngineSetup) -> "_EngineProcess":
        """The seat's process, or a new one where there is none, it has ended, or it was started for something else."""
        if seat.process is not None and (reason := seat.process.ended()) is not None:
            seat.process = None
            if reason == "crash":
                self._on_trouble("crash")
        if seat.process is not None and seat.process.setup != setup:
            seat.process.kill()
            seat.process = None
        if self._is_closed:
            raise PoolBusyError("busy", "the server is being stopped")
        if seat.process is None:
            seat.process = self._start(setup)
        return seat.process

    def _is_crash(self, seat: "_Seat", ended: "_EndedError") -> bool:
        """Whether a process that is gone has crashed; if not, it went for want of work just before it was asked.

        Raises:
            PoolBusyError: it was ended because it took too long, or because the pool is closed.
        """
        seat.process = None
        if self._is_closed:
            raise PoolBusyError("busy", "the server is being stopped") from ended
        if ended.reason == "late":
            self._on_trouble("late")
            seconds = self._limits.look_seconds
            raise PoolBusyError("busy", f"no answer within {seconds:g} s; try again") from ended
        if ended.reason == "crash":
            self._on_trouble("crash")
        return ended.reason == "crash"


End = Literal["crash", "late", "idle"]


class _EndedError(Exception):
    """The process is gone; ``reason`` says whether by itself, by its time limit, or for want of work."""

    def __init__(self, reason: End) -> None:
        super().__init__(reason)
        self.reason: End = reason


@dataclass(slots=True)
class _Seat:
    """Where at most one engine process is, used by one caller at a time."""

    process: "_EngineProcess | None" = None


class _EngineProcess:
    """One engine process, from the side of those who ask it."""

    def __init__(self, open_engine: Callable[[EngineSetup], Look], limits: PoolLimits, setup: EngineSetup) -> None:
        self.setup = setup
        self._pipe, theirs = CONTEXT.Pipe()
        serving = (theirs, open_engine, setup, limits.idle_seconds)
        self._process = CONTEXT.Process(target=_serve, args=serving, name="engine", daemon=True)
        self._process.start()
        theirs.close()
        # Whoever ends for want of work is to leave nothing in the system's table of processes.
        threading.Thread(target=self._process.join, name="engine end", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process' number."""
        return self._process.pid or 0

    def ended(self) -> End | None:
        """Why the process, which nobody uses just now, is gone; None if it is there."""
        if not self._pipe.poll():
            return None
        return self._last_word()

    def look(self, data: bytes, seconds: float) -> "list[Sighting]":
        """What the engine says to a picture.

        Raises:
            RecognitionError: the engine's own.
            _EndedError: the process is gone.
        """
        first = threading.Lock()  # whoever takes it was first: the answer, or the end of the time for it

        def end() -> None:
            if first.acquire(blocking=False):
                self.kill()

        limit = threading.Timer(seconds, end)
        limit.daemon = True
        limit.start()
        try:
            # What ended already cannot be written to; its last word says why.
            with contextlib.suppress(OSError):
                self._pipe.send_bytes(data)
            answer = self._pipe.recv()
            is_in_time = first.acquire(blocking=False)
        except (EOFError, OSError) as error:
            raise _EndedError("crash" if first.acquire(blocking=False) else "late") from error
        finally:
            limit.cancel()
        if not is_in_time:
            raise _EndedError("late")
        if answer is None:
            raise _EndedError("idle")
        if isinstance(answer, RecognitionError):
            raise answer
        found: list[Sighting] = answer
        return found

    def kill(self) -> None:
        """Ends the process, whatever it is doing; it keeps nothing that could be damaged."""
        self._process.kill()

    def _last_word(self) -> End:
        try:
            self._pipe.recv()
        except (EOFError, OSError):
            return "crash"
        return "idle"


def _serve(pipe: Connection, open_engine: Callable[[EngineSetup], Look], setup: EngineSetup, seconds: float) -> None:
    """An engine process: looks at pictures until none comes for some time, or until its owner is gone.

    Anything that is no RecognitionError ends it, with its place on the server's terminal: a fresh process is better
    than one that something unforeseen has happened to.
    """
    # The terminal's Ctrl-C reaches the whole group of processes; the owner says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One search thread is faster than several on shared cores, and numpy reads this when it is first imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    look: Look | None = None
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while pipe.poll(seconds):
            data = pipe.recv_bytes()
            try:
                look = look or open_engine(setup)
                answer: list[Sighting] | RecognitionError = look(data)
            except RecognitionError as error:
                answer = error
            pipe.send(answer)
        pipe.send(None)
