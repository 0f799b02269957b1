"""Device identities and adoptions as our own interface under /v1 takes and gives them."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.answers import Device, PersonNamed, PictureLink
from schemas.api import LARGEST_ID, LISTS, Strict, Text, Whole
from schemas.giving import Answer

STATES = ("known", "adopted", "refused")
ADOPTABLE = ("staff", "visitor", "blacklist", "vip")
ADOPTION_STATES = ("running", "done", "cancelled")
MOST_CHOSEN = 500
DEVICE = {"description": "id, key, licence or address"}


class Place(fields.Field[tuple[int, str]]):
    """A cursor: the device's id and the id that it uses, with a colon between."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[int, str]:  # noqa: ARG002 - marshmallow's interface
        device, colon, external_id = Text().deserialize(value).partition(":")
        if not (colon and device.isdecimal() and device.isascii() and int(device[:20]) <= LARGEST_ID):
            raise ValidationError("must be `next` of the page before")
        return int(device), external_id


class IdentityQuery(Strict):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500), metadata={"description": "rows of a page"})
    cursor = Place(load_default=None, metadata={"type": "string", "description": "`next` of the page before"})
    device = Text(load_default=None, validate=validate.Length(max=600), metadata=DEVICE)
    state = fields.String(load_default=None, validate=validate.OneOf(STATES))
    list = fields.String(
        load_default=None, validate=validate.OneOf(LISTS), metadata={"description": "as the device reports it"}
    )
    q = Text(load_default=None, validate=validate.Length(max=200), metadata={"description": "part of a name or id"})


class Chosen(Strict):
    device = Whole(required=True, validate=validate.Range(1, LARGEST_ID), metadata={"description": "its id"})
    external_id = Text(required=True, validate=validate.Length(1, 255))


class Adopt(Strict):
    """Which identities; nothing said: all. Whom a device calls a stranger is never among them."""

    identities = fields.List(
        fields.Nested(Chosen),
        load_default=None,
        validate=validate.Length(1, MOST_CHOSEN),
        metadata={"description": "these alone"},
    )
    device = Text(load_default=None, validate=validate.Length(max=600), metadata=DEVICE)
    list = fields.String(load_default=None, validate=validate.OneOf(ADOPTABLE))
    q = Text(load_default=None, validate=validate.Length(max=200), metadata={"description": "part of a name or id"})
    again = fields.Boolean(
        load_default=False, metadata={"description": "also those that were refused with the picture that they have"}
    )

    @validates_schema
    def one_way(self, data: dict[str, Any], **_rest: Any) -> None:
        """Chosen, or by a filter."""
        if data.get("identities") and any(data.get(name) for name in ("device", "list", "q")):
            raise ValidationError("chooses identities, so that no filter is needed beside it", "identities")


class DeviceIdentity(Answer):
    device = fields.Nested(Device, allow_none=True)
    external_id = fields.String(metadata={"description": "the id that the device uses"})
    name = fields.String(metadata={"description": "as the device calls the person"})
    list = fields.String(metadata={"description": "as the device reports it"})
    state = fields.String(
        validate=validate.OneOf(STATES),
        metadata={
            "description": "known: nobody has tried yet; adopted: `person` carries the id; refused: `reason` says why"
        },
    )
    reason = fields.String(allow_none=True, metadata={"description": "machine word of what came of it"})
    person = fields.Nested(PersonNamed, allow_none=True)
    picture = fields.Nested(PictureLink, allow_none=True, metadata={"description": "the device's last library picture"})
    is_waiting = fields.Boolean(metadata={"description": "in the line of an adoption"})
    first_seen = fields.AwareDateTime(allow_none=True, metadata={"description": "by the device's clock"})
    last_seen = fields.AwareDateTime()


class AdoptionCounts(Answer):
    waiting = fields.Integer()
    adopted = fields.Integer(metadata={"description": "new people"})
    linked = fields.Integer(metadata={"description": "the library had the person, who carries the id now"})
    renewed = fields.Integer(metadata={"description": "the device's new library picture is the current one now"})
    unchanged = fields.Integer()
    refused = fields.Integer(metadata={"description": "`GET /v1/identities?state=refused` says why"})


class Adoption(Answer):
    id = fields.Integer()
    state = fields.String(validate=validate.OneOf(ADOPTION_STATES))
    percent = fields.Integer()
    counts = fields.Nested(AdoptionCounts)
    requested_by = fields.String()
    requested_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)
