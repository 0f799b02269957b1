"""What our own interface takes and gives of devices: whether they are trusted, from where, and by which key."""

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.api import PageQuery, Strict, Text
from schemas.giving import Answer

STATES = ("pending", "trusted", "blocked")
ADDRESS = {
    "description": "from where it may speak: an address, a CIDR, or `any`; empty: the address it last spoke from"
}
HUB = {"description": "vouches for the devices in its messages, such as another Gatehouse that passes events on"}
CERTIFICATE = {
    "description": "the name in its client certificate, as a trusted proxy hands it over; empty takes it away"
}


class DeviceQuery(PageQuery):
    state = fields.String(load_default=None, validate=validate.OneOf(STATES))


class DeviceChange(Strict):
    group = Text(
        validate=validate.Length(max=64),
        metadata={"description": "devices of one group know people by the same ids; empty: none"},
    )
    state = fields.String(
        validate=validate.OneOf(STATES),
        metadata={"description": "once trusted, what it sent within GATEHOUSE_PENDING_HOURS is processed"},
    )
    address = Text(validate=validate.Length(max=64), metadata=ADDRESS)
    hub = fields.Boolean(metadata=HUB)
    certificate = Text(validate=validate.Length(max=500), metadata=CERTIFICATE)

    @validates_schema
    def _says_something(self, data: dict[str, object], **_options: object) -> None:
        if not data:
            raise ValidationError("say at least one of group, state, address, hub, certificate")


class NewDevice(Strict):
    name = Text(load_default="", validate=validate.Length(max=255))
    licence = Text(load_default="", validate=validate.Length(max=255))
    address = Text(load_default="", validate=validate.Length(max=64), metadata=ADDRESS)
    hub = fields.Boolean(load_default=False, metadata=HUB)
    certificate = Text(load_default=None, validate=validate.Length(1, 500), metadata=CERTIFICATE)


class SecretGiven(Strict):
    secret = Text(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"description": "the one that the device has made (`whsec_...`); without it one is made here"},
    )


class DeviceSecret(Answer):
    secret = fields.String(metadata={"description": "shown here and never again; the device signs with it"})


class DeviceKey(Answer):
    key = fields.String(metadata={"description": "shown here and never again"})
    path = fields.String(metadata={"description": "where the device posts its events with it"})
