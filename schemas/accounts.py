"""What our own interface takes and gives of accounts, logins and API keys."""

from marshmallow import fields, validate

from schemas.api import LARGEST_ID, LISTS, Moment, PageQuery, Strict, Text
from schemas.giving import Answer

ROLES = ("viewer", "guard", "registrar", "admin")
NAME = {"description": "the account's name; capitals are the same as small letters"}
LIMITED = "of these alone; an empty list: of all"


class Password(Text):
    """A password: any text of a bounded length; rules for new ones are the server's."""

    def __init__(self, **options: object) -> None:
        super().__init__(validate=validate.Length(1, 1024), **options)  # type: ignore[arg-type]


class LoginRequest(Strict):
    username = Text(required=True, validate=validate.Length(1, 200), metadata=NAME)
    password = Password(required=True)
    new_password = Password(
        load_default=None, allow_none=True, metadata={"description": "sets this one at once, as a first login must"}
    )


class LoggedIn(Answer):
    access_token = fields.String(metadata={"description": "for `Authorization: Bearer`"})
    refresh_token = fields.String(metadata={"description": "for one `POST /v1/refresh`, which gives another"})
    expires_in = fields.Integer(metadata={"description": "seconds until the access token's time is over"})
    role = fields.String(validate=validate.OneOf(ROLES))
    must_change = fields.Boolean(
        metadata={"description": "nothing but `POST /v1/accounts/me/password` is possible yet"}
    )


class RefreshRequest(Strict):
    refresh_token = Text(required=True, validate=validate.Length(1, 400))


class Session(Answer):
    account = fields.Integer()
    role = fields.String(validate=validate.OneOf(ROLES))
    csrf_token = fields.String(metadata={"description": "for `X-CSRF-Token` with whatever changes something"})
    must_change = fields.Boolean()


class PasswordChange(Strict):
    old = Password(required=True)
    new = Password(required=True)


class _Limits(Strict):
    gates = fields.List(
        fields.Integer(strict=True, validate=validate.Range(1, LARGEST_ID)),
        validate=validate.Length(max=1000),
        metadata={"description": f"sees events of gates with these ids {LIMITED}"},
    )
    groups = fields.List(
        Text(validate=validate.Length(1, 64)),
        validate=validate.Length(max=100),
        metadata={"description": f"sees people of these groups, and their events, {LIMITED}"},
    )
    lists = fields.List(
        fields.String(validate=validate.OneOf(LISTS)),
        validate=validate.Length(max=len(LISTS)),
        metadata={"description": f"sees people of these lists, and their events, {LIMITED}"},
    )


class NewAccount(_Limits):
    username = Text(required=True, validate=validate.Length(1, 64), metadata=NAME)
    password = Password(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    must_change = fields.Boolean(
        load_default=True, metadata={"description": "the password is only for the first login"}
    )


class AccountChange(_Limits):
    role = fields.String(validate=validate.OneOf(ROLES))
    disabled = fields.Boolean()
    password = Password()
    must_change = fields.Boolean(metadata={"description": "with `password`; true if not named"})


class Account(Answer):
    id = fields.Integer()
    username = fields.String(attribute="name")
    role = fields.String(validate=validate.OneOf(ROLES))
    disabled = fields.Boolean(attribute="is_disabled")
    must_change = fields.Boolean()
    gates = fields.List(fields.Integer())
    groups = fields.List(fields.String())
    lists = fields.List(fields.String())
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    last_login_at = fields.AwareDateTime(allow_none=True)


class KeyQuery(PageQuery):
    all = fields.Boolean(load_default=False, metadata={"description": "of all accounts; for administrators"})


class NewKey(Strict):
    name = Text(required=True, validate=validate.Length(1, 100), metadata={"description": "what it is for"})
    scopes = fields.List(
        Text(validate=validate.Length(1, 40)),
        required=True,
        validate=validate.Length(1, 50),
        metadata={
            "description": "parts of the interface, the first word after /v1: `people`, `events:read`, `metrics:read`; `*` is all"
        },
    )
    expires_at = Moment(load_default=None, allow_none=True, metadata={"description": "null: never"})
    account = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, LARGEST_ID),
        metadata={"description": "of another account; for administrators"},
    )


class KeyOwner(Answer):
    id = fields.Integer()
    name = fields.String()


class Key(Answer):
    id = fields.Integer()
    name = fields.String()
    account = fields.Nested(KeyOwner)
    scopes = fields.List(fields.String())
    created_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime(allow_none=True)
    used_at = fields.AwareDateTime(allow_none=True, metadata={"description": "to about five minutes"})
    revoked_at = fields.AwareDateTime(allow_none=True)


class KeyMade(Key):
    key = fields.String(metadata={"description": "for `Authorization: Bearer`; it is shown this once"})
