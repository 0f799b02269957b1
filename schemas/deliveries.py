"""What our own interface takes and gives of deliveries: what was sent to whom, when, and what was answered."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.api import LARGEST_ID, Moment, PageQuery, Strict, Whole
from schemas.giving import Answer
from schemas.subscriptions import TOPICS

STATES = ("waiting", "delivered", "dead", "dropped")
OUTCOMES = ("delivered", "unreachable", "throttled", "refused", "gone")
MOST_IDS = 1000


def _id(what: str, **options: Any) -> Whole:
    return Whole(validate=validate.Range(1, LARGEST_ID), metadata={"description": what}, **options)


class DeliveryQuery(PageQuery):
    subscription = _id("of this subscription", load_default=None)
    state = fields.String(load_default=None, validate=validate.OneOf(STATES))
    device = _id("of what this device told", load_default=None)
    event = _id("of this event", load_default=None)
    since = Moment(
        data_key="from", load_default=None, metadata={"description": "made at this time or later (ISO 8601)"}
    )
    until = Moment(data_key="to", load_default=None, metadata={"description": "made at this time or earlier"})


class Attempt(Answer):
    at = fields.AwareDateTime()
    seconds = fields.Float(metadata={"description": "how long it took"})
    outcome = fields.String(validate=validate.OneOf(OUTCOMES))
    status = fields.Integer(allow_none=True, metadata={"description": "of an HTTP answer"})
    detail = fields.String(metadata={"description": "the beginning of the answer, or why there was none"})


class Delivery(Answer):
    id = fields.Integer()
    subscription = fields.Integer()
    topic = fields.String(validate=validate.OneOf(TOPICS))
    device = fields.Integer(allow_none=True, metadata={"description": "whose line it goes in"})
    event = fields.Integer(allow_none=True)
    subject = fields.Integer(allow_none=True, metadata={"description": "of other topics: what it is about"})
    state = fields.String(validate=validate.OneOf(STATES))
    tries = fields.Integer()
    has_pictures = fields.Boolean(metadata={"description": "false: they were dropped for want of disk"})
    is_replay = fields.Boolean(metadata={"description": "somebody wanted it once more"})
    created_at = fields.AwareDateTime()
    settled_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "when it was delivered, given up or dropped"}
    )
    last_error = fields.String(allow_none=True)


class DeliveryInFull(Delivery):
    attempts = fields.List(fields.Nested(Attempt), metadata={"description": "oldest first; of very many the newest"})


class Retry(Strict):
    """Which dead deliveries: those with the ids, or all that fit what is named."""

    ids = fields.List(
        Whole(validate=validate.Range(1, LARGEST_ID)),
        validate=validate.Length(1, MOST_IDS),
        metadata={"description": "these, and nothing else is named"},
    )
    subscription = _id("of this subscription")
    device = _id("of what this device told")
    since = Moment(data_key="from", metadata={"description": "made at this time or later (ISO 8601)"})
    until = Moment(data_key="to", metadata={"description": "made at this time or earlier"})

    @validates_schema
    def _says_which(self, data: dict[str, object], **_options: object) -> None:
        if not data:
            raise ValidationError("say which: ids, or at least one of subscription, device, from, to")
        if "ids" in data and len(data) > 1:
            raise ValidationError("either ids or a range")


class Counted(Answer):
    deliveries = fields.Integer(metadata={"description": "that are tried once more"})
