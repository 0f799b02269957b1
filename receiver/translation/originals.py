"""The message as it came: what is stored of it, how it is given back, and how it goes upstream."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from receiver.domain.events import AccessEvent
from schemas.base64_text import encode_picture_text, regular_picture_text
from schemas.bodies import read_text
from schemas.errors import UnreadableBody
from schemas.sophon_shapes import PICTURE_KINDS

_CONTAINERS = ("ext_data", "ep_info", "media_device_info", "identity_info", "recognize_face_attr")
_LOOSE = b" "  # blank before JSON that only Python's own reader gives back whole


@dataclass(frozen=True, slots=True)
class PictureSlot:
    """Where a picture's text was taken out of a message.

    Attributes:
        path: the keys that lead there.
        prefix: what stood before the base64 text.
        digest: SHA-256 of the picture's bytes, by which they are kept.
    """

    path: tuple[str, ...]
    prefix: str
    digest: bytes


def strip_pictures(item: Any, event: AccessEvent) -> tuple[Any, list[PictureSlot | None]]:
    """The item with null for every picture text that can be made again; ``item`` itself stays as it is.

    For each of ``event.pictures``, in their order, there is a slot, or None where the text stays in the document.
    """
    document = item
    slots: list[PictureSlot | None] = []
    for picture in event.pictures:
        if picture.prefix is None or not isinstance(_at(document, picture.path), str):
            slots.append(None)
            continue
        document = _with(document, picture.path, None)
        slots.append(PictureSlot(picture.path, picture.prefix, picture.digest))
    return document, slots


def restore(document: Any, slots: Sequence[PictureSlot], get_picture: Callable[[bytes], bytes | None]) -> Any:
    """The item again; a picture that is no longer kept (None) stays null."""
    for slot in slots:
        data = get_picture(slot.digest)
        if data is not None:
            document = _with(document, slot.path, encode_picture_text(data, slot.prefix))
    return document


def dumps(document: Any) -> bytes:
    """Bytes from which ``loads`` gives equal values, NaN, lone surrogates and integers of any size included."""
    try:
        packed = orjson.dumps(document)
        if orjson.loads(packed) == document:  # orjson writes NaN as null
            return packed
    except (TypeError, orjson.JSONDecodeError):
        pass
    return _LOOSE + json.dumps(document).encode()


def loads(packed: bytes) -> Any:
    """What ``dumps`` packed."""
    return json.loads(packed) if packed.startswith(_LOOSE) else orjson.loads(packed)


def canonical(document: Any) -> bytes:
    """Bytes that do not depend on the order of keys; for hashing."""
    try:
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(document, sort_keys=True).encode()


def regular(document: Any) -> bytes:
    """The item as strict JSON for another receiver: ``b'...'`` and nested text made plain, NaN null, surrogates U+FFFD."""
    if isinstance(document, dict):
        document = _regular_item(document)
    try:
        return orjson.dumps(document)
    except TypeError:
        return json.dumps(_strict(document), allow_nan=False).encode()


def _regular_item(item: dict[str, Any]) -> dict[str, Any]:
    regular_item = {key: _regular_value(key, value) for key, value in item.items()}
    inner = regular_item.get("ext_data")
    if isinstance(inner, dict):
        regular_item["ext_data"] = {key: _regular_value(key, value) for key, value in inner.items()}
    return regular_item


def _regular_value(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if key in PICTURE_KINDS:
        return regular_picture_text(value)
    if key in _CONTAINERS:
        try:
            read = read_text(value)
        except UnreadableBody:
            return value
        return read if isinstance(read, dict) else value
    return value


def _strict(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_strict(key): _strict(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_strict(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def _with(document: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy along the path only, with another value at its end."""
    key, *deeper = path
    return {**document, key: _with(document[key], tuple(deeper), value) if deeper else value}
