"""Times several ways of doing something in turn, A B C A B C ..., so that a change of the machine's mood meets all of them."""

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """One way of doing it.

    Attributes:
        name: for the table.
        do: does it once.
        times: how often it is done in a round.
    """

    name: str
    do: Callable[[], object]
    times: int = 1


@dataclass(frozen=True)
class Times:
    """Milliseconds of one way: the median of all, and the 5th and 95th of a hundred."""

    ms: float
    low: float
    high: float
    count: int


def alternated(ways: Sequence[Way], rounds: int) -> dict[str, Times]:
    """The times of each way, by name; each is done once before anything counts."""
    taken: dict[str, list[float]] = {way.name: [] for way in ways}
    for way in ways:
        way.do()
    for _ in range(rounds):
        for way in ways:
            taken[way.name] += [_milliseconds(way.do) for _ in range(way.times)]
    return {name: _times(each) for name, each in taken.items()}


def speed_up(do: Callable[[], object], threads: int, times: int, rounds: int) -> float:
    """How many times as much that many threads do in the same time; the median of the rounds."""
    found = []
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: do(), range(2 * threads)))
        for _ in range(rounds):
            alone = _milliseconds(lambda: [do() for _ in range(times)])
            together = _milliseconds(lambda: list(pool.map(lambda _: do(), range(times))))
            found.append(alone / together)
    return statistics.median(found)


def _milliseconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return (time.perf_counter() - started) * 1000


def _times(taken: list[float]) -> Times:
    ordered = sorted(taken)
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.05, 0.95))
    return Times(round(statistics.median(ordered), 3), round(low, 3), round(high, 3), len(ordered))
