"""What wakes the web processes: rung after a commit, or by the commit itself on PostgreSQL; and it never fails whoever rings."""

import contextlib
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.store import announcements
from receiver.store.announcement_bell import AnnouncementBell, open_bell
from receiver.store.database import LINK_LIMITS
from receiver.store.doorbell import Doorbell
from receiver.store.notified_bell import NotifiedBell
from receiver.store.store import Store
from tests.made_databases import limits_of


def announce(store: Store, bell: AnnouncementBell) -> None:
    with store.write() as tx:
        announcements.note(tx, "opened", 1, {}, datetime.now(UTC))
    bell.ring()


def test_an_announcement_wakes_a_listener(store: Store, database_url: str, tmp_path: Path) -> None:
    listening, ringing = open_bell(tmp_path, database_url), open_bell(tmp_path, database_url)
    listening.listen()
    woken: list[bool] = []
    waiting = threading.Thread(target=lambda: woken.append(listening.wait(60)))
    waiting.start()
    announce(store, ringing)
    waiting.join()
    assert woken == [True]
    listening.close()
    ringing.close()


def test_what_is_taken_back_wakes_nobody(store: Store, database_url: str, tmp_path: Path) -> None:
    bell = open_bell(tmp_path, database_url)
    bell.listen()
    with contextlib.suppress(LookupError), store.write() as tx:
        announcements.note(tx, "opened", 1, {}, datetime.now(UTC))
        raise LookupError
    # Others of the same server may have announced something: what is there is what counts.
    bell.wait(0.2)
    with store.read() as tx:
        assert announcements.after(tx, 0, 9) == []
    bell.close()


def test_the_bell_of_the_workers_is_another_one(tmp_path: Path) -> None:
    bell, doorbell = open_bell(tmp_path, ""), Doorbell(tmp_path)
    bell.listen()
    doorbell.ring()
    assert not bell.wait(0.1)
    doorbell.close()
    bell.close()


@pytest.mark.postgres
def test_a_listener_learns_that_the_databases_machine_is_gone(postgres_url: str, tmp_path: Path) -> None:
    bell = open_bell(tmp_path, postgres_url)
    bell.listen()
    assert isinstance(bell, NotifiedBell)
    assert bell._listening is not None
    assert limits_of(bell._listening) == {name: str(value) for name, value in LINK_LIMITS.items()}
    bell.close()


def test_a_database_that_is_away_ends_nothing(tmp_path: Path) -> None:
    bell = open_bell(tmp_path, "postgresql://nobody@127.0.0.1:9/nothing")
    bell.listen()
    bell.ring()
    assert not bell.wait(0.1)
    bell.close()
