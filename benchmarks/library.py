"""The library in one run: looking somebody up among many events, importing, erasing and retention; against the aims."""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import erasing
from benchmarks.aims import Aim, at_least, below, print_aims
from benchmarks.clearing import Cleared, measure_clearing
from benchmarks.contenders import fresh_folder
from benchmarks.enrolling import Enrolled, measure_enrolling
from benchmarks.erasing import Erased
from benchmarks.lookups import WHOLE, WHOLE_OFTEN, Looked, measure_lookups
from benchmarks.machine import facts
from benchmarks.million import Built, build
from benchmarks.scenes import PHOTOS
from benchmarks.starting import BENCH_DIR

PEOPLE = 1000
INTAKE_MS = 250


@dataclass(frozen=True)
class Report:
    """Everything that one run measured."""

    machine: dict[str, str]
    built: Built
    looked: dict[str, Looked]
    cleared: Cleared
    erased: Erased
    enrolled: Enrolled


def main() -> None:
    options = _options()
    BENCH_DIR.mkdir(exist_ok=True)
    report = measure(options)
    aims = compare(report)
    if options.json:
        print(json.dumps({**asdict(report), "aims": [asdict(aim) for aim in aims]}, indent=2))
        return
    _print(report)
    print()
    print_aims(aims)


def measure(options: argparse.Namespace) -> Report:
    """One thing after another, each with servers and data of its own."""
    machine = facts(BENCH_DIR)
    with fresh_folder() as folder:
        _say(f"{options.events} events ...")
        built = build(folder, options.events, min(PEOPLE, max(1, options.events // 100)))
        _say("looking people up ...")
        looked = measure_lookups(folder, built)
        _say("retention ...")
        cleared = measure_clearing(folder, options.days)
    _say("erasing ...")
    erased = erasing.measure(options.erase)
    _say("importing ...")
    return Report(machine, built, looked, cleared, erased, measure_enrolling(options.folder, options.pictures))


def compare(report: Report) -> list[Aim]:
    """The aims as they were set."""
    intake = {
        "an erasure": report.erased.p99,
        "an import": report.enrolled.p99,
        "retention": report.cleared.p99,
    }
    return [
        below(f"a person, the timeline and 50 of {report.built.events} events, p50 ms", report.looked[WHOLE].p50, 50),
        below("the same of whom is seen most often, p50 ms", report.looked[WHOLE_OFTEN].p50, 50),
        at_least("enrolment, pictures of 640x480 a second", report.enrolled.rate, 20),
        below(f"erasing one with {report.erased.events} events: invisible after, s", report.erased.invisible_after, 1),
        below("the same: done after, s", report.erased.done_after, 60),
        *(
            below(f"intake p99 during {what}, ms", round(seconds * 1000, 1), INTAKE_MS)
            for what, seconds in intake.items()
        ),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench library", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=PHOTOS / "people", help="photographs, one sub-folder a person"
    )
    parser.add_argument("--events", type=int, default=1_000_000, help="of the past (default 1000000)")
    parser.add_argument("--days", type=int, default=5, help="of the past's 400 that retention takes (default 5)")
    parser.add_argument("--erase", type=int, default=10_000, help="events of the person erased (default 10000)")
    parser.add_argument("--pictures", type=int, default=400, help="of an import (default 400)")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser.parse_args()


def _say(what: str) -> None:
    print(what, file=sys.stderr)


def _print(report: Report) -> None:
    for name, value in report.machine.items():
        print(f"{name}: {value}")
    built, enrolled, erased, cleared = report.built, report.enrolled, report.erased, report.cleared
    print(
        f"\n{built.people} people and {built.events} events, written by SQL in {built.seconds} s, {built.mib:.0f} MiB of SQLite."
    )
    print(f"\n| asked over HTTP, {built.events} events | p50 ms | p99 ms | slowest ms |\n" + "| --- " * 4 + "|")
    for name, looked in report.looked.items():
        print(f"| {name} | {looked.p50} | {looked.p99} | {looked.slowest} |")
    print(
        f"\nAn import of {enrolled.pictures} pictures of {enrolled.people} people, {enrolled.used} of them enrolled:"
        f" {enrolled.seconds} s, {enrolled.rate:.1f} a second."
    )
    print(
        f"Erasing {erased.events} events: invisible after {erased.invisible_after:.3f} s, done after {erased.done_after} s."
    )
    print(f"Retention of {cleared.days} days of {built.events} events: {cleared.seconds} s.")
    print("\n| intake during | requests | undisturbed p99 ms | p99 ms | slowest ms |\n" + "| --- " * 5 + "|")
    for what, found in (("an import", enrolled), ("an erasure", erased), ("retention", cleared)):
        row = " | ".join(f"{seconds * 1000:.1f}" for seconds in (found.quiet_p99, found.p99, found.slowest))
        print(f"| {what} | {found.requests} | {row} |")


if __name__ == "__main__":
    main()
