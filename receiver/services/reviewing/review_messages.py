"""What the answers of the review list do with messages that could not be read."""

from collections.abc import Mapping
from typing import Any

from receiver.domain.errors import NotFound
from receiver.services.intake.replaying import Replaying
from receiver.services.reviewing.review_answers import Answer, Decided, Gone
from receiver.store import quarantine
from receiver.store.database import Row, Tx
from receiver.store.store import Store


class Reading(Answer):
    """A message in quarantine."""

    done_before = "by then it had been read all the same, and what it tells has become events"

    def __init__(self, store: Store, replaying: Replaying) -> None:
        self._store = store
        self._replaying = replaying

    def prepare(self, item: Row, who: Decided) -> list[int]:  # noqa: ARG002 - the interface
        """Reads it again; the same item twice becomes the same events.

        Raises:
            Gone: it is not held any more.
            Invalid: ``still_unreadable``.
        """
        with self._store.read() as tx:
            held = quarantine.found(tx, [item.subject]).get(item.subject)
        if held is None or held.state != quarantine.HELD:
            raise Gone(f"item {item.subject} of the quarantine is not held any more")
        try:
            recorded = self._replaying.replay(item.subject)
        except NotFound as error:
            raise Gone(error.detail) from error
        return sorted({each.event_id for each in recorded if each.event_id is not None})

    def accept(self, tx: Tx, item: Row, prepared: list[int], who: Decided) -> Mapping[str, Any]:  # noqa: ARG002 - the interface
        return {"events": prepared}

    def reject(self, tx: Tx, item: Row, who: Decided) -> Mapping[str, Any]:  # noqa: ARG002 - the interface
        """The bytes stay, so that whoever was mistaken can still replay it."""
        if not quarantine.discard(tx, item.subject):
            raise Gone(f"item {item.subject} of the quarantine is not held any more")
        return {}
