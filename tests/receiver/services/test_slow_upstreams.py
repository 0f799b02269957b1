"""A lane that waits for its answer holds up no other lane: neither another device's nor another upstream's."""

import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from receiver.forwarder.channel import Answer, Outcome, Outgoing
from receiver.store import deliveries
from receiver.store.store import Store
from tests.receiver.boxes import HISTORY, history, open_intake, subscribe
from tests.receiver.forwarders import forwarder_of

SLOW = "http://slow.example/"
QUICK = "http://quick.example/"
PATIENCE = 30


class HeldChannel:
    """Answers at once, but for what goes to the slow address or comes from the slow box: that waits to be released."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.may_go = threading.Event()
        self.quick = threading.Semaphore(0)

    def send(self, outgoing: Outgoing) -> Answer:
        if (
            outgoing.destination.target["url"] == SLOW
            or orjson.loads(outgoing.body)["ext_data"]["dev_sno"] == "SLOWBOX"
        ):
            self.reached.set()
            self.may_go.wait(PATIENCE)
        else:
            self.quick.release()
        return Answer(Outcome.DELIVERED)

    def close(self) -> None:
        """Nothing to end."""

    def quick_ones_arrive(self, count: int) -> bool:
        return all(self.quick.acquire(timeout=PATIENCE) for _ in range(count))


@pytest.fixture
def channel() -> Iterator[HeldChannel]:
    """Released at the end, so that no thread is left waiting where an assertion fails."""
    made = HeldChannel()
    yield made
    made.may_go.set()


@pytest.mark.parametrize(("urls", "slow_box"), [([QUICK], "SLOWBOX"), ([SLOW, QUICK], "BOX")])
def test_what_is_new_for_a_quick_lane_goes_out_while_a_slow_one_waits(
    store: Store, tmp_path: Path, channel: HeldChannel, urls: list[str], slow_box: str
) -> None:
    subscribe(store, *urls)
    forwarding = forwarder_of(store, tmp_path, channel)
    with open_intake(store, tmp_path) as intake:
        intake.record([history(number, box=slow_box) for number in range(10)], HISTORY)
        begun = forwarding.begin_due()
        assert channel.reached.wait(PATIENCE)
        assert channel.quick_ones_arrive(0 if urls == [QUICK] else 10)
        intake.record([history(99, box="BOX")], HISTORY)
        begun += forwarding.begin_due()
        assert channel.quick_ones_arrive(1)
    with store.read() as tx:
        # At least the ten, of which the first still waits for its answer.
        assert sum(deliveries.counts(tx).values()) >= 10
    channel.may_go.set()
    sent = sum(each.result() for each in begun)
    forwarding.send_due()
    forwarding.close()
    assert sent >= 11
    with store.read() as tx:
        assert deliveries.counts(tx) == {}
