"""Request bodies as senders really send them: strict JSON first, then leniently; gzip; one item or many."""

import json
import zlib
from typing import Any

import orjson

from schemas import literals
from schemas.errors import UnreadableBody

# Each further part costs a pass over what is left; real packers write one.
GZIP_MEMBERS = 64
# Of the unpacked body to the packed one; events with pictures have less than two, without any perhaps thirty.
GZIP_RATIO = 200
GZIP_SMALL = 1024 * 1024  # unpacked; what is no larger may have any ratio
DEPTH_LIMIT = 64  # lists and objects inside one another; a real message has four
VALUES_LIMIT = 1_000_000  # a hundred events with face vectors hold about sixty thousand
ITEMS_LIMIT = 1000
LITERAL_LIMIT = 4 * 1024 * 1024  # characters of a Python literal; about four seconds of work at the very worst

# Keys under which some clients wrap what they send, and keys that show that a document is itself an event.
WRAPPERS = ("data", "event", "events", "items", "records", "list", "json", "body", "payload", "params", "message")
OWN_KEYS = frozenset(
    (
        "identity_id",
        "identity_name",
        "timestamp",
        "ext_data",
        "ep_info",
        "media_device_info",
        "person_type",
        "user_type",
        "dev_sno",
        "mq_license_key",
        "want_action",
        "post_action",
        "group_name",
        "gateway_sn",
        "sub_devices",
    )
)

_LARGE = 1024 * 1024
_INT64 = 2.0**63
_INTEGER_DIGITS = 4000  # Python refuses to turn more than 4300 digits into a number
_LITERAL_OPENINGS = ("{", "[", "(", "'", '"', "b", "u", "//")  # also b'{"a": 1}', JSON that was made text twice
_SPACES = "\ufeff\x00 \t\r\n"
_UTF16_OPENINGS = {b"{\x00": "utf-16-le", b"[\x00": "utf-16-le", b"\x00{": "utf-16-be", b"\x00[": "utf-16-be"}


def read_json(data: bytes) -> Any:
    """The JSON value of a body; leniently if it is not strict JSON.

    Raises:
        UnreadableBody: not_json, too_deep, too_many_values.
    """
    if len(data) > _LARGE and data.count(b",") > VALUES_LIMIT:
        raise UnreadableBody("too_many_values", f"more than {VALUES_LIMIT} values in one body")
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        document = _read_leniently(data)
        _has_huge_number(document)
        return document
    # orjson rounds integers beyond 64 bits; an identity may be such a number.
    return _loads(_decoded(data)) if _has_huge_number(document) else document


def read_plain(data: bytes) -> Any:
    """The JSON value of a body that is strict JSON with numbers of ordinary size; quick for any body, read or refused.

    Raises:
        UnreadableBody: not_json; read_json may still read it, but that may take long.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UnreadableBody("not_json", "no strict JSON") from error
    if _has_huge_number(document):
        raise UnreadableBody("not_json", "a number beyond 64 bits")
    return document


def read_text(text: str) -> Any:
    """As read_json, for text that stood inside a message; the same errors."""
    return read_json(text.encode("utf-8", "surrogatepass"))


def opens_literal(text: str) -> bool:
    """Whether text that is no JSON may be a look-alike of it, which is read at length."""
    return text.lstrip(_SPACES).startswith(_LITERAL_OPENINGS)


def looks_like_json(data: bytes) -> bool:
    """Whether a body is JSON whatever its content type says: it opens an object or a list."""
    return data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def gunzip(data: bytes, limit: int) -> bytes:
    """The unpacked body (gzip or zlib, several members too), at most ``limit`` bytes and GZIP_RATIO times the packed one.

    Raises:
        UnreadableBody: bad_gzip, too_large.
    """
    unpacked = bytearray()
    rest = data
    most = min(limit, max(GZIP_SMALL, GZIP_RATIO * len(data)))
    for _ in range(GZIP_MEMBERS):
        if unpacked and not rest.rstrip(b"\x00"):
            break
        stream = zlib.decompressobj(wbits=47)
        try:
            unpacked += stream.decompress(rest, most + 1 - len(unpacked))
        except zlib.error as error:
            raise UnreadableBody("bad_gzip", f"the body does not unpack: {error}") from error
        if len(unpacked) > limit:
            raise UnreadableBody("too_large", f"unpacked, the body exceeds {limit} bytes")
        if len(unpacked) > most:
            raise UnreadableBody("too_large", f"unpacked, the body is more than {GZIP_RATIO} times its size")
        if not stream.eof:
            raise UnreadableBody("bad_gzip", "the packed body ends too early")
        if not stream.unused_data:
            break
        rest = stream.unused_data
    else:
        raise UnreadableBody("bad_gzip", f"the packed body has more than {GZIP_MEMBERS} parts")
    return bytes(unpacked)


def items(document: Any) -> list[Any]:
    """The items of a body: a list's elements, else the one thing there is; a clear wrapper is taken off.

    Raises:
        UnreadableBody: too_many_items.
    """
    found = _unwrapped(_reread(document))
    if not isinstance(found, list):
        return [found]
    if len(found) > ITEMS_LIMIT:
        raise UnreadableBody("too_many_items", f"{len(found)} items in one body; at most {ITEMS_LIMIT}")
    return [_reread(item) for item in found]


def _unwrapped(document: Any) -> Any:
    if not isinstance(document, dict) or not OWN_KEYS.isdisjoint(document):
        return document
    for name in WRAPPERS:
        inner = _reread(document.get(name))
        if isinstance(inner, dict) and not OWN_KEYS.isdisjoint(inner):
            return inner
        if isinstance(inner, list) and inner and all(isinstance(item, dict) for item in inner):
            return inner
    return document


def _reread(value: Any) -> Any:
    """JSON text inside JSON, as careless clients send it, read; anything else as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return read_text(value)
    except UnreadableBody:
        return value


def _read_leniently(data: bytes) -> Any:
    text = _decoded(data).strip(_SPACES)
    try:
        return _loads(text)
    except ValueError as error:
        problem = str(error)
    if len(text) > LITERAL_LIMIT or not opens_literal(text):
        raise UnreadableBody("not_json", problem)
    try:
        return _loads(literals.to_json(text))
    except ValueError:
        raise UnreadableBody("not_json", problem) from None


def _loads(text: str) -> Any:
    """JSON with NaN, lone surrogates, raw control characters and integers of any size."""
    try:
        return json.loads(text, strict=False, parse_int=_whole)
    except RecursionError:
        raise UnreadableBody("too_deep", f"more than {DEPTH_LIMIT} levels") from None


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _INTEGER_DIGITS else digits


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if encoding := _UTF16_OPENINGS.get(data[:2]):
        return data.decode(encoding, "replace")
    for encoding, errors in (("utf-8-sig", "strict"), ("utf-8", "surrogatepass"), ("gb18030", "strict")):
        try:
            return data.decode(encoding, errors)
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8-sig", "replace")


def _has_huge_number(document: Any) -> bool:
    """Whether a number is beyond 64 bits; refuses what is nested too deeply, level by level, without recursion.

    Raises:
        UnreadableBody: too_deep.
    """
    huge = False
    level = [document]
    for _ in range(DEPTH_LIMIT + 1):
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                deeper.extend(value.values())
            elif isinstance(value, list):
                deeper.extend(value)
            elif isinstance(value, float) and not -_INT64 < value < _INT64:
                huge = True
        if not deeper:
            return huge
        level = deeper
    raise UnreadableBody("too_deep", f"more than {DEPTH_LIMIT} levels")
