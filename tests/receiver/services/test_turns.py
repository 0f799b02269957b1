"""What one turn does: batches, refusals, order, rates, probes, pauses; what waits for decisions; what gives way."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from receiver.domain.breaker import FAILING_AFTER
from receiver.domain.schedules import Schedule, ScheduleKind
from receiver.domain.subscriptions import (
    Channel,
    Facts,
    Filter,
    Origin,
    Subscription,
    SubscriptionState,
    Topic,
)
from receiver.forwarder.channel import Answer, Outcome, Outgoing
from receiver.services.forwarding.claiming import CAREFUL_AFTER, WITHOUT_AFTER
from receiver.services.forwarding.clearing import Bounds, Clearing
from receiver.services.forwarding.due import Composed, Due
from receiver.services.forwarding.forwarding import Forwarding, ForwardingParts
from receiver.services.forwarding.sending import LARGEST_BATCH
from receiver.services.forwarding.settling import Hooks
from receiver.services.publishing.publishing import Occurrence, publish, publish_decided
from receiver.services.publishing.telling import Telling
from receiver.store import deliveries, devices, events, lanes, subscriptions, tables
from receiver.store.lanes import Books
from receiver.store.store import Store
from tests.receiver.boxes import HISTORY, history, open_intake
from tests.receiver.teller import Clock

DELIVERED = Answer(Outcome.DELIVERED, 200)
REFUSED = Answer(Outcome.REFUSED, 422, "no")
DOWN = Answer(Outcome.UNREACHABLE, 500, "out of order")


class Words:
    """Composes the deliveries' ids."""

    def compose(self, _subscription: Subscription, due: Sequence[Due]) -> Composed:
        return Composed(" ".join(str(each.event_id or each.subject) for each in due).encode(), "text/plain")


@dataclass
class Scripted:
    """A way out that answers as it is told, by the events of a message."""

    sent: list[list[int]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    answer: Callable[[list[int]], Answer] = lambda _events: DELIVERED

    def send(self, outgoing: Outgoing) -> Answer:
        events = [int(word) for word in outgoing.body.split()]
        self.sent.append(events)
        self.keys.append(outgoing.key)
        return self.answer(events)

    def close(self) -> None:
        """Nothing to end."""


@dataclass
class Site:
    """Deliveries, a forwarder and a clock."""

    store: Store
    folder: Path
    clock: Clock = field(default_factory=Clock)
    channel: Scripted = field(default_factory=Scripted)
    told: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        def note(_tx: Any, subscription: Subscription, reason: str) -> None:
            self.told.append((subscription.name, reason))

        hooks = Hooks(on_failing=note, on_working=lambda tx, each, _reason: note(tx, each, "works"))
        parts = ForwardingParts(self.store, Words(), self.channel, self.clock, lambda: 1.0, hooks)
        self.forwarding = Forwarding(parts)

    def subscribe(self, name: str = "one", **more: Any) -> int:
        new = Subscription(0, name, Origin.COMMAND, Channel.HTTP, {"url": f"http://{name}.example/"})
        with self.store.write() as tx:
            return subscriptions.add(tx, replace(new, **more), self.clock.now)

    def waits(self, subscription_id: int, *numbers: int, device: int = 7, size: int = 0) -> None:
        rows = [
            deliveries.row_of_event(subscription_id, (device, each, each), size, self.clock.now) for each in numbers
        ]
        with self.store.write() as tx:
            deliveries.add(tx, rows, self.clock.now)

    def send(self, **span: float) -> int:
        self.clock.passes(**span)
        return self.forwarding.send_due()

    def books(self, subscription_id: int) -> Books:
        with self.store.read() as tx:
            found = lanes.books_of(tx, subscription_id)
        assert found.is_balanced
        return found

    def state(self, subscription_id: int) -> tuple[SubscriptionState, str]:
        with self.store.read() as tx:
            kept = subscriptions.find(tx, subscription_id)
        assert kept is not None
        return kept.subscription.state, kept.subscription.reason


@pytest.fixture
def site(store: Store, tmp_path: Path) -> Iterator[Site]:
    made = Site(store, tmp_path)
    yield made
    made.forwarding.close()


def test_a_refused_batch_goes_one_by_one_and_only_the_culprit_is_set_aside(site: Site) -> None:
    number = site.subscribe(batch_size=10)
    site.waits(number, 1, 2, 3)
    site.channel.answer = lambda events: REFUSED if 2 in events else DELIVERED
    for _ in range(4):
        site.send(minutes=1)
    assert site.channel.sent == [[1, 2, 3], [1], [2], [2], [2], [3]]
    assert site.books(number) == Books(3, 0, 2, 1)


def test_large_ones_make_small_batches(site: Site) -> None:
    number = site.subscribe(batch_size=10)
    site.waits(number, 1, 2, 3, size=LARGEST_BATCH // 2)
    site.waits(number, 4, size=2 * LARGEST_BATCH)
    site.send()
    assert site.channel.sent == [[1, 2], [3], [4]]


def test_a_batch_that_failed_comes_again_as_it_was(site: Site) -> None:
    number = site.subscribe(batch_size=10)
    site.waits(number, 1, 2)
    site.channel.answer = lambda _events: DOWN
    site.send()
    site.waits(number, 3)
    site.channel.answer = lambda _events: DELIVERED
    site.send(minutes=1)
    assert site.channel.sent == [[1, 2], [1, 2], [3]]
    assert site.channel.keys[0] == site.channel.keys[1]


def test_without_order_a_refused_one_rests_while_the_others_go(site: Site) -> None:
    number = site.subscribe(is_ordered=False)
    site.waits(number, 1, 2, 3)
    site.channel.answer = lambda events: REFUSED if events == [1] else DELIVERED
    assert site.send() == 2
    assert site.books(number).waiting == 1
    for _ in range(3):
        site.send(minutes=1)
    assert site.channel.sent == [[1], [2], [3], [1], [1]]
    assert site.books(number) == Books(3, 0, 2, 1)


def test_what_rested_goes_on_when_order_is_wanted_again(site: Site) -> None:
    number = site.subscribe(is_ordered=False)
    site.waits(number, 1)
    site.channel.answer = lambda _events: REFUSED
    site.send()
    with site.store.write() as tx:
        tx.execute(update(tables.subscription).values(is_ordered=True))
        subscriptions.note_change(tx)
    site.channel.answer = lambda _events: DELIVERED
    site.send(minutes=1)
    site.send(minutes=1)
    assert site.books(number).delivered == 1


def test_a_rate_is_kept(site: Site) -> None:
    number = site.subscribe(rate_per_minute=5)
    site.waits(number, *range(1, 13))
    assert [site.send(), site.send(seconds=30), site.send(seconds=31), site.send(minutes=1)] == [5, 0, 5, 2]


def test_nothing_is_sent_outside_of_the_window(site: Site) -> None:
    """The clock of these tests begins at midnight, UTC."""
    night = Schedule(ScheduleKind.WINDOW, window_from=time(1), window_to=time(2))
    number = site.subscribe(schedule=night)
    site.waits(number, 1)
    assert [site.send(), site.send(hours=1), site.send(hours=2)] == [0, 1, 0]


def test_a_run_sends_what_was_there_when_it_began(site: Site) -> None:
    number = site.subscribe(schedule=Schedule(ScheduleKind.EVERY, seconds=60))
    site.waits(number, 1)
    assert site.send() == 0
    assert site.send(minutes=1) == 1
    site.waits(number, 2)
    assert site.send(seconds=59) == 0
    # Off for a week: one run, then as planned.
    assert site.send(days=7) == 1
    site.waits(number, 3)
    assert [site.send(seconds=30), site.send(seconds=30)] == [0, 1]


def test_one_lane_probes_and_its_success_lets_all_go(site: Site) -> None:
    number = site.subscribe()
    for device in (7, 8, 9):
        site.waits(number, device, device=device)
    site.channel.answer = lambda _events: DOWN
    for _ in range(FAILING_AFTER + 3):
        site.send(minutes=1)
    assert len(site.channel.sent) == FAILING_AFTER + 3
    assert site.state(number) == (SubscriptionState.FAILING, "unreachable")
    assert site.told == [("one", "unreachable")]
    site.channel.answer = lambda _events: DELIVERED
    assert site.send(minutes=1) == 3
    assert site.state(number) == (SubscriptionState.ENABLED, "")
    assert site.told[-1] == ("one", "works")


def test_gone_pauses_with_its_backlog(site: Site) -> None:
    number = site.subscribe()
    site.waits(number, 1, 2)
    site.channel.answer = lambda _events: Answer(Outcome.GONE, 410)
    site.send()
    assert site.state(number) == (SubscriptionState.PAUSED, "gone")
    assert site.told == [("one", "gone")]
    site.waits(number, 3)
    assert site.send(days=1) == 0
    assert site.books(number) == Books(3, 3)


def test_a_channels_own_mistake_holds_up_its_destination_alone(site: Site) -> None:
    number, other = site.subscribe(), site.subscribe("two")
    site.waits(number, 1)
    site.waits(other, 2)

    def answer(events: list[int]) -> Answer:
        if events == [1]:
            raise KeyError(1)
        return DELIVERED

    site.channel.answer = answer
    assert site.send() == 1
    assert site.books(number).waiting == 1


def test_what_kills_its_workers_goes_alone_and_is_set_aside_in_the_end(site: Site) -> None:
    number = site.subscribe()
    site.waits(number, 1, 2)
    with site.store.write() as tx:
        tx.execute(update(tables.lane).values(attempts=CAREFUL_AFTER))
    turn = site.forwarding._claim()
    assert turn is not None
    assert [len(part.rows) for part in turn.parts] == [1]
    with site.store.write() as tx:
        tx.execute(update(tables.lane).values(attempts=WITHOUT_AFTER))
    site.forwarding._under_way.clear()
    site.send(minutes=1)
    site.send()
    assert site.channel.sent == [[2]]
    assert site.books(number) == Books(2, 0, 1, 1)


def test_a_slow_owner_keeps_its_claim(site: Site) -> None:
    number = site.subscribe()
    site.waits(number, 1)
    assert site.forwarding._claim() is not None
    other = Site(site.store, site.folder, site.clock)
    for _ in range(10):
        site.clock.passes(seconds=15)
        site.forwarding.tick()
        assert other.send() == 0
    assert other.send(seconds=31) == 1
    other.forwarding.close()


def test_whoever_asks_for_the_decision_is_told_when_it_is_there_and_once(site: Site) -> None:
    wanted = site.subscribe("staff", filter=Filter(lists=frozenset({"staff"}), decisions=frozenset({"matched"})))
    everything = site.subscribe("all")
    with open_intake(site.store, site.folder) as intake:
        (recorded,) = intake.record([history()], HISTORY)
    event = recorded.event_id or 0
    assert (site.books(wanted).recorded, site.books(everything).recorded) == (0, 1)
    with site.store.write() as tx:
        events.change(tx, event, {"decision": "unknown", "list": "stranger"})
        assert publish_decided(tx, event, site.clock.now) == 0
        events.change(tx, event, {"decision": "matched", "list": "staff"})
        assert [publish_decided(tx, event, site.clock.now) for _ in range(2)] == [1, 0]
    assert site.books(wanted).waiting_bytes > 0
    assert site.send() == 2


def test_where_faces_are_not_read_all_is_judged_by_what_the_device_says(site: Site) -> None:
    visitors = site.subscribe("visitors", filter=Filter(lists=frozenset({"visitor"})))
    staff = site.subscribe("staff", filter=Filter(lists=frozenset({"staff"})))
    with open_intake(site.store, site.folder, is_recognising=False) as intake:
        intake.record([history()], HISTORY)
    assert (site.books(visitors).recorded, site.books(staff).recorded) == (0, 1)


def test_something_else_is_told_to_whoever_wants_it(site: Site) -> None:
    wanted = site.subscribe(topics=frozenset({Topic.ALERT}), filter=Filter(devices=frozenset({7})))
    alert = Occurrence(Topic.ALERT, 5, "opened", site.clock.now, {"severity": "critical"}, 7, Facts(device_id=7))
    with site.store.write() as tx:
        assert publish(tx, alert) == 1
        assert publish(tx, replace(alert, device_id=8, facts=Facts(device_id=8))) == 0
        assert publish(tx, replace(alert, topic=Topic.REVIEW)) == 0
        (row,) = deliveries.listed(tx, deliveries.DeliveryFilter(subscription_id=wanted))
    assert row.content == {"kind": "opened", "at": site.clock.now.isoformat(), "severity": "critical"}
    assert site.send() == 1
    assert site.channel.sent == [[5]]


def test_a_devices_state_is_told_once_as_it_is_now(site: Site) -> None:
    with open_intake(site.store, site.folder) as intake:
        intake.record([history()], HISTORY)
    with site.store.write() as tx:
        devices.change(tx, 1, {"state": "blocked"})
    number = site.subscribe(topics=frozenset({Topic.DEVICE}))
    assert Telling(site.store).work() == 0
    with site.store.write() as tx:
        devices.change(tx, 1, {"state": "blocked"})
        devices.change(tx, 1, {"state": "trusted"})
        devices.change(tx, 1, {"last_seen": datetime.now(UTC)})
    assert Telling(site.store).work() == 2
    with site.store.read() as tx:
        (row,) = deliveries.listed(tx, deliveries.DeliveryFilter(subscription_id=number))
    assert (row.device_id, row.content["kind"], row.content["state"]) == (1, "state", "trusted")


def test_a_backlog_beyond_its_bound_loses_pictures_first_then_what_is_paused(site: Site) -> None:
    working, paused = site.subscribe(), site.subscribe("two")
    with open_intake(site.store, site.folder, is_recognising=False) as intake:
        intake.record([history(number) for number in range(4)], HISTORY)
    with site.store.write() as tx:
        tx.execute(update(tables.delivery).values(size=1_000_000))
        tx.execute(update(tables.lane).values(waiting_bytes=4_000_000))
        subscriptions.set_state(tx, paused, SubscriptionState.PAUSED, "by_hand")
    dropped: list[tuple[str, int]] = []
    clock = site.clock

    def clear(backlog: int) -> None:
        Clearing(site.store, Bounds(7, 99, backlog), clock, lambda what, number: dropped.append((what, number))).run()

    clear(8_000_000)
    assert dropped == []
    clear(6_000_000)
    assert dropped == [("pictures", 3)]
    assert (site.books(working).bared, site.books(paused).bared) == (2, 1)
    clear(0)
    assert dropped[1:] == [("pictures", 5), ("deliveries", 4)]
    assert (site.books(working).waiting, site.books(paused).dropped) == (4, 4)


def test_what_is_removed_goes_with_its_books(site: Site) -> None:
    number = site.subscribe()
    site.waits(number, 1, 2)
    with site.store.write() as tx:
        subscriptions.remove(tx, number)
    Clearing(site.store, Bounds(7, 99, 10**9), site.clock).run()
    with site.store.read() as tx:
        for table in (tables.subscription, tables.lane, tables.delivery):
            assert tx.execute(select(table)).first() is None


def test_every_try_is_kept_with_what_was_said(site: Site) -> None:
    number = site.subscribe()
    site.waits(number, 1)
    site.channel.answer = lambda _events: DOWN
    site.send()
    site.channel.answer = lambda _events: DELIVERED
    site.send(minutes=1)
    with site.store.read() as tx:
        tries = tx.execute(select(tables.attempt).order_by(tables.attempt.c.id)).all()
    assert [(each.outcome, each.status, each.detail) for each in tries] == [
        ("unreachable", 500, "out of order"),
        ("delivered", 200, ""),
    ]
    assert tries[1].at - tries[0].at == timedelta(minutes=1)
