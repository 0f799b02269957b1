"""Status reports of boxes and of the capture devices behind them, in all their versions, read into one frozen message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError

from schemas.bodies import read_text
from schemas.errors import UnreadableBody, UnreadableItem
from schemas.sophon_fields import Container, ListedText, Number, Text, Tolerant, failed_keys

# Our word -> the wire's keys, the first that is there counts.
TOP_KEYS: Mapping[str, tuple[str, ...]] = {
    "licence": ("dev_sno", "mq_license_key", "reporter_id", "devSno"),
    "serial": ("gateway_sn", "device_sn"),
    "name": ("gateway_name",),
    "addresses": ("gateway_ip",),
    "mac": ("gateway_mac", "hex_mac"),
    "status": ("gateway_status",),
    "port": ("gateway_port",),
    "figures": ("gateway_ext_data",),
    "sub_devices": ("sub_devices", "media_devices", "deviceList", "deviceInfo"),
}
SUB_KEYS: Mapping[str, tuple[str, ...]] = {
    "ep_id": ("ep_id", "media_device_id", "epId"),
    "name": ("ep_name", "media_device_name", "epName"),
    "ip": ("ep_ip", "media_device_ip", "epIp"),
    "status": ("ep_status", "media_device_status", "epStatus"),
    "device_type": ("ep_type", "media_device_type", "epType"),
    "url": ("ep_url", "media_device_url", "epStreamUrl"),
    "direction": ("direction",),
}


@dataclass(frozen=True, slots=True)
class SubDeviceMessage:
    """One capture device, in words that all versions share."""

    ep_id: str = ""
    name: str = ""
    ip: str = ""
    status: str = ""
    device_type: str = ""
    url: str = ""
    direction: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """One report; ``figures`` still nested as sent, ``addresses`` still one text; see Message for extra and notes."""

    licence: str = ""
    serial: str = ""
    name: str = ""
    addresses: str = ""
    mac: str = ""
    status: str = ""
    port: float | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    sub_devices: tuple[SubDeviceMessage, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class ObjectList(Tolerant[list[dict[str, Any]]]):
    """A list of objects, one object, or the text of either; elements that are no objects are dropped."""

    def read(self, value: Any) -> list[dict[str, Any]]:
        if isinstance(value, str):
            try:
                value = read_text(value)
            except UnreadableBody:
                raise ValidationError("unreadable") from None
        if isinstance(value, dict):
            return [value]
        if not isinstance(value, list):
            raise ValidationError("unreadable")
        return [element for element in value if isinstance(element, dict)]


class StatusSchema(Schema):
    """A box; keys are our words already, see TOP_KEYS."""

    class Meta:
        unknown = EXCLUDE

    licence = Text()
    serial = Text()
    name = Text()
    addresses = ListedText(between=" ")
    mac = Text()
    status = Text()
    port = Number()
    figures = Container()
    sub_devices = ObjectList()


class SubDeviceSchema(Schema):
    """A capture device; keys are our words already, see SUB_KEYS."""

    class Meta:
        unknown = EXCLUDE

    ep_id = Text()
    name = Text()
    ip = Text()
    status = Text()
    device_type = Text()
    url = Text()
    direction = Text()


@cache
def _schemas() -> tuple[Schema, Schema]:
    return StatusSchema(), SubDeviceSchema()


def read(document: Any) -> StatusMessage:
    """One status report; whatever in it cannot be read is noted and left out, and nothing in it is required.

    Raises:
        UnreadableItem: not_an_object.
    """
    if not isinstance(document, dict):
        raise UnreadableItem("not_an_object", f"a status is an object, not {type(document).__name__}")
    status_schema, sub_schema = _schemas()
    found, notes = _load(status_schema, document, TOP_KEYS)
    subs = [_load(sub_schema, element, SUB_KEYS) for element in found.pop("sub_devices", [])]
    return StatusMessage(
        **found,
        sub_devices=tuple(SubDeviceMessage(**sub) for sub, _ in subs),
        notes=tuple(dict.fromkeys((*notes, *(note for _, of_sub in subs for note in of_sub)))),
    )


def _load(
    schema: Schema, document: dict[str, Any], keys: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    used = {word: key for word, known in keys.items() if (key := _first(document, known))}
    view = {word: document[key] for word, key in used.items()}
    try:
        found: dict[str, Any] = schema.load(view)
        problems: list[str] = []
    except ValidationError as error:
        found = error.valid_data if isinstance(error.valid_data, dict) else {}
        problems = [used[word] for word in failed_keys(error)]
    read_keys = frozenset(used.values()) - frozenset(problems)
    found["extra"] = {key: value for key, value in document.items() if key not in read_keys}
    return found, tuple(f"unreadable:{key}" for key in problems)


def _first(document: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((key for key in keys if document.get(key) not in (None, "")), "")
