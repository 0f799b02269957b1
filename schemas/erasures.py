"""Erasures as /v1/erasures shows them."""

from marshmallow import fields, validate

from schemas.giving import Answer

STAGES = ("list", "deliveries", "events", "quarantine", "imports", "pictures", "files", "done")


class Remaining(Answer):
    what = fields.String(metadata={"description": "machine word"})
    gone_at = fields.Raw(allow_none=True, metadata={"description": "when it is gone; null: not by itself, or not yet"})
    sentence = fields.String()


class Certificate(Answer):
    key = fields.String(metadata={"description": "the same in the list of erased things beside the database"})
    person = fields.Integer()
    requested_by = fields.String()
    requested_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime()
    counts = fields.Dict(
        keys=fields.String(), values=fields.Integer(), metadata={"description": "what was taken away, by kind"}
    )
    remains = fields.List(
        fields.Nested(Remaining), metadata={"description": "what only time erases, and what is out of reach"}
    )


class Erasure(Answer):
    id = fields.Integer()
    person = fields.Integer(metadata={"description": "the id that the person had"})
    also = fields.List(
        fields.Integer(), metadata={"description": "the erasures of people who had been merged into this one"}
    )
    state = fields.String(validate=validate.OneOf(("running", "done")))
    stage = fields.String(validate=validate.OneOf(STAGES))
    percent = fields.Integer()
    reason = fields.String(metadata={"description": "asked, or restored: a restored backup had the person again"})
    requested_by = fields.String()
    requested_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    certificate = fields.Nested(Certificate, allow_none=True, metadata={"description": "null until it is done"})
