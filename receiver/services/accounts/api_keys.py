"""API keys for programs: shown once, kept as hashes, with scopes and an end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from receiver.domain.accounts import checked_scopes
from receiver.domain.errors import Conflict, Invalid, NotFound
from receiver.services.accounts import secret_parts
from receiver.services.accounts.admitting import KEY
from receiver.services.asking.asking import Page
from receiver.store import accounts
from receiver.store.database import Row
from receiver.store.store import Store

MOST_OF_AN_ACCOUNT = 100
# With those that are revoked, which stay in the list for three months.
MOST_IN_ALL = 1000


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be made; it may do what its account may, as far as the scopes go."""

    account_id: int
    name: str
    scopes: Sequence[str]
    expires_at: datetime | None = None


class ApiKeys:
    """The use cases of /v1/keys and of `keys` on the command line."""

    def __init__(self, store: Store, forget: Callable[[], None]) -> None:
        self._store = store
        self._forget = forget

    def add(self, new: NewKey) -> dict[str, Any]:
        """Makes a key; the answer alone holds the secret (``key``).

        Raises:
            NotFound: ``no_such_account``.
            Invalid: ``bad_scope``, ``ends_in_the_past``.
            Conflict: ``too_many_keys``.
        """
        scopes, now, secret = checked_scopes(new.scopes), datetime.now(UTC), secret_parts.new_part()
        if new.expires_at is not None and new.expires_at <= now:
            raise Invalid("ends_in_the_past", "the key's time would be over already")
        values = {
            "account_id": new.account_id,
            "name": new.name,
            "secret_hash": secret_parts.hash_of(secret),
            "scopes": scopes,
            "created_at": now,
            "expires_at": new.expires_at,
        }
        with self._store.write(lock=accounts.ACCOUNTS_LOCK) as tx:
            if accounts.find(tx, new.account_id) is None:
                raise NotFound("no_such_account", f"there is no account {new.account_id}")
            in_force, in_all = accounts.count_keys(tx, new.account_id)
            if in_force >= MOST_OF_AN_ACCOUNT or in_all >= MOST_IN_ALL:
                raise Conflict("too_many_keys", f"an account has at most {MOST_OF_AN_ACCOUNT} keys; revoke some")
            key_id = accounts.add_key(tx, values)
            row = accounts.find_key(tx, key_id)
        return _shown(row) | {"key": secret_parts.written(KEY, key_id, secret)}

    def listed(self, account_id: int | None, after: int, limit: int) -> Page:
        """Keys of an account, or of all, in the order in which they were made; revoked ones too."""
        with self._store.read() as tx:
            rows = accounts.keys(tx, account_id, after, limit + 1)
        return Page([_shown(row) for row in rows[:limit]], str(rows[limit - 1].id) if len(rows) > limit else None)

    def revoke(self, key_id: int, account_id: int | None = None) -> None:
        """Makes a key worthless; only of that account, if one is named.

        Raises:
            NotFound: ``no_such_key``.
        """
        with self._store.write() as tx:
            row = accounts.find_key(tx, key_id)
            if row is None or account_id not in {None, row.account_id}:
                raise NotFound("no_such_key", f"there is no key {key_id}")
            accounts.change_key(tx, key_id, {"revoked_at": row.revoked_at or datetime.now(UTC)})
        self._forget()


def _shown(row: Row | Any) -> dict[str, Any]:
    names = ("id", "name", "scopes", "created_at", "expires_at", "used_at", "revoked_at")
    shown = {name: row._mapping[name] for name in names}
    return shown | {"account": {"id": row._mapping.get("account_id"), "name": row.account_name}}
