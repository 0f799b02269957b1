"""Many rows go in by a few statements, and none is lost or doubled."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from receiver.store import events, tables
from receiver.store.batches import MOST_ROWS, insert_rows, powers_of_two
from receiver.store.store import PICTURE_PAGE_BYTES, Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 64, MOST_ROWS]))
def test_a_number_is_a_sum_of_powers_of_two(total: int, most: int) -> None:
    parts = powers_of_two(total, most)
    assert sum(parts) == total
    assert parts == sorted(parts, reverse=True)
    assert all(part <= most and part.bit_count() == 1 for part in parts)
    assert max((parts.count(part) for part in parts if part < most), default=1) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, MOST_ROWS, MOST_ROWS + 5])
def test_any_number_of_rows_is_written_once_and_found(store: Store, count: int) -> None:
    hashes = [number.to_bytes(32, "big") for number in range(count)]
    rows = [{"hash": each, "event_id": number, "first_seen": NOW} for number, each in enumerate(hashes)]
    with store.write() as tx:
        insert_rows(tx, tables.event_key, rows)
        insert_rows(tx, tables.event_key, rows, may_exist=True)
        known = events.known_keys(tx, [*hashes, b"\xff" * 32])
        written = tx.execute(select(tables.event_key).order_by(tables.event_key.c.event_id)).all()
    assert [tuple(row) for row in written] == [tuple(row.values()) for row in rows]
    assert known == {each: number for number, each in enumerate(hashes)}


def test_no_keys_are_none_that_are_known(store: Store) -> None:
    with store.read() as tx:
        assert events.known_keys(tx, []) == {}


def test_the_file_of_pictures_has_large_pages(store: Store) -> None:
    if not store.is_sqlite:
        return
    with store.pictures.read() as tx:
        assert tx.execute(text("PRAGMA page_size")).scalar() == PICTURE_PAGE_BYTES
