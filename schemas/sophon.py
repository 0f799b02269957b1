"""Events of SOPHON boxes: three generations of message read into one frozen Message."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from marshmallow import ValidationError

from schemas.base64_text import is_placeholder
from schemas.errors import UnreadableItem
from schemas.sophon_fields import Container, Flag
from schemas.sophon_shapes import PICTURE_KINDS, Shape, generation_of, shape_of


@dataclass(frozen=True, slots=True)
class PictureText:
    """A picture's text as it stood in the message.

    Attributes:
        kind: ``face``, ``scene``, ``library`` or ``infrared``.
        path: the keys that lead to it.
        text: mostly base64 text; whatever stood there.
    """

    kind: str
    path: tuple[str, ...]
    text: Any


@dataclass(frozen=True, slots=True)
class Message:
    """One event in words that all generations share; texts are whole, pictures still text.

    Attributes:
        generation: ``A``, ``B`` or ``C``.
        person_type: 1..5, or None where absent or unreadable.
        want_action: ``"0"``, ``"1001"`` or ``"1002"``.
        score: finite, as sent, of either scale; or None.
        timestamp: aware UTC, or None where absent, unreadable or absurd; the same for the two others.
        device_id: the capture device's UUID, where the generation has one.
        fiqa_result: whether the device finds the face good enough to register; None if it said nothing.
        attributes: of the face, as sent.
        extra: keys that nobody knows and values that could not be read, by key; those of a container under its name.
        notes: ``unreadable:<key>`` for each value that could not be read.
    """

    generation: str
    identity_id: str = ""
    identity_name: str = ""
    group: str = ""
    person_type: int | None = None
    want_action: str = "0"
    score: float | None = None
    timestamp: datetime | None = None
    in_timestamp: datetime | None = None
    out_timestamp: datetime | None = None
    ep_id: str = ""
    device_id: str = ""
    device_ip: str = ""
    device_name: str = ""
    device_type: str = ""
    device_url: str = ""
    licence: str = ""
    event_id: str = ""
    api_version: str = ""
    fiqa_result: bool | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    identity_info: Mapping[str, Any] = field(default_factory=dict)
    grab_quality: Mapping[str, Any] = field(default_factory=dict)
    box_quality: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[PictureText, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read(item: Any) -> Message:
    """One event of any generation; whatever in it cannot be read is noted and left out.

    Raises:
        UnreadableItem: not_an_object, not_an_event, nothing_to_say.
    """
    if not isinstance(item, dict):
        raise UnreadableItem("not_an_object", f"an event is an object, not {type(item).__name__}")
    generation = generation_of(item)
    if not generation:
        raise UnreadableItem("not_an_event", "it has the marks of no generation of event")
    shape = shape_of(generation)
    container = _container(item.get(shape.container))
    found, problems = _load(shape, _view(shape, item, container or {}))
    if container is None:
        problems[shape.container] = item[shape.container]
    message = Message(
        generation,
        **_joined(found),
        pictures=_pictures(item, container if shape.container == "ext_data" else _container(item.get("ext_data"))),
        extra={**_extra(shape, item, container or {}), **problems},
        notes=tuple(f"unreadable:{key}" for key in problems),
    )
    has_time = message.timestamp or message.in_timestamp or message.out_timestamp
    if not (has_time or message.identity_id or message.identity_name or message.pictures):
        raise UnreadableItem("nothing_to_say", "neither a time nor an identity nor a picture")
    return message


def _container(value: Any) -> dict[str, Any] | None:
    """The nested object, empty if there is none, None if it is junk."""
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    try:
        return _CONTAINER.read(value)
    except ValidationError:
        return None


_CONTAINER = Container()


def _view(shape: Shape, item: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    """All that is known, on one level: what belongs into the container counts there first."""
    view = {key: value for key, value in item.items() if key in shape.readers and not _is_empty(value)}
    view |= {key: value for key, value in container.items() if key in shape.inside and not _is_empty(value)}
    for other, key in shape.aliases.items():
        if key not in view and not _is_empty(item.get(other)):
            view[key] = item[other]
    return view


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


def _load(shape: Shape, view: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What could be read, by our words; what could not, by its wire key."""
    found: dict[str, Any] = {}
    problems: dict[str, Any] = {}
    for key, (name, read_value) in shape.readers.items():
        if key in view:
            try:
                found[name] = read_value(view[key])
            except ValidationError:
                problems[key] = view[key]
    return found, problems


def _joined(found: dict[str, Any]) -> dict[str, Any]:
    """Generation A has a second place for attributes, and two for the word about quality: a no in either is a no."""
    info = found.pop("info", None)
    if info:
        found["attributes"] = {**found.get("attributes", {}), **info}
    inner = found.get("box_quality", {}).get("fiqa_result")
    if inner is not None and found.get("fiqa_result") is not False:
        with suppress(ValidationError):
            found["fiqa_result"] = _FLAG.read(inner)
    return found


_FLAG = Flag()


def _pictures(item: dict[str, Any], ext_data: dict[str, Any] | None) -> tuple[PictureText, ...]:
    inner = [(("ext_data", key), key, value) for key, value in (ext_data or {}).items() if key in PICTURE_KINDS]
    outer = [((key,), key, value) for key, value in item.items() if key in PICTURE_KINDS]
    return tuple(
        PictureText(PICTURE_KINDS[key], path, value) for path, key, value in inner + outer if not is_placeholder(value)
    )


def _extra(shape: Shape, item: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    extra = {
        key: value
        for key, value in item.items()
        if key not in shape.readers and key not in PICTURE_KINDS and key not in shape.aliases and key != shape.container
    }
    inner = {key: value for key, value in container.items() if key not in shape.inside and key not in PICTURE_KINDS}
    if inner:
        extra[shape.container] = inner
    foreign = extra.get("ext_data")
    if shape.container != "ext_data" and isinstance(foreign, dict):
        extra["ext_data"] = {key: value for key, value in foreign.items() if key not in PICTURE_KINDS}
    return extra
