"""Form and multipart bodies made into the JSON document that they mean."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from schemas.base64_text import encode_picture_text
from schemas.bodies import OWN_KEYS, WRAPPERS, looks_like_json, read_json, read_text
from schemas.errors import UnreadableBody
from schemas.sophon_shapes import PICTURE_KINDS

CONTAINERS = frozenset(
    (
        "ext_data",
        "ep_info",
        "recognize_face_attr",
        "media_device_info",
        "identity_info",
        "grab_fiqa_info",
        "box_fiqa_info",
        "info",
        "gateway_ext_data",
        "sub_devices",
        "media_devices",
        "deviceList",
    )
)
_NUMBERS = frozenset(("timestamp", "in_timestamp", "out_timestamp", "score", "person_type"))
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?")
_NESTED = re.compile(r"(\w+)(?:\[(\w+)\]|\.(\w+))")  # ext_data[device_ip], ext_data.device_ip


def from_form(fields: Mapping[str, list[str | bytes]]) -> Any:
    """The document of a form's fields (text) and files (bytes): mostly a dict, or what a lone field holds.

    Text that is JSON or a Python literal is read; a file under a picture's name becomes base64 text.
    """
    mistaken = _read_mistaken_json(fields)
    if mistaken is not None:
        return mistaken
    document: dict[str, Any] = {}
    for name, values in fields.items():
        found = [_read_value(name, value) for value in values]
        if found:
            _put(document, name, found[0] if len(found) == 1 else found)
    return _unwrapped(document)


def _read_mistaken_json(fields: Mapping[str, list[str | bytes]]) -> Any:
    """JSON that was posted as a form: the decoder has made its text into names and values."""
    first = next(iter(fields), "")
    if first.lstrip()[:1] not in ("{", "["):
        return None
    pieces = [
        f"{name}={value}" if value else name
        for name, values in fields.items()
        for value in values
        if isinstance(value, str)
    ]
    try:
        return read_text("&".join(pieces))
    except UnreadableBody:
        return None


def _read_value(name: str, value: str | bytes) -> Any:
    if isinstance(value, bytes):
        return _read_file(name, value)
    if name in _NUMBERS and _NUMBER.fullmatch(value.strip()):
        return orjson.loads(value.strip())
    if value.lstrip()[:1] not in ("{", "["):
        return value  # a plain word stays one: an identity 007 is not the number 7
    try:
        return read_text(value)
    except UnreadableBody:
        return value


def _read_file(name: str, data: bytes) -> Any:
    key = re.split(r"[.\[\]]", name.rstrip("]"))[-1]
    if key not in PICTURE_KINDS and looks_like_json(data):
        try:
            return read_json(data)
        except UnreadableBody:
            pass
    try:
        return data.decode("ascii")  # a picture is never plain ASCII: this is its base64 text, or a word
    except UnicodeDecodeError:
        return encode_picture_text(data)


def _put(document: dict[str, Any], name: str, value: Any) -> None:
    nested = _NESTED.fullmatch(name)
    if nested is None or nested.group(1) not in CONTAINERS:
        document[name] = value
        return
    container = document.setdefault(nested.group(1), {})
    if isinstance(container, dict):
        container[nested.group(2) or nested.group(3)] = value


def _unwrapped(document: dict[str, Any]) -> Any:
    """The whole event that one field holds, with the pictures that came as files beside it."""
    if not OWN_KEYS.isdisjoint(document):
        return document
    lone = [name for name in document if name not in PICTURE_KINDS and name not in CONTAINERS]
    names = lone if len(lone) == 1 else [name for name in WRAPPERS if name in document]
    for name in names:
        inner = document[name]
        beside = {key: value for key, value in document.items() if key != name}
        if isinstance(inner, dict):
            return {**inner, **beside}
        if isinstance(inner, list) and not beside:
            return inner
    return document
