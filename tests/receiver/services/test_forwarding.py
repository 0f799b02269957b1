"""Passing on to a real HTTP server: in order per device, at least once, and nobody holds up another."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from receiver.domain.errors import Invalid, Unavailable
from receiver.forwarder.channel import Answer, Destination, Outcome, Outgoing
from receiver.forwarder.http import ANSWER_BYTES, HttpChannel
from receiver.services.forwarding import claiming, forwarding
from receiver.services.forwarding.composing import Composing
from receiver.services.forwarding.forwarding import Forwarding
from receiver.services.forwarding.sending import REFUSALS
from receiver.store import deliveries, lanes, tables
from receiver.store.store import PICTURES_FILE, Store
from tests.made_stores import made_store
from tests.receiver.boxes import HISTORY, REAL_TIME, history, open_intake, real_time, subscribe, text_of
from tests.receiver.forwarders import forwarder_of
from tests.receiver.upstream import Upstream, running, status


class Site:
    """A store with its upstream addresses, an intake and a forwarder."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.urls: list[str] = []
        self.forwarding = forwarder_of(store, folder)

    def passes_on_to(self, *upstreams: Upstream) -> None:
        self.urls = [each.url for each in upstreams]

    def told(self, *identities: str, box: str = "BOX1") -> None:
        """Records one event for each identity, in that order."""
        subscribe(self.store, *self.urls)
        with open_intake(self.store, self.folder) as intake:
            for identity in identities:
                intake.record([history(identity_id=identity, box=box)], HISTORY)

    def make_due(self) -> None:
        """All pauses are over."""
        with self.store.write() as tx:
            past = datetime.now(UTC) - timedelta(seconds=1)
            tx.execute(update(tables.lane).values(due_at=past))
            tx.execute(update(tables.destination).values(due_at=past))

    def lanes_due(self) -> list[datetime]:
        with self.store.read() as tx:
            return list(tx.execute(select(tables.lane.c.due_at)).scalars())

    def left(self) -> dict[tuple[str, str], int]:
        with self.store.read() as tx:
            return deliveries.counts(tx)

    def errors(self) -> list[str | None]:
        with self.store.read() as tx:
            return list(tx.execute(select(tables.lane.c.last_error).order_by(tables.lane.c.subscription_id)).scalars())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = made_store(tmp_path)
    made = Site(opened, tmp_path)
    yield made
    made.forwarding.close()
    opened.close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with running(Upstream()) as started:
        yield started


def test_each_devices_events_arrive_in_order_with_their_numbers(
    store: Store, tmp_path: Path, upstream: Upstream
) -> None:
    site = Site(store, tmp_path)
    site.passes_on_to(upstream)
    for number in range(15):
        site.told(f"{number % 3}-{number:02}", box=f"BOX{number % 3}")
    assert site.forwarding.send_due() == 15
    for box in "012":
        arrived = [each for each in upstream.identities() if each.startswith(box)]
        assert arrived == sorted(arrived)
    assert len(upstream.asked) == 15
    assert site.left() == {}
    assert sorted(int(each["X-Gatehouse-Event"]) for each in upstream.headers) == list(range(1, 16))
    assert site.forwarding.send_due() == 0
    site.forwarding.close()


def test_events_go_on_as_they_arrived_with_their_pictures(site: Site, upstream: Upstream) -> None:
    site.passes_on_to(upstream)
    site.told()
    item = history(
        reg_pic=text_of(1), unknown={"kept": [1.5, None]}, ext_data={"spot_pic": "data:image/jpeg;base64," + text_of(2)}
    )
    with open_intake(site.store, site.folder) as intake:
        intake.record([real_time()], REAL_TIME)
        intake.record([item], HISTORY)
    assert site.forwarding.send_due() == 1
    assert upstream.asked == [item]
    assert upstream.headers[0]["Content-Type"] == "application/json"


def test_after_a_failure_the_same_message_comes_first_and_nothing_overtakes(site: Site, upstream: Upstream) -> None:
    site.passes_on_to(upstream)
    site.told("a", "b", "c")
    upstream.answers["b"] = status(500, b"out of order")
    assert site.forwarding.send_due() == 1
    assert site.forwarding.send_due() == 0  # the lane rests
    site.make_due()
    assert site.forwarding.send_due() == 0
    site.told("d")
    del upstream.answers["b"]
    site.make_due()
    assert site.forwarding.send_due() == 3
    assert upstream.identities() == ["a", "b", "b", "b", "c", "d"]
    assert site.left() == {}
    assert site.errors() == [None]


def test_an_upstream_that_is_down_loses_nothing(site: Site) -> None:
    gone = Upstream()
    with running(gone):
        site.passes_on_to(gone)
    site.told("a", "b")
    assert site.forwarding.send_due() == 0
    assert site.left() == {("upstream", "waiting"): 2}
    assert "ConnectionError" in (site.errors()[0] or "")
    with running(gone):
        site.make_due()
        assert site.forwarding.send_due() == 2
    assert gone.identities() == ["a", "b"]


def test_a_message_refused_three_times_is_buried_and_the_next_goes(site: Site, upstream: Upstream) -> None:
    site.passes_on_to(upstream)
    site.told("bad", "good")
    upstream.answers["bad"] = status(400, b"will not have it")
    for _ in range(2):
        assert site.forwarding.send_due() == 0
        site.make_due()
    assert site.forwarding.send_due() == 1
    assert upstream.identities() == ["bad", "bad", "bad", "good"]
    assert site.left() == {("upstream", "dead"): 1}
    with site.store.read() as tx:
        assert tx.execute(select(tables.delivery.c.last_error)).scalar() == "HTTP 400: will not have it"


@pytest.mark.parametrize("code", [401, 403, 404, 429, 500, 503])
def test_what_speaks_of_the_other_sides_state_never_buries(site: Site, upstream: Upstream, code: int) -> None:
    site.passes_on_to(upstream)
    site.told("a")
    upstream.answer = status(code)
    for _ in range(5):
        assert site.forwarding.send_due() == 0
        site.make_due()
    assert site.left() == {("upstream", "waiting"): 1}


def test_two_upstreams_do_not_hold_each_other_up(site: Site, upstream: Upstream) -> None:
    with running(Upstream(answer=status(503))) as failing:
        site.passes_on_to(failing, upstream)
        site.told("a", "b")
        site.told("c", box="BOX2")
        assert site.forwarding.send_due() == 3
        assert site.left() == {("upstream", "waiting"): 3}
    assert sorted(upstream.identities()) == ["a", "b", "c"]


def test_a_redirect_is_no_success(site: Site, upstream: Upstream) -> None:
    with running(Upstream()) as elsewhere:
        upstream.answer = b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % elsewhere.url.encode()
        site.passes_on_to(upstream)
        site.told("a")
        assert site.forwarding.send_due() == 0
        assert elsewhere.asked == []
    assert site.left() == {("upstream", "waiting"): 1}


GZIP = b"HTTP/1.1 %d Word\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk"
BREAKS_OFF = b"HTTP/1.1 %d Word\r\nContent-Length: 1000\r\n\r\nhalf"
BAD_CHUNK = b"HTTP/1.1 %d Word\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf"


@pytest.mark.parametrize("answer", [GZIP, BREAKS_OFF, BAD_CHUNK])
def test_the_status_counts_whatever_becomes_of_the_answers_body(site: Site, upstream: Upstream, answer: bytes) -> None:
    site.passes_on_to(upstream)
    site.told("a")
    upstream.answer = answer % 500
    assert site.forwarding.send_due() == 0
    assert (site.errors()[0] or "").startswith("HTTP 500")
    upstream.answer = answer % 200
    site.make_due()
    assert site.forwarding.send_due() == 1


@pytest.mark.parametrize(
    "answer", [b"", b"junk\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500]
)
def test_what_is_no_http_answer_is_tried_again(site: Site, upstream: Upstream, answer: bytes) -> None:
    site.passes_on_to(upstream)
    site.told("a")
    upstream.answer = answer
    assert site.forwarding.send_due() == 0
    assert site.left() == {("upstream", "waiting"): 1}
    assert site.errors()[0]


def test_of_a_huge_answer_only_the_beginning_is_read(upstream: Upstream) -> None:
    upstream.answer = status(500, b"\x00\xff" + b"x" * (200 * ANSWER_BYTES))
    channel = HttpChannel()
    answer = channel.send(Outgoing(Destination("http", {"url": upstream.url}), b'{"identity_id": "a"}'))
    channel.close()
    assert answer.outcome is Outcome.UNREACHABLE
    assert len(answer.detail) < 300


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "http://[::1", "http://" + "a" * 300 + ".example/", "http://.example/", "gopher://x/"],
)
def test_an_address_that_cannot_be_reached_is_an_answer(url: str) -> None:
    channel = HttpChannel()
    assert channel.send(Outgoing(Destination("http", {"url": url}), b"{}")).outcome is Outcome.UNREACHABLE
    channel.close()


def test_an_answer_with_nul_is_no_obstacle_for_the_store(store: Store, tmp_path: Path, upstream: Upstream) -> None:
    site = Site(store, tmp_path)
    site.passes_on_to(upstream)
    site.told("a")
    for code in (500, 400):
        upstream.answer = status(code, b"nul \x00 \xed\xa0\x80")
        assert site.forwarding.send_due() == 0
        site.make_due()
    assert (site.errors()[0] or "").startswith("HTTP 400: nul")
    site.forwarding.close()


def test_an_event_erased_in_the_meantime_is_passed_over(site: Site, upstream: Upstream) -> None:
    site.passes_on_to(upstream)
    site.told("a", "b")
    with site.store.write() as tx:
        tx.execute(tables.message.delete().where(tables.message.c.event_id == 1))
    site.forwarding.send_due()
    assert upstream.identities() == ["b"]
    assert site.left() == {}


def test_pictures_that_cannot_be_read_just_now_use_up_no_try(site: Site, upstream: Upstream) -> None:
    site.passes_on_to(upstream)
    site.told()
    with open_intake(site.store, site.folder) as intake:
        intake.record([history(reg_pic=text_of(1))], HISTORY)
    site.store.pictures.close()
    kept, aside = site.folder / PICTURES_FILE, site.folder / "aside"
    kept.rename(aside)
    kept.mkdir()
    for _ in range(REFUSALS + 1):
        site.make_due()
        assert site.forwarding.send_due() == 0
    assert site.left() == {("upstream", "waiting"): 1}
    with site.store.read() as tx:
        assert tx.execute(select(tables.delivery.c.attempts, tables.delivery.c.refusals)).one() == (0, 0)
    kept.rmdir()
    aside.rename(kept)
    assert site.forwarding.send_due() == 1
    assert len(upstream.asked) == 1


def test_what_was_sent_before_our_own_trouble_is_not_sent_again(
    site: Site, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.passes_on_to(upstream)
    site.told("a", "b")
    site.told("c", box="BOX2")
    with monkeypatch.context() as broken:
        broken.setattr(Composing, "compose", failing(Unavailable("storage_unavailable"), Composing.compose))
        assert [site.forwarding.send_due() for _ in range(3)] == [1, 0, 0]
    assert site.forwarding.send_due() == 2
    assert sorted(upstream.identities()) == ["a", "b", "c"]


def test_a_mistake_in_one_turn_is_told_and_keeps_its_lane_no_longer_than_its_claim(
    site: Site, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.passes_on_to(upstream)
    site.told("a", "b")
    with monkeypatch.context() as broken, capture_logs() as told:
        broken.setattr(Composing, "compose", failing(OSError("out of order"), Composing.compose))
        for begun in site.forwarding.begin_due():
            wait([begun])
    assert [each["event"] for each in told if each["log_level"] == "error"] == ["turn_failed"]
    monkeypatch.setattr(forwarding, "PROLONG_AFTER", timedelta())
    claimed_until = site.lanes_due()
    site.forwarding.tick()
    assert site.lanes_due() == claimed_until
    site.make_due()
    assert site.forwarding.send_due() == 2
    assert upstream.identities() == ["a", "a", "b"]


def test_a_claim_that_fails_leaves_its_thread_free(
    site: Site, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.passes_on_to(upstream)
    site.told("a")
    with monkeypatch.context() as broken:
        broken.setattr(lanes, "claim", failing(Invalid("cannot_store"), lanes.claim, after=0))
        for _ in range(forwarding.TURNS_AT_ONCE):
            with pytest.raises(Invalid):
                site.forwarding.begin_due()
    assert site.forwarding.send_due() == 1


def failing(error: Exception, real: Callable[..., Any], after: int = 1) -> Callable[..., Any]:
    """Does so many times what it should, then raises."""
    calls = iter(range(after))

    def call(*arguments: Any) -> Any:
        if next(calls, None) is None:
            raise error
        return real(*arguments)

    return call


def test_two_forwarders_send_each_message_once(site: Site, upstream: Upstream) -> None:
    """Two worker processes over one store."""
    site.passes_on_to(upstream)
    for box in range(5):
        site.told(*[f"{box}-{number}" for number in range(4)], box=f"BOX{box}")
    other = Site(site.store, site.folder)
    threads = [threading.Thread(target=each.forwarding.send_due) for each in (site, other)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    other.forwarding.close()
    assert len(upstream.asked) == 20
    assert site.left() == {}


class Stopping:
    """A channel during whose first try the forwarder is told to stop."""

    def __init__(self) -> None:
        self.sent = 0
        self.forwarding: Forwarding | None = None

    def send(self, _outgoing: Outgoing) -> Answer:
        self.sent += 1
        if self.forwarding is not None:
            self.forwarding._is_stopping = True
        return Answer(Outcome.DELIVERED)

    def close(self) -> None:
        """Nothing to end."""


def test_stopping_ends_after_the_try_under_way_and_frees_the_lane(site: Site, upstream: Upstream) -> None:
    site.passes_on_to(upstream)
    site.told("a", "b")
    channel = Stopping()
    channel.forwarding = forwarder_of(site.store, site.folder, channel)
    assert channel.forwarding.send_due() == 1
    channel.forwarding.close()
    assert channel.forwarding.send_due() == 0
    assert channel.sent == 1
    assert site.forwarding.send_due() == 1
    assert upstream.identities() == ["b"]


def test_a_long_line_goes_through_in_order(site: Site, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "ROWS_AT_ONCE", 3)
    site.passes_on_to(upstream)
    site.told(*[f"{number:02}" for number in range(10)])
    assert site.forwarding.send_due() == 10
    assert upstream.identities() == sorted(upstream.identities())
