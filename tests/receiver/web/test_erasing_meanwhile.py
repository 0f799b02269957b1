"""Somebody is erased or deleted while an event is being decided: what that decision writes goes too."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from receiver.services.erasing import erasing_pictures
from receiver.store import events, people, pictures
from receiver.store.store import Store
from tests.receiver.erasing import columns_with, make_erasing, without_rest
from tests.receiver.web.site import Site, open_site
from tests.receiver.web.test_erasing_api import IDENTITY, NAME, NEEDLES, begin, passage

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
UNNAMED: dict[str, Any] = {"identity_id": "", "identity_name": ""}


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of these tests are one."""
    monkeypatch.setattr(erasing_pictures, "SETTLED", erasing_pictures.SETTLED * 0)
    monkeypatch.setattr(pictures, "FOLLOW_SECONDS", 0)


def is_in_the_way(store: Store) -> bool:
    with store.read() as tx:
        return bool(tx.execute(text(WAITING)).scalar_one())


def while_deciding(site: Site, event: int, person: int, act: Callable[[], Any]) -> None:
    """Does it while another transaction has decided that the event is the person's, and has not committed yet."""
    with ThreadPoolExecutor(1) as pool:
        with site.store.write() as tx:
            assert people.held(tx, person) is not None
            events.change(tx, event, {"person_id": person, "decision": "matched"})
            acting: Future[Any] = pool.submit(act)
            while not acting.done() and not is_in_the_way(site.store):
                threading.Event().wait(0.01)
        acting.result()


@pytest.mark.postgres
def test_an_event_that_is_being_decided_is_hidden_with_the_others(postgres_url: str, tmp_path: Path) -> None:
    with open_site(tmp_path, postgres_url) as site:
        person = site.enrol(NAME, 3, external_id=IDENTITY)
        event = passage(site, 1, **UNNAMED)
        while_deciding(site, event, person, lambda: site.services.erasures.begin(person, "somebody"))
        assert site.ids() == []
        make_erasing(site.store, tmp_path).run(1, without_rest())
        assert columns_with(site.store, NEEDLES) == set()
        assert site.get(f"/v1/events/{event}")["recognition_reason"] == "erased"


@pytest.mark.postgres
def test_an_event_that_is_being_decided_does_not_name_whom_somebody_deletes(postgres_url: str, tmp_path: Path) -> None:
    with open_site(tmp_path, postgres_url) as site:
        person = site.enrol(NAME, 3)
        event = passage(site, 1, **UNNAMED)
        while_deciding(site, event, person, lambda: site.services.people.remove(person))
        assert site.desk.event(event).person_id is None


def test_an_event_from_before_that_became_the_persons_later_is_erased_too(any_site: Site, tmp_path: Path) -> None:
    person = any_site.enrol(NAME, 3, external_id=IDENTITY)
    event = passage(any_site, 1, **UNNAMED)
    erasure = begin(any_site, person)
    with any_site.store.write() as tx:
        events.change(tx, event, {"person_id": person})
    make_erasing(any_site.store, tmp_path).run(erasure, without_rest())
    assert columns_with(any_site.store, NEEDLES) == set()
    assert any_site.get(f"/v1/events/{event}")["recognition_reason"] == "erased"
