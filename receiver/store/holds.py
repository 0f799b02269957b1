"""Legal holds: people and events that must be kept, whatever anybody asks and however old they are."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select

from receiver.store.batches import insert_rows
from receiver.store.database import Tx
from receiver.store.tables import erasure_event, event, legal_hold, retention_state

PERSON, EVENT = "person", "event"


def put(tx: Tx, kind: str, subject: int, now: datetime) -> None:
    """From now on it is kept."""
    insert_rows(tx, legal_hold, [{"kind": kind, "subject": subject, "created_at": now}], may_exist=True)


def lift(tx: Tx, kind: str, subject: int) -> None:
    """It need not be kept any more; retention looks at everything again."""
    if tx.execute(delete(legal_hold).where(legal_hold.c.kind == kind, legal_hold.c.subject == subject)).rowcount:
        tx.execute(retention_state.update().values(position=0))


def held(tx: Tx, kind: str, subjects: Sequence[int]) -> set[int]:
    """Those of the subjects that are kept."""
    where = (legal_hold.c.kind == kind, legal_hold.c.subject.in_(list(subjects)))
    return set(tx.execute(select(legal_hold.c.subject).where(*where)).scalars())


def held_events(tx: Tx, event_ids: Sequence[int]) -> set[int]:
    """Those of the events that are kept: by themselves, or because their person is."""
    themselves = select(legal_hold.c.subject).where(legal_hold.c.kind == EVENT)
    by_person = select(legal_hold.c.subject).where(legal_hold.c.kind == PERSON)
    statement = select(event.c.id).where(
        event.c.id.in_(list(event_ids)), or_(event.c.id.in_(themselves), event.c.person_id.in_(by_person))
    )
    return set(tx.execute(statement).scalars())


def with_held_events(tx: Tx, person_ids: Sequence[int]) -> set[int]:
    """Those of the people who were seen in an event that is kept by itself."""
    themselves = select(legal_hold.c.subject).where(legal_hold.c.kind == EVENT)
    statement = select(event.c.person_id).where(event.c.id.in_(themselves), event.c.person_id.in_(list(person_ids)))
    return set(tx.execute(statement.distinct()).scalars())


def held_among_hidden(tx: Tx, erasure_id: int) -> int:
    """How many of the events that an erasure hides are kept: by themselves, or because their person is."""
    kept = select(legal_hold.c.subject)
    statement = (
        select(func.count())
        .select_from(erasure_event)
        .join(event, event.c.id == erasure_event.c.event_id)
        .where(erasure_event.c.erasure_id == erasure_id)
        .where(
            or_(
                event.c.id.in_(kept.where(legal_hold.c.kind == EVENT)),
                event.c.person_id.in_(kept.where(legal_hold.c.kind == PERSON)),
            )
        )
    )
    return int(tx.execute(statement).scalar_one())
