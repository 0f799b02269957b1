"""What our own interface takes of people and their faces."""

import math
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from schemas.api import LARGEST_ID, LISTS, PERSON_STATES, Moment, Strict, Text

FACE_STATES = ("current", "former", "set_aside")
MOST_FIELDS, LONGEST_NAME, LONGEST_VALUE = 50, 64, 1000
# What every program that reads JSON keeps exactly.
LARGEST_NUMBER = 2**53 - 1
OVERRIDE = "take the face in spite of what speaks against it; it is recorded that somebody insisted"
REPLACE = "make the faces that are current now former ones"
PICTURE = {"description": "base64, with or without a data: prefix"}


class OwnFields(fields.Dict):
    """What a site notes of its people: a flat JSON object of a bounded size."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        if len(found) > MOST_FIELDS:
            raise ValidationError(f"must have at most {MOST_FIELDS} names")
        return {_name(name): _value(each) for name, each in found.items()}


def _name(name: Any) -> str:
    text = Text().deserialize(name)
    if not 1 <= len(text) <= LONGEST_NAME:
        raise ValidationError(f"names must have 1 to {LONGEST_NAME} characters")
    return str(text)


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) <= LARGEST_NUMBER:
        return value
    if not isinstance(value, str) or len(value) > LONGEST_VALUE:
        raise ValidationError(
            f"values must be null, true, false, numbers up to 2^53 or texts of at most {LONGEST_VALUE} characters"
        )
    return Text().deserialize(value)


class ScopedId(Strict):
    """An id by which devices know the person; without a scope it holds for any device."""

    external_id = Text(required=True, validate=validate.Length(1, 255))
    device = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, LARGEST_ID),
        metadata={"description": "the device that uses the id"},
    )
    device_group = Text(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 64),
        metadata={"description": "the group of devices that use it"},
    )

    @validates_schema
    def one_scope(self, data: dict[str, Any], **_rest: Any) -> None:
        """Either, or none."""
        if data.get("device") is not None and data.get("device_group") is not None:
            raise ValidationError("must name a device or a group of devices, not both", "device")


class PersonChange(Strict):
    name = Text(validate=validate.Length(1, 255))
    list = fields.String(validate=validate.OneOf(LISTS))
    external_id = Text(
        validate=validate.Length(max=255),
        metadata={"description": "the id that every device knows the person by; empty takes it away"},
    )
    identities = fields.List(
        fields.Nested(ScopedId),
        validate=validate.Length(max=100),
        metadata={"description": "all ids of the person, in place of those that are there"},
    )
    groups = fields.List(Text(validate=validate.Length(1, 64)), validate=validate.Length(max=50))
    state = fields.String(
        validate=validate.OneOf(PERSON_STATES),
        metadata={"description": "set_aside: left; still recognised, and every decision says so"},
    )
    valid_from = Moment(allow_none=True, metadata={"description": "ISO 8601; null: since ever"})
    valid_until = Moment(allow_none=True, metadata={"description": "ISO 8601, no longer valid then; null: for ever"})
    own_fields = OwnFields(
        data_key="fields",
        attribute="fields",
        metadata={
            "description": f"whatever the site notes: at most {MOST_FIELDS} names with texts, numbers or booleans"
        },
    )
    note = Text(validate=validate.Length(max=10_000))

    @post_load
    def once(self, data: dict[str, Any], **_rest: Any) -> dict[str, Any]:
        """One id of one scope is named once."""
        named = [(each["external_id"], each["device"], each["device_group"]) for each in data.get("identities", ())]
        if len(set(named)) < len(named):
            raise ValidationError("names an id twice", "identities")
        return data


class PersonPatch(PersonChange):
    legal_hold = fields.Boolean(metadata={"description": "must be kept with all events: is not deleted or erased"})


class NewPerson(PersonChange):
    name = Text(required=True, validate=validate.Length(1, 255))
    list = fields.String(load_default="staff", validate=validate.OneOf(LISTS))
    external_id = Text(
        load_default="",
        validate=validate.Length(max=255),
        metadata={"description": "the id that devices know the person by"},
    )
    note = Text(load_default="", validate=validate.Length(max=10_000))
    pictures = fields.List(fields.String(), load_default=(), validate=validate.Length(max=50), metadata=PICTURE)
    override = fields.Boolean(load_default=False, metadata={"description": OVERRIDE})


class NewFaces(Strict):
    pictures = fields.List(fields.String(), required=True, validate=validate.Length(1, 50), metadata=PICTURE)
    override = fields.Boolean(load_default=False, metadata={"description": OVERRIDE})
    replace = fields.Boolean(load_default=False, metadata={"description": REPLACE})


class FaceChange(Strict):
    state = fields.String(
        required=True,
        validate=validate.OneOf(FACE_STATES),
        metadata={
            "description": "current: people are recognised by it; former: kept; set_aside: no device brings it back"
        },
    )
    override = fields.Boolean(load_default=False, metadata={"description": OVERRIDE})
    replace = fields.Boolean(load_default=False, metadata={"description": REPLACE})


class Pictures(Strict):
    """Pictures as files of a multipart form; for the documentation."""

    pictures = fields.List(fields.Raw(metadata={"type": "string", "format": "binary"}))
    override = fields.Boolean()


class FacesForm(Pictures):
    """NewFaces with pictures as files of a multipart form; for the documentation."""

    replace = fields.Boolean()


class PersonForm(Pictures):
    """NewPerson with pictures as files of a multipart form; lists and objects as JSON text; for the documentation."""

    name = Text(required=True)
    list = fields.String(validate=validate.OneOf(LISTS))
    external_id = Text()
    note = Text()
    state = fields.String(validate=validate.OneOf(PERSON_STATES))
    valid_from = Moment()
    valid_until = Moment()
    groups = fields.String(metadata={"description": "JSON"})
    identities = fields.String(metadata={"description": "JSON"})
    own_fields = fields.String(data_key="fields", metadata={"description": "JSON"})
