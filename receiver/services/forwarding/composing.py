"""Composes what is sent: an event in the subscription's words and with its pictures as wanted, or what else has happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from receiver.domain import events as events_domain
from receiver.domain.errors import Invalid, NotFound
from receiver.domain.subscriptions import Channel, Form, Pictures, Subscription, Topic
from receiver.services.asking.asking import Asking
from receiver.services.forwarding.due import Composed, Due
from receiver.services.forwarding.templates import Templates
from receiver.services.intake.originals import Originals
from receiver.store import devices, erasures, events, people
from receiver.store import pictures as picture_store
from receiver.store.store import Store
from receiver.translation import outgoing

GENERATIONS = {Form.A: "A", Form.B: "B", Form.C: "C"}
# Channels whose topics and keys may hold words about the message.
ROUTED = frozenset({Channel.MQTT, Channel.AMQP})
# In the content of everything but events: what has happened.
KIND = "kind"
ERASED = "erased"
DETAIL = 300


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
    """Makes the body of each message when it is sent: only then is known what was decided, and what was erased."""

    def __init__(self, parts: ComposingParts) -> None:
        self._parts = parts

    def compose(self, subscription: Subscription, due: Sequence[Due]) -> Composed:
        """One message of one delivery, or of several; those whose event was erased are left out.

        Raises:
            Invalid: ``cannot_restore``, ``cannot_convert``, ``template_failed``.
        """
        try:
            made = {each.id: self._body(subscription, each) for each in due}
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            # What is kept of a message is damaged: that must not hold up its line for ever.
            raise Invalid("cannot_restore", f"the message cannot be given back: {error!r}"[:DETAIL]) from error
        left_out = {delivery_id: ERASED for delivery_id, body in made.items() if body is None}
        bodies = [body for body in made.values() if body is not None]
        if not bodies:
            return Composed(b"", outgoing.JSON, left_out=left_out)
        first = next(each for each in due if each.id not in left_out)
        body, content_type = join(subscription, bodies)
        return Composed(body, content_type, self._facts(subscription, first), left_out)

    def preview(self, subscription: Subscription, event_id: int) -> tuple[bytes, str]:
        """What would be sent of a real event, and its content type.

        Raises:
            NotFound: ``no_such_event``.
            Invalid: ``cannot_convert``, ``bad_template``, ``template_failed``.
        """
        with self._parts.store.read() as tx:
            row = events.find(tx, event_id)
            messages = events.messages_of(tx, event_id)
        if row is None or not messages:
            raise NotFound("no_such_event", f"there is no event {event_id}")
        if subscription.form is Form.TEMPLATE:
            self._parts.templates.check(subscription.template)
        histories = [each.id for each in messages if each.channel == events_domain.Channel.HISTORY]
        due = Due(
            0, subscription.id, row.device_id, Topic.EVENT, event_id, (histories or [messages[-1].id])[-1], None, None,
            is_bare=False, is_replay=False, attempts=0, refusals=0, created_at=row.received_at,
        )  # fmt: skip
        composed = self.compose(subscription, [due])
        if composed.left_out:
            raise NotFound("no_such_event", f"event {event_id} is being erased")
        return composed.body, composed.content_type

    def close(self) -> None:
        """Ends what renders templates."""
        self._parts.templates.close()

    def _body(self, subscription: Subscription, due: Due) -> bytes | None:
        """The body of one delivery; None if what it tells of was erased."""
        mode = Pictures.NONE if due.is_bare else subscription.pictures
        if due.topic is not Topic.EVENT:
            return self._of_occurrence(subscription, due)
        if subscription.form in {Form.EVENT, Form.TEMPLATE}:
            return self._own(subscription, due, mode)
        document = self._message(due, mode)
        if document is None:
            return None
        if subscription.form is not Form.ORIGINAL:
            document = outgoing.converted(document, GENERATIONS[subscription.form])
        return outgoing.original_bytes(document)

    def _message(self, due: Due, mode: Pictures) -> Any | None:
        """The message as it came, its pictures as wanted."""
        if due.message_id is None:
            return None
        document = self._parts.originals.document(due.message_id, has_pictures=mode is Pictures.INLINE)
        if document is None or mode is Pictures.INLINE:
            return document
        links = self._links(due.event_id or 0) if mode is Pictures.URL else {}
        return outgoing.replaced(document, lambda kind: links.get(kind, ""))

    def _links(self, event_id: int) -> dict[str, str]:
        with self._parts.store.read() as tx:
            rows = events.pictures_of(tx, [event_id])[event_id]
        base = self._parts.public_url
        return {each.kind: f"{base}/v1/pictures/{each.digest.hex()}" for each in reversed(rows) if each.digest}

    def _own(self, subscription: Subscription, due: Due, mode: Pictures) -> bytes | None:
        with self._parts.store.read() as tx:
            if due.event_id is None or erasures.is_hidden(tx, due.event_id):
                return None
        try:
            event = self._parts.asking.event(due.event_id)
        except NotFound:
            return None
        if mode is Pictures.NONE:
            event = {**event, "pictures": {}}
        elif mode is Pictures.INLINE:
            event = outgoing.with_pictures(event, self._picture)
        event = outgoing.with_addresses(event, self._parts.public_url)
        return self._worded(subscription, outgoing.envelope(Topic.EVENT, event["occurred_at"], event))

    def _of_occurrence(self, subscription: Subscription, due: Due) -> bytes:
        data = {"id": due.subject, **(due.content or {})}
        kind = data.pop(KIND, None)
        name = f"{due.topic}.{kind}" if kind else str(due.topic)
        return self._worded(subscription, outgoing.envelope(name, due.created_at, data))

    def _worded(self, subscription: Subscription, document: dict[str, Any]) -> bytes:
        """Our own JSON, or what the template makes of it."""
        if subscription.form is not Form.TEMPLATE:
            return outgoing.packed(document)
        return self._parts.templates.render(subscription.template, outgoing.plain(document)).encode("utf-8", "replace")

    def _picture(self, digest: bytes) -> bytes | None:
        found = self._parts.pictures.get(digest)
        return None if found is None else found.data

    def _facts(self, subscription: Subscription, due: Due) -> dict[str, object]:
        """Words for topics and routing keys; only those channels have any."""
        if subscription.channel not in ROUTED:
            return {}
        facts: dict[str, object] = {"device": due.device_id, "event": due.event_id}
        with self._parts.store.read() as tx:
            device = devices.found(tx, {due.device_id}).get(due.device_id)
            row = None if due.event_id is None else events.find(tx, due.event_id)
            person = (
                None if row is None or row.person_id is None else people.found(tx, [row.person_id]).get(row.person_id)
            )
        if device is not None:
            facts["device_name"] = device.name or device.licence or device.key
        if row is not None:
            facts |= {"list": row.list, "decision": row.decision, "occurred_at": row.occurred_at.isoformat()}
            facts["person"] = row.identity_name if person is None else person.name
        return facts


def join(subscription: Subscription, bodies: Sequence[bytes]) -> tuple[bytes, str]:
    """What goes over the wire for several deliveries, and its content type; in batches also one is a list."""
    is_template = subscription.form is Form.TEMPLATE
    kind = str(subscription.target.get("content_type") or outgoing.JSON) if is_template else outgoing.JSON
    if subscription.batch_size == 1:
        return bodies[0], kind
    return outgoing.lines(bodies) if is_template else outgoing.array(bodies), kind
