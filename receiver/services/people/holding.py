"""Puts people and events on legal hold, and lifts it."""

from datetime import UTC, datetime

from receiver.domain.errors import NotFound
from receiver.services.people.correction_steps import must_be_there
from receiver.store import erasures, events, holds, people
from receiver.store.database import Tx
from receiver.store.store import Store


class Holding:
    """Whatever is held is neither deleted, nor erased, nor does retention take anything of it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def person(self, person_id: int, *, is_held: bool) -> None:
        """Holds a person with all events, or lifts that.

        Raises:
            NotFound: there is no such person.
            Conflict: ``person_merged``.
        """
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            row = people.find(tx, person_id)
            if row is None:
                raise NotFound("no_such_person", f"there is no person {person_id}")
            must_be_there(tx, row)
            self._set(tx, (holds.PERSON, person_id), is_held=is_held)

    def event(self, event_id: int, *, is_held: bool) -> None:
        """Holds one event, or lifts that.

        Raises:
            NotFound: there is no such event, or it is being erased.
        """
        # The lock of erasures: whichever of the two comes first is seen by the other.
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            if events.find(tx, event_id) is None or erasures.is_hidden(tx, event_id):
                raise NotFound("no_such_event", f"there is no event {event_id}")
            self._set(tx, (holds.EVENT, event_id), is_held=is_held)

    def _set(self, tx: Tx, what: tuple[str, int], *, is_held: bool) -> None:
        if is_held:
            holds.put(tx, *what, datetime.now(UTC))
        else:
            holds.lift(tx, *what)
