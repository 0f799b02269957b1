"""Corrections of the library as /v1 takes and gives them."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.api import LARGEST_ID, LISTS, PageQuery, Strict, Text, Whole
from schemas.giving import Answer

NAMED = tuple(each for each in LISTS if each != "stranger")
KINDS = ("merge", "split", "promote", "ignore")
MOST_FACES, MOST_EVENTS = 500, 1000


def _id(**more: Any) -> Whole:
    return Whole(validate=validate.Range(1, LARGEST_ID), **more)


class CorrectionQuery(PageQuery):
    person = _id(load_default=None, metadata={"description": "in which this person takes part"})


class MergeRequest(Strict):
    other = _id(required=True, metadata={"description": "who turned out to be this person; that id stays known"})
    list = fields.String(
        load_default=None,
        validate=validate.OneOf(NAMED),
        metadata={"description": "which list holds from now on; needed where both are named and on different lists"},
    )
    override = fields.Boolean(
        load_default=False, metadata={"description": "also if their faces are far apart; it is recorded"}
    )


class SplitRequest(Strict):
    faces = fields.List(
        _id(),
        load_default=(),
        validate=validate.Length(max=MOST_FACES),
        metadata={"description": "of this person; the events that were decided on them, or brought them, go with them"},
    )
    events = fields.List(
        _id(),
        load_default=(),
        validate=validate.Length(max=MOST_EVENTS),
        metadata={"description": "further events of this person"},
    )
    to = _id(load_default=None, allow_none=True, metadata={"description": "whose they are; without it a new person's"})
    name = Text(load_default="", validate=validate.Length(max=255), metadata={"description": "the new person's"})
    list = fields.String(
        load_default="stranger", validate=validate.OneOf(LISTS), metadata={"description": "the new person's"}
    )
    override = fields.Boolean(
        load_default=False,
        metadata={"description": "also if the faces are far apart from those of `to`; it is recorded"},
    )

    @validates_schema(skip_on_field_errors=True)
    def one_kind(self, data: dict[str, Any], **_rest: Any) -> None:
        """A person who is there keeps name and list."""
        if data["to"] is not None and (data["name"] or data["list"] != "stranger"):
            raise ValidationError("names somebody who is there already; leave out name and list", "to")


class Promotion(Strict):
    list = fields.String(required=True, validate=validate.OneOf(NAMED))
    name = Text(load_default="", validate=validate.Length(max=255), metadata={"description": "empty: as it is"})
    external_id = Text(
        load_default="",
        validate=validate.Length(max=255),
        metadata={"description": "the id that devices know the person by, beside those that are there"},
    )
    groups = fields.List(Text(validate=validate.Length(1, 64)), load_default=(), validate=validate.Length(max=50))
    override = fields.Boolean(
        load_default=False, metadata={"description": "also if the stranger looks like somebody else; it is recorded"}
    )


class Nothing(Strict):
    """No body, or an empty object."""


class PersonInvolved(Answer):
    id = fields.Integer()
    name = fields.String(allow_none=True, metadata={"description": "null: not in the library any more"})
    list = fields.String(allow_none=True)
    state = fields.String(allow_none=True)


class Moved(Answer):
    faces = fields.Integer()
    events = fields.Integer(metadata={"description": "so far, while `is_moving`"})
    identities = fields.Integer()
    groups = fields.Integer()


class Correction(Answer):
    id = fields.Integer()
    kind = fields.String(validate=validate.OneOf(KINDS))
    person = fields.Nested(PersonInvolved)
    other = fields.Nested(
        PersonInvolved, allow_none=True, metadata={"description": "who was merged, or who was split off"}
    )
    moved = fields.Nested(Moved)
    insisted = fields.List(fields.String(), metadata={"description": "what spoke against it"})
    is_moving = fields.Boolean(metadata={"description": "events are still being moved"})
    made_at = fields.AwareDateTime()
    made_by = fields.String()
    undone_at = fields.AwareDateTime(allow_none=True)
    undone_by = fields.String()
    blocked_by = fields.Integer(
        allow_none=True, metadata={"description": "the later correction of the same people that must be undone first"}
    )
