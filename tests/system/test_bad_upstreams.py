"""A receiver that behaves as badly as it can, for a minute, while the worker is killed: nothing lost, nothing overtaken."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.receiver.bad_receiver import BadReceiver, Behaviour
from tests.receiver.boxes import history
from tests.system.conftest import MakeSite
from tests.system.processes import Site, eventually

BOXES = ("BOX1", "BOX2", "BOX3")
ROUNDS = 12
# A probe may be a minute away, and a killed worker's claim half of one.
PATIENCE = 150.0
# Each at least once, whatever chance says; those that make the sender wait for its time-out are rare.
PLAN = (Behaviour.TAKES, Behaviour.IS_LATE, Behaviour.BREAKS_OFF, Behaviour.THROTTLES, Behaviour.DIES, Behaviour.FAILS)
WEATHER = (Behaviour.TAKES,) * 6 + (
    Behaviour.FAILS, Behaviour.DIES, Behaviour.BREAKS_OFF, Behaviour.BREAKS_OFF_LATER, Behaviour.THROTTLES,
)  # fmt: skip


class Gates:
    """Boxes that tell of one passage after another until they are told to stop."""

    def __init__(self, site: Site) -> None:
        self._url = f"{site.url}/HistoryEvent"
        self._is_over = threading.Event()
        self.told: dict[str, list[int]] = {box: [] for box in BOXES}
        self._threads = [threading.Thread(target=self._tell, args=(box,), daemon=True) for box in BOXES]
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[int]:
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        return sorted(event for events in self.told.values() for event in events)

    def _tell(self, box: str) -> None:
        for number in range(10**6):
            answer = requests.post(self._url, json=history(number, box=box), timeout=30)
            assert answer.status_code == 200
            self.told[box].append(answer.json()["data"]["items"][0]["event_id"])
            if self._is_over.wait(0.3):
                return


@contextmanager
def open_gates(site: Site) -> Iterator[Gates]:
    gates = Gates(site)
    yield gates
    gates.stop()


def make_trouble(site: Site, receiver: BadReceiver, chance: random.Random) -> None:
    """The receiver changes its ways, goes and comes back; the worker is killed in the middle of it."""
    for number in range(ROUNDS):
        receiver.usual = chance.choice(WEATHER)
        if number % 4 == 3:
            receiver.stop()
        time.sleep(chance.uniform(2.0, 5.0))
        site.kill("worker")
        site.start("worker")
        if number % 4 == 3:
            receiver.start()
    receiver.usual = Behaviour.TAKES


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_minute_of_trouble_loses_nothing_overtakes_nothing_and_the_books_balance(
    database: str, request: pytest.FixtureRequest, make_site: MakeSite
) -> None:
    url = "" if database == "sqlite" else request.getfixturevalue("postgres_url")
    seed = random.SystemRandom().randrange(10**6)
    with BadReceiver(PLAN) as receiver:
        site = make_site(url, RECOGNITION="off", UPSTREAM_URL=receiver.url, UPSTREAM_EVERY="1")
        site.start("web", "worker")
        eventually(site.is_ready)
        with open_gates(site) as gates:
            make_trouble(site, receiver, random.Random(seed))
            everything = gates.stop()
        said = f"seed {seed}\n{site.logs()}"

        def has_arrived() -> bool:
            return set(receiver.kept()) == set(everything)

        eventually(has_arrived, PATIENCE)
        came = receiver.first_kept()
        for box, events in gates.told.items():
            assert [each for each in came if each in set(events)] == events, (box, said)

        def books() -> dict[str, Any]:
            (found,) = site.get("/v1/subscriptions")["items"]
            figures: dict[str, Any] = found["figures"]
            return figures

        # What was sent and not written down before a kill is sent once more.
        eventually(lambda: books()["waiting"] == 0, PATIENCE)
        kept = books()
    assert kept["recorded"] == kept["delivered"] + kept["waiting"] + kept["dead"] == len(everything), said
    assert kept["dead"] == 0, said
    lost = [each for each in receiver.arrivals if each.behaviour in {Behaviour.IS_LATE, Behaviour.BREAKS_OFF}]
    for event in {event for each in lost for event in each.events}:
        # The answer was lost: it came again, and said by its ids that it is the same.
        again = receiver.of_event(event)
        assert len(again) >= 2
        for name in ("webhook-id", "x-gatehouse-event", "x-gatehouse-delivery"):
            assert len({each.headers[name] for each in again}) == 1


def test_a_receiver_that_hangs_holds_up_nobody_else(make_site: MakeSite) -> None:
    with BadReceiver(usual=Behaviour.HANGS) as hanging, BadReceiver() as quick:
        site = make_site(
            RECOGNITION="off",
            UPSTREAM_URL=f"{hanging.url},{quick.url}",
            UPSTREAM_EVERY="1",
        )
        site.start("web", "worker")
        eventually(site.is_ready)
        with open_gates(site) as gates:
            eventually(lambda: len(set(quick.kept())) >= 20)
            everything = gates.stop()
        eventually(lambda: set(quick.kept()) == set(everything))
        hanging.usual = Behaviour.TAKES
        eventually(lambda: set(hanging.kept()) == set(everything), PATIENCE)


def test_one_that_is_gone_waits_for_somebody_and_the_others_answer_is_shown(make_site: MakeSite) -> None:
    with BadReceiver(usual=Behaviour.IS_GONE) as receiver:
        site = make_site(RECOGNITION="off")
        site.start("serve")
        eventually(site.is_ready)
        made = site.run("subscriptions", "add", "hub", "--target", f"url={receiver.url}", "--signed")
        assert made.returncode == 0, made.stderr
        assert "whsec_" in made.stdout
        requests.post(f"{site.url}/HistoryEvent", json=history(1), timeout=30).raise_for_status()
        eventually(lambda: site.get("/v1/subscriptions/1")["state"] == "paused")
        assert "paused (gone)" in site.run("subscriptions", "list").stdout
        assert "HTTP 410" in site.run("deliveries", "show", "1").stdout
        receiver.usual = Behaviour.TAKES
        assert site.run("subscriptions", "resume", "1").returncode == 0
        eventually(lambda: receiver.kept() == [1])
        eventually(lambda: "delivered" in site.run("deliveries", "list", "--subscription", "1").stdout)
