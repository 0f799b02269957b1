"""A request's body, in whatever form a box sends it, as the items it holds."""

import io
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from schemas import bodies
from schemas.forms import from_form

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
GZIP = b"\x1f\x8b"
# An event has about 30 fields and 4 files; whoever sends thousands of parts wants something else.
FORM_PARTS = 1000


def items_of(body: bytes, content_type: str, limit: int) -> list[Any]:
    """The items of a body: JSON with any or no content type, a form, gzipped or not.

    Args:
        body: as it came.
        content_type: the header's value, may be empty.
        limit: bytes that it may have after unpacking.

    Raises:
        schemas.errors.UnreadableBody: it holds no items.
    """
    if body.startswith(GZIP):
        body = bodies.gunzip(body, limit)
    mimetype, options = parse_options_header(content_type)
    if mimetype not in FORMS or bodies.looks_like_json(body):
        return bodies.items(bodies.read_json(body))
    return bodies.items(from_form(_fields(body, mimetype, options)))


def _fields(body: bytes, mimetype: str, options: dict[str, str]) -> dict[str, list[str | bytes]]:
    """A form's fields by name; files as their bytes."""
    parser = FormDataParser(
        stream_factory=lambda *_args: io.BytesIO(),
        max_form_memory_size=None,
        max_content_length=None,
        max_form_parts=FORM_PARTS,
    )
    _, form, files = parser.parse(io.BytesIO(body), mimetype, len(body), options)
    fields: dict[str, list[str | bytes]] = {name: list(values) for name, values in form.lists()}
    for name, found in files.lists():
        fields.setdefault(name, []).extend(_content(file) for file in found)
    return fields


def _content(file: FileStorage) -> bytes:
    return file.stream.read()
