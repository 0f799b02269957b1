"""What our own interface gives of messages that could not be read."""

from marshmallow import fields

from schemas.giving import Answer


class Quarantined(Answer):
    id = fields.Integer()
    received_at = fields.AwareDateTime()
    channel = fields.String()
    peer = fields.String()
    path = fields.String()
    content_type = fields.String()
    reason = fields.String()
    detail = fields.String()
    form = fields.String(metadata={"description": "item or body"})
    digest = fields.String()
    size = fields.Integer()
    times = fields.Integer(metadata={"description": "how often the same bytes came"})
    state = fields.String()
    event_id = fields.Integer(allow_none=True)


class Replayed(Answer):
    result = fields.String()
    event_id = fields.Integer(allow_none=True)
