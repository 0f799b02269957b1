"""What our own interface under /v1 takes and gives: checked on the way in, documented on the way out."""

import re
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from schemas.errors import WireError

LISTS = ("staff", "visitor", "blacklist", "stranger", "vip")
STATUSES = ("matched", "ambiguous", "unknown", "poor_quality", "no_face")
OPINIONS = ("agrees", "disagrees", "cannot_tell")
ACTIONS = ("0", "1001", "1002")
PERSON_STATES = ("active", "set_aside")
# What nobody sets by hand: corrections do.
CORRECTED_STATES = ("ignored", "merged")
# What fits the keys of the database.
LARGEST_ID = 2**63 - 1


class Moment(fields.DateTime):
    """ISO 8601; a zone's `+` that came as a blank, as it does in an unescaped query, is put back."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str):
            value = re.sub(r" (\d\d:?\d\d)$", r"+\1", value.strip())
        return super()._deserialize(value, attr, data, **kwargs)


class Text(fields.String):
    """Text that every database takes: no NUL, no lone surrogates."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if "\x00" in text or any("\ud800" <= each <= "\udfff" for each in text):
            raise ValidationError("must be text without NUL characters or halves of characters")
        return text


class Whole(fields.Integer):
    """A whole number; 1.5 is none, and is not taken for 1."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, float):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class Strict(Schema):
    """A misspelt name is told, not passed over."""

    class Meta:
        unknown = RAISE


class PageQuery(Strict):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500), metadata={"description": "rows of a page"})
    cursor = fields.Integer(
        load_default=None, validate=validate.Range(0, LARGEST_ID), metadata={"description": "`next` of the page before"}
    )


class SearchQuery(PageQuery):
    q = Text(
        load_default=None, validate=validate.Length(max=200), metadata={"description": "part of a name or identity id"}
    )


class EventQuery(SearchQuery):
    list = fields.String(
        load_default=None,
        validate=validate.OneOf(LISTS),
        metadata={"description": "the decided list, else the reported one"},
    )
    device = Text(
        load_default=None,
        validate=validate.Length(max=600),
        metadata={"description": "id, key, licence, address or ep_id's address"},
    )
    person = fields.Integer(
        load_default=None, validate=validate.Range(1, LARGEST_ID), metadata={"description": "a person's id"}
    )
    decision = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    second_opinion = fields.String(
        load_default=None,
        validate=validate.OneOf(OPINIONS),
        metadata={"description": "whether our reading of the face agrees with whom the device named"},
    )
    want_action = fields.String(load_default=None, validate=validate.OneOf(ACTIONS))
    since = Moment(
        data_key="from", load_default=None, metadata={"description": "occurred at this time or later (ISO 8601)"}
    )
    verified = fields.Boolean(
        load_default=None,
        metadata={"description": "false: only those of devices that nobody has trusted; true: without"},
    )
    until = Moment(data_key="to", load_default=None, metadata={"description": "occurred at this time or earlier"})


class PeopleQuery(SearchQuery):
    list = fields.String(load_default=None, validate=validate.OneOf(LISTS))
    group = Text(load_default=None, validate=validate.Length(1, 64), metadata={"description": "one of the groups"})
    state = fields.String(
        load_default=None,
        validate=validate.OneOf(PERSON_STATES + CORRECTED_STATES),
        metadata={"description": "without it all but `ignored` and `merged`"},
    )


class QuarantineQuery(PageQuery):
    state = fields.String(load_default=None, validate=validate.OneOf(("held", "replayed", "discarded")))


class PictureQuery(Strict):
    width = fields.Integer(
        load_default=None,
        validate=validate.Range(16, 2000),
        metadata={"description": "a JPEG at most this wide instead of the picture as it came"},
    )


class EventChange(Strict):
    legal_hold = fields.Boolean(required=True, metadata={"description": "must be kept: retention and erasure leave it"})


class RemovalQuery(Strict):
    erase = fields.Boolean(
        load_default=False,
        metadata={"description": "everything of the person, everywhere; answered 202, then see `/v1/erasures/{id}`"},
    )


def checked(schema: type[Schema], document: Any) -> dict[str, Any]:
    """What the schema reads from a document.

    Raises:
        UnreadableItem: ``invalid_arguments``, with what is wrong with each field.
    """
    try:
        found: dict[str, Any] = schema().load(document)
    except ValidationError as error:
        raise InvalidArguments(error.messages) from error
    return found


class InvalidArguments(WireError):
    """A document does not fit its schema; ``errors`` says where."""

    def __init__(self, errors: Any) -> None:
        super().__init__("invalid_arguments", "the request does not fit; `errors` says where")
        self.errors = _plain(errors)


def _plain(errors: Any) -> Any:
    """What a schema says, as strict JSON: places in lists are numbers there, and names may be anything that was sent."""
    if isinstance(errors, dict):
        return {_plain(str(name)): _plain(value) for name, value in errors.items()}
    if isinstance(errors, list):
        return [_plain(each) for each in errors]
    return str(errors).encode("utf-8", "backslashreplace").decode()
