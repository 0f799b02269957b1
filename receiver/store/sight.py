"""Whether a thing is there for a limited account: what is out of its sight is answered as what does not exist."""

from sqlalchemy import select

from receiver.domain.accounts import Limits
from receiver.store.database import Tx
from receiver.store.erasures import is_visible
from receiver.store.limiting import events_within, people_within
from receiver.store.tables import event, event_picture, face, person


def sees_person(tx: Tx, limits: Limits, person_id: int) -> bool:
    """Whether that person is there, and within the limits."""
    return tx.execute(select(person.c.id).where(person.c.id == person_id, *people_within(limits))).scalar() is not None


def sees_event(tx: Tx, limits: Limits, event_id: int) -> bool:
    """Whether that event is there, and within the limits."""
    where = (event.c.id == event_id, is_visible(event.c.id), *events_within(limits))
    return tx.execute(select(event.c.id).where(*where)).scalar() is not None


def sees_picture(tx: Tx, limits: Limits, digest: bytes) -> bool:
    """Whether a picture belongs to an event, or is a face of a person, within the limits."""
    of_event = (
        select(event.c.id)
        .join(event_picture, event_picture.c.event_id == event.c.id)
        .where(event_picture.c.digest == digest, is_visible(event.c.id), *events_within(limits))
        .limit(1)
    )
    of_face = (
        select(face.c.id)
        .join(person, person.c.id == face.c.person_id)
        .where(face.c.digest == digest, *people_within(limits))
        .limit(1)
    )
    return tx.execute(of_event).scalar() is not None or tx.execute(of_face).scalar() is not None
