"""The upstream of the settings signs: with the secret that is set, and for a while with the one before."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from receiver import bootstrap
from receiver.domain import signatures
from receiver.domain.errors import SetupError
from receiver.domain.schedules import AT_ONCE
from receiver.forwarder.channel import Destination
from receiver.forwarder.http import read_target
from receiver.settings import Settings
from receiver.store import subscriptions
from receiver.store.store import Store

URL = "http://hub.example/HistoryEvent"
ONE, TWO = (signatures.secret_text(bytes([number]) * 32) for number in (1, 2))
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def settled(store: Store, secret: str, *, days: int = 0) -> list[bytes]:
    """The secrets with which it signs after that start."""
    now = NOW + timedelta(days=days)
    with store.write() as tx:
        subscriptions.settle(tx, {URL: AT_ONCE}, now, secret)
    with store.read() as tx:
        (kept,) = subscriptions.every(tx)
    found = kept.subscription
    return list(read_target(Destination("http", found.target, found.secrets), now.timestamp()).signing)


def test_it_signs_with_the_secret_and_for_a_day_with_the_one_before(store: Store) -> None:
    assert settled(store, "") == []
    assert settled(store, ONE) == [b"\x01" * 32]
    assert settled(store, ONE) == [b"\x01" * 32]
    assert settled(store, TWO) == [b"\x02" * 32, b"\x01" * 32]
    assert settled(store, TWO) == [b"\x02" * 32, b"\x01" * 32]
    assert settled(store, TWO, days=2) == [b"\x02" * 32]
    assert settled(store, "") == []


def test_a_secret_that_is_none_stops_the_start(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, recognition="off", upstream_url=(URL,), upstream_secret="whsec_short")
    house = bootstrap.open_house(settings)
    with pytest.raises(SetupError, match="GATEHOUSE_UPSTREAM_SECRET") as refused:
        bootstrap.make_intake(house)
    house.close()
    assert refused.value.reason == "bad_secret"
