"""What could not be read: kept raw with the reason, visible and replayable; and the memory of bodies refused once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.domain.reviews import ReviewKind
from receiver.store import reviews
from receiver.store.database import Tx
from receiver.store.tables import quarantine, rejected_body

HELD, REPLAYED, DISCARDED = "held", "replayed", "discarded"
# Enough for every box of a site to be broken at once; the oldest go first.
REMEMBERED_BODIES = 10_000


def keep(tx: Tx, values: Mapping[str, Any]) -> int:
    """Keeps one unreadable item; the same bytes again only count. Returns its id.

    Nobody is asked about what a device sent that nobody has trusted: it is in the list of quarantine alone, until somebody
    who is trusted sends the same.
    """
    make = sqlite.insert(quarantine) if tx.dialect.name == "sqlite" else postgresql.insert(quarantine)
    statement = (
        make.values(state=HELD, **values)
        .on_conflict_do_update(index_elements=["digest"], set_={"times": quarantine.c.times + 1})
        .returning(quarantine.c.id, quarantine.c.times)
    )
    kept = tx.execute(statement).one()
    if values.get("unverified_peer") is None and (kept.times == 1 or _is_vouched_for_now(tx, kept.id)):
        key = f"{ReviewKind.QUARANTINED}:{kept.id}"
        new = reviews.NewReview(ReviewKind.QUARANTINED, key, values["reason"], subject=kept.id)
        reviews.note(tx, new, values["received_at"])
    return int(kept.id)


def _is_vouched_for_now(tx: Tx, quarantine_id: int) -> bool:
    """Whether what only the unknown had sent is now sent by somebody trusted; nobody's room is taken up by it any more."""
    waiting = (quarantine.c.id == quarantine_id, quarantine.c.unverified_peer.is_not(None), quarantine.c.state == HELD)
    return tx.execute(update(quarantine).where(*waiting).values(unverified_peer=None)).rowcount == 1


def find(tx: Tx, quarantine_id: int) -> Row[Any] | None:
    """One kept item with its bytes, or None."""
    return tx.execute(select(quarantine).where(quarantine.c.id == quarantine_id)).one_or_none()


def settle(tx: Tx, quarantine_id: int, event_id: int | None) -> None:
    """The item was read after all and became that event; nobody is asked about it any more."""
    tx.execute(update(quarantine).where(quarantine.c.id == quarantine_id).values(state=REPLAYED, event_id=event_id))
    reviews.settle_about(tx, ReviewKind.QUARANTINED, [quarantine_id], datetime.now(UTC))


def discard(tx: Tx, quarantine_id: int) -> bool:
    """Nobody wants to read the item; False if it is not held any more. The bytes stay: it can still be replayed."""
    held_now = (quarantine.c.id == quarantine_id, quarantine.c.state == HELD)
    return tx.execute(update(quarantine).where(*held_now).values(state=DISCARDED)).rowcount == 1


def found(tx: Tx, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """The items with those ids, without their bytes."""
    columns = [column for column in quarantine.c if column.name != "raw"]
    statement = select(*columns).where(quarantine.c.id.in_(list(ids)))
    return {row.id: row for row in tx.execute(statement)} if ids else {}


def listed(tx: Tx, state: str | None, before: int | None, limit: int) -> list[Row[Any]]:
    """Kept items, newest first, without their bytes but with their size."""
    columns = [column for column in quarantine.c if column.name != "raw"]
    statement = (
        select(*columns, func.length(quarantine.c.raw).label("size")).order_by(quarantine.c.id.desc()).limit(limit)
    )
    if state is not None:
        statement = statement.where(quarantine.c.state == state)
    if before is not None:
        statement = statement.where(quarantine.c.id < before)
    return list(tx.execute(statement))


def held(tx: Tx) -> int:
    """How many items wait for somebody to look at them."""
    return int(tx.execute(select(func.count()).where(quarantine.c.state == HELD)).scalar_one())


def remember_rejected(tx: Tx, digest: bytes, now: datetime) -> bool:
    """Remembers a refused body; False if it was refused before. The oldest beyond the bound are forgotten."""
    make = sqlite.insert(rejected_body) if tx.dialect.name == "sqlite" else postgresql.insert(rejected_body)
    statement = make.values(digest=digest, first_seen=now).on_conflict_do_nothing()
    if tx.execute(statement.returning(rejected_body.c.digest)).one_or_none() is None:
        return False
    count = tx.execute(select(func.count()).select_from(rejected_body)).scalar_one()
    if count > REMEMBERED_BODIES:
        oldest = select(rejected_body.c.digest).order_by(rejected_body.c.first_seen).limit(count - REMEMBERED_BODIES)
        tx.execute(delete(rejected_body).where(rejected_body.c.digest.in_(oldest)))
    return True
