"""Finds pictures of the library that have aged: their person looks otherwise by now, day after day."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from receiver.domain.library_health import MOST_DAYS, Aged, aged
from receiver.domain.reviews import ReviewKind
from receiver.domain.second_opinion import Says
from receiver.services.checking.steps import LEASE, Counts, Steps, picture_of
from receiver.store import erasures, library_checks, people, reviews
from receiver.store.database import Row, Tx
from receiver.store.people import ANY_DEVICE
from receiver.store.reviews import NewReview, ReviewPicture
from recognition.engine import Embedding
from recognition.gates import judge

STAGE = "ageing"
# People who are looked at in one transaction; of each, as many of the newest faces, of so long a time.
PEOPLE, SEEN, RECENT = 20, 300, timedelta(days=90)
# Of the device ids of one person; more have no place in a library.
IDENTITIES = 20
# Live faces that are shown beside the library's.
SHOWN = 3


def find_aged(steps: Steps) -> Counts | None:
    """One step of the stage: what it found in all if it was the last one, else None."""
    row, tools = steps.row, steps.tools
    now = datetime.now(UTC)
    with tools.store.read() as tx:
        tools.library.catch_up(tx)
        ids = library_checks.enrolled_after(tx, row.position, PEOPLE)
        total = row.total or library_checks.enrolled(tx)
    counts = {"people": 0, "found": 0, **row.counts.get(STAGE, {})}
    if not ids:
        return counts
    with steps.pace.step():
        with tools.store.read() as tx:
            found = [item for item in (_item(tx, steps, each, now) for each in ids) if item is not None]
        with tools.store.write() as tx:
            counts = {"people": counts["people"] + len(ids), "found": counts["found"] + len(found)}
            values = {"position": ids[-1], "done": counts["people"], "total": total, "updated_at": now}
            if library_checks.move_on(tx, row, {**values, "counts": {**row.counts, STAGE: counts}}):
                for item in found:
                    reviews.note(tx, item, now)
            library_checks.lease(tx, row.id, now + LEASE)
    steps.on_step()
    return None


def _item(tx: Tx, steps: Steps, person_id: int, now: datetime) -> NewReview | None:
    """The review item, if the person's pictures have aged."""
    library = steps.tools.library
    present = people.embeddings_of(tx, person_id, library.model)
    if not present:
        return None
    days = _one_a_day(tx, steps, person_id, now - RECENT)
    found = aged(np.stack([_vector(each) for each in present]), [_vector(each) for each in days], library.scale)
    if found is None:
        return None
    newest = days[0]
    nearest = min(present, key=lambda each: float(np.linalg.norm(_vector(each) - _vector(newest))))
    face = next(each for each in people.faces_of(tx, [person_id], people.CURRENT) if each.id == nearest.id)
    return NewReview(
        kind=ReviewKind.STALE_PICTURE,
        key=f"{ReviewKind.STALE_PICTURE}:{face.id}",
        reason="aged_picture",
        person_id=person_id,
        event_id=newest.event_id,
        subject=face.id,
        detail=_detail(found, newest, face),
        pictures=[
            picture_of(face, "current"),
            ReviewPicture(newest.digest, "new", person_id, newest.box),
            *(ReviewPicture(each.digest, "live", person_id, each.box) for each in days[1 : 1 + SHOWN]),
        ],
    )


def _detail(found: Aged, newest: Row, face: Row) -> dict[str, object]:
    return {
        "days": found.days,
        "nearest": round(found.nearest, 4),
        "median": round(found.median, 4),
        "farthest": round(found.farthest, 4),
        "limit": round(found.healthy, 4),
        "among_themselves": round(found.among_themselves, 4),
        "face": face.id,
        "since": face.created_at.isoformat(),
        "event": newest.event_id,
        "seen_at": newest.occurred_at.isoformat(),
    }


def _one_a_day(tx: Tx, steps: Steps, person_id: int, since: datetime) -> list[Row]:
    """The newest good live face of each of the newest days, newest first."""
    by_day: dict[object, Row] = {}
    for each in _seen(tx, person_id, steps.tools.library.model, since):
        if each.occurred_at.date() not in by_day and _is_good(each, steps):
            by_day[each.occurred_at.date()] = each
    return sorted(by_day.values(), key=lambda each: each.occurred_at, reverse=True)[:MOST_DAYS]


def _is_good(row: Row, steps: Steps) -> bool:
    """Whether the picture may be enrolled."""
    return not any(each.level == "refuse" for each in judge(row.quality, "enrol", steps.tools.limits))


def _seen(tx: Tx, person_id: int, model: str, since: datetime) -> Sequence[Row]:
    """Where we matched the person; and where we matched nobody, but the face is that of the device's own picture."""
    found = library_checks.live_faces(tx, person_id, model, since, SEEN)
    for external_id, device_id in erasures.identities_of(tx, person_id)[:IDENTITIES]:
        of_device = None if device_id == ANY_DEVICE else device_id
        told = library_checks.reported_faces(tx, (external_id, of_device), model, since, SEEN)
        found += [each for each in told if _is_confirmed(each, person_id)]
    return sorted(found, key=lambda each: (each.occurred_at, each.event_id), reverse=True)


def _is_confirmed(row: Row, person_id: int) -> bool:
    detail = row.second_opinion_detail
    device = detail["device_picture"]
    return device is not None and device["says"] == Says.AGREES and detail["library"]["person"] == person_id


def _vector(row: Row) -> Embedding:
    return np.frombuffer(row.embedding, dtype=np.float32)
