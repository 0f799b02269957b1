"""Reads a site's own limits of picture quality from one line of text."""

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from recognition.gates import GATES, LEVELS, MAY_REFUSE, NEVER, SHIPPED, Gate, GateLimits, Level, Limit
from recognition.scores import MEASURES

FORM = "GATE.MEASURE<NUMBER or GATE.MEASURE>NUMBER, with `warn` behind it for a warning, e.g. register.blur>0.66"

Word = TypeVar("Word", bound=str)


@dataclass(frozen=True, slots=True)
class _Change:
    """One entry: the bound of one level of one of the shipped limits."""

    gate: Gate
    limit: Limit
    level: Level
    bound: float | None

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What it changes, whatever to."""
        return self.gate, self.limit.measure, self.limit.sign, self.level


def parse_limits(text: str) -> GateLimits:
    """The shipped limits with those changed that the text names.

    Args:
        text: entries separated by commas or semicolons: ``register.inter_eye_distance<30``, ``enrol.blur>0.66``,
            ``recognise.luminance_mean<50 warn``, ``enrol.dynamic_range<never warn``. Bad is what is below (``<``) or
            above (``>``) the number; ``never`` takes the limit away; an entry without ``warn`` refuses.

    Raises:
        ValueError: an entry is not understood, names something unknown or impossible, lets a word refuse that may only
            warn, or says the same twice; the message names the entry and what is allowed.
    """
    limits = SHIPPED
    places = set()
    for entry in filter(None, (each.strip() for each in re.split("[,;]", text))):
        try:
            change = _change(entry)
        except ValueError as error:
            raise ValueError(f"{entry!r}: {error}") from None
        if change.place in places:
            raise ValueError(f"{entry!r}: this limit is set twice")
        places.add(change.place)
        limits = _with(limits, change)
    return limits


def _change(entry: str) -> _Change:
    match = re.fullmatch(r"(\w+)\s*\.\s*(\w+)\s*([<>])\s*(\S+)(?:\s+(\w+))?", entry.lower())
    if match is None:
        raise ValueError(f"must be {FORM}")
    gate, level = _one_of(GATES, match[1], "gate"), _one_of(LEVELS, match[5] or "refuse", "level")
    limit = _named(gate, match[2], match[3])
    if level == "refuse" and limit.reason not in MAY_REFUSE:
        raise ValueError(f"{limit.measure}{limit.sign} may only warn: write `warn` behind the number")
    return _Change(gate, limit, level, None if match[4] == NEVER else _number(limit.measure, match[4]))


def _named(gate: Gate, word: str, sign: str) -> Limit:
    """The shipped limit of that measure and direction."""
    known = sorted({limit.measure for limit in SHIPPED.of(gate)})
    if word in MEASURES and word not in known:
        raise ValueError(f"the gate {gate} does not judge {word}; it judges {', '.join(known)}")
    measure = _one_of(known, word, "measure")
    signs = {limit.sign: limit for limit in SHIPPED.of(gate) if limit.measure == measure}
    if sign not in signs:
        raise ValueError(f"{measure} is bad the other way round: write {measure}{''.join(signs)}")
    return signs[sign]


def _one_of(known: Iterable[Word], word: str, kind: str) -> Word:
    listed = list(known)
    found = next((each for each in listed if each == word), None)
    if found is not None:
        return found
    near = difflib.get_close_matches(word, listed, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(listed)}"
    raise ValueError(f"there is no {kind} {word!r}; {hint}")


def _number(word: str, text: str) -> float:
    measure = MEASURES[word]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not measure.low <= number <= measure.high:
        raise ValueError(f"{word} is limited by a number from {measure.low:g} to {measure.high:g}, or by {NEVER}")
    return number


def _with(limits: GateLimits, change: _Change) -> GateLimits:
    limit = change.limit
    changed = tuple(
        each.with_bound(change.level, change.bound)
        if (each.measure, each.sign) == (limit.measure, limit.sign)
        else each
        for each in limits.of(change.gate)
    )
    return replace(limits, **{change.gate: changed})
