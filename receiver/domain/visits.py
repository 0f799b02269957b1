"""Visits: sightings of one person that follow each other closely are one; reckoned from events, so that no book is kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

PAUSE = timedelta(minutes=10)
"""Sightings that lie no further apart are one visit, where a site has not said anything else."""


@dataclass(frozen=True, slots=True)
class SeenAt:
    """How often somebody was seen at one gate, during a visit or ever.

    Attributes:
        device_id: who told of it.
        gate_id: where; None where the device named no gate.
        events: how often, 1 or more.
        first_seen: aware.
        last_seen: aware, not before ``first_seen``.
        event_ids: some of the events, one at least.
    """

    device_id: int
    gate_id: int | None
    events: int
    first_seen: datetime
    last_seen: datetime
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody came, was seen once or several times, and went.

    Attributes:
        start: the first sighting, aware.
        end: the last one, aware.
        events: how many sightings.
        places: by gate, in the order of the first sighting at each.
    """

    start: datetime
    end: datetime
    events: int
    places: tuple[SeenAt, ...]


def visits_of(seen: Mapping[int, Iterable[SeenAt]]) -> list[Visit]:
    """The visits, newest first.

    Args:
        seen: by a number of the visit, any, what was seen at each gate during it; one gate at least.
    """
    found = [_visit(sorted(places, key=_order)) for places in seen.values()]
    return sorted(found, key=attrgetter("start"), reverse=True)


def _visit(places: list[SeenAt]) -> Visit:
    end = max(each.last_seen for each in places)
    return Visit(places[0].first_seen, end, sum(each.events for each in places), tuple(places))


def _order(place: SeenAt) -> tuple[datetime, int, int]:
    return place.first_seen, place.device_id, place.gate_id or 0
