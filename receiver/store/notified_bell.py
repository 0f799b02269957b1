"""Wakes a web process by PostgreSQL's NOTIFY; a module of its own, for its driver takes memory that SQLite does not need."""

import time

import psycopg
from psycopg.conninfo import make_conninfo

from receiver.store.announcements import CHANNEL
from receiver.store.database import link_limits

# A database that went away is tried again after so long; meanwhile the poll behind the bell does.
AGAIN_SECONDS = 5.0


class NotifiedBell:
    """The announcing transaction itself notifies, wherever its machine is; ringing does nothing."""

    def __init__(self, database_url: str) -> None:
        self._address = make_conninfo(database_url.replace("+psycopg", "", 1), **link_limits(database_url))
        self._listening: psycopg.Connection | None = None
        self._next_try = 0.0

    def ring(self) -> None:
        """Nothing: whoever listens knows already."""

    def listen(self) -> None:
        """Makes this process a listener."""
        self._connect()

    def wait(self, seconds: float) -> bool:
        """Waits until something is announced, at most ``seconds``; True if something may have been."""
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
        """Ends listening."""
        self._drop()

    def _connect(self) -> None:
        try:
            self._listening = psycopg.connect(self._address, autocommit=True)
            self._listening.execute(f'LISTEN "{CHANNEL}"')
        except psycopg.Error:
            self._drop()

    def _drop(self) -> None:
        self._next_try = time.monotonic() + AGAIN_SECONDS
        if self._listening is not None:
            self._listening.close()
            self._listening = None
