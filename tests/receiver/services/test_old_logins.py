"""Logins and keys that are over: remembered for a while, then gone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.services.upkeep.housekeeping import BATCH, LOGIN_AGE, Housekeeping
from receiver.store import accounts
from receiver.store.pictures import Pictures
from receiver.store.store import Store

NOW = datetime.now(UTC)
LONG_AGO = NOW - LOGIN_AGE - timedelta(hours=1)


def account(store: Store) -> int:
    values = {"name": "one", "role": "guard", "password_hash": "none", "created_at": NOW, "updated_at": NOW}
    with store.write() as tx:
        return accounts.add(tx, values)


def login(store: Store, account_id: int, address: str, **values: Any) -> int:
    own = {
        "account_id": account_id, "kind": "program", "secret_hash": bytes(32), "token_hash": bytes(32), "address": address,
        "created_at": LONG_AGO, "used_at": LONG_AGO, "expires_at": NOW, **values,
    }  # fmt: skip
    with store.write() as tx:
        return accounts.add_login(tx, own)


def known(store: Store, *addresses: str) -> list[str]:
    with store.read() as tx:
        return [each for each in addresses if accounts.has_logged_in_from(tx, "one", each)]


def test_old_logins_and_keys_go_and_newer_ones_stay(store: Store) -> None:
    owner = account(store)
    login(store, owner, "expired", expires_at=LONG_AGO)
    login(store, owner, "ended", ended_at=LONG_AGO)
    login(store, owner, "good")
    login(store, owner, "ended of late", ended_at=NOW)
    key = {"account_id": owner, "name": "k", "secret_hash": bytes(32), "scopes": ["*"], "created_at": LONG_AGO}
    with store.write() as tx:
        gone = [accounts.add_key(tx, key | values) for values in ({"revoked_at": LONG_AGO}, {"expires_at": LONG_AGO})]
        kept = [accounts.add_key(tx, key | values) for values in ({}, {"revoked_at": NOW}, {"expires_at": NOW})]
    assert Housekeeping(store, Pictures(store.pictures)).sweep_logins() == 4
    assert known(store, "expired", "ended", "good", "ended of late") == ["good", "ended of late"]
    with store.read() as tx:
        assert [row.id for row in accounts.keys(tx, None, 0, 99)] == kept
        assert not [each for each in gone if accounts.find_key(tx, each)]


def test_many_old_logins_go_in_steps(store: Store) -> None:
    owner = account(store)
    for number in range(BATCH + 1):
        login(store, owner, str(number), expires_at=LONG_AGO)
    assert Housekeeping(store, Pictures(store.pictures)).sweep_logins() == BATCH + 1


def test_of_many_logins_of_one_account_the_newest_are_remembered(store: Store) -> None:
    owner = account(store)
    for number in range(7):
        login(store, owner, str(number))
    with store.write() as tx:
        assert accounts.forget_oldest(tx, owner, 5) == 2
        assert accounts.forget_oldest(tx, owner, 5) == 0
    assert known(store, *map(str, range(7))) == ["2", "3", "4", "5", "6"]
