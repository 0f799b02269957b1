"""Unreadable items are kept once, and the memory of refused bodies is bounded."""

import hashlib
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from receiver.store import quarantine, tables
from receiver.store.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def row(raw: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "received_at": NOW, "channel": "history", "peer": "10.0.0.1", "path": "/HistoryEvent", "content_type": "",
        "reason": "not_an_event", "detail": "", "raw": raw, "form": "item", "digest": hashlib.sha256(raw).digest(), **changes,
    }  # fmt: skip


def test_the_same_bytes_are_kept_once_and_counted(store: Store) -> None:
    for _ in range(3):
        with store.write() as tx:
            first = quarantine.keep(tx, row(b"{}"))
    with store.write() as tx:
        other = quarantine.keep(tx, row(b"[]\x00\xff"))
        assert quarantine.held(tx) == 2
        listed = quarantine.listed(tx, quarantine.HELD, None, 9)
        found = quarantine.find(tx, other)
    assert [(each.id, each.times, each.size) for each in listed] == [(other, 1, 4), (first, 3, 2)]
    assert found is not None
    assert found.raw == b"[]\x00\xff"


def test_somebody_is_asked_once_a_trusted_device_sends_what_an_unknown_one_had_sent(store: Store) -> None:
    asked = []
    for peer in ("10.0.0.9", "10.0.0.9", None, None):
        with store.write() as tx:
            quarantine.keep(tx, row(b"{}", unverified_peer=peer))
        with store.read() as tx:
            asked.append(tx.execute(select(func.count()).select_from(tables.review)).scalar_one())
    assert asked == [0, 0, 1, 1]


def test_a_replayed_item_is_settled(store: Store) -> None:
    with store.write() as tx:
        kept = quarantine.keep(tx, row(b"{}"))
        quarantine.settle(tx, kept, 5)
        assert quarantine.held(tx) == 0
        assert [each.event_id for each in quarantine.listed(tx, quarantine.REPLAYED, None, 9)] == [5]


def test_processes_that_keep_the_same_bytes_at_once_keep_them_once(store: Store) -> None:
    start = threading.Barrier(8)
    ids: list[int] = []

    def keep() -> None:
        start.wait(30)
        with store.write() as tx:
            ids.append(quarantine.keep(tx, row(b"same")))

    threads = [threading.Thread(target=keep) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with store.read() as tx:
        assert [each.times for each in quarantine.listed(tx, None, None, 9)] == [8]
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_a_refused_body_is_known_the_second_time(store: Store) -> None:
    with store.write() as tx:
        assert quarantine.remember_rejected(tx, b"1" * 32, NOW)
        assert not quarantine.remember_rejected(tx, b"1" * 32, NOW)


def test_the_oldest_refused_bodies_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "REMEMBERED_BODIES", 3)
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(5)]
    for number, digest in enumerate(digests):
        with store.write() as tx:
            quarantine.remember_rejected(tx, digest, NOW + timedelta(seconds=number))
    with store.write() as tx:
        assert [quarantine.remember_rejected(tx, each, NOW + timedelta(days=1)) for each in digests[2:]] == [False] * 3
        assert quarantine.remember_rejected(tx, digests[0], NOW + timedelta(days=1))
