"""Figures as people read them: shares, intervals, numbers, and how much they can tell."""

import math

from receiver.domain.evaluation import AtRate, Told
from receiver.domain.intervals import Share

NOTHING = "-"
HARDLY = 0.001


def percent(share: float) -> str:
    """``12.3 %``, ``0.27 %``; a dash where there is nothing to divide by."""
    if math.isnan(share):
        return NOTHING
    hundredths = 100 * share
    if hundredths < HARDLY:
        return "0 %"
    return f"{hundredths:.1f} %".replace(".0 %", " %") if hundredths >= 1 else f"{hundredths:.2g} %"


def interval(share: Share) -> str:
    """``3.1 % (1.9 to 4.8 %)``."""
    if not share.cases:
        return "nothing to measure"
    return f"{percent(share.value)} ({ends(share)})"


def ends(share: Share) -> str:
    """``1.9 to 4.8 %``."""
    return f"{percent(share.low).removesuffix(' %')} to {percent(share.high)}"


def number(threshold: float | None) -> str:
    """A threshold with three digits."""
    if threshold is None or not math.isfinite(threshold):
        return NOTHING
    return f"{threshold:.3f}"


def counted(amount: int, one: str, several: str = "") -> str:
    """``1 picture``, ``1 234 pictures``: thin spaces between thousands."""
    return f"{amount:,} {one if amount == 1 else several or one + 's'}".replace(",", "\u2009")


def missed(point: AtRate) -> str:
    """What is missed at a rate; where the strangers cannot tell, only how much at least."""
    if point.told is Told.NOT and point.fnir.cases:
        return f"at least {percent(point.fnir.low)}"
    return interval(point.fnir)


def told(point: AtRate, one: str, several: str) -> str:
    """How well so many people can show a rate; they are called ``one`` stranger, or ``several`` strangers."""
    people, rate = counted(point.fpir.people, one, several), percent(point.rate)
    if point.told is Told.NOT:
        missed_there = f" At the strictest threshold that they can set, {percent(point.fnir.value)} are missed."
        return (
            f"{people} cannot tell: even if nobody of them were accepted, more than {rate} of all might be. "
            f"It takes {counted(point.needed, one, several)}.{missed_there if point.fnir.cases else ''}"
        )
    if point.told is Told.ROUGHLY:
        alarms = point.fpir.value * point.fpir.people
        return (
            f"Rests on the {alarms:.0f} closest of {people}: the share truly accepted there may be {ends(point.fpir)}."
        )
    return f"Well founded: {people}."
