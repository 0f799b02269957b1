"""Counts failed logins for all web processes together, and knows from where an account's people usually come."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from receiver.store import accounts, login_attempts
from receiver.store.store import Store


class Attempts:
    """What the limits on logins stand upon; of names and addresses only digests are kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def count(self, counts: Iterable[tuple[str, int, int]]) -> None:
        """Adds to counts (key, seconds, number) that end so many seconds after they began; all in one transaction."""
        now = datetime.now(UTC)
        with self._store.write() as tx:
            login_attempts.forget_expired(tx, now)
            for key, seconds, number in sorted(counts):
                login_attempts.count(tx, _digest(key), number, now + timedelta(seconds=seconds))

    def number(self, key: str) -> int:
        """How many there are."""
        with self._store.read() as tx:
            found = login_attempts.find(tx, _digest(key), datetime.now(UTC))
        return 0 if found is None else int(found.number)

    def ends_at(self, key: str) -> datetime:
        """When a count ends; now, if there is none."""
        now = datetime.now(UTC)
        with self._store.read() as tx:
            found = login_attempts.find(tx, _digest(key), now)
        ends_at: datetime = now if found is None else found.expires_at
        return ends_at

    def forget(self, key: str | None = None) -> int:
        """Takes a count away, or all; how many."""
        with self._store.write() as tx:
            return login_attempts.forget(tx, None if key is None else _digest(key))

    def is_usual(self, name: str, address: str) -> bool:
        """Whether somebody has logged in to that account from there before."""
        with self._store.read() as tx:
            return accounts.has_logged_in_from(tx, name.strip().casefold(), address)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
