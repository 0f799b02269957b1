"""Pictures as base64 text, in all the dresses that senders give it."""

import re
from dataclasses import dataclass
from typing import Any

import pybase64

from schemas.errors import BadBase64

_PREFIX_LIMIT = 128
_PREFIX = re.compile(r"\s*data:[^,]{0,120},", re.IGNORECASE)
_WRAPPED = re.compile(r"""\s*[bB]?(['"])(.*)\1\s*""", re.DOTALL)
_PLACEHOLDERS = frozenset(("", "xxx", "null", "none", "nan", "undefined", "string", "b''", 'b""'))
_LONGEST_PLACEHOLDER = 16
_URL_SAFE = str.maketrans("-_", "+/")
_NEVER = 1  # base64 of this many characters modulo four exists for no bytes


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A picture's bytes and how to make its text again.

    Attributes:
        data: the bytes.
        prefix: what stood before the base64 text (``data:image/jpeg;base64,``), mostly empty.
        is_canonical: whether the text is exactly ``prefix`` plus the standard base64 of ``data``.
    """

    data: bytes
    prefix: str
    is_canonical: bool


def is_placeholder(value: Any) -> bool:
    """Whether something in a picture's place only says that there is none: null, "", "xxx", {}, 0."""
    if not isinstance(value, str):
        return not value
    return len(value) <= _LONGEST_PLACEHOLDER and value.strip().lower() in _PLACEHOLDERS


def decode_picture_text(text: Any) -> DecodedText | None:
    """The bytes of a picture's text, or None for a placeholder.

    Raises:
        BadBase64: it is neither.
    """
    if is_placeholder(text):
        return None
    if not isinstance(text, str):
        raise BadBase64("bad_base64", "the picture is no text")
    decoded = _decode_canonical(text) or _decode_leniently(text)
    return decoded if decoded.data else None


def encode_picture_text(data: bytes, prefix: str = "") -> str:
    """The text of a picture: what is_canonical promises to be reproducible."""
    return prefix + pybase64.b64encode_as_string(data)


def regular_picture_text(text: str) -> str:
    """A text that Python's ``b'...'`` was left around, as plain base64; any other text as it is."""
    if text[:2] not in ("b'", 'b"', "B'", 'B"'):
        return text
    try:
        decoded = _decode_leniently(text)
    except BadBase64:
        return text
    return encode_picture_text(decoded.data, decoded.prefix)


def _decode_canonical(text: str) -> DecodedText | None:
    prefix = text[: text.find(",", 0, _PREFIX_LIMIT) + 1] if text.startswith("data:") else ""
    body = text[len(prefix) :]
    try:
        data = pybase64.b64decode(body, validate=True)
    except ValueError:
        return None
    return DecodedText(data, prefix, is_canonical=_is_canonical(data, body))


def _is_canonical(data: bytes, body: str) -> bool:
    """Whether encoding ``data``, which ``body`` was strictly decoded to, gives ``body`` again.

    Only at the end may it not: the last character's unused bits may be set.
    """
    rest = len(data) % 3
    return len(body) == (len(data) + 2) // 3 * 4 and (
        rest == 0 or body.endswith(pybase64.b64encode_as_string(data[-rest:]))
    )


def _decode_leniently(text: str) -> DecodedText:
    prefix, body = _split(_unwrap(text))
    if "\\" in body:
        body = body.replace("\\n", "").replace("\\r", "").replace("\\/", "/")
    body = _join(body).translate(_URL_SAFE).rstrip("=")
    if len(body) % 4 == _NEVER:
        raise BadBase64("bad_base64", "no bytes have a base64 text of that length")
    try:
        data = pybase64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except ValueError as error:
        raise BadBase64("bad_base64", "the picture's text is not base64") from error
    return DecodedText(data, prefix, is_canonical=False)


def _unwrap(text: str) -> str:
    wrapped = _WRAPPED.fullmatch(text)
    return wrapped.group(2) if wrapped else text


def _split(text: str) -> tuple[str, str]:
    found = _PREFIX.match(text)
    if found is None:
        return "", text
    return found.group().strip(), _unwrap(text[found.end() :])


def _join(body: str) -> str:
    """Without blanks; but blanks at odd places are plus signs that a form decoder has eaten."""
    parts = body.strip().split(" ")
    if len(parts) > 1 and "+" not in body and len({len(part) for part in parts[:-1]}) > 1:
        return "".join("+".join(parts).split())
    return "".join(body.split())
