"""Pictures in a request: as files of a form, as base64 in JSON, or as the whole body."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import UnsupportedMediaType

from receiver.domain.errors import Invalid
from schemas import api
from schemas.base64_text import decode_picture_text
from schemas.errors import BadBase64

FORM, JSON, BYTES = "multipart/form-data", "application/json", "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Upload:
    """What a request brought.

    Attributes:
        options: as the schema has read them, from the query and from beside the pictures.
        pictures: by name; one that was not sent is not in it.
    """

    options: Mapping[str, Any]
    pictures: Mapping[str, bytes]

    def picture(self, name: str = "picture") -> bytes:
        """The picture of that name.

        Raises:
            Invalid: ``missing_picture``.
        """
        if name not in self.pictures:
            raise Invalid(
                "missing_picture",
                f"send `{name}` as a file of a form, as base64 in JSON, or a picture as the body with its Content-Type",
            )
        return self.pictures[name]


def decode(text: Any) -> bytes:
    """The bytes of a picture's base64 text.

    Raises:
        Invalid: ``bad_base64``, also for an empty one.
    """
    found = _decode(text)
    if found is None:
        raise Invalid("bad_base64", "a picture is empty")
    return found


def read_upload(schema: type[api.Strict], names: Sequence[str] = ("picture",)) -> Upload:
    """The pictures of those names, and the options that the schema knows; a body's options go before the query's.

    Raises:
        Invalid: ``bad_base64``.
        WireError: ``invalid_arguments``.
        HTTPException: the body is of another type, or broken.
    """
    pictures, options = _parts(names)
    return Upload(api.checked(schema, _single(request.args) | options), pictures)


def _parts(names: Sequence[str]) -> tuple[dict[str, bytes], dict[str, Any]]:
    if request.mimetype == FORM:
        return _from_form(names)
    if request.is_json:
        return _from_json(names)
    if request.mimetype.startswith("image/") or request.mimetype == BYTES:
        body = request.get_data()
        return ({names[0]: body} if body else {}), {}
    if request.mimetype or request.get_data():
        raise UnsupportedMediaType(
            f"send a picture as {FORM}, as base64 in {JSON}, or as the body with its own type, such as image/jpeg"
        )
    return {}, {}


def _from_form(names: Sequence[str]) -> tuple[dict[str, bytes], dict[str, Any]]:
    fields = _single(request.form)
    pictures = _from_texts(fields, names)
    for name in request.files:
        files = request.files.getlist(name)
        if name not in names or len(files) > 1 or name in pictures:
            raise api.InvalidArguments({name: [f"must be one file, named {' or '.join(names)}"]})
        data = files[0].read()
        if data:  # a form in a browser sends a file that nobody chose as an empty one
            pictures[name] = data
    return pictures, fields


def _from_json(names: Sequence[str]) -> tuple[dict[str, bytes], dict[str, Any]]:
    document = request.get_json()
    if not isinstance(document, dict):
        raise api.InvalidArguments({"_schema": ["must be a JSON object"]})
    fields = dict(document)
    return _from_texts(fields, names), fields


def _from_texts(fields: dict[str, Any], names: Sequence[str]) -> dict[str, bytes]:
    """The pictures that came as text; they are taken out of the fields."""
    found = {name: _decode(fields.pop(name)) for name in names if name in fields}
    return {name: data for name, data in found.items() if data is not None}


def _decode(text: Any) -> bytes | None:
    try:
        decoded = decode_picture_text(text)
    except BadBase64 as error:
        raise Invalid("bad_base64", "a picture must be base64 text, with or without a data: prefix") from error
    return decoded.data if decoded is not None else None


def _single(values: "MultiDict[str, str]") -> dict[str, Any]:
    """Name -> value; a name that came several times has a list, one that nobody filled in does not count."""
    return {name: found[0] if len(found) == 1 else found for name, found in values.lists() if found != [""]}
