"""Begins erasures: the person is hidden in one transaction; shows how far they are and the certificate."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from receiver.domain.errors import Conflict, NotFound
from receiver.domain.reviews import adoption_key
from receiver.services.asking.asking import Page
from receiver.services.erasing.erasing_imports import refuse_waiting
from receiver.services.people.correction_steps import must_be_there
from receiver.store import (
    alert_upkeep,
    corrections,
    erasing,
    erasures,
    holds,
    identities,
    listing,
    moving,
    outbox,
    people,
    review_upkeep,
)
from receiver.store.database import Row, Tx
from receiver.store.erased_list import Erased, ErasedList, fingerprint, identity_mark
from receiver.store.import_traces import Sought
from receiver.store.pictures import Pictures
from receiver.store.store import Store

ASKED, RESTORED = "asked", "restored"
FIRST_STAGE = "list"
BY_LENGTH = 255


class Erasures:
    """What people do with erasures; the work itself is a worker's."""

    def __init__(self, store: Store, pictures: Pictures, known: ErasedList, ring: Callable[[], None]) -> None:
        self._store = store
        self._pictures = pictures
        self._known = known
        self._ring = ring

    def begin(self, person_id: int, by: str) -> int:
        """Hides the person from everybody and has the bytes taken away; the erasure's id.

        When this returns, no process knows the face any more: each looks for changes before every decision.

        Raises:
            NotFound: there is no such person.
            Conflict: ``legal_hold``: the person or one of the person's events must be kept; ``person_merged``.
        """
        now = datetime.now(UTC)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            person = people.find(tx, person_id)
            if person is None:
                raise NotFound("no_such_person", f"there is no person {person_id}")
            must_be_there(tx, person)
            if holds.held(tx, holds.PERSON, [person_id]):
                raise Conflict("legal_hold", f"person {person_id} is on legal hold; lift the hold first")
            # Whoever turned out to be that person: an erasure each, or a restored backup would bring them back.
            everybody = [*corrections.merged_people(tx, person_id), person]
            begun = [_hide(tx, each, secrets.token_hex(16), ASKED, (by[:BY_LENGTH], now)) for each in everybody]
            number = sum(holds.held_among_hidden(tx, each) for each in begun)
            if number:
                raise Conflict("legal_hold", f"{number} of the events are on legal hold; lift the holds first")
        self._ring()
        return begun[-1]

    def show(self, erasure_id: int) -> dict[str, Any]:
        """How far an erasure is; its certificate once it is done.

        Raises:
            NotFound: there is none with that id.
        """
        with self._store.read() as tx:
            row = erasures.find(tx, erasure_id)
            if row is None:
                raise NotFound("no_such_erasure", f"there is no erasure {erasure_id}")
            return _shown(tx, row)

    def listed(self, before: int | None, limit: int) -> Page:
        """Erasures, newest first."""
        with self._store.read() as tx:
            rows = erasures.listed(tx, before, limit + 1)
            items = [_shown(tx, row) for row in rows[:limit]]
        return Page(items, str(items[-1]["id"]) if len(rows) > limit else None)

    def is_hidden_picture(self, digest: bytes) -> bool:
        """Whether a picture must not be shown: it is being erased, or was, and only came again without belonging to anything."""
        with self._store.read() as tx:
            if erasures.hidden_pictures(tx, digest):
                return True
        if not self._pictures.erased([digest]):
            return False
        with self._store.read() as tx:
            return not any(erasing.is_used(tx, digest, LAST_EVENT))

    def reapply(self) -> int:
        """After a restored backup: begins anew what the list says was erased; how many erasures were not known here."""
        with self._store.read() as tx:
            present = erasures.keys(tx)
        unknown = self._known.read(present)
        for erased in unknown.values():
            self._begin_again(erased)
        return len(unknown)

    def _begin_again(self, erased: Erased) -> None:
        who = (RESTORED, datetime.now(UTC))
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            if erased.key in erasures.keys(tx):
                return
            person = people.find(tx, erased.person[0]) if erased.person is not None else None
            if person is not None and erased.person is not None and _mark_of(person) == erased.person[1]:
                erasure_id = _hide(tx, person, erased.key, RESTORED, who)
            else:
                number = erased.person[0] if erased.person is not None else 0
                erasure_id = _write(tx, (number, erased.key, RESTORED, *who), {})
            ids = sorted(erased.events)
            for start in range(0, len(ids), 500):
                rows = erasing.events(tx, ids[start : start + 500])
                same = [
                    row.id for row in rows if fingerprint("event", row.id, row.received_at) == erased.events[row.id]
                ]
                erasures.hide_some(tx, erasure_id, same)
            _settle(tx, erasure_id, _drop_restored(tx, erasure_id, erased))


# Every event there may ever be.
LAST_EVENT = 2**63 - 1


def _mark_of(person: Row) -> str:
    return fingerprint("person", person.id, person.created_at)


def _drop_restored(tx: Tx, erasure_id: int, erased: Erased) -> dict[str, int]:
    """What devices had kept of the erased person also goes where the backup is from before the library had the person.

    Who is in the library under such an id by now is somebody else.
    """
    kept = [
        each
        for each in (identities.with_device_keys(tx) if erased.identities else ())
        if each.person_id is None and identity_mark(erased.key, each.device_key, each.external_id) in erased.identities
    ]
    _queue_shown(tx, erasure_id, kept)
    asked = _drop_adoptions(tx, erasure_id, kept)
    gone = identities.drop(tx, [(each.device_id, each.external_id) for each in kept])
    return {"device_identities": gone, "reviews": asked}


def _queue_shown(tx: Tx, erasure_id: int, kept: Sequence[Row]) -> None:
    shown = [each.digest for each in kept if each.digest is not None]
    erasing.queue_pictures(tx, erasure_id, [erasing.FoundPicture(digest) for digest in shown])


def _hide(tx: Tx, person: Row, key: str, reason: str, who: tuple[str, datetime]) -> int:
    """Nobody sees the person from the end of this transaction on; under the gallery's lock."""
    by, now = who
    # Decisions under way have the person too; the events that they are about are hidden with the others.
    moving.hold_people(tx, [person.id])
    ids = erasures.identities_of(tx, person.id)
    kept = erasures.device_identities(tx, person.id, ids)
    subject = {
        "name": person.name,
        "identities": ids,
        "identity_marks": _identity_marks(tx, key, kept),
        "mark": _mark_of(person),
        "is_listed": False,
    }
    erasure_id = _write(tx, (person.id, key, reason, by, now), subject)
    erasures.hide_events(tx, erasure_id, person.id, ids)
    erasing.queue_pictures(
        tx,
        erasure_id,
        [erasing.FoundPicture(each.digest, [each.box], is_certain=True) for each in people.faces_of(tx, [person.id])],
    )
    _queue_shown(tx, erasure_id, kept)
    asked = review_upkeep.pictures_of_person(tx, person.id)
    erasing.queue_pictures(tx, erasure_id, [erasing.FoundPicture(each.digest, _boxes(each)) for each in asked])
    counts = {"reviews": review_upkeep.drop_of_person(tx, person.id) + _drop_adoptions(tx, erasure_id, kept)}
    counts |= _clear_alerts(tx, erasure_id, person.id)
    counts |= {"device_identities": erasures.drop_device_identities(tx, person.id, ids)}
    counts |= erasures.take_person(tx, person.id)
    counts |= {"import_rows": refuse_waiting(tx, Sought.of(person.id, person.name, ids))}
    people.note_change(tx, person.id, now)
    _settle(tx, erasure_id, counts)
    return erasure_id


def _identity_marks(tx: Tx, key: str, kept: Sequence[Row]) -> list[str]:
    rows = identities.with_device_keys(tx, [(each.device_id, each.external_id) for each in kept])
    return [identity_mark(key, each.device_key, each.external_id) for each in rows]


def _clear_alerts(tx: Tx, erasure_id: int, person_id: int) -> dict[str, int]:
    """Alerts about the person say of nobody any more that it was he or she; their frames go."""
    ids = [row.id for row in alert_upkeep.of_person(tx, person_id)]
    shown = alert_upkeep.frame_pictures(tx, ids)
    erasing.queue_pictures(tx, erasure_id, [erasing.FoundPicture(digest) for digest in shown])
    return {"alerts": alert_upkeep.forget_person(tx, ids), "frames": len(shown)}


def _drop_adoptions(tx: Tx, erasure_id: int, kept: Sequence[Row]) -> int:
    """Nobody is asked any more about what is kept of devices that know the person; how many were asked about."""
    keys = [adoption_key(each.device_id, each.external_id) for each in kept]
    shown = review_upkeep.pictures_of_keys(tx, keys)
    erasing.queue_pictures(tx, erasure_id, [erasing.FoundPicture(digest) for digest in shown])
    return review_upkeep.drop_of_keys(tx, keys)


def _boxes(picture: Row) -> list[Any]:
    return [] if picture.box is None else [picture.box]


def _write(tx: Tx, told: tuple[int, str, str, str, datetime], subject: dict[str, Any]) -> int:
    person_id, key, reason, by, now = told
    erasure_id = erasures.add(
        tx,
        {
            "key": key,
            "person_id": person_id,
            "state": erasures.RUNNING,
            "stage": FIRST_STAGE,
            "reason": reason,
            "requested_by": by,
            "requested_at": now,
            "last_event": listing.newest_event(tx),
            "total": 0,
            "subject": subject,
            "counts": {},
        },
    )
    outbox.add(tx, erasures.TOPIC, [erasure_id], now)
    return erasure_id


def _settle(tx: Tx, erasure_id: int, counts: dict[str, int]) -> None:
    """What is hidden is no work any more but this one's."""
    tasks = erasures.drop_tasks(tx, erasure_id, outbox.OF_EVENTS)
    row = erasures.held(tx, erasure_id)
    if row is not None:
        total = erasures.waiting(tx, erasure_id)
        erasures.count(tx, row, counts | {"tasks": tasks}, total=total)


def _shown(tx: Tx, row: Row) -> dict[str, Any]:
    waiting = erasures.waiting(tx, row.id)
    names = ("id", "state", "stage", "reason", "requested_by", "requested_at", "ended_at")
    shown = {name: row._mapping[name] for name in names}
    share = 1.0 if row.total == 0 else 1 - waiting / row.total
    is_done = row.state == erasures.DONE
    certificate = {
        "key": row.key,
        "person": row.person_id,
        "requested_by": row.requested_by,
        "requested_at": row.requested_at,
        "ended_at": row.ended_at,
        "counts": row.counts,
        "remains": row.remains,
    }
    return shown | {
        "person": row.person_id,
        "also": erasures.begun_with(tx, row),
        "percent": 100 if is_done else min(99, max(0, round(100 * share))),
        "counts": row.counts,
        "certificate": certificate if is_done else None,
    }
