"""Whether a thing is there for a limited account: what is out of its sight is answered as what does not exist."""

from sqlalchemy import select

from receiver.domain.accounts import Limits
from receiver.store.alerts import visible
from receiver.store.database import Tx
from receiver.store.erasures import is_visible
from receiver.store.limiting import devices_within, events_within, people_within
from receiver.store.tables import alert, device, event, event_picture, face, frame, person


def sees_person(tx: Tx, limits: Limits, person_id: int) -> bool:
    """Whether that person is there, and within the limits."""
    return tx.execute(select(person.c.id).where(person.c.id == person_id, *people_within(limits))).scalar() is not None


def sees_event(tx: Tx, limits: Limits, event_id: int) -> bool:
    """Whether that event is there, and within the limits."""
    where = (event.c.id == event_id, is_visible(event.c.id), *events_within(limits))
    return tx.execute(select(event.c.id).where(*where)).scalar() is not None


def sees_device(tx: Tx, limits: Limits, device_id: int) -> bool:
    """Whether that device is there, and speaks for a gate within the limits; whoever sees some people alone sees no device's frames."""
    if limits.limits_people:
        return False
    return tx.execute(select(device.c.id).where(device.c.id == device_id, *devices_within(limits))).scalar() is not None


def sees_picture(tx: Tx, limits: Limits, digest: bytes) -> bool:
    """Whether a picture belongs to an event or an alert, or is a face of a person, within the limits."""
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
    of_alert = (
        select(alert.c.id).join(frame, frame.c.alert_id == alert.c.id).where(frame.c.digest == digest, *visible(limits))
    ).limit(1)
    if any(tx.execute(each).first() is not None for each in (of_event, of_face, of_alert)):
        return True
    calm = select(frame.c.device_id).where(frame.c.digest == digest, frame.c.alert_id.is_(None)).limit(1)
    device_id = tx.execute(calm).scalar()
    return device_id is not None and sees_device(tx, limits, device_id)
