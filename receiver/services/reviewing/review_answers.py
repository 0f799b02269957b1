"""What accepting and rejecting does, for the kinds of the review list that are done in one transaction with the decision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receiver.domain.errors import Conflict
from receiver.domain.events import ListName
from receiver.domain.people import PersonState
from receiver.services.correcting.correcting import Correcting
from receiver.store import events, outbox, people
from receiver.store.database import Row, Tx
from receiver.store.people import Identity


@dataclass(frozen=True, slots=True)
class Decided:
    """Who decides.

    Attributes:
        by: for people.
        now: when; aware.
        into_list: of two people who become one, whose list holds where both are named and differ.
    """

    by: str
    now: datetime
    into_list: ListName | None = None


class Gone(Conflict):
    """What the item asks about is not there any more: there is nothing left to decide."""

    def __init__(self, detail: str) -> None:
        super().__init__("review_settled", f"{detail}; there is nothing left to decide")


class Answer:
    """Of one kind; by itself an answer is only written down.

    ``prepare`` comes before the transaction of an accept, and does what cannot be done in it; it is safe to repeat.
    ``accept`` and ``reject`` belong to the transaction of the decision, under the gallery's lock; what they return is kept
    with the item. ``finish`` follows when it has ended.

    ``done_before`` says what ``prepare`` has done already if somebody else was faster after all.
    All of them raise Gone where the cause has gone away, and other errors of the house where the item stays as it is.
    """

    done_before = ""

    def prepare(self, item: Row, who: Decided) -> Any:  # noqa: ARG002 - the interface
        return None

    def accept(self, tx: Tx, item: Row, prepared: Any, who: Decided) -> Mapping[str, Any]:  # noqa: ARG002 - the interface
        return {}

    def reject(self, tx: Tx, item: Row, who: Decided) -> Mapping[str, Any]:  # noqa: ARG002 - the interface
        return {}

    def finish(self) -> None:
        return None


def person_there(tx: Tx, person_id: int | None) -> Row:
    """Somebody whom an item concerns.

    Raises:
        Gone: not in the library any more, or somebody else by now.
    """
    row = people.find(tx, person_id or 0)
    if row is None:
        raise Gone(f"person {person_id} is not in the library any more")
    if row.state == PersonState.MERGED:
        raise Gone(f"person {row.id} has become person {people.became(tx, row)} meanwhile")
    return row


class Merging(Answer):
    """Two people who may be one."""

    def __init__(self, correcting: Correcting, ring: Callable[[], None]) -> None:
        self._correcting = correcting
        self._ring = ring

    def accept(self, tx: Tx, item: Row, prepared: Any, who: Decided) -> Mapping[str, Any]:  # noqa: ARG002 - the interface
        """Whoever is named stays, else whoever was there first."""
        both = [person_there(tx, item.person_id), person_there(tx, item.other_id)]
        stays, goes = sorted(both, key=lambda row: (row.list == ListName.STRANGER, row.id))
        made = (who.by, who.now)
        correction = self._correcting.merge_in(tx, (stays.id, goes.id), made, is_insisted=True, into_list=who.into_list)
        return {"person": stays.id, "correction": correction}

    def finish(self) -> None:
        """The events of the other one are moved by a worker."""
        self._ring()


class TakingIds(Answer):
    """A device named somebody by another one's id."""

    def accept(self, tx: Tx, item: Row, prepared: Any, who: Decided) -> Mapping[str, Any]:  # noqa: ARG002 - the interface
        """The id of this one device; those of other devices stay where they are."""
        person = person_there(tx, item.person_id)
        event = events.find(tx, item.event_id or 0)
        if event is None or not event.identity_id:
            raise Gone("the event that named the id is not kept any more")
        owner = people.owner_of(tx, Identity(event.identity_id, event.device_id))
        if owner not in {None, person.id}:
            people.give_identity(tx, Identity(event.identity_id, event.device_id), person.id)
        elif owner is None:
            people.add_identity(tx, person.id, event.identity_id, event.device_id)
        for each in {person.id, owner, item.other_id} - {None}:
            people.change(tx, each, {"updated_at": who.now})
            people.note_change(tx, each, who.now)
        return {"person": person.id}


class TryingAgain(Answer):
    """A task that was given up."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring

    def accept(self, tx: Tx, item: Row, prepared: Any, who: Decided) -> Mapping[str, Any]:  # noqa: ARG002 - the interface
        if outbox.retry(tx, [item.subject], who.now) == 0:
            raise Gone(f"task {item.subject} is not given up any more")
        return {"task": item.subject}

    def reject(self, tx: Tx, item: Row, who: Decided) -> Mapping[str, Any]:  # noqa: ARG002 - the interface
        """Only what an event waits for may be dropped: other tasks end what somebody has begun."""
        task = outbox.find(tx, item.subject)
        if task is None or task.state != outbox.BURIED:
            raise Gone(f"task {item.subject} is not given up any more")
        if task.topic not in outbox.OF_EVENTS:
            raise Conflict(
                "must_be_done", f"a task of the kind {task.topic} ends what was begun; accept tries it again"
            )
        outbox.done(tx, task.id)
        return {"task": task.id}

    def finish(self) -> None:
        """A worker may begin at once."""
        self._ring()
