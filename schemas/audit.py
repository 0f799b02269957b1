"""What /v1/audit takes and gives."""

from marshmallow import fields, validate

from schemas.api import Moment, PageQuery, Text
from schemas.giving import Answer

ACTORS = ("nobody", "account", "key", "device", "command", "server")
OUTCOMES = ("ok", "refused", "failed")
SHORT = validate.Length(1, 80)


class AuditQuery(PageQuery):
    actor_kind = fields.String(load_default=None, validate=validate.OneOf(ACTORS))
    actor = Text(load_default=None, validate=SHORT, metadata={"description": "the actor's id"})
    action = Text(load_default=None, validate=SHORT, metadata={"description": "machine word, e.g. person.erased"})
    kind = Text(load_default=None, validate=SHORT, metadata={"description": "of the thing: person, event, picture ..."})
    subject = Text(load_default=None, validate=SHORT, metadata={"description": "the thing's id; with `kind`"})
    outcome = fields.String(load_default=None, validate=validate.OneOf(OUTCOMES))
    since = Moment(data_key="from", load_default=None, metadata={"description": "at this time or later (ISO 8601)"})
    until = Moment(data_key="to", load_default=None, metadata={"description": "at this time or earlier"})


class Actor(Answer):
    kind = fields.String(validate=validate.OneOf(ACTORS))
    id = fields.String(metadata={"description": "empty for nobody"})
    address = fields.String(metadata={"description": "where the request came from"})


class AuditRow(Answer):
    id = fields.Integer()
    at = fields.AwareDateTime()
    actor = fields.Nested(Actor)
    action = fields.String()
    kind = fields.String()
    subject = fields.String(metadata={"description": "the thing's id; empty where there is none or several"})
    outcome = fields.String(validate=validate.OneOf(OUTCOMES))
    detail = fields.Dict(metadata={"description": "words and numbers, never names"})


class AuditHead(Answer):
    seal = fields.Integer(metadata={"description": "number of the newest seal; 0: nothing is sealed yet"})
    rows = fields.Integer(metadata={"description": "that it covers"})
    head = fields.String(metadata={"description": "hash over them, hexadecimal"})
