"""Begins checks of the library and shows them; the work itself is a worker's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.services.checking.run import STAGES
from receiver.store import library_checks, outbox
from receiver.store.database import Row
from receiver.store.store import Store

# The clocks of several workers strike within seconds of each other.
ONE_STROKE = timedelta(minutes=10)
BY_LENGTH = 255
CLOCK = "schedule"


class LibraryChecks:
    """What people and the clock do with checks.

    Args:
        ring: wakes the workers.
        schedule: when they begin by themselves, for people to read.
    """

    def __init__(self, store: Store, ring: Callable[[], None], schedule: str) -> None:
        self._store = store
        self._ring = ring
        self._schedule = schedule

    def begin(self, by: str) -> int:
        """Begins a check, or joins the one that is under way; its id."""
        now = datetime.now(UTC)
        with self._store.write(lock=library_checks.LOCK) as tx:
            running = library_checks.newest(tx, library_checks.RUNNING)
            check_id = _add(tx, by, now) if running is None else int(running.id)
        self._ring()
        return check_id

    def begin_scheduled(self) -> int:
        """Begins the night's check; how many: none where another worker's clock was faster, or one is under way."""
        now = datetime.now(UTC)
        with self._store.write(lock=library_checks.LOCK) as tx:
            newest = library_checks.newest(tx)
            if newest is not None and (
                newest.state == library_checks.RUNNING
                or (newest.asked_by == CLOCK and now - newest.started_at < ONE_STROKE)
            ):
                return 0
            _add(tx, CLOCK, now)
        return 1

    def show(self) -> dict[str, Any]:
        """When the library was checked last and what was found; how far a check under way is."""
        with self._store.read() as tx:
            newest = library_checks.newest(tx)
            done = library_checks.newest(tx, library_checks.DONE)
        is_running = newest is not None and newest.state == library_checks.RUNNING
        return {
            "schedule": self._schedule,
            "is_running": is_running,
            "newest": None if newest is None else _shown(newest),
            "last_done": None if done is None else _shown(done),
        }

    def one(self, check_id: int) -> dict[str, Any] | None:
        """One check; None if there is none with that id."""
        with self._store.read() as tx:
            row = library_checks.find(tx, check_id)
        return None if row is None else _shown(row)


def _add(tx: Any, by: str, now: datetime) -> int:
    check_id = library_checks.add(
        tx,
        {
            "state": library_checks.RUNNING,
            "stage": next(iter(STAGES)),
            "counts": {},
            "asked_by": by[:BY_LENGTH],
            "started_at": now,
            "updated_at": now,
        },
    )
    outbox.add(tx, library_checks.TOPIC, [check_id], now)
    return check_id


def _shown(row: Row) -> dict[str, Any]:
    names = ("id", "state", "reason", "stage", "counts", "asked_by", "started_at", "updated_at", "ended_at")
    return {**{name: row._mapping[name] for name in names}, "percent": _percent(row)}


def _percent(row: Row) -> int:
    """How much of the check is done, each stage counted alike; 0 to 100."""
    if row.state == library_checks.DONE:
        return 100
    share = row.done / row.total if row.total else 0.0
    return int(100 * (list(STAGES).index(row.stage) + min(share, 1.0)) / len(STAGES))
