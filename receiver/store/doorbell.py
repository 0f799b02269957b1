"""The doorbell: after a commit it wakes the processes on this machine that wait for work; a poll is the net behind it."""

import contextlib
import os
import select
import socket
import time
from pathlib import Path

FOLDER = "bells"
# How long a process trusts what it knows about who is listening.
LISTING_SECONDS = 1.0


class Doorbell:
    """Rings every listener of one data folder; a listener that is gone is passed over.

    Args:
        data_dir: the data folder.
        room: another bell than the one for work, with listeners of its own; empty: that one.
    """

    def __init__(self, data_dir: Path, room: str = "") -> None:
        self._folder = data_dir / FOLDER / room
        self._folder.mkdir(parents=True, exist_ok=True)
        # Addressed through the open folder: a socket's path may have 107 bytes only, a data folder's more.
        self._fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._listener: socket.socket | None = None
        self._name = f"{os.getpid()}.sock"
        self._known: list[str] = []
        self._listed_at = float("-inf")

    def ring(self) -> None:
        """Wakes all listeners; never waits, never fails."""
        if time.monotonic() - self._listed_at > LISTING_SECONDS:
            self._known = [path.name for path in self._folder.glob("*.sock")]
            self._listed_at = time.monotonic()
        for name in self._known:
            # A full or dead socket needs no further ring: its owner is awake already, or gone.
            with contextlib.suppress(OSError):
                self._sender.sendto(b"!", self._address(name))

    def listen(self) -> None:
        """Makes this process a listener."""
        (self._folder / self._name).unlink(missing_ok=True)
        self._sweep()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._listener.bind(self._address(self._name))

    def wait(self, seconds: float) -> bool:
        """Waits until somebody rings, at most ``seconds``; True if somebody did."""
        if self._listener is None:
            time.sleep(seconds)
            return False
        # Not select(): where many connections are open the socket's number is higher than it can take.
        waiting = select.poll()
        waiting.register(self._listener, select.POLLIN)
        ready = waiting.poll(seconds * 1000)
        with contextlib.suppress(BlockingIOError):
            while ready:
                self._listener.recv(16)
        return bool(ready)

    def close(self) -> None:
        """Ends listening and ringing; a second time it does nothing."""
        if self._fd < 0:
            return
        if self._listener is not None:
            self._listener.close()
            (self._folder / self._name).unlink(missing_ok=True)
        self._sender.close()
        os.close(self._fd)
        self._fd = -1

    def _address(self, name: str) -> str:
        return f"/proc/self/fd/{self._fd}/{name}"

    def _sweep(self) -> None:
        """Takes away the sockets of processes that ended without saying so."""
        for path in self._folder.glob("*.sock"):
            if path.stem.isdecimal() and not Path(f"/proc/{path.stem}").exists():
                path.unlink(missing_ok=True)
