"""What the answers of the review list do with people who could not be enrolled: by an import, or from a device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from receiver.domain.errors import Conflict
from receiver.domain.imports import RowState
from receiver.services.importing.import_rows import Outcome, RowEnroller, RowOptions, RowPicture
from receiver.services.importing.noting_rows import IMPORT
from receiver.services.noting_reviews import NEW
from receiver.services.people.people import People
from receiver.services.reviewing.review_answers import Answer, Decided, Gone
from receiver.store import imports, reviews
from receiver.store.database import Row, Tx
from receiver.store.pictures import Pictures
from receiver.store.store import Store


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of somebody on whom somebody insists.

    Attributes:
        person_id: who it is.
        reason: why it was refused in spite of that; None if it was not.
    """

    person_id: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class EnrolmentParts:
    """What it takes.

    Attributes:
        people: enrols.
        adopt: tries what a device keeps by (device, external id) once more, insisting; None if there is no such identity.
    """

    store: Store
    pictures: Pictures
    people: People
    adopt: Callable[[tuple[int, str]], Taken | None]


class Insisting(Answer):
    """Somebody who was refused."""

    done_before = "by then the person had been enrolled all the same"

    def __init__(self, parts: EnrolmentParts) -> None:
        self._parts = parts

    def prepare(self, item: Row, who: Decided) -> Outcome | Taken:
        """Enrols the person in spite of the reason; once more changes nothing.

        Raises:
            Gone: what was to be enrolled is not there any more.
            Conflict: it cannot be done, whoever insists: no face, an id that is somebody else's ...
            Busy, Unavailable: there is no engine just now.
        """
        return self._row(item, who) if item.detail["origin"] == IMPORT else self._identity(item)

    def accept(self, tx: Tx, item: Row, prepared: Outcome | Taken, who: Decided) -> Mapping[str, Any]:  # noqa: ARG002 - the interface
        if isinstance(prepared, Outcome):
            imports.enrol_after_all(tx, item.subject, item.detail["row"], prepared.values())
        return {"person": prepared.person_id}

    def _row(self, item: Row, who: Decided) -> Outcome:
        parts, number = self._parts, item.detail["row"]
        with parts.store.read() as tx:
            job = imports.find(tx, item.subject)
            row = imports.row_at(tx, item.subject, number)
            shown = [each for each in reviews.pictures_of(tx, [item.id])[item.id] if each.role == NEW]
        if job is None or row is None or row.state != RowState.REFUSED:
            raise Gone(f"row {number} of import {item.subject} is not there any more")
        stored = [found for each in shown if (found := parts.pictures.get(each.digest)) is not None]
        if not stored:
            raise Conflict(
                item.reason, "the row brought no picture by which anybody could be enrolled; reject the item"
            )
        pictures = [RowPicture(f"picture {at}", each.data, each.digest) for at, each in enumerate(stored, 1)]
        enroller = RowEnroller(parts.store, parts.people, job, who.now, RowOptions(is_insisted=True))
        outcome = enroller.enrol(row, pictures)
        if outcome.state is RowState.REFUSED:
            raise Conflict(outcome.reason, outcome.detail)
        return outcome

    def _identity(self, item: Row) -> Taken:
        detail = item.detail
        taken = self._parts.adopt((detail["device_id"], detail["external_id"]))
        if taken is None:
            raise Gone("the device does not keep that id any more")
        if taken.reason is not None:
            raise Conflict(
                taken.reason, "it cannot be enrolled, whoever insists; reject the item, or correct the device's picture"
            )
        return taken
