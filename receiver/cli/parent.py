"""The small parent of `serve`: starts the children, restarts one that fails, and ends them all together."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

SCRIPT = Path(__file__).resolve().parent.parent.parent / "Event_Receive_server.py"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
# A child that ran this long was well; its next failure is a first one again.
WELL_SECONDS = 60.0
END_SECONDS = 20.0
HOPELESS_FAILURES = 5
LOOK_SECONDS = 0.2
# What does not pass by itself, by the exit code: a wrong setting, and a web process that a fault keeps from starting. The
# worker goes down with what it works on, which is no reason to take the intake from the gates.
LASTING = {"web": {1, os.EX_CONFIG}, "worker": {os.EX_CONFIG}}


class Child:
    """One child process and when to start it again."""

    def __init__(self, name: str, arguments: list[str], parent_fd: int) -> None:
        self.name = name
        self._command = [sys.executable, str(SCRIPT), name, *arguments, "--parent-fd", str(parent_fd)]
        self._parent_fd = parent_fd
        self._failures = 0
        self._in_vain = 0
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
            is_well = self._is_well
            self.process = None
            self._was_well = self._was_well or is_well
            self._failures = 1 if is_well else self._failures + 1
            self._in_vain = self._in_vain + 1 if code in LASTING[self.name] else 0
            self._due = time.monotonic() + self.pause
        return code

    @property
    def pause(self) -> float:
        """Seconds from its last failure to its next start."""
        return pause_after(self._failures)

    @property
    def was_well(self) -> bool:
        """Whether it has ever run for a while."""
        return self._was_well or self._is_well

    @property
    def _is_well(self) -> bool:
        return self.process is not None and time.monotonic() - self._started > WELL_SECONDS

    @property
    def is_in_vain(self) -> bool:
        """Whether what keeps it from starting has been the same too often to pass by itself."""
        return self._in_vain >= HOPELESS_FAILURES

    def ask_to_end(self) -> None:
        """Tells the child to end."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def end(self, deadline: float) -> None:
        """Waits until the child has ended, and ends it by force if it does not."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def pause_after(failures: int) -> float:
    """Seconds until the next start after so many failures in a row: doubling up to the longest."""
    # The exponent ends where the pause has long been the longest one: a float does not hold every power of two.
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))


class _Stop(Exception):
    pass


def run(names: list[str], arguments: list[str]) -> int:
    """Runs the children until a signal comes; 1 if one cannot even start once, and none has ever run for a while."""
    read_fd, write_fd = os.pipe()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, _on_signal)
    children = [Child(name, arguments, read_fd) for name in names]
    try:
        while all(_look_after(child, children) for child in children):
            time.sleep(LOOK_SECONDS)
    except _Stop:
        return 0
    else:
        return 1
    finally:
        _end_all(children)
        os.close(write_fd)
        os.close(read_fd)


def _look_after(child: Child, children: list[Child]) -> bool:
    """Starts the child, anew if it has ended; False if that is hopeless."""
    code = child.look()
    if code is None:
        return True
    is_hopeless = child.is_in_vain and not any(each.was_well for each in children)
    print(f"{child.name} {_what(code, child.pause, is_hopeless=is_hopeless)}", file=sys.stderr, flush=True)
    return not is_hopeless


def _what(code: int, pause: float, *, is_hopeless: bool) -> str:
    if is_hopeless:
        return "cannot be started; the lines above say why"
    has_no_database = code == os.EX_TEMPFAIL
    why = "finds that the database does not answer or cannot be written" if has_no_database else f"ended with {code}"
    return f"{why}; it is started again in {pause:g} s"


def _end_all(children: list[Child]) -> None:
    """Asks all of them at once, then waits for each."""
    deadline = time.monotonic() + END_SECONDS
    for child in children:
        child.ask_to_end()
    for child in children:
        child.end(deadline)


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    """The first signal ends the server; a second one changes nothing."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise _Stop


def own_metrics(data_dir: Path) -> Path:
    """An empty folder for the counters of this run; those of runs that have ended are taken away."""
    folder = data_dir.absolute() / "metrics"
    own = folder / str(os.getpid())
    for other in folder.glob("*"):
        # One of this process's own number is an earlier run's: in a container it is the same each time.
        if other == own or not (other.name.isdecimal() and Path(f"/proc/{other.name}").exists()):
            shutil.rmtree(other, ignore_errors=True)
    own.mkdir(parents=True, exist_ok=True)
    return own


def may_listen(host: str, port: int) -> str | None:
    """None if the port is free, else why not.

    Web processes that share a port would also share it with another server that does so: each would get some of the boxes.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            return str(error.strerror)
    return None
