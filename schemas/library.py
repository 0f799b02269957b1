"""Checks of the library as /v1/library/check shows them."""

from marshmallow import fields, validate

from schemas.giving import Answer

STATES = ("running", "done", "failed")
STAGES = ("strangers", "look_alikes", "contradictions", "ageing", "settling")


class LibraryCheck(Answer):
    id = fields.Integer()
    state = fields.String(validate=validate.OneOf(STATES))
    reason = fields.String(allow_none=True, metadata={"description": "why it failed"})
    stage = fields.String(validate=validate.OneOf(STAGES))
    percent = fields.Integer()
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String(), values=fields.Integer()),
        metadata={"description": "what was looked at and found, by stage"},
    )
    asked_by = fields.String(metadata={"description": "schedule, or who asked"})
    started_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)


class LibraryChecks(Answer):
    schedule = fields.String(metadata={"description": "when it begins by itself: a cron expression, or off"})
    is_running = fields.Boolean()
    newest = fields.Nested(LibraryCheck, allow_none=True, metadata={"description": "null: there was none yet"})
    last_done = fields.Nested(
        LibraryCheck, allow_none=True, metadata={"description": "the last one that came to its end"}
    )
