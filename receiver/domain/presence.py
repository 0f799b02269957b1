"""When and where somebody was seen, however often: visits counted, and the gates, from columns of numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Place:
    """How often somebody was seen at one gate.

    Attributes:
        gate_id: where; None where the device named no gate.
        device_id: who told of it without a gate; None: whoever speaks for the gate.
        events: how often, 1 or more.
        first_seen: aware.
        last_seen: aware, not before ``first_seen``.
    """

    gate_id: int | None
    device_id: int | None
    events: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Everything that somebody was seen in: two columns of int64 and of one length, 1 or more, in any order.

    Attributes:
        moments: microseconds since 1970.
        places: the gate's id; where the device named none, the device's with a minus.
    """

    moments: Numbers
    places: Numbers

    @property
    def first_seen(self) -> datetime:
        return _moment(self.moments.min())

    @property
    def last_seen(self) -> datetime:
        return _moment(self.moments.max())

    def visits(self, pause: timedelta) -> int:
        """How many visits that was, where sightings that lie no further apart than ``pause`` are one."""
        gaps = np.diff(np.sort(self.moments, kind="stable"))
        return 1 + int(np.count_nonzero(gaps > pause // MICROSECOND))

    def by_place(self) -> list[Place]:
        """How often and when at each gate, the latest first."""
        # Stable sorts: what comes from an index is in order already, which they see, and few places they count.
        order = np.argsort(self.moments, kind="stable")
        order = order[np.argsort(_narrow(self.places[order]), kind="stable")]
        moments, places = self.moments[order], self.places[order]
        firsts = np.concatenate(([0], np.flatnonzero(np.diff(places)) + 1))
        lasts = np.append(firsts[1:], len(moments)) - 1
        found = [
            _place(int(places[first]), int(last - first + 1), (_moment(moments[first]), _moment(moments[last])))
            for first, last in zip(firsts, lasts, strict=True)
        ]
        # A stable order: of places that were last seen in one moment the lower ids come first.
        return sorted(found, key=attrgetter("last_seen"), reverse=True)


def _narrow(numbers: Numbers) -> npt.NDArray[np.int64] | npt.NDArray[np.uint16]:
    """The same order in two bytes each, where that is enough: sorting those is counting them."""
    least = numbers.min()
    return (numbers - least).astype(np.uint16) if numbers.max() - least <= np.iinfo(np.uint16).max else numbers


def _place(place: int, events: int, seen: tuple[datetime, datetime]) -> Place:
    return Place(place, None, events, *seen) if place > 0 else Place(None, -place, events, *seen)


def _moment(microseconds: np.int64) -> datetime:
    return EPOCH + int(microseconds) * MICROSECOND
