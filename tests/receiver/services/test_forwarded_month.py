"""A month of bad lines by a clock of the test's own, over real HTTP: everything arrives, in order, and the books balance."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from receiver.domain.schedules import Schedule, ScheduleKind
from receiver.domain.subscriptions import SubscriptionState
from receiver.forwarder import connections, http
from receiver.store import subscriptions
from receiver.store.deliveries import DeadFilter, retry
from receiver.store.store import Store
from tests.receiver.bad_receiver import RETRY_AFTER, BadReceiver, Behaviour
from tests.receiver.teller import Teller, open_teller

PARIS = "Europe/Paris"
NIGHT = (22, 23, 0, 1, 2, 3, 4, 5)
# One event comes in each; the clocks of Paris change on one of the days.
STEP = timedelta(hours=1)
STEPS = 31 * 24
BOXES = ("BOX1", "BOX2", "BOX3")
# What the weather may be for hours; what makes the sender wait lasts for one step, since that waiting is real.
LONG = (
    Behaviour.FAILS, Behaviour.DIES, Behaviour.THROTTLES, Behaviour.BREAKS_OFF, Behaviour.BREAKS_OFF_LATER, None,
)  # fmt: skip
SHORT = (Behaviour.HANGS, Behaviour.IS_LATE)


@pytest.fixture
def teller(sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teller]:
    """The only thing that is shorter than it really is: how long an answer may take."""
    for module in (http, connections):
        monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    with open_teller(sqlite_store, tmp_path) as opened:
        yield opened


class Weather:
    """How one receiver fares, step by step; ``None`` in LONG: it is down altogether."""

    def __init__(self, receiver: BadReceiver, chance: random.Random) -> None:
        self._receiver = receiver
        self._chance = chance
        self._left = 0
        self._is_down = False

    def changes(self) -> None:
        if self._left > 0:
            self._left -= 1
            return
        if self._is_down or self._receiver.usual is not Behaviour.TAKES or self._chance.random() > 0.06:
            self.clears_up()
        elif self._chance.random() < 0.1:
            self._receiver.usual = self._chance.choice(SHORT)
        else:
            behaviour = self._chance.choice(LONG)
            # From an hour to two days.
            self._left = self._chance.choice((1, 3, 12, 48))
            if behaviour is None:
                self._receiver.stop()
                self._is_down = True
            else:
                self._receiver.usual = behaviour

    def clears_up(self) -> None:
        self._receiver.usual = Behaviour.TAKES
        self._left = 0
        if self._is_down:
            self._receiver.start()
            self._is_down = False


@dataclass
class Month:
    """Three subscriptions, three receivers and their weather."""

    teller: Teller
    receivers: tuple[BadReceiver, BadReceiver, BadReceiver]
    chance: random.Random = field(default_factory=lambda: random.Random(20260301))

    def __post_init__(self) -> None:
        at_once, by_night, in_batches = self.receivers
        nights = Schedule(ScheduleKind.WINDOW, window_from=time(22), window_to=time(6), timezone=PARIS)
        subscribe = self.teller.subscribe
        self.ids = {
            at_once: subscribe("at once", at_once.url),
            by_night: subscribe("by night", by_night.url, schedule=nights),
            in_batches: subscribe("batches", in_batches.url, batch_size=10, is_ordered=False, rate_per_minute=60),
        }
        self.weathers = [Weather(each, random.Random(number)) for number, each in enumerate(self.ids)]

    def goes_by(self, steps: range) -> None:
        """Something happens, the weather changes, and the worker's clock ticks."""
        for step in steps:
            event = self.teller.happens(step, self.chance.choice(BOXES))
            if step % 53 == 52:
                for each in self.receivers:
                    each.refused.add(event)
            for weather in self.weathers:
                weather.changes()
            self.teller.send(hours=1)

    def clears_up(self) -> None:
        for weather in self.weathers:
            weather.clears_up()

    def is_told(self) -> bool:
        return all(self.teller.books(each).waiting == 0 for each in self.ids.values())

    def ends(self) -> None:
        """Days of good weather."""
        self.clears_up()
        for _ in range(3 * 24):
            if self.is_told():
                return
            self.teller.send(hours=1)
        raise AssertionError("something still waits after three days of good weather")


@pytest.fixture
def month(teller: Teller) -> Iterator[Month]:
    with ExitStack() as stack:
        one, two, three = (stack.enter_context(BadReceiver(clock=teller.clock)) for _ in range(3))
        yield Month(teller, (one, two, three))


def test_a_month_of_bad_lines_loses_nothing_and_overtakes_nothing(teller: Teller, month: Month) -> None:
    at_once, by_night, in_batches = month.receivers
    month.goes_by(range(STEPS // 2))
    is_gone(teller, month)
    month.goes_by(range(STEPS // 2, STEPS))
    month.ends()
    for receiver, number in month.ids.items():
        check(teller, receiver, number)
    ordered(teller, at_once)
    ordered(teller, by_night)
    assert {each.at.astimezone(ZoneInfo(PARIS)).hour for each in by_night.arrivals} == set(NIGHT)
    assert max(len(each.events) for each in in_batches.arrivals) == 10
    revived(teller, month)


def is_gone(teller: Teller, month: Month) -> None:
    """One answers 410: it is paused, keeps what waits and what is new, and goes on when somebody says so."""
    receiver = month.receivers[0]
    month.clears_up()
    receiver.usual = Behaviour.IS_GONE
    waited = teller.books(month.ids[receiver]).waiting
    for number in range(5):
        teller.happens(STEPS + number)
        teller.send(hours=1)
    kept = teller.of(month.ids[receiver]).subscription
    assert (kept.state, kept.reason) == (SubscriptionState.PAUSED, "gone")
    assert teller.books(month.ids[receiver]).waiting == waited + 5
    assert len([each for each in receiver.arrivals if each.behaviour is Behaviour.IS_GONE]) == 1
    receiver.usual = Behaviour.TAKES
    with teller.store.write() as tx:
        subscriptions.set_state(tx, kept.id, SubscriptionState.ENABLED, "")


def check(teller: Teller, receiver: BadReceiver, number: int) -> None:
    """Each event arrived at least once, but for those that the other side refuses; and the books say so."""
    books, everything = teller.books(number), teller.everything()
    assert set(receiver.kept()) | receiver.refused == set(everything)
    assert not receiver.refused & set(receiver.kept())
    assert books.recorded == books.delivered + books.waiting + books.dead + books.dropped
    assert (books.recorded, books.waiting, books.dropped) == (len(everything), 0, 0)
    assert books.dead == len(receiver.refused)
    assert teller.of(number).subscription.state is SubscriptionState.ENABLED
    for event in receiver.kept():
        # However often and in whatever company it was told: a message that comes again is the same one.
        alone = {each.message_id for each in receiver.of_event(event) if len(each.events) == 1}
        assert len(alone) <= 1


def ordered(teller: Teller, receiver: BadReceiver) -> None:
    came = receiver.first_kept()
    for events in teller.told.values():
        assert [each for each in came if each in set(events)] == [
            each for each in events if each not in receiver.refused
        ]


def revived(teller: Teller, month: Month) -> None:
    """Once the other side takes them, dead ones are retried by hand, and nothing is missing any more."""
    for receiver in month.receivers:
        receiver.refused.clear()
    dead = sum(teller.books(each).dead for each in month.ids.values())
    with teller.store.write() as tx:
        assert retry(tx, DeadFilter(), 1000) == dead
    month.ends()
    for receiver, number in month.ids.items():
        assert set(receiver.kept()) == set(teller.everything())
        assert teller.books(number).delivered == len(teller.everything())


def test_a_receiver_that_is_away_is_probed_once_a_minute_and_has_everything_a_minute_after_it_is_back(
    teller: Teller,
) -> None:
    with BadReceiver(usual=Behaviour.FAILS, clock=teller.clock) as receiver:
        number = teller.subscribe("away", receiver.url)
        for step in range(30):
            teller.happens(step, BOXES[step % 3])
        teller.send(12 * 60, seconds=5)
        gaps = [later.at - earlier.at for earlier, later in zip(receiver.arrivals, receiver.arrivals[1:], strict=False)]
        assert max(gaps) <= timedelta(seconds=65)
        # Three quarters of a minute each, as long as nothing is random; at first more often.
        assert len(receiver.arrivals) <= 90
        assert teller.of(number).subscription.state is SubscriptionState.FAILING
        receiver.usual = Behaviour.TAKES
        teller.send(12, seconds=5)
        assert receiver.first_kept() != []
        assert teller.books(number).waiting == 0
        assert teller.of(number).subscription.state is SubscriptionState.ENABLED
        ordered(teller, receiver)


def test_whoever_says_when_to_come_again_is_left_alone_until_then(teller: Teller) -> None:
    with BadReceiver([Behaviour.THROTTLES], clock=teller.clock) as receiver:
        teller.subscribe("busy", receiver.url)
        teller.happens(1)
        teller.happens(2, "BOX2")
        teller.send(20, seconds=1)
        first, second, *_ = receiver.arrivals
        assert second.at - first.at >= timedelta(seconds=RETRY_AFTER)
        assert sorted(receiver.kept()) == teller.everything()


@pytest.mark.parametrize("behaviour", [Behaviour.IS_LATE, Behaviour.BREAKS_OFF])
def test_an_event_whose_answer_was_lost_comes_again_with_the_same_ids(teller: Teller, behaviour: Behaviour) -> None:
    with BadReceiver([behaviour], clock=teller.clock) as receiver:
        number = teller.subscribe("forgetful", receiver.url)
        event = teller.happens(1)
        teller.send(20, seconds=5)
        assert receiver.kept() == [event, event]
        first, second = receiver.arrivals
        for name in ("webhook-id", "x-gatehouse-event", "x-gatehouse-delivery"):
            assert first.headers[name] == second.headers[name]
        assert first.body == second.body
        assert teller.books(number).delivered == 1
