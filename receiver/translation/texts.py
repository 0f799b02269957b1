"""Words of senders made safe for columns, logs and pages: no NUL, no lone surrogates, no credentials, not too long."""

import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

JSON_LIMIT = 64 * 1024  # bytes of one JSON column; a face's vector takes about ten thousand

_SURROGATES = re.compile("[\ud800-\udfff]")
_INT64 = 2**63
_SCAN_LIMIT = 4096

# user:password@ before a host; a password may hold "/" or "@", but host:port/path@x is no password.
_USER = re.compile(r"://[^/\s@]{0,256}@(?:[^/\s@]{0,256}@)*")
_USER_WITH_SLASH = re.compile(r"://[^/@:\s]{1,256}:(?!\d{1,5}(?:/|$))[^@\s]{0,256}@")
_PARAMETER = re.compile(r"((?:password|passwd|pwd|pass)=)[^&_/\s]+", re.IGNORECASE)


def column_text(text: str, limit: int) -> str:
    r"""Text as a database takes it: NUL as the visible ``\u0000``, lone surrogates as U+FFFD, at most limit characters."""
    if not text.isascii():
        text = _SURROGATES.sub("\ufffd", text)
    if "\x00" in text:
        text = text.replace("\x00", "\\u0000")
    return text[:limit]


def redact(text: str) -> str:
    """An address without its credentials: ``rtsp://user:pass@host/1`` becomes ``rtsp://host/1``."""
    if "://" not in text:
        return text
    text = _USER_WITH_SLASH.sub("://", _USER.sub("://", text))
    return _PARAMETER.sub(r"\1***", text)


def address_text(text: str, limit: int) -> str:
    """An address for a column: redacted before it is cut, so that no half of a credential is left."""
    return column_text(redact(text[:_SCAN_LIMIT]), limit)


def column_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object as strict JSON for a column, its texts as column_text and redact make them; too large parts left out."""
    if not value:
        return {}
    try:
        packed = orjson.dumps(value)
        plain = b"\\u0000" not in packed and b"://" not in packed
    except TypeError:  # surrogates, huge integers
        plain, packed = False, b""
    if not plain:
        packed = orjson.dumps(_safe(value))
    found: dict[str, Any] = orjson.loads(packed)
    return found if len(packed) <= JSON_LIMIT else _slimmed(found)


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return redact(column_text(value, len(value) * 6))
    if isinstance(value, Mapping):
        return {_safe(str(key)): _safe(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return str(value)
    return value


def _slimmed(value: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    room = JSON_LIMIT
    for key, inner in value.items():
        size = len(orjson.dumps({key: inner}))
        if size <= room:
            kept[key] = inner
            room -= size
    return kept
