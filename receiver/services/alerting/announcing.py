"""Reads announcements for those who are told live: the next ones, and which of them a limited account may see."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receiver.domain.accounts import Limits
from receiver.store import alerts, announcements
from receiver.store.announcement_bell import AnnouncementBell
from receiver.store.store import Store

PAGE = 200


@dataclass(frozen=True, slots=True)
class Announcement:
    """That something happened to an alert.

    Attributes:
        id: its number; later ones are larger.
        change: what happened, one of ``domain.alerts.Change``.
        alert_id: of the alert.
        at: when.
        facts: the alert as it was then: ids and machine words, no names.
    """

    id: int
    change: str
    alert_id: int
    at: datetime
    facts: Mapping[str, Any]


class Announcing:
    """The use case behind the live stream."""

    def __init__(self, store: Store, bell: AnnouncementBell) -> None:
        self._store = store
        self._bell = bell

    def bounds(self) -> tuple[int, int]:
        """The oldest and the newest number that are kept; (0, 0) if there is none."""
        with self._store.read() as tx:
            return announcements.bounds(tx)

    def after(self, last_id: int) -> list[Announcement]:
        """The next ones, in their order; at most PAGE."""
        with self._store.read() as tx:
            rows = announcements.after(tx, last_id, PAGE)
        return [Announcement(row.id, row.kind, row.alert_id, row.at, row.facts) for row in rows]

    def in_sight(self, alert_ids: Collection[int], limits: Limits) -> set[int]:
        """Those of the alerts that an account with these limits may see."""
        with self._store.read() as tx:
            return alerts.in_sight(tx, alert_ids, limits)

    def listen(self) -> None:
        """Makes this process one that is woken."""
        self._bell.listen()

    def wait(self, seconds: float) -> None:
        """Until something is announced, or the time is over."""
        self._bell.wait(seconds)
