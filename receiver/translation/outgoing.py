"""What goes out in other words: a kept message in another generation, our own event as JSON, and pictures inline, by address or not."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from receiver.domain.errors import Invalid
from receiver.translation import originals
from schemas.base64_text import encode_picture_text
from schemas.errors import UnreadableItem
from schemas.sophon import read
from schemas.sophon_shapes import PICTURE_KINDS
from schemas.sophon_writing import write

JSON = "application/json"
# What stands in a picture's place, by its kind.
PlaceOf = Callable[[str], str]


def replaced(document: Any, place_of: PlaceOf) -> Any:
    """A message with something else in each picture's place."""
    if not isinstance(document, dict):
        return document
    found = {key: place_of(PICTURE_KINDS[key]) if key in PICTURE_KINDS else value for key, value in document.items()}
    inner = found.get("ext_data")
    if isinstance(inner, dict):
        found["ext_data"] = {
            key: place_of(PICTURE_KINDS[key]) if key in PICTURE_KINDS else value for key, value in inner.items()
        }
    return found


def converted(document: Any, generation: str) -> Any:
    """A message as a box of another generation would have sent it.

    Raises:
        Invalid: ``cannot_convert``.
    """
    try:
        return write(read(document), generation)
    except UnreadableItem as error:
        raise Invalid("cannot_convert", f"the message is no event: {error.detail}") from error


def original_bytes(document: Any) -> bytes:
    """A message as strict JSON."""
    return originals.regular(document)


def envelope(kind: str, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """Our own JSON, as the Standard Webhooks convention recommends it: what it is, when it was, and the facts."""
    return {"type": kind, "timestamp": at, "data": data}


def packed(document: Any) -> bytes:
    """Our own values as JSON, as the interface gives them."""
    return orjson.dumps(document, default=_plain)


def plain(document: Any) -> Any:
    """The same as values that JSON knows."""
    return orjson.loads(packed(document))


def with_pictures(event: Mapping[str, Any], get_picture: Callable[[bytes], bytes | None]) -> dict[str, Any]:
    """Our own event with the bytes of its pictures, base64, as ``data``; null where one is no longer kept."""
    shown: dict[str, Any] = {}
    for kind, link in event["pictures"].items():
        data = get_picture(bytes.fromhex(link["digest"]))
        shown[kind] = {**link, "data": None if data is None else encode_picture_text(data)}
    return {**event, "pictures": shown}


def with_addresses(value: Any, base: str) -> Any:
    """The same with whole addresses where pictures are linked."""
    if isinstance(value, Mapping):
        return {
            key: base + inner if key == "url" and isinstance(inner, str) else with_addresses(inner, base)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [with_addresses(inner, base) for inner in value]
    return value


def array(bodies: Sequence[bytes]) -> bytes:
    """Several JSON documents as one."""
    return b"[" + b",".join(bodies) + b"]"


def lines(bodies: Sequence[bytes]) -> bytes:
    """Several texts, one after the other."""
    return b"\n".join(bodies) + b"\n"


def _plain(value: Any) -> Any:
    """What orjson does not know: sets and other collections."""
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value) if isinstance(value, set | frozenset) else list(value)
