"""Turns what was noted of people, devices and reviews into deliveries, as things are when it is told."""

from collections.abc import Mapping
from typing import Any

from receiver.domain.subscriptions import Facts, Topic
from receiver.services.publishing.publishing import Occurrence, publish
from receiver.store import devices, occurrences, people, reviews
from receiver.store.database import Row, Tx
from receiver.store.store import Store

AT_ONCE = 200
GONE = "gone"


class Telling:
    """The worker's step."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def work(self) -> int:
        """Tells of what has been noted, oldest first; of how many."""
        with self._store.read() as tx:
            if not occurrences.is_any(tx):
                return 0
        number, step = 0, AT_ONCE
        while step == AT_ONCE:
            with self._store.write() as tx:
                step = self._step(tx)
            number += step
        return number

    def _step(self, tx: Tx) -> int:
        rows = occurrences.oldest(tx, AT_ONCE)
        # What happened several times is told once, as it is now.
        last = {(row.topic, row.subject, row.kind): row for row in rows}
        for row in last.values():
            publish(tx, _occurrence(tx, row))
        occurrences.drop(tx, [row.id for row in rows])
        return len(rows)


def _occurrence(tx: Tx, row: Row) -> Occurrence:
    topic = Topic(row.topic)
    tell = {Topic.DEVICE: _device, Topic.PERSON: _person, Topic.REVIEW: _review}[topic]
    found = tell(tx, row.subject)
    if found is None:
        return Occurrence(topic, row.subject, GONE, row.at, {}, None, Facts())
    content, device_id, facts = found
    return Occurrence(topic, row.subject, row.kind, row.at, content, device_id, facts)


Told = tuple[Mapping[str, Any], int | None, Facts]


def _device(tx: Tx, device_id: int) -> Told | None:
    row = devices.found(tx, {device_id}).get(device_id)
    if row is None:
        return None
    content = {
        "name": row.name,
        "licence": row.licence,
        "state": row.state,
        "problem": row.problem,
        "problem_at": None if row.problem_at is None else row.problem_at.isoformat(),
        "last_seen": row.last_seen.isoformat(),
        "status": row.status,
    }
    return content, device_id, Facts(device_id=device_id)


def _person(tx: Tx, person_id: int) -> Told | None:
    """Who it is is asked under ``/v1/people``, by those who may: a name that waits here could not be erased at the other side."""
    row = people.find(tx, person_id)
    if row is None:
        return None
    groups = people.groups_of(tx, [person_id])[person_id]
    content = {"list": row.list, "state": row.state, "updated_at": row.updated_at.isoformat()}
    return content, None, Facts(list_name=row.list, groups=groups, person_id=person_id)


def _review(tx: Tx, review_id: int) -> Told | None:
    row = reviews.find(tx, review_id)
    if row is None:
        return None
    content = {
        "about": row.kind,
        "reason": row.reason,
        "state": row.state,
        "person": row.person_id,
        "event": row.event_id,
        "updated_at": row.updated_at.isoformat(),
    }
    return content, None, Facts(person_id=row.person_id)
