"""Begins adoptions of device identities, shows how far they are, and lists whom the devices know."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.adoption import AdoptionState, Came, percent
from receiver.domain.errors import Conflict, NotFound, Unavailable
from receiver.services.asking.asking import Page, shown_link
from receiver.services.devices.devices_shown import shown_device
from receiver.store import adoptions, devices, identities, people
from receiver.store.database import Row, Tx
from receiver.store.identities import IdentityFilter, Key
from receiver.store.store import Store

BY_LENGTH = 255
# Whoever begins one goes on marking; a worker takes over what is marked if that one ends.
BEGINNING = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class NewAdoption:
    """Which identities are to be taken over.

    Attributes:
        wanted: a filter, or those chosen.
        by: who asks.
        is_again: also those that were refused with the picture that they have.
    """

    wanted: IdentityFilter
    by: str
    is_again: bool = False


class Adoptions:
    """What people do with adoptions; the work itself is a worker's."""

    def __init__(self, store: Store, ring: Callable[[], None], *, is_recognising: bool = True) -> None:
        self._store = store
        self._ring = ring
        self._is_recognising = is_recognising

    def begin(self, new: NewAdoption, *, lease: timedelta = timedelta()) -> int:
        """Puts the identities into line for a worker; with a lease for the caller, for that time.

        In steps, for there may be a hundred thousand. Whoever is in another adoption's line stays there, and whoever is
        adopted, or was refused with the same picture, is not tried again: then there is nothing to do, and it ends at once.

        Raises:
            Unavailable: ``recognition_off``.
        """
        if not self._is_recognising:
            raise Unavailable("recognition_off", "faces cannot be read: recognition is switched off")
        now = datetime.now(UTC)
        with self._store.write() as tx:
            adoption_id = adoptions.add(tx, new.by[:BY_LENGTH], now, now + max(lease, BEGINNING))
            number = adoptions.mark(tx, adoption_id, new.wanted, is_again=new.is_again)
        while number == adoptions.STEP:
            with self._store.write() as tx:
                number = adoptions.mark(tx, adoption_id, new.wanted, is_again=new.is_again)
        with self._store.write() as tx:
            if not adoptions.end(tx, adoption_id, now):
                adoptions.lease(tx, adoption_id, datetime.now(UTC) + lease)
        self._ring()
        return adoption_id

    def show(self, adoption_id: int) -> dict[str, Any]:
        """How far an adoption is.

        Raises:
            NotFound: there is none with that id.
        """
        with self._store.read() as tx:
            row = _required(adoptions.find(tx, adoption_id), adoption_id)
            return _shown(row, adoptions.waiting(tx, [adoption_id])[adoption_id])

    def listed(self, before: int | None, limit: int) -> Page:
        """Adoptions, newest first."""
        with self._store.read() as tx:
            rows = adoptions.listed(tx, before, limit + 1)
            waiting = adoptions.waiting(tx, [row.id for row in rows[:limit]])
        items = [_shown(row, waiting[row.id]) for row in rows[:limit]]
        return Page(items, str(items[-1]["id"]) if len(rows) > limit else None)

    def cancel(self, adoption_id: int) -> dict[str, Any]:
        """Takes everybody out of the line who still waits; whoever is enrolled stays.

        Raises:
            NotFound: there is none with that id.
            Conflict: ``adoption_ended``.
        """
        now = datetime.now(UTC)
        with self._store.write() as tx:
            row = _required(adoptions.held(tx, adoption_id), adoption_id)
            if row.state != AdoptionState.RUNNING:
                raise Conflict("adoption_ended", f"adoption {adoption_id} has ended already: {row.state}")
            adoptions.change(tx, adoption_id, {"state": AdoptionState.CANCELLED, "ended_at": now})
        number = adoptions.STEP
        while number == adoptions.STEP:
            with self._store.write() as tx:
                number = adoptions.release(tx, adoption_id)
        with self._store.write() as tx:
            adoptions.end(tx, adoption_id, now)
        return self.show(adoption_id)

    def identities(self, wanted: IdentityFilter, after: Key | None, limit: int) -> Page:
        """Whom the devices know, by device and id."""
        with self._store.read() as tx:
            rows = identities.listed(tx, wanted, after, limit + 1)
            items = _identities(tx, rows[:limit])
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(items, None if last is None else f"{last.device_id}:{last.external_id}")


def _required(row: Row | None, adoption_id: int) -> Row:
    if row is None:
        raise NotFound("no_such_adoption", f"there is no adoption {adoption_id}")
    return row


def _shown(row: Row, waiting: int) -> dict[str, Any]:
    names = ("id", "state", "requested_by", "requested_at", "ended_at")
    counts = {came.value: row.counts.get(came, 0) for came in Came}
    shown = {name: row._mapping[name] for name in names}
    return shown | {"percent": percent(counts, waiting), "counts": counts | {"waiting": waiting}}


def _identities(tx: Tx, rows: list[Row]) -> list[dict[str, Any]]:
    speaking = devices.found(tx, {row.device_id for row in rows})
    known = people.found(tx, {row.person_id for row in rows if row.person_id is not None})
    # Whoever was merged into somebody else is that one now.
    known |= people.found(tx, {each.merged_into for each in known.values() if each.merged_into is not None})
    return [_identity(row, speaking.get(row.device_id), known) for row in rows]


def _identity(row: Row, device: Row | None, known: dict[int, Row]) -> dict[str, Any]:
    names = ("external_id", "name", "list", "state", "reason", "first_seen", "last_seen")
    person = known.get(row.person_id or 0)
    if person is not None and person.merged_into is not None:
        person = known.get(person.merged_into, person)
    return {name: row._mapping[name] for name in names} | {
        "device": shown_device(device),
        "person": None if person is None else {"id": person.id, "name": person.name, "list": person.list},
        "picture": None if row.digest is None else shown_link(row.digest),
        "is_waiting": row.adoption_id is not None,
    }
