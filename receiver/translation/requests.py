"""A request's body, in whatever form a box sends it, as the items it holds."""

import io
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from schemas import bodies
from schemas.errors import UnreadableBody
from schemas.forms import from_form
from schemas.slow_texts import has_slow_text

URLENCODED = "application/x-www-form-urlencoded"
FORMS = (URLENCODED, "multipart/form-data")
GZIP = b"\x1f\x8b"
# An event has about 30 fields and 4 files; whoever sends thousands of parts wants something else.
FORM_PARTS = 1000


class NeedsPatience(Exception):
    """Not all of the body is strict JSON: reading it may take long, so whoever has others waiting should not do it."""


def items_of(body: bytes, content_type: str, limit: int, *, is_patient: bool = True) -> list[Any]:
    """The items of a body: JSON with any or no content type, a form, gzipped or not.

    Args:
        body: as it came.
        content_type: the header's value, may be empty.
        limit: bytes that it may have after unpacking.
        is_patient: read also what may take long.

    Raises:
        NeedsPatience: not patient, and it, or much text in it, is something else than strict JSON.
        schemas.errors.UnreadableBody: it holds no items.
    """
    if not is_patient:
        try:
            document = bodies.read_plain(body)
        except UnreadableBody as error:
            raise NeedsPatience from error
        if has_slow_text(document):
            raise NeedsPatience
        return bodies.items(document)
    if body.startswith(GZIP):
        body = bodies.gunzip(body, limit)
    mimetype, options = parse_options_header(content_type)
    if mimetype not in FORMS or bodies.looks_like_json(body):
        return bodies.items(bodies.read_json(body))
    return bodies.items(from_form(_fields(body, mimetype, options)))


def _fields(body: bytes, mimetype: str, options: dict[str, str]) -> dict[str, list[str | bytes]]:
    """A form's fields by name; files as their bytes. Parts without a name are passed over."""
    # werkzeug counts the parts of multipart forms only, and each part that it reads takes a hundred bytes and more.
    if mimetype == URLENCODED and body.count(b"&") >= FORM_PARTS:
        raise _too_many_parts()
    # The body is bounded already, and a file's bytes are wanted at once.
    parser = FormDataParser(
        stream_factory=lambda total_content_length, content_type, filename, content_length=None: io.BytesIO(),  # noqa: ARG005
        max_form_memory_size=None,
        max_content_length=None,
        max_form_parts=FORM_PARTS,
    )
    try:
        _, form, files = parser.parse(io.BytesIO(body), mimetype, len(body), options)
    except RequestEntityTooLarge as error:
        raise _too_many_parts() from error
    fields: dict[str, list[str | bytes]] = {name: list(values) for name, values in form.lists() if name}
    for name, found in files.lists():
        if name:
            fields.setdefault(name, []).extend(file.stream.read() for file in found)
    if not fields and body:
        raise UnreadableBody("bad_form", "the form cannot be read: it has no named part")
    return fields


def _too_many_parts() -> UnreadableBody:
    return UnreadableBody("bad_form", f"a form may have {FORM_PARTS} parts")
