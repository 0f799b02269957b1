"""A clock that is put back: what it has put off while it ran ahead goes on at once; what somebody wants later stays."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from receiver.domain.subscriptions import Channel, Origin, Subscription
from receiver.forwarder.channel import Answer, Outcome
from receiver.services.forwarding.forwarding import Forwarding, ForwardingParts
from receiver.services.upkeep.clock_steps import ClockSteps
from receiver.store import deliveries, outbox, subscriptions, tables
from receiver.store.store import Store, open_store
from tests.receiver.services.test_turns import DELIVERED, DOWN, REFUSED, Scripted, Words
from tests.receiver.teller import Clock

AHEAD = timedelta(hours=8)


class Site:
    """A forwarder whose clock runs ahead, and one that nobody puts back."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        self.clock.now += AHEAD
        self.seconds = 0.0
        self.channel = Scripted()
        self.forwarding = Forwarding(ForwardingParts(store, Words(), self.channel, self.clock, lambda: 1.0))
        self.steps = self.new_steps()
        assert not self.steps.look()

    def new_steps(self) -> ClockSteps:
        """As a new worker has them."""
        return ClockSteps(self.store, self.clock, lambda: self.seconds)

    def subscribe(self, *, is_ordered: bool = True) -> int:
        new = Subscription(
            0, "one", Origin.COMMAND, Channel.HTTP, {"url": "http://one.example/"}, is_ordered=is_ordered
        )
        with self.store.write() as tx:
            return subscriptions.add(tx, new, self.clock.now)

    def waits(self, subscription_id: int, number: int) -> None:
        with self.store.write() as tx:
            row = deliveries.row_of_event(subscription_id, (7, number, number), 0, self.clock.now)
            deliveries.add(tx, [row], self.clock.now)

    def passes(self, seconds: float) -> None:
        self.clock.now += timedelta(seconds=seconds)
        self.seconds += seconds

    def is_put_back(self) -> None:
        self.passes(1)
        self.clock.now -= AHEAD

    def due(self, column: Any) -> list[Any]:
        with self.store.read() as tx:
            return list(tx.execute(select(column)).scalars())


@pytest.fixture
def site(store: Store) -> Iterator[Site]:
    made = Site(store)
    yield made
    made.forwarding.close()


@pytest.mark.parametrize("is_new_worker", [False, True])
@pytest.mark.parametrize("is_ordered", [False, True])
@pytest.mark.parametrize("answer", [DELIVERED, REFUSED, DOWN])
def test_lines_that_were_used_while_the_clock_was_ahead_go_on(
    site: Site, answer: Answer, *, is_ordered: bool, is_new_worker: bool
) -> None:
    number = site.subscribe(is_ordered=is_ordered)
    site.waits(number, 1)
    assert site.forwarding.send_due() == 1
    site.waits(number, 2)
    site.channel.answer = lambda _events: answer
    site.forwarding.send_due()
    site.is_put_back()
    site.channel.answer = lambda _events: DELIVERED
    site.waits(number, 3)
    assert site.forwarding.send_due() == 0
    steps = site.new_steps() if is_new_worker else site.steps
    assert steps.look() is not is_new_worker
    assert site.forwarding.send_due() == (1 if answer is DELIVERED else 2)
    assert not steps.look()


def test_tasks_of_the_time_ahead_are_due_at_once(site: Site) -> None:
    with site.store.write() as tx:
        outbox.add(tx, "recognise", [1], site.clock.now)
    site.is_put_back()
    assert site.steps.look()
    assert site.due(tables.task.c.due_at) == [site.clock.now]


def test_what_is_put_off_on_purpose_stays(site: Site) -> None:
    """At the start of a worker, and while the clock is put right by little."""
    number = site.subscribe()
    site.waits(number, 1)
    site.channel.answer = lambda _events: Answer(Outcome.THROTTLED, 429, retry_after=36_000.0)
    site.forwarding.send_due()
    with site.store.write() as tx:
        outbox.add(tx, "recognise", [1], site.clock.now + timedelta(minutes=1))
    before = [site.due(column) for column in (tables.destination.c.due_at, tables.task.c.due_at)]
    assert not site.new_steps().look()
    for seconds in (-30.0, 500.0, -59.0):
        site.clock.now += timedelta(seconds=seconds)
        assert not site.steps.look()
    assert [site.due(column) for column in (tables.destination.c.due_at, tables.task.c.due_at)] == before


def test_claims_of_the_time_ahead_stay_their_owners_and_end_with_the_next_start(site: Site) -> None:
    number = site.subscribe()
    site.waits(number, 1)
    with site.store.write() as tx:
        tx.execute(update(tables.lane).values(attempts=1, due_at=site.clock.now + timedelta(seconds=30)))
    site.is_put_back()
    assert site.steps.look()
    assert site.forwarding.send_due() == 0
    site.new_steps().look()
    assert site.forwarding.send_due() == 1


def test_a_store_that_is_away_is_looked_at_again(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site.is_put_back()
    with monkeypatch.context() as away:
        away.setattr(site.steps, "_store", open_store("postgresql://nobody@127.0.0.1:1/none", tmp_path))
        assert not site.steps.look()
    assert site.steps.look()
