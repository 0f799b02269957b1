"""Answers who came how often: strangers in many orders, and anybody's visits on a timeline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.domain.errors import NotFound
from receiver.domain.events import ListName
from receiver.domain.visits import PAUSE, SeenAt, Visit, visits_of
from receiver.services.asking.asking import Asking, Page, shown_link, shown_people
from receiver.services.devices.devices_shown import shown_device, shown_gate
from receiver.store import devices, people, sight, strangers, visits
from receiver.store.database import Row, Tx
from receiver.store.store import Store
from receiver.store.strangers import StrangerFilter
from receiver.store.types import EPOCH, MICROSECOND
from recognition.scores import OVERALL, scores_of

# Gates of one visit that are shown one by one.
PLACES = 20


@dataclass(frozen=True, slots=True)
class Timeline:
    """Which visits to show.

    Attributes:
        before: only visits that began earlier, in microseconds since 1970; None: up to now.
        limit: at most so many.
        limits: of whoever asks: only events in sight count.
    """

    before: int | None = None
    limit: int = 20
    limits: Limits = NO_LIMITS


class Visiting:
    """The read side of visits; every answer is of one moment.

    Args:
        store: where events are.
        pause: sightings that lie no further apart are one visit.
    """

    def __init__(self, store: Store, pause: timedelta = PAUSE) -> None:
        self._store = store
        self._pause = pause
        self._asking = Asking(store, pause)

    def strangers(self, wanted: StrangerFilter) -> Page:
        """Strangers with how often and when they were seen; the cursor is ``place.id``."""
        with self._store.read() as tx:
            found = strangers.listed(tx, replace(wanted, limit=wanted.limit + 1), self._pause)
            page = found[: wanted.limit]
            rows = people.found(tx, [each.id for each in page])
            items = shown_people(tx, [rows[each.id] for each in page], self._pause, wanted.limits)
        cursor = _cursor(page[-1]) if len(found) > wanted.limit else None
        return Page(items, cursor)

    def stranger(self, person_id: int, limits: Limits = NO_LIMITS) -> dict[str, Any]:
        """One stranger with all faces and the places where they were seen.

        Raises:
            NotFound: there is none with that id within the limits, or that one is somebody by now.
        """
        shown = self._asking.person(person_id, limits)
        if shown["list"] != ListName.STRANGER:
            detail = f"person {person_id} is no stranger ({shown['list']}); ask for people/{person_id}"
            raise NotFound("no_such_person", detail)
        return shown

    def timeline(self, person_id: int, wanted: Timeline) -> Page:
        """Somebody's visits, newest first, each with gates and a picture.

        Raises:
            NotFound: there is no such person within the limits.
        """
        before = None if wanted.before is None else EPOCH + wanted.before * MICROSECOND
        with self._store.read() as tx:
            if not sight.sees_person(tx, wanted.limits, person_id):
                raise NotFound("no_such_person", f"there is no person {person_id}")
            whose = visits.Whose(person_id, wanted.limits)
            starts = visits.starts(tx, whose, self._pause, before, wanted.limit + 1)
            page = starts[: wanted.limit]
            rows = visits.during(tx, whose, self._pause, page[-1], before) if page else []
            items = _shown(tx, _visits(rows))
        cursor = str(_micros(page[-1])) if len(starts) > wanted.limit else None
        return Page(items, cursor)


def _visits(rows: Iterable[Row]) -> list[Visit]:
    seen: dict[int, list[SeenAt]] = {}
    for row in rows:
        ids = tuple({row.first_event, row.last_event})
        place = SeenAt(row.device_id, row.gate_id, row.events, row.first_seen, row.last_seen, ids)
        seen.setdefault(row.visit, []).append(place)
    return visits_of(seen)


def _shown(tx: Tx, found: Sequence[Visit]) -> list[dict[str, Any]]:
    places = [place for visit in found for place in visit.places[:PLACES]]
    known = devices.found(tx, {place.device_id for place in places})
    gates = devices.gates_found(tx, {place.gate_id for place in places if place.gate_id is not None})
    best = _best_pictures(visits.pictures(tx, sorted({each for place in places for each in place.event_ids})))
    return [
        {
            "start": visit.start,
            "end": visit.end,
            "events": visit.events,
            "places": [
                {
                    "device": shown_device(known.get(place.device_id)),
                    "gate": shown_gate(gates.get(place.gate_id or 0)),
                    "events": place.events,
                    "first_seen": place.first_seen,
                    "last_seen": place.last_seen,
                }
                for place in visit.places[:PLACES]
            ],
            "picture": _picture(visit, best),
        }
        for visit in found
    ]


# How good a picture is, which event brought it, and its digest.
Best = tuple[tuple[bool, float], int, bytes]


def _best_pictures(rows: Iterable[Row]) -> dict[int, Best]:
    """By event: a crop before a scene, and the better one by its quality."""
    best: dict[int, Best] = {}
    for row in rows:
        worth = (row.kind == "face", scores_of(row.quality or {}).get(OVERALL, 0.0))
        found = (worth, row.event_id, row.digest)
        best[row.event_id] = max(best.get(row.event_id, found), found)
    return best


def _picture(visit: Visit, best: dict[int, Best]) -> dict[str, Any] | None:
    ids = (each for place in visit.places[:PLACES] for each in place.event_ids)
    found = max((best[each] for each in ids if each in best), default=None)
    return None if found is None else shown_link(found[2]) | {"event": found[1]}


def _cursor(row: Row) -> str:
    place = _micros(row.place_in_order) if isinstance(row.place_in_order, datetime) else int(row.place_in_order)
    return f"{place}.{row.id}"


def _micros(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // MICROSECOND


def place_after(cursor: tuple[int, int], order: str) -> tuple[datetime | int, int]:
    """What the two numbers of a cursor of ``Visiting.strangers`` stand for."""
    place, person_id = cursor
    return (EPOCH + place * MICROSECOND if order == "last_seen" else place), person_id
