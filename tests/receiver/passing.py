"""Strangers who pass gates in tests: whom no device names, seen by a recogniser of the test's own."""

from typing import Any

from sqlalchemy import select

from receiver.services.intake.intake import Intake
from receiver.store import people, tables
from tests.receiver.faces import Desk, strangers, told

MINUTE = 60_000
NOBODY = {"identity_id": "", "identity_name": ""}
CALLED_STRANGER = {"identity_id": "S-77", "identity_name": "stranger", "ext_data": {"person_type": 4}}
# Further pictures of the face of person 1, so far (Euclidean) from the plain one.
VIEWS = {30: 0.3, 31: 0.31, 32: 0.35, 33: 0.25, 34: 0.45, 35: -0.3}


def seen(desk: Desk, intake: Intake, face: int, number: int, **changes: Any) -> int:
    """Somebody whom the device does not name passes, and is looked at; the event."""
    event_id = told(intake, face, number, **{**NOBODY, **changes})
    desk.work()
    return event_id


def candidates(desk: Desk) -> list[int]:
    """The events whose faces wait."""
    with desk.store.read() as tx:
        return sorted(tx.execute(select(tables.stranger_candidate.c.event_id)).scalars())


def states(desk: Desk, person: int) -> dict[int | None, str]:
    """By event, the state of each of the person's faces."""
    with desk.store.read() as tx:
        return {row.event_id: row.state for row in people.faces_of(tx, [person])}


def face_ids(desk: Desk, person: int) -> list[int]:
    with desk.store.read() as tx:
        return [row.id for row in people.faces_of(tx, [person])]


def met(desk: Desk, intake: Intake, *shades: int) -> int:
    """A stranger who has been seen so often."""
    for number, shade in enumerate(shades):
        seen(desk, intake, shade, number * MINUTE)
    (person,) = strangers(desk.store)
    return person
