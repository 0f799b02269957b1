"""When and where somebody was seen, however often: visits counted, and the gates, from columns of numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from receiver.domain.visits import SeenAt

Numbers = npt.NDArray[np.int64]

NO_GATE = 0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Everything that somebody was seen in: three columns of int64 and of one length, 1 or more, in any order.

    Attributes:
        moments: microseconds since 1970.
        gates: ids, or ``NO_GATE`` where the device named none.
        devices: ids.
    """

    moments: Numbers
    gates: Numbers
    devices: Numbers

    @property
    def first_seen(self) -> datetime:
        return _moment(self.moments.min())

    @property
    def last_seen(self) -> datetime:
        return _moment(self.moments.max())

    def visits(self, pause: timedelta) -> int:
        """How many visits that was, where sightings that lie no further apart than ``pause`` are one."""
        gaps = np.diff(np.sort(self.moments))
        return 1 + int(np.count_nonzero(gaps > pause // MICROSECOND))

    def places(self) -> list[SeenAt]:
        """How often and when at each gate, the latest first; without the events."""
        order = np.lexsort((self.moments, self.gates, self.devices))
        moments, gates, devices = self.moments[order], self.gates[order], self.devices[order]
        is_other = (np.diff(gates) != 0) | (np.diff(devices) != 0)
        firsts = np.concatenate(([0], np.flatnonzero(is_other) + 1))
        lasts = np.append(firsts[1:], len(moments)) - 1
        found = [
            SeenAt(
                int(devices[first]),
                None if gates[first] == NO_GATE else int(gates[first]),
                int(last - first + 1),
                _moment(moments[first]),
                _moment(moments[last]),
                (),
            )
            for first, last in zip(firsts, lasts, strict=True)
        ]
        # A stable order: of places that were last seen in one moment the lower ids come first.
        return sorted(found, key=attrgetter("last_seen"), reverse=True)


def _moment(microseconds: np.int64) -> datetime:
    return EPOCH + int(microseconds) * MICROSECOND
