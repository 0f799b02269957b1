"""One line of a verdict: what was measured, what was wanted, and whether it was met."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Aim:
    """One line of the verdict."""

    what: str
    value: float
    aim: str
    is_met: bool


def at_least(what: str, value: float, aim: float) -> Aim:
    """More is better."""
    return Aim(what, round(value, 2), f">= {aim:g}", value >= aim)


def below(what: str, value: float, aim: float) -> Aim:
    """Less is better."""
    return Aim(what, value, f"< {aim:g}", value < aim)


def print_aims(aims: Iterable[Aim]) -> None:
    """As a table for people."""
    print("| aim | value | wanted | met |\n" + "| --- " * 4 + "|")
    for aim in aims:
        print(f"| {aim.what} | {aim.value:g} | {aim.aim} | {'yes' if aim.is_met else 'NO'} |")
