"""Imports as our own interface under /v1 takes and gives them."""

from marshmallow import fields, validate

from schemas.api import PageQuery, Strict
from schemas.giving import Answer

JOB_STATES = ("waiting", "running", "cancelling", "done", "cancelled", "failed")
ROW_STATES = ("waiting", "enrolled", "extended", "unchanged", "refused")
LISTS = ("staff", "visitor", "blacklist", "vip")


class ImportFields(Strict):
    """What stands beside the file."""

    list = fields.String(
        load_default="staff",
        validate=validate.OneOf(LISTS),
        metadata={"description": "of those for whom the file names none"},
    )
    dry_run = fields.Boolean(load_default=False, metadata={"description": "judge everybody, keep nothing"})


class ImportForm(ImportFields):
    """A multipart form with the archive; for the documentation."""

    file = fields.Raw(
        required=True,
        metadata={
            "type": "string",
            "format": "binary",
            "description": "a zip archive of pictures, with or without a table",
        },
    )


class RowQuery(PageQuery):
    state = fields.String(load_default=None, validate=validate.OneOf(ROW_STATES))


class ImportCounts(Answer):
    waiting = fields.Integer()
    enrolled = fields.Integer(metadata={"description": "new people"})
    extended = fields.Integer(metadata={"description": "known people with new pictures"})
    unchanged = fields.Integer(metadata={"description": "known people, known pictures"})
    refused = fields.Integer()


class Import(Answer):
    id = fields.Integer()
    state = fields.String(validate=validate.OneOf(JOB_STATES))
    reason = fields.String(allow_none=True, metadata={"description": "machine word why it failed"})
    detail = fields.String(allow_none=True)
    name = fields.String(metadata={"description": "of the file"})
    list = fields.String()
    is_dry_run = fields.Boolean(metadata={"description": "rows say what would have come of them"})
    total = fields.Integer(allow_none=True, metadata={"description": "rows; null until the file has been read"})
    percent = fields.Integer()
    counts = fields.Nested(ImportCounts)
    created_at = fields.AwareDateTime()
    started_at = fields.AwareDateTime(allow_none=True)
    ended_at = fields.AwareDateTime(allow_none=True)


class RowPicture(Answer):
    path = fields.String(metadata={"description": "within the file"})
    is_used = fields.Boolean()
    reason = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)
    findings = fields.List(fields.Dict(), allow_none=True)
    face = fields.Integer(allow_none=True)


class ImportRow(Answer):
    number = fields.Integer()
    place = fields.String(metadata={"description": "where in the file"})
    external_id = fields.String()
    name = fields.String()
    list = fields.String(metadata={"description": "as the file says; empty: the import's"})
    more = fields.Dict(metadata={"description": "groups, valid_from, valid_until, fields"})
    state = fields.String(validate=validate.OneOf(ROW_STATES))
    reason = fields.String(allow_none=True)
    detail = fields.String(allow_none=True, metadata={"description": "the reason as a sentence"})
    person = fields.Integer(allow_none=True)
    pictures = fields.List(fields.Nested(RowPicture))
