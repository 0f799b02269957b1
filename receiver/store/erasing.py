"""What an erasure takes away, step by step: each function is one small part of one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update

from receiver.domain.reviews import ReviewKind
from receiver.store import alert_upkeep, deliveries, review_upkeep
from receiver.store.batches import insert_rows
from receiver.store.database import Tx
from receiver.store.erasures import ERASED
from receiver.store.outbox import OF_EVENTS
from receiver.store.tables import (
    delivery,
    device_identity,
    erasure,
    erasure_event,
    erasure_picture,
    event,
    event_picture,
    face,
    frame,
    message,
    quarantine,
    review_picture,
    sighting,
    stranger_candidate,
    task,
)

# Of whom a device means, whoever stands there.
DEVICE_PICTURE = "library"
# Tables that held it, for PostgreSQL's VACUUM.
TABLES = (
    "person", "person_group", "person_identity", "face", "face_embedding", "event", "message", "event_picture", "sighting",
    "device_identity", "delivery", "attempt", "task", "quarantine", "import_row", "import_job", "erasure", "erasure_picture", "picture", "review", "review_picture",
    "correction", "correction_item", "stranger_candidate", "alert", "alert_event", "alert_key", "alert_step", "announcement", "frame",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture with the person's face, and how the face is found on it.

    Attributes:
        is_certain: the person is enrolled by it, or was seen on it; else only a device or an item of the review list says
            so, and where somebody else is enrolled by it, it is left alone.
    """

    digest: bytes
    boxes: Sequence[Sequence[int]] = ()
    probes: bytes = b""
    model: str = ""
    is_certain: bool = False


def drop_deliveries(tx: Tx, erasure_id: int, after: int, limit: int, now: datetime) -> tuple[int, int | None]:
    """Deletes the hidden events' deliveries among the next ``limit`` ones; how many, and the last id looked at (None at
    the end).
    """
    ids = select(delivery.c.id).where(delivery.c.id > after).order_by(delivery.c.id).limit(limit).subquery()
    last = tx.execute(select(func.max(ids.c.id))).scalar()
    if last is None:
        return 0, None
    hidden = select(erasure_event.c.event_id).where(erasure_event.c.erasure_id == erasure_id)
    between = delivery.c.id.between(after + 1, last)
    found = tx.execute(select(delivery.c.id).where(between, delivery.c.event_id.in_(hidden))).scalars().all()
    return deliveries.erase(tx, found, now), int(last)


def events(tx: Tx, ids: Sequence[int]) -> list[Row[Any]]:
    """Those events."""
    return list(tx.execute(select(event).where(event.c.id.in_(list(ids))).order_by(event.c.id)))


def held_events(tx: Tx, ids: Sequence[int]) -> list[Row[Any]]:
    """Those events, which stay as they are until this write transaction has ended."""
    return list(tx.execute(select(event).where(event.c.id.in_(list(ids))).order_by(event.c.id).with_for_update()))


def messages(tx: Tx, event_ids: Sequence[int]) -> list[Row[Any]]:
    """(id, raw) of the messages that told of those events."""
    statement = select(message.c.id, message.c.raw).where(message.c.event_id.in_(list(event_ids)))
    return list(tx.execute(statement))


def found_pictures(tx: Tx, event_ids: Sequence[int]) -> list[FoundPicture]:
    """The pictures of those events, with where on them the person was seen."""
    ids = list(event_ids)
    digests = select(event_picture.c.event_id, event_picture.c.digest, event_picture.c.kind).where(
        event_picture.c.event_id.in_(ids), event_picture.c.digest.is_not(None)
    )
    seen = list(tx.execute(select(sighting).where(sighting.c.event_id.in_(ids), sighting.c.is_live)))
    found = []
    for row in tx.execute(digests):
        own = [each for each in seen if each.event_id == row.event_id]
        boxes = [each.box for each in own if each.digest == row.digest]
        model = own[0].model if own else ""
        probes = b"".join(each.embedding for each in own if each.model == model)
        found.append(FoundPicture(row.digest, boxes, probes, model, is_certain=row.kind != DEVICE_PICTURE))
    return found


def queue_pictures(tx: Tx, erasure_id: int, found: Sequence[FoundPicture]) -> None:
    """Puts pictures into the line; one that is there already learns nothing new."""
    others = _of_others(tx, erasure_id, [each.digest for each in found if not each.is_certain])
    rows = {
        each.digest: {
            "digest": each.digest,
            "erasure_id": erasure_id,
            "boxes": [list(box) for box in each.boxes],
            "probes": each.probes,
            "model": each.model,
            "marked_at": None,
        }
        for each in reversed(found)
        if each.is_certain or each.digest not in others
    }
    insert_rows(tx, erasure_picture, list(rows.values()), may_exist=True)


def _of_others(tx: Tx, erasure_id: int, digests: Sequence[bytes]) -> set[bytes]:
    """Those of the pictures by which somebody else is enrolled."""
    erased = select(erasure.c.person_id).where(erasure.c.id == erasure_id).scalar_subquery()
    statement = select(face.c.digest).where(face.c.digest.in_(list(digests)), face.c.person_id != erased)
    return set(tx.execute(statement).scalars()) if digests else set()


def clear_events(tx: Tx, own: Sequence[int]) -> dict[str, int]:
    """Takes sightings, waiting faces, pictures and tasks off those events; how many of each."""
    ids = list(own)
    pictures = update(event_picture).where(event_picture.c.event_id.in_(ids), event_picture.c.digest.is_not(None))
    gone = {"digest": None, "slot": None, "media_type": "", "width": 0, "height": 0, "refused": ERASED}
    sightings = tx.execute(delete(sighting).where(sighting.c.event_id.in_(ids))).rowcount
    candidates = tx.execute(delete(stranger_candidate).where(stranger_candidate.c.event_id.in_(ids))).rowcount
    tx.execute(pictures.values(**gone))
    tasks = tx.execute(delete(task).where(task.c.topic.in_(OF_EVENTS), task.c.subject.in_(ids))).rowcount
    reviews = review_upkeep.drop_of_events(tx, ids)
    alerts = alert_upkeep.forget_events(tx, ids)
    return {"alerts": alerts, "sightings": sightings, "candidates": candidates, "tasks": tasks, "reviews": reviews}


def device_pictures(tx: Tx, event_ids: Sequence[int]) -> list[FoundPicture]:
    """The library pictures that devices sent with those events, with where on them a face was seen."""
    ids = list(event_ids)
    is_theirs = (event_picture.c.event_id.in_(ids), event_picture.c.kind == DEVICE_PICTURE)
    digests = select(event_picture.c.digest).where(*is_theirs, event_picture.c.digest.is_not(None)).distinct()
    seen = select(sighting.c.digest, sighting.c.box).where(
        sighting.c.event_id.in_(ids), sighting.c.kind == DEVICE_PICTURE
    )
    boxes: dict[bytes, list[Sequence[int]]] = {}
    for row in tx.execute(seen):
        boxes.setdefault(row.digest, []).append(row.box)
    return [FoundPicture(digest, boxes.get(digest, ())) for digest in tx.execute(digests).scalars()]


def drop_device_pictures(tx: Tx, event_ids: Sequence[int]) -> None:
    """Takes the devices' library pictures off those events, and what was seen on them."""
    ids = list(event_ids)
    gone = {"digest": None, "slot": None, "media_type": "", "width": 0, "height": 0, "refused": ERASED}
    theirs = (event_picture.c.event_id.in_(ids), event_picture.c.kind == DEVICE_PICTURE)
    tx.execute(update(event_picture).where(*theirs, event_picture.c.digest.is_not(None)).values(**gone))
    tx.execute(delete(sighting).where(sighting.c.event_id.in_(ids), sighting.c.kind == DEVICE_PICTURE))


def drop_slots(tx: Tx, event_ids: Sequence[int]) -> None:
    """Those events keep their pictures, but their messages have no place for them any more."""
    tx.execute(update(event_picture).where(event_picture.c.event_id.in_(list(event_ids))).values(slot=None))


def change_events(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Sets columns of events, each by its ``id``; all rows name the same."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    statement = (
        update(event).where(event.c.id == bindparam("of")).values({name: bindparam(f"new_{name}") for name in names})
    )
    tx.execute(statement, [{"of": row["id"], **{f"new_{name}": row[name] for name in names}} for row in rows])


def change_messages(tx: Tx, raws: Mapping[int, bytes]) -> None:
    """Puts other content into stored messages."""
    if raws:
        statement = update(message).where(message.c.id == bindparam("of")).values(raw=bindparam("new_raw"))
        tx.execute(statement, [{"of": number, "new_raw": raw} for number, raw in raws.items()])


def quarantined(tx: Tx, after: int, limit: int) -> list[Row[Any]]:
    """(id, raw, detail) of the next kept items."""
    statement = (
        select(quarantine.c.id, quarantine.c.raw, quarantine.c.detail)
        .where(quarantine.c.id > after)
        .order_by(quarantine.c.id)
        .limit(limit)
    )
    return list(tx.execute(statement))


def drop_quarantined(tx: Tx, ids: Sequence[int]) -> int:
    """Deletes kept items; how many."""
    review_upkeep.drop_of_subjects(tx, ReviewKind.QUARANTINED, ids)
    return tx.execute(delete(quarantine).where(quarantine.c.id.in_(list(ids)))).rowcount


def unmarked(tx: Tx, erasure_id: int, limit: int) -> list[bytes]:
    """Digests in line that nobody has been told of yet."""
    statement = select(erasure_picture.c.digest).where(
        erasure_picture.c.erasure_id == erasure_id, erasure_picture.c.marked_at.is_(None)
    )
    return list(tx.execute(statement.limit(limit)).scalars())


def mark(tx: Tx, erasure_id: int, digests: Sequence[bytes], now: datetime) -> None:
    """Notes since when everybody has been told."""
    where = (erasure_picture.c.erasure_id == erasure_id, erasure_picture.c.digest.in_(list(digests)))
    tx.execute(update(erasure_picture).where(*where).values(marked_at=now))


def newest_mark(tx: Tx, erasure_id: int) -> datetime | None:
    """When the last digest in line was told of; None if none is left."""
    statement = select(func.max(erasure_picture.c.marked_at)).where(erasure_picture.c.erasure_id == erasure_id)
    return tx.execute(statement).scalar()


def next_pictures(tx: Tx, erasure_id: int, limit: int) -> list[Row[Any]]:
    """The next pictures in line."""
    statement = select(erasure_picture).where(erasure_picture.c.erasure_id == erasure_id)
    return list(tx.execute(statement.order_by(erasure_picture.c.digest).limit(limit)))


def leave_line(tx: Tx, erasure_id: int, digests: Sequence[bytes]) -> None:
    """The pictures have had their turn."""
    where = (erasure_picture.c.erasure_id == erasure_id, erasure_picture.c.digest.in_(list(digests)))
    tx.execute(delete(erasure_picture).where(*where))


def is_used(tx: Tx, digest: bytes, last_event: int) -> tuple[bool, bool]:
    """Whether somebody else needs the picture: since before the erasure, and only by events that came after it."""
    older = (
        select(face.c.id).where(face.c.digest == digest),
        select(device_identity.c.event_id).where(device_identity.c.digest == digest),
        select(review_picture.c.review_id).where(review_picture.c.digest == digest),
        select(frame.c.id).where(frame.c.digest == digest),
        select(event_picture.c.event_id).where(
            event_picture.c.digest == digest, event_picture.c.event_id <= last_event
        ),
    )
    if any(tx.execute(each.limit(1)).first() is not None for each in older):
        return True, False
    newer = select(event_picture.c.event_id).where(event_picture.c.digest == digest).limit(1)
    return False, tx.execute(newer).first() is not None


def seen_by_others(tx: Tx, digest: bytes, last_event: int) -> list[Row[Any]]:
    """(id, box, is_live) of the faces that were seen on the picture in the events that still have it."""
    with_it = select(event_picture.c.event_id).where(
        event_picture.c.digest == digest, event_picture.c.event_id <= last_event
    )
    columns = (sighting.c.id, sighting.c.box, sighting.c.is_live)
    return list(tx.execute(select(*columns).where(sighting.c.digest == digest, sighting.c.event_id.in_(with_it))))


def drop_sightings(tx: Tx, ids: Sequence[int]) -> int:
    """Deletes faces that were seen, with their embeddings; how many."""
    return tx.execute(delete(sighting).where(sighting.c.id.in_(list(ids)))).rowcount


def replace_picture(tx: Tx, old: bytes, new: Mapping[str, Any], last_event: int) -> None:
    """Whoever refers to the old picture refers to the new one, and says so; events that came later keep theirs."""
    digest = new["digest"]
    rows = list(
        tx.execute(
            select(event_picture.c.message_id, event_picture.c.position, event_picture.c.slot).where(
                event_picture.c.digest == old, event_picture.c.event_id <= last_event
            )
        )
    )
    for row in rows:
        slot = None if row.slot is None else row.slot | {"is_blurred": True}
        where = (event_picture.c.message_id == row.message_id, event_picture.c.position == row.position)
        tx.execute(update(event_picture).where(*where).values(**new, slot=slot))
    # A face that waits to be seen again can be read on it no more.
    tx.execute(delete(stranger_candidate).where(stranger_candidate.c.digest == old))
    tx.execute(update(frame).where(frame.c.digest == old).values(**new))
    for table in (face, device_identity, review_picture):
        tx.execute(update(table).where(table.c.digest == old).values(digest=digest))
    tried = device_identity.c.tried_digest
    tx.execute(update(device_identity).where(tried == old).values(tried_digest=digest))
    events_of = select(event_picture.c.event_id).where(event_picture.c.digest == digest)
    where_seen = (sighting.c.digest == old, sighting.c.event_id.in_(events_of))
    tx.execute(update(sighting).where(*where_seen).values(digest=digest))
