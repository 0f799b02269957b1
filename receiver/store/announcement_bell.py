"""What wakes the web processes when something is announced: a bell of its own beside SQLite, NOTIFY on PostgreSQL."""

from pathlib import Path
from typing import Protocol

from receiver.store.doorbell import Doorbell

ROOM = "live"


class AnnouncementBell(Protocol):
    """Rung after each commit that announces something; one thread of a process listens.

    Not the doorbell of the workers: that one rings for each event that comes in.
    """

    def ring(self) -> None:
        """Wakes the listeners; never waits, never fails."""

    def listen(self) -> None:
        """Makes this process a listener."""

    def wait(self, seconds: float) -> bool:
        """Waits until something is announced, at most ``seconds``; True if something may have been."""

    def close(self) -> None:
        """Ends listening and ringing."""


def open_bell(data_dir: Path, database_url: str) -> AnnouncementBell:
    """The bell of a data folder, or where there is an address that of a PostgreSQL database."""
    if not database_url:
        return Doorbell(data_dir, ROOM)
    from receiver.store.notified_bell import NotifiedBell  # noqa: PLC0415 - only who uses PostgreSQL loads its driver

    return NotifiedBell(database_url)
