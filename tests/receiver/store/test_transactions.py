"""The two kinds of transaction: write waits its turn, read cannot write."""

import contextlib
import multiprocessing
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
from sqlalchemy import text

from receiver.domain.errors import GatehouseError, Invalid, Unavailable
from receiver.store import devices, numbering, outbox, people, tables
from receiver.store.database import LINK_LIMITS, Database
from receiver.store.store import Store, open_store
from tests.made_databases import limits_of
from tests.made_stores import made_store

SPAWN = multiprocessing.get_context("spawn")
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
TURNS = 30
# How many turns the greedy one may have for one of the other's; two that take turns have one each.
SHARE = 5


def test_a_read_transaction_cannot_write(store: Store) -> None:
    with pytest.raises(GatehouseError), store.read() as tx:
        outbox.add(tx, "recognise", [1], NOW)
    with store.read() as tx:
        assert outbox.counts(tx) == {}


def test_a_read_transaction_cannot_write_pictures(store: Store) -> None:
    with pytest.raises(GatehouseError), store.pictures.read() as tx:
        tx.execute(text("DELETE FROM picture"))


def test_a_read_transaction_sees_one_state(store: Store) -> None:
    with store.read() as reading:
        assert outbox.counts(reading) == {}
        with store.write() as tx:
            outbox.add(tx, "recognise", [1], NOW)
        assert outbox.counts(reading) == {}
    with store.read() as reading:
        assert outbox.counts(reading) == {("recognise", "waiting"): 1}


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """SQLite refuses all but one of those who give it its write-ahead log, and does not wait as it does elsewhere."""
    openers = 8
    for number in range(20):
        together = threading.Barrier(openers)
        opened = [Database(f"sqlite:///{tmp_path / f'{number}.sqlite'}") for _ in range(openers)]

        def modes(database: Database, together: threading.Barrier = together) -> str:
            together.wait(30)
            with database.read() as tx:
                return str(tx.execute(text("PRAGMA journal_mode")).scalar())

        with ThreadPoolExecutor(openers) as pool:
            assert list(pool.map(modes, opened)) == ["wal"] * openers
        for each in opened:
            each.close()


def add_and_fail(store: Store) -> None:
    with store.write() as tx:
        outbox.add(tx, "recognise", [1], NOW)
        raise ZeroDivisionError


def test_a_block_that_raises_is_rolled_back(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        add_and_fail(store)
    with store.write() as tx:
        assert outbox.counts(tx) == {}


def test_times_come_back_as_they_were_with_microseconds_in_utc(store: Store) -> None:
    with store.write() as tx:
        outbox.add(tx, "recognise", [1], NOW)
    with store.read() as tx:
        assert outbox.next_due(tx, "recognise") == NOW
        assert outbox.listed(tx, None, 1)[0].created_at.tzinfo is UTC


def test_blocks_with_one_lock_exclude_each_other(store: Store) -> None:
    with store.write() as tx:
        person = people.add(tx, {"name": "0", "list": "staff", "source": "test", "created_at": NOW, "updated_at": NOW})

    def count_up() -> None:
        for _ in range(10):
            with store.write(lock=people.GALLERY_LOCK) as tx:
                found = people.find(tx, person)
                assert found is not None
                people.change(tx, person, {"name": str(int(found.name) + 1)})

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with store.read() as tx:
        found = people.find(tx, person)
    assert found is not None
    assert found.name == "40"


def _write_back_to_back(folder: Path, running: Event, stopping: Event) -> None:
    opened = open_store("", folder)
    number = 0
    while not stopping.is_set():
        with opened.write() as tx:
            outbox.add(tx, "greedy", [number], NOW)
        number += 1
        running.set()
    opened.close()


def _turns_of(store: Store, topic: str) -> int:
    with store.read() as tx:
        return outbox.counts(tx).get((topic, "waiting"), 0)


def _take_turns(store: Store) -> int:
    """Writes TURNS times; how often the greedy one wrote meanwhile."""
    before = _turns_of(store, "greedy")
    for turn in range(TURNS):
        with store.write() as tx:
            outbox.add(tx, "patient", [turn], NOW)
    return _turns_of(store, "greedy") - before


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """A folder whose commits wait for a disk; in memory whoever writes back to back is done before anybody is awake."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-", dir="/var/tmp") as folder:
        yield Path(folder)


def test_a_process_that_writes_back_to_back_starves_nobody(on_disk: Path) -> None:
    opened = made_store(on_disk)
    running, stopping = SPAWN.Event(), SPAWN.Event()
    greedy = SPAWN.Process(target=_write_back_to_back, args=(on_disk, running, stopping))
    greedy.start()
    assert running.wait(60)
    try:
        assert 0 < _take_turns(opened) <= TURNS * SHARE
    finally:
        stopping.set()
        greedy.join()
        opened.close()


def test_a_thread_that_writes_back_to_back_starves_nobody(on_disk: Path) -> None:
    opened = made_store(on_disk)
    running, stopping = threading.Event(), threading.Event()

    def write_back_to_back() -> None:
        while not stopping.is_set():
            with opened.write() as tx:
                outbox.add(tx, "greedy", [1], NOW)
            running.set()

    greedy = threading.Thread(target=write_back_to_back)
    greedy.start()
    assert running.wait(60)
    try:
        assert 0 < _take_turns(opened) <= TURNS * SHARE
    finally:
        stopping.set()
        greedy.join()
        opened.close()


def test_numbers_have_no_gaps_and_are_never_used_again(tmp_path: Path) -> None:
    opened = made_store(tmp_path)
    with opened.write() as tx:
        assert list(numbering.take(tx, tables.task, 3)) == [1, 2, 3]
        assert list(numbering.take(tx, tables.task, 0)) == []
        outbox.add(tx, "recognise", [1, 2, 3], NOW)
    with pytest.raises(ZeroDivisionError):
        add_and_fail(opened)
    with opened.write() as tx:
        for task_id in (1, 2, 3):
            outbox.done(tx, task_id)
        assert list(numbering.take(tx, tables.task, 2)) == [4, 5]
    opened.close()


def test_numbers_are_fresh_on_both_databases(store: Store) -> None:
    taken: list[int] = []
    for _ in range(3):
        with store.write() as tx:
            ids = list(numbering.take(tx, tables.message, 2))
            row = {"event_id": 1, "channel": "history", "received_at": NOW, "peer": "", "path": "", "raw": b""}
            tx.execute(tables.message.insert(), [{"id": number, **row} for number in ids])
            taken += ids
    assert taken == sorted(set(taken))


@pytest.mark.parametrize("text", ["a\x00b", "lone \ud800 surrogate", "x" * 100_000])
def test_text_that_a_database_refuses_is_invalid_and_the_store_goes_on(store: Store, text: str) -> None:
    row = {"key": "k", "name": text, "first_seen": NOW, "last_seen": NOW}
    with contextlib.suppress(Invalid), store.write() as tx:
        devices.add(tx, row)
    with store.write() as tx:
        assert devices.add(tx, row | {"name": "plain"}) > 0


def test_an_integer_beyond_64_bits_is_invalid(store: Store) -> None:
    with pytest.raises(Invalid), store.read() as tx:
        devices.listed(tx, 2**64, 1)


@pytest.mark.parametrize(
    "value", [{"a": "\x00"}, {"a": "\ud800", "\udfff": [1.5]}, {"a": 2**70}, [], "", 0, {"deep": [[[{}]]]}]
)
def test_any_json_comes_back_as_it_was(store: Store, value: object) -> None:
    with store.write() as tx:
        device_id = devices.add(tx, {"key": "k", "first_seen": NOW, "last_seen": NOW, "status": value})
    with store.read() as tx:
        assert devices.found(tx, {device_id})[device_id].status == value


def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    away = open_store("postgresql://nobody@127.0.0.1:1/none", tmp_path)
    with pytest.raises(Unavailable), away.read():
        pass
    with pytest.raises(Unavailable), away.write():
        pass
    away.close()


@pytest.mark.postgres
@pytest.mark.parametrize("own", [{}, {"connect_timeout": "9", "tcp_user_timeout": "7000"}])
def test_a_connection_is_given_up_when_the_databases_machine_is_gone(own: dict[str, str], postgres_url: str) -> None:
    """Unless the address says otherwise."""
    database = Database(f"{postgres_url}?{urlencode(own)}")
    with database.read() as tx:
        connection = tx.connection.driver_connection
        assert isinstance(connection, psycopg.Connection)
        assert limits_of(connection) == {name: str(value) for name, value in LINK_LIMITS.items()} | own
    database.close()


@pytest.mark.postgres
def test_two_transactions_in_each_others_way_are_a_conflict(postgres_url: str, tmp_path: Path) -> None:
    opened = made_store(tmp_path, postgres_url)
    with opened.write() as tx:
        ids = [devices.add(tx, {"key": str(n), "first_seen": NOW, "last_seen": NOW}) for n in range(2)]
    both_hold_one = threading.Barrier(2)
    reasons: list[str] = []

    def change(first: int, second: int) -> None:
        try:
            with opened.write() as tx:
                devices.change(tx, first, {"last_seen": NOW + timedelta(seconds=1)})
                both_hold_one.wait(30)
                devices.change(tx, second, {"last_seen": NOW + timedelta(seconds=1)})
        except Unavailable as error:
            reasons.append(error.reason)

    threads = [threading.Thread(target=change, args=each) for each in (ids, ids[::-1])]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    opened.close()
    assert reasons == ["storage_conflict"]
