"""The intake beside its two yardsticks in one run, then under a draining worker, then memory and start; against the aims."""

import argparse
import json
import statistics
import sys
from dataclasses import asdict, dataclass

from benchmarks.aims import Aim, at_least, below, print_aims
from benchmarks.contenders import BARE, CONTENDERS, RIVAL, RIVAL_IN_THE_LOOP, THIS_SERVER, one_round
from benchmarks.draining import BACKLOG, Draining, Start, measure_draining, measure_start
from benchmarks.load import Measured
from benchmarks.machine import facts
from benchmarks.starting import BENCH_DIR

SIZES = {"16 KiB": 16 * 1024, "180 KiB": 180 * 1024}
Key = tuple[str, str]  # names of the contender and of the size


@dataclass(frozen=True)
class Summary:
    """The median round of one contender at one size."""

    rate: float
    p50: float
    p99: float
    slowest: float
    rounds: list[float]


def side_by_side(rounds: int, seconds: float) -> dict[Key, Summary]:
    """A B C A B C ..., so that a change of the machine's mood meets all of them."""
    found: dict[Key, list[Measured]] = {}
    for number in range(rounds):
        for size_name, size in SIZES.items():
            for contender in CONTENDERS:
                measured = one_round(contender, size, seconds)
                found.setdefault((contender.name, size_name), []).append(measured)
                print(f"round {number + 1}, {size_name}, {contender.name}: {measured.rate}/s", file=sys.stderr)
    return {key: summary(each) for key, each in found.items()}


def summary(rounds: list[Measured]) -> Summary:
    def median(name: str) -> float:
        values: list[float] = [getattr(each, name) for each in rounds]
        return round(statistics.median(values), 1)

    return Summary(median("rate"), median("p50"), median("p99"), median("slowest"), [each.rate for each in rounds])


def compare(table: dict[Key, Summary]) -> list[Aim]:
    aims = []
    for size_name, share in (("16 KiB", 0.40), ("180 KiB", 0.25)):
        ours, bare = table[THIS_SERVER.name, size_name], table[BARE.name, size_name]
        rival = max(table[each.name, size_name].rate for each in (RIVAL, RIVAL_IN_THE_LOOP))
        aims.append(at_least(f"{size_name}: times the rate of (c), the faster of its two", ours.rate / rival, 2.5))
        aims.append(at_least(f"{size_name}: share of the rate of (b)", ours.rate / bare.rate, share))
        aims.append(below(f"{size_name}: p99 ms", ours.p99, 100))
    return aims


def judge_draining(found: Draining) -> list[Aim]:
    return [
        at_least("backlog: share of the undisturbed rate", found.disturbed.rate / found.undisturbed.rate, 0.6),
        below("backlog: p99 ms", found.disturbed.p99, 250),
    ]


def judge_start(found: Start) -> list[Aim]:
    return [
        below("memory of all processes, PSS MiB", found.memory.pss, 250),
        below("memory of all processes, RSS MiB", found.memory.rss, 250),
        below("seconds from start to ready", found.again_seconds, 5),
    ]


def main() -> None:
    options = _options()
    BENCH_DIR.mkdir(exist_ok=True)
    machine = facts(BENCH_DIR)
    table = side_by_side(options.rounds, options.seconds)
    draining, start = measure_draining(options.seconds), measure_start()
    aims = [*compare(table), *judge_draining(draining), *judge_start(start)]
    if options.json:
        rows = [{"contender": name, "size": size, **asdict(row)} for (name, size), row in table.items()]
        parts = {"draining": asdict(draining), "start": asdict(start), "aims": [asdict(aim) for aim in aims]}
        print(json.dumps({"machine": machine, "rates": rows, **parts}, indent=2))
        return
    for name, value in machine.items():
        print(f"{name}: {value}")
    _print_table(table)
    _print_draining(draining)
    print_aims(aims)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench intake", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each time (default 5)")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser.parse_args()


def _print_table(table: dict[Key, Summary]) -> None:
    print("\n| | events of | events/s | p50 ms | p99 ms | max ms | rounds |\n" + "| --- " * 7 + "|")
    letters = {contender.name: contender.letter for contender in CONTENDERS}
    for (name, size), row in table.items():
        rounds = ", ".join(f"{rate:.0f}" for rate in row.rounds)
        figures = f"{row.rate:.0f} | {row.p50} | {row.p99} | {row.slowest}"
        print(f"| ({letters[name]}) {name} | {size} | {figures} | {rounds} |")


def _print_draining(found: Draining) -> None:
    for name, measured in (("undisturbed", found.undisturbed), ("while draining", found.disturbed)):
        print(f"backlog of {BACKLOG}, {name}: {measured.rate} events/s, p50 {measured.p50} ms, p99 {measured.p99} ms")
    print(f"the worker did {found.drained} tasks meanwhile; {found.left} were left\n")


if __name__ == "__main__":
    main()
