"""What wakes the web processes when something is announced: a bell of its own beside SQLite, NOTIFY on PostgreSQL."""

import time
from pathlib import Path

import psycopg

from receiver.store.announcements import CHANNEL
from receiver.store.doorbell import Doorbell

ROOM = "live"
# A database that went away is tried again after so long; meanwhile the poll behind the bell does.
AGAIN_SECONDS = 5.0


class AnnouncementBell:
    """Rung after each commit that announces something; one thread of a process listens.

    Not the doorbell of the workers: that one rings for each event that comes in.

    Args:
        data_dir: the data folder.
        database_url: empty for SQLite. On PostgreSQL, where web processes may run on several machines, the
            announcing transaction itself notifies, and ringing does nothing.
    """

    def __init__(self, data_dir: Path, database_url: str) -> None:
        self._address = database_url.replace("+psycopg", "", 1)
        self._bell = None if database_url else Doorbell(data_dir, ROOM)
        self._listening: psycopg.Connection | None = None
        self._next_try = 0.0

    def ring(self) -> None:
        """Wakes the listeners; never waits, never fails."""
        if self._bell is not None:
            self._bell.ring()

    def listen(self) -> None:
        """Makes this process a listener."""
        if self._bell is not None:
            self._bell.listen()
        else:
            self._connect()

    def wait(self, seconds: float) -> bool:
        """Waits until something is announced, at most ``seconds``; True if something may have been."""
        if self._bell is not None:
            return self._bell.wait(seconds)
        if self._listening is None and time.monotonic() >= self._next_try:
            self._connect()
        if self._listening is None:
            time.sleep(seconds)
            return False
        try:
            return any(True for _ in self._listening.notifies(timeout=seconds, stop_after=1))
        except psycopg.Error:
            self._drop()
            return True

    def close(self) -> None:
        """Ends listening and ringing."""
        if self._bell is not None:
            self._bell.close()
        self._drop()

    def _connect(self) -> None:
        try:
            self._listening = psycopg.connect(self._address, autocommit=True, connect_timeout=int(AGAIN_SECONDS))
            self._listening.execute(f'LISTEN "{CHANNEL}"')
        except psycopg.Error:
            self._drop()

    def _drop(self) -> None:
        self._next_try = time.monotonic() + AGAIN_SECONDS
        if self._listening is not None:
            self._listening.close()
            self._listening = None
