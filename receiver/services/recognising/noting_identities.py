"""Keeps whom devices speak of: written by whoever recognises the event, in the transaction of its decision."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from receiver.domain.adoption import IdentityState, Kept, Told, is_lasting, may_begin_by_itself, news
from receiver.domain.events import WantAction
from receiver.services.people.registering import Registered
from receiver.services.recognising.event_faces import EventFaces
from receiver.store import adoptions, devices, identities
from receiver.store.database import Row, Tx

# What a library update (1002) has come to where the new picture is settled with it.
TAKEN = ("same_person", "first_face", "already_there")


class NotingIdentities:
    """One row is read and written for each event; an identity's other columns only where the event changes them.

    Args:
        is_automatic: identities of trusted devices are adopted by themselves.
    """

    def __init__(self, *, is_automatic: bool) -> None:
        self._is_automatic = is_automatic

    def note(self, tx: Tx, seen: EventFaces, registered: Registered | None, now: datetime) -> None:
        """Keeps the identity that the event speaks of, and has it looked at where that begins by itself."""
        event = seen.event
        if not is_lasting(event.identity_id, event.identity_name, event.reported_list, event.want_action):
            return
        key = (event.device_id, event.identity_id)
        told = Told(event.identity_name, event.reported_list, _picture(seen), event.occurred_at, event.id)
        row = identities.held(tx, key)
        if row is None:
            identities.add(tx, _named(key) | news(None, told, now) | {"state": IdentityState.KNOWN})
            row = identities.held(tx, key)  # ours, or another process's that was faster
        if row is None:
            return
        changes = news(_kept(row), told, now) | _settled(registered, told)
        if self._begins(tx, dict(row._mapping) | changes):
            changes["adoption_id"] = adoptions.AUTOMATIC
            adoptions.ensure_automatic(tx, now)
        if changes:
            identities.change(tx, key, changes)

    def _begins(self, tx: Tx, present: Mapping[str, Any]) -> bool:
        if present["adoption_id"] is not None or present["digest"] in {None, present["tried_digest"]}:
            return False
        words = (present["state"], present["reason"], present["list"])
        may = may_begin_by_itself(*words, is_automatic=self._is_automatic)
        return may and devices.is_trusted(tx, present["device_id"])


def _named(key: identities.Key) -> dict[str, Any]:
    return {"device_id": key[0], "external_id": key[1]}


def _kept(row: Row) -> Kept:
    return Kept(row.name, row.list, row.digest, row.first_seen or row.last_seen, row.last_seen)


def _picture(seen: EventFaces) -> bytes | None:
    """The device's library picture; of a library update the face that it speaks of, whichever picture shows it."""
    if seen.event.want_action == WantAction.LIBRARY_UPDATE and seen.new_face is not None:
        return seen.new_face.digest
    return seen.library_digest


def _settled(registered: Registered | None, told: Told) -> dict[str, Any]:
    """A library update has had its turn with the picture already."""
    if registered is None or registered.person_id is None or registered.reason not in TAKEN:
        return {}
    person = {"person_id": registered.person_id, "reason": registered.reason}
    return {"state": IdentityState.ADOPTED, "tried_digest": told.digest} | person
