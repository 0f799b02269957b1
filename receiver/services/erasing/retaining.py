"""Takes away what has been kept for long enough, in small steps; nothing that is on legal hold or still has to be passed on."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from receiver.domain.retention import (
    EMBEDDINGS,
    EVENT_KINDS,
    EVENTS,
    FACES,
    IDENTITIES,
    QUARANTINE,
    REVIEWS,
    SCENES,
    STRANGERS,
    Rules,
    may_run,
    steady_since,
)
from receiver.domain.reviews import adoption_key
from receiver.services.erasing.retaining_alerts import RetainingAlerts
from receiver.services.pacing import Pace
from receiver.store import deliveries, holds, identities, people, retention, review_upkeep
from receiver.store.database import Row, Tx
from receiver.store.store import Store

READ, STEP = 500, 25
# Events of a stranger who goes, in one step: only a name is taken off them.
LINKS = 500
CLOCK = "clock"
KINDS_OF = {SCENES: ("scene",), FACES: ("face", "infrared", "library")}

log = structlog.get_logger("retention")


class Retaining:
    """The scheduled clearing; also what the command shows and does."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self._store = store
        self._rules = rules
        self._alerts = RetainingAlerts(store, rules)

    def run_scheduled(self, pace: Pace, now: datetime | None = None) -> int:
        """As run, if the clock can be trusted; how many things went."""
        now = now or datetime.now(UTC)
        if not self._rules.rules:
            return 0
        with self._store.write() as tx:
            known = retention.state(tx, CLOCK)
            since = now if known is None else steady_since(now, known.looked_at, known.steady_since)
            retention.save(tx, CLOCK, now, steady_since=since)
        if not may_run(now, since):
            if known is not None and since == now:
                log.warning("clock_jumped", looked_at=known.looked_at, now=now)
            return 0
        return sum(self.run(pace, now).values())

    def run(self, pace: Pace, now: datetime | None = None) -> dict[str, int]:
        """Takes away what is due; how many of each kind."""
        now = now or datetime.now(UTC)
        counts = {}
        for kind in EVENT_KINDS:
            due = self._due_events(kind, now, is_noting=True)
            counts[kind] = sum(
                self._drop(kind, ids, pace) for batch in due for ids in _cut(batch) if not pace.is_stopping()
            )
        counts[STRANGERS] = sum(self._drop_stranger(each, now, pace) for each in self._due_strangers(now))
        counts[REVIEWS] = sum(
            self._drop_reviews(ids, pace)
            for batch in self._due_reviews(now)
            for ids in _cut(batch)
            if not pace.is_stopping()
        )
        counts[IDENTITIES] = self._drop_identities(now, pace)
        counts[QUARANTINE] = self._drop_quarantined(now, pace)
        return counts | self._alerts.drop(now, pace)

    def dry_run(self, now: datetime | None = None) -> dict[str, int]:
        """What would go, by kind; of events also how many would lose pictures or embeddings. Nothing is changed."""
        now = now or datetime.now(UTC)
        counts = {kind: sum(map(len, self._due_events(kind, now, is_noting=False))) for kind in EVENT_KINDS}
        counts[STRANGERS] = sum(1 for _ in self._due_strangers(now))
        counts[REVIEWS] = sum(map(len, self._due_reviews(now)))
        for kind, count in ((IDENTITIES, identities.count_unseen), (QUARANTINE, retention.count_quarantined)):
            days = self._rules.days(kind)
            with self._store.read() as tx:
                counts[kind] = 0 if days is None else count(tx, now - timedelta(days=days))
        return counts | self._alerts.count(now)

    def _due_events(self, kind: str, now: datetime, *, is_noting: bool) -> Iterator[list[int]]:
        """The events that a kind is to be taken off, some at a time.

        Where all before it have been dealt with is noted, so that the next run begins there.
        """
        days = self._rules.shortest(kind)
        if days is None:
            return
        before = now - timedelta(days=days)
        with self._store.read() as tx:
            start = self._position(tx, kind)
        position, is_whole = start, True
        while True:
            with self._store.read() as tx:
                rows = retention.events_after(tx, start, before, READ)
                due = [row.id for row in rows if self._is_due(kind, row, now)]
                kept = _kept(tx, kind, due)
                found = _with_kind(tx, kind, [each for each in due if each not in kept])
            yield found
            for row in rows:
                is_whole = is_whole and row.id in due and row.id not in kept
                position = row.id if is_whole else position
            if not rows:
                break
            start = rows[-1].id
        if is_noting:
            with self._store.write() as tx:
                retention.save(tx, kind, now, position=position, rules=self._rules.text())

    def _position(self, tx: Tx, kind: str) -> int:
        known = retention.state(tx, kind)
        return 0 if known is None or known.rules != self._rules.text() else int(known.position)

    def _is_due(self, kind: str, row: Row, now: datetime) -> bool:
        is_real_time = row.channel == "real_time"
        return self._rules.is_due(kind, row.list, row.received_at, now, is_real_time=is_real_time)

    def _drop(self, kind: str, ids: Sequence[int], pace: Pace) -> int:
        with pace.step(), self._store.write() as tx:
            # A hold may have come since they were looked at.
            free = [each for each in ids if each not in holds.held_events(tx, ids)]
            if kind == EVENTS:
                return retention.drop_events(tx, free)
            if kind == EMBEDDINGS:
                return retention.drop_sightings(tx, free)
            return retention.drop_pictures(tx, free, KINDS_OF[kind])

    def _due_strangers(self, now: datetime) -> Iterator[int]:
        days = self._rules.days(STRANGERS)
        last = 0
        while days is not None:
            with self._store.read() as tx:
                found = retention.unseen_strangers(tx, last, now - timedelta(days=days), READ)
                kept = holds.held(tx, holds.PERSON, found) | holds.with_held_events(tx, found)
            yield from (each for each in found if each not in kept)
            if not found:
                return
            last = found[-1]

    def _drop_stranger(self, person_id: int, now: datetime, pace: Pace) -> int:
        """The faces first, so that nobody is recognised by them; of very many events some at a time."""
        before = now - timedelta(days=self._rules.days(STRANGERS) or 0)
        while not pace.is_stopping():
            with pace.step(), self._store.write(lock=people.GALLERY_LOCK) as tx:
                # The stranger may have come, become somebody or been put on hold since.
                is_kept = holds.held(tx, holds.PERSON, [person_id]) or holds.with_held_events(tx, [person_id])
                if is_kept or not retention.is_unseen(tx, person_id, before):
                    return 0
                is_last = self._take_stranger(tx, person_id)
            if is_last:
                return 1
        return 0

    def _take_stranger(self, tx: Tx, person_id: int) -> bool:
        """Whether nothing is left of the stranger."""
        gone = datetime.now(UTC)
        is_last = retention.unlink_events(tx, person_id, LINKS) < LINKS
        if is_last:
            people.remove(tx, person_id)
            review_upkeep.leave_person(tx, person_id, gone)
        else:
            people.drop_faces(tx, person_id)
        people.note_change(tx, person_id, gone)
        return is_last

    def _due_reviews(self, now: datetime) -> Iterator[list[int]]:
        days = self._rules.days(REVIEWS)
        last = 0
        while days is not None:
            with self._store.read() as tx:
                found = review_upkeep.ended_before(tx, now - timedelta(days=days), last, READ)
            if not found:
                return
            yield found
            last = found[-1]

    def _drop_reviews(self, ids: Sequence[int], pace: Pace) -> int:
        with pace.step(), self._store.write() as tx:
            return review_upkeep.forget(tx, ids)

    def _drop_identities(self, now: datetime, pace: Pace) -> int:
        """Whom devices have not spoken of for long, and who is nobody of the library; what was asked about them too."""
        days = self._rules.days(IDENTITIES)
        number = 0
        while days is not None and not pace.is_stopping():
            with pace.step(), self._store.write() as tx:
                gone = identities.drop_unseen(tx, now - timedelta(days=days), READ)
                review_upkeep.drop_of_keys(tx, [adoption_key(*key) for key in gone])
            if not gone:
                break
            number += len(gone)
        return number

    def _drop_quarantined(self, now: datetime, pace: Pace) -> int:
        """Whatever became of them: nobody reads after so long what could not be read then."""
        days = self._rules.days(QUARANTINE)
        number = 0
        while days is not None and not pace.is_stopping():
            with pace.step(), self._store.write() as tx:
                gone = retention.drop_quarantined(tx, now - timedelta(days=days), STEP)
            if not gone:
                break
            number += gone
        return number


def _kept(tx: Tx, kind: str, ids: Sequence[int]) -> set[int]:
    """Those of the events that somebody holds, or that are still to be passed on with what is to go."""
    if not ids:
        return set()
    return holds.held_events(tx, ids) | deliveries.holding(tx, ids, for_pictures=kind in KINDS_OF)


def _with_kind(tx: Tx, kind: str, ids: Sequence[int]) -> list[int]:
    """Those of the events that have anything of the kind."""
    if kind == EVENTS or not ids:
        return list(ids)
    if kind == EMBEDDINGS:
        return retention.with_sightings(tx, ids)
    return retention.with_pictures(tx, ids, KINDS_OF[kind])


def _cut(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + STEP] for start in range(0, len(ids), STEP))
