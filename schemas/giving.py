"""How answers are made of plain values: each schema works out once what is to be done with each of its fields."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, missing

# Values of these types are given as they are.
PLAIN: dict[type[fields.Field[Any]], type] = {
    fields.String: str,
    fields.Integer: int,
    fields.Float: float,
    fields.Boolean: bool,
    fields.AwareDateTime: datetime,
}

# From what name, under what name, the type that needs nothing more, and what is done with any other value.
Step = tuple[str, str, type | None, Callable[[Any], Any]]


class Answer(Schema):
    """What is given back; keys that a schema does not name are left out, and so are those that are not there.

    marshmallow looks each field up in half a dozen calls, which for fifty events took longer than finding them.
    """

    _steps: list[Step] | None = None

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """As marshmallow does; of what is no dict, it does."""
        if self.many if many is None else many:
            return [self.dump(each, many=False) for each in obj]
        return self._given(obj) if type(obj) is dict else super().dump(obj, many=False)

    def _given(self, values: dict[str, Any]) -> dict[str, Any]:
        steps = self._steps
        if steps is None:
            steps = self._steps = [_step(name, field) for name, field in self.dump_fields.items()]
        given = {}
        for name, key, plain, make in steps:
            value = values.get(name, missing)
            if value is not missing:
                given[key] = value if value is None or type(value) is plain else make(value)
        return given


def _step(name: str, field: fields.Field[Any]) -> Step:
    key = name if field.data_key is None else field.data_key
    return field.attribute or name, key, PLAIN.get(type(field)), _maker(field)


def _maker(field: fields.Field[Any]) -> Callable[[Any], Any]:
    """What a field makes of a value that is not None."""
    if isinstance(field, fields.Nested):
        dump: Callable[[Any], Any] = field.schema.dump
        return dump
    if isinstance(field, fields.List):
        each = _one(field.inner)
        return lambda value: [each(one) for one in value]
    if isinstance(field, fields.Dict):
        if field.value_field is None:
            return dict
        each = _one(field.value_field)
        return lambda value: {name: each(one) for name, one in value.items()}
    return lambda value: field._serialize(value, None, None)  # noqa: SLF001 - what `Field.serialize` itself ends in


def _one(field: fields.Field[Any]) -> Callable[[Any], Any]:
    """The same for a value that may be None or need nothing."""
    plain, make = PLAIN.get(type(field)), _maker(field)
    return lambda value: value if value is None or type(value) is plain else make(value)
