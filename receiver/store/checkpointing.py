"""Takes write-ahead logs over into their SQLite databases in a thread of its own, so that no commit has to wait for it.

SQLite lets whichever commit finds the log long enough copy it into the database. Under load that was an eighth of the time
that the intake's thread spent on an event; here it happens beside it, without the interpreter lock.
"""

import threading
from collections.abc import Callable, Iterable

import structlog

from receiver.domain.errors import Unavailable
from receiver.store.database import JOURNAL_BYTES, Database

# Half of what makes a commit do it by itself: it still does, where this thread is slower than what is written.
WANTED_BYTES = JOURNAL_BYTES // 2
# However little a commit writes: each taking over flushes two files to the disk.
MOST_COMMITS = 32
END_SECONDS = 10.0

log = structlog.get_logger("store")


class Checkpointing:
    """One thread for the databases of a process that writes much; other processes go on as SQLite does by itself."""

    def __init__(self, databases: Iterable[Database]) -> None:
        self._logs = [_Log(database, self._wake) for database in databases if database.is_sqlite]
        self._due = threading.Event()
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)

    def start(self) -> None:
        """Begins to follow the commits of this process."""
        if self._logs:
            self._thread.start()

    def close(self) -> None:
        """Ends the thread; the logs are left to SQLite."""
        self._is_ending = True
        self._due.set()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    def _wake(self) -> None:
        self._due.set()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._is_ending:
                return
            for each in self._logs:
                each.take_over_if_due()


class _Log:
    """One database's log: how many commits make it long enough."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake
        self._commits = 0
        self._enough = 1
        database.on_commit = self._on_commit

    def _on_commit(self) -> None:
        self._commits += 1
        if self._commits >= self._enough:
            self._wake()

    def take_over_if_due(self) -> None:
        """Copies the log if enough was committed, and learns from its length how many commits are enough."""
        if self._commits < self._enough:
            return
        commits, self._commits = self._commits, 0
        try:
            written = self._database.take_log_over()
        except Unavailable as error:
            # A commit does it, once the log is as long again.
            log.warning("checkpoint_failed", reason=error.reason, detail=error.detail)
            return
        self._enough = max(1, min(MOST_COMMITS, commits * WANTED_BYTES // max(written, 1)))
