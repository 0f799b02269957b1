"""Composes what is sent: an event in the subscription's words and with its pictures as wanted, or what else has happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from receiver.domain.errors import NotFound
from receiver.domain.events import Channel
from receiver.domain.subscriptions import Form, Pictures, Subscription, Topic
from receiver.services.asking.asking import Asking
from receiver.services.forwarding.templates import Templates
from receiver.services.intake.originals import Originals
from receiver.store import erasures, events
from receiver.store import pictures as picture_store
from receiver.store.store import Store
from receiver.translation import outgoing

GENERATIONS = {Form.A: "A", Form.B: "B", Form.C: "C"}
TEMPLATE_TYPE = "content_type"


@dataclass(frozen=True, slots=True)
class Told:
    """What one delivery tells of.

    Attributes:
        topic: what kind of thing.
        at: when it happened.
        event_id: of an event.
        message_id: the message that goes out for it.
        content: of everything else; ``type`` in it says what has happened, like ``alert.opened``.
        is_bare: its pictures were given up for want of room.
    """

    topic: str
    at: datetime
    event_id: int | None = None
    message_id: int | None = None
    content: Mapping[str, Any] = field(default_factory=dict)
    is_bare: bool = False


@dataclass(frozen=True, slots=True)
class ComposingParts:
    """What composing needs.

    Attributes:
        public_url: how others reach this server, for the addresses of pictures; empty: without host.
    """

    store: Store
    originals: Originals
    asking: Asking
    pictures: picture_store.Pictures
    templates: Templates
    public_url: str = ""


class Composing:
    """Makes the body of each delivery when it is sent: only then is known what was decided, and what was erased."""

    def __init__(self, parts: ComposingParts) -> None:
        self._parts = parts

    def compose(self, subscription: Subscription, told: Told) -> bytes | None:
        """The body of one delivery; None if what it tells of was erased.

        Raises:
            Invalid: ``cannot_convert``, ``template_failed``.
        """
        mode = Pictures.NONE if told.is_bare else subscription.pictures
        if told.topic != Topic.EVENT:
            return self._of_occurrence(subscription, told)
        if told.event_id is None or self._is_erased(told.event_id):
            return None
        if subscription.form in {Form.EVENT, Form.TEMPLATE}:
            return self._own(subscription, told, mode)
        document = self._message(told, mode)
        if document is None:
            return None
        if subscription.form is Form.ORIGINAL:
            return outgoing.original_bytes(document)
        return outgoing.original_bytes(outgoing.converted(document, GENERATIONS[subscription.form]))

    def join(self, subscription: Subscription, bodies: Sequence[bytes]) -> tuple[bytes, str]:
        """What goes over the wire for several deliveries, and its content type."""
        if subscription.form is Form.TEMPLATE:
            kind = str(subscription.target.get(TEMPLATE_TYPE) or outgoing.JSON)
            return bodies[0] if subscription.batch_size == 1 else outgoing.lines(bodies), kind
        return bodies[0] if subscription.batch_size == 1 else outgoing.array(bodies), outgoing.JSON

    def preview(self, subscription: Subscription, event_id: int) -> tuple[bytes, str]:
        """What would be sent of a real event.

        Raises:
            NotFound: ``no_such_event``.
            Invalid: ``cannot_convert``, ``bad_template``, ``template_failed``.
        """
        with self._parts.store.read() as tx:
            row = events.find(tx, event_id)
            messages = events.messages_of(tx, event_id)
        histories = [each for each in messages if each.channel == Channel.HISTORY] or messages
        if row is None or not histories:
            raise NotFound("no_such_event", f"there is no event {event_id}")
        if subscription.form is Form.TEMPLATE:
            self._parts.templates.check(subscription.template)
        body = self.compose(subscription, Told(Topic.EVENT, row.occurred_at, event_id, histories[-1].id))
        if body is None:
            raise NotFound("no_such_event", f"event {event_id} is being erased")
        return self.join(subscription, [body])

    def close(self) -> None:
        """Ends what renders templates."""
        self._parts.templates.close()

    def _is_erased(self, event_id: int) -> bool:
        with self._parts.store.read() as tx:
            return erasures.is_hidden(tx, event_id)

    def _message(self, told: Told, mode: Pictures) -> Any | None:
        """The message as it came, its pictures as wanted."""
        if told.message_id is None:
            return None
        if mode is Pictures.INLINE:
            return self._parts.originals.document(told.message_id)
        document = self._parts.originals.document(told.message_id, has_pictures=False)
        if document is None:
            return None
        links = self._links(told.event_id or 0) if mode is Pictures.URL else {}
        return outgoing.replaced(document, lambda kind: links.get(kind, ""))

    def _links(self, event_id: int) -> dict[str, str]:
        with self._parts.store.read() as tx:
            rows = events.pictures_of(tx, [event_id])[event_id]
        base = self._parts.public_url
        return {each.kind: f"{base}/v1/pictures/{each.digest.hex()}" for each in reversed(rows) if each.digest}

    def _own(self, subscription: Subscription, told: Told, mode: Pictures) -> bytes | None:
        try:
            event = self._parts.asking.event(told.event_id or 0)
        except NotFound:
            return None
        if mode is Pictures.NONE:
            event = {**event, "pictures": {}}
        elif mode is Pictures.INLINE:
            event = outgoing.with_pictures(event, self._picture)
        event = outgoing.with_addresses(event, self._parts.public_url)
        return self._worded(subscription, outgoing.envelope(Topic.EVENT, told.at, event))

    def _of_occurrence(self, subscription: Subscription, told: Told) -> bytes:
        kind = str(told.content.get("type", told.topic))
        data = {name: value for name, value in told.content.items() if name != "type"}
        return self._worded(subscription, outgoing.envelope(kind, told.at, data))

    def _worded(self, subscription: Subscription, document: dict[str, Any]) -> bytes:
        """Our own JSON, or what the template makes of it."""
        if subscription.form is not Form.TEMPLATE:
            return outgoing.packed(document)
        return self._parts.templates.render(subscription.template, outgoing.plain(document)).encode()

    def _picture(self, digest: bytes) -> bytes | None:
        found = self._parts.pictures.get(digest)
        return None if found is None else found.data
