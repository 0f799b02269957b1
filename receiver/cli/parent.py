"""The small parent of `serve`: starts the children, restarts one that fails, and ends them all together."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

SCRIPT = Path(__file__).resolve().parent.parent.parent / "Event_Receive_server.py"
LONGEST_PAUSE = 30.0
# A child that ran this long was well; its next failure is a first one again.
WELL_SECONDS = 60.0
END_SECONDS = 20.0
HOPELESS_FAILURES = 5
LOOK_SECONDS = 0.2


class Child:
    """One child process and when to start it again."""

    def __init__(self, name: str, arguments: list[str], parent_fd: int) -> None:
        self.name = name
        self._command = [sys.executable, str(SCRIPT), name, *arguments, "--parent-fd", str(parent_fd)]
        self._parent_fd = parent_fd
        self._failures = 0
        self._was_well = False
        self._due = 0.0
        self._started = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def look(self) -> int | None:
        """Starts the child if it is due; the exit code if it has just ended, else None."""
        if self.process is None:
            if time.monotonic() >= self._due:
                self._started = time.monotonic()
                self.process = subprocess.Popen(self._command, pass_fds=[self._parent_fd])  # noqa: S603 - our own script
            return None
        code = self.process.poll()
        if code is not None:
            self.process = None
            is_well = time.monotonic() - self._started > WELL_SECONDS
            self._was_well = self._was_well or is_well
            self._failures = 1 if is_well else self._failures + 1
            self._due = time.monotonic() + min(LONGEST_PAUSE, 2.0 ** (self._failures - 1))
        return code

    @property
    def is_hopeless(self) -> bool:
        """Whether it has never run for a while: what keeps it from starting will not pass by itself."""
        return not self._was_well and self._failures >= HOPELESS_FAILURES

    def end(self, deadline: float) -> None:
        """Ends the child, by force if it does not."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class _Stop(Exception):
    pass


def run(names: list[str], arguments: list[str]) -> int:
    """Runs the children until a signal comes; 1 if one cannot even start once."""
    _clear_metrics()
    read_fd, write_fd = os.pipe()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, _on_signal)
    children = [Child(name, arguments, read_fd) for name in names]
    try:
        while True:
            for child in children:
                code = child.look()
                if code is not None and child.is_hopeless:
                    print(f"{child.name} cannot be started; the lines above say why", file=sys.stderr)
                    return 1
                if code is not None:
                    print(f"{child.name} ended with {code}; it is started again", file=sys.stderr)
            time.sleep(LOOK_SECONDS)
    except _Stop:
        return 0
    finally:
        deadline = time.monotonic() + END_SECONDS
        for child in children:
            child.end(deadline)
        os.close(write_fd)
        os.close(read_fd)


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    raise _Stop


def _clear_metrics() -> None:
    """Counters start anew with the server; files of processes long gone would be added up for ever."""
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
