"""What waited for an address before there were subscriptions goes on under its number, and the books begin balanced."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from receiver.domain.schedules import AT_ONCE
from receiver.domain.subscriptions import Origin, SubscriptionState
from receiver.store import deliveries, lanes, migrating, subscriptions, tables
from receiver.store.lanes import Books
from receiver.store.store import Store, open_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SET, UNSET = "http://set.example/", "http://unset.example/"
ROWS = (
    "INSERT INTO subscription (channel, url, state, created_at) VALUES ('http', :set, 'active', :now)",
    "INSERT INTO subscription (channel, url, state, created_at) VALUES ('http', :unset, 'removed', :now)",
    "INSERT INTO lane (subscription_id, device_id, due_at) VALUES (1, 7, :now)",
    "INSERT INTO lane (subscription_id, device_id, due_at) VALUES (2, 7, :now)",
    *(
        "INSERT INTO delivery (subscription_id, device_id, event_id, message_id, state, refusals, created_at) "
        f"VALUES ({each})"
        for each in (
            "1, 7, 1, 1, 'waiting', 0, :now",
            "1, 7, 2, 2, 'buried', 3, :now",
            "2, 7, 1, 1, 'waiting', 0, :now",
            "1, 7, 3, 3, 'waiting', 0, :now",
        )
    ),
    # The other side knows this number.
    "DELETE FROM delivery WHERE event_id = 3",
)


@pytest.fixture
def upgraded(empty_database_url: str, tmp_path: Path) -> Iterator[Store]:
    """A store with rows of revision 0008, brought to the newest."""
    opened = open_store(empty_database_url, tmp_path)
    parts = [tables.main, tables.picture_store] if opened.main is opened.pictures else [tables.main]
    now = NOW if not opened.is_sqlite else int(NOW.timestamp() * 1_000_000)
    with opened.main.write() as tx:
        command.upgrade(migrating._config(tx, parts), "0008")
        for statement in ROWS:
            values = {"now": now, "set": SET, "unset": UNSET}
            tx.execute(text(statement), {name: each for name, each in values.items() if f":{name}" in statement})
    opened.upgrade()
    yield opened
    opened.close()


def test_addresses_are_subscriptions_of_the_settings(upgraded: Store) -> None:
    with upgraded.write() as tx:
        known = {kept.subscription.target["url"]: kept.subscription for kept in subscriptions.every(tx)}
        assert {each.origin for each in known.values()} == {Origin.SETTINGS}
        assert known[SET].state is SubscriptionState.ENABLED
        assert (known[UNSET].state, known[UNSET].reason) == (SubscriptionState.DISABLED, "not_set")
        assert subscriptions.settle(tx, {SET: AT_ONCE}, NOW) == {1: SET}
        assert subscriptions.settle(tx, dict.fromkeys((SET, UNSET), AT_ONCE), NOW) == {1: SET, 2: UNSET}


def test_what_waits_and_what_is_dead_stays_and_the_books_balance(upgraded: Store) -> None:
    with upgraded.write() as tx:
        assert lanes.books(tx) == {1: Books(2, 1, 0, 1), 2: Books(1, 1)}
        assert [(row.id, row.state) for row in deliveries.listed(tx, deliveries.DeliveryFilter())] == [
            (3, "waiting"),
            (2, "dead"),
            (1, "waiting"),
        ]


def test_a_number_that_somebody_has_seen_is_not_given_again(upgraded: Store) -> None:
    with upgraded.write() as tx:
        deliveries.add(tx, [deliveries.row_of_event(1, (7, 9, 9), 0, NOW)], NOW)
        assert deliveries.newest(tx) == 5
