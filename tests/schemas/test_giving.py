"""Answers say what marshmallow would have said of the same values."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, fields

from schemas.answers import Event, page_of
from schemas.giving import Answer

NOON = datetime(2026, 5, 1, 12, 0, 0, 5, tzinfo=UTC)


class Inner(Answer):
    text = fields.String()
    moment = fields.AwareDateTime(allow_none=True)


class Outer(Answer):
    number = fields.Integer()
    share = fields.Float(allow_none=True)
    is_so = fields.Boolean()
    inner = fields.Nested(Inner, allow_none=True)
    several = fields.List(fields.Nested(Inner))
    numbers = fields.List(fields.Integer(), allow_none=True)
    by_name = fields.Dict(fields.String(), fields.Nested(Inner))
    anything = fields.Raw()
    own_fields = fields.Dict(attribute="fields", data_key="fields")


VALUES: dict[str, Any] = {
    "number": 1, "share": 2, "is_so": True, "inner": {"text": "a", "moment": NOON, "secret": 1},
    "several": [{"text": "b"}, {"moment": None}], "numbers": ["3", 4], "by_name": {"x": {"text": 5}},
    "anything": [1, {"a": None}], "fields": {"room": "7"}, "not named": "left out",
}  # fmt: skip


def by_marshmallow(schema: Answer, values: Any) -> Any:
    return Schema.dump(schema, values)


def as_text(value: Any) -> Any:
    """Moments are written as text by the application, where marshmallow does so itself."""
    if isinstance(value, dict):
        return {name: as_text(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_text(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def test_each_kind_of_field_gives_what_marshmallow_gives() -> None:
    given = as_text(Outer().dump(VALUES))
    assert given == as_text(by_marshmallow(Outer(), VALUES))
    assert given["inner"] == {"text": "a", "moment": "2026-05-01T12:00:00.000005+00:00"}
    assert given["numbers"] == [3, 4]
    assert given["by_name"] == {"x": {"text": "5"}}
    assert "not named" not in given


def test_what_is_not_there_is_left_out_and_what_is_nothing_stays_nothing() -> None:
    assert Outer().dump({"share": None, "inner": None, "numbers": None}) == {
        "share": None, "inner": None, "numbers": None,
    }  # fmt: skip
    assert Outer(many=True).dump([{"number": 1}, {}]) == [{"number": 1}, {}]


def test_a_page_gives_its_items_with_named_keys_only() -> None:
    page = page_of(Event)()
    assert page.dump({"items": [{"id": 1, "secret": 2}], "next": None, "more": 3}) == {
        "items": [{"id": 1}],
        "next": None,
    }
