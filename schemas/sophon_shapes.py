"""The three generations of a SOPHON box's event: how they are told apart, and what stands where in each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from marshmallow import Schema

from schemas.sophon_fields import Action, Container, Flag, ListedText, Moment, Number, PersonType, Text, Tolerant

# What a picture shows, by the keys of all generations; they stand at the top or in ext_data.
PICTURE_KINDS = {
    "recognize_face": "face", "recognize_face_image": "face",
    "spot_pic": "scene", "spot_image": "scene",
    "reg_pic": "library", "reg_image": "library", "register_image": "library",
    "ir_pic": "infrared", "ir_image": "infrared",
}  # fmt: skip

_C_MARKERS = frozenset(
    (
        "media_device_info",
        "user_type",
        "mq_license_key",
        "post_action",
        "media_device_ip",
        "media_device_id",
        "media_device_type",
        "register_image",
        "reg_image",
        "spot_image",
        "recognize_face_image",
    )
)
_B_MARKERS = frozenset(("person_type", "dev_sno", "identity_info", "recognize_face_attr", "out_timestamp"))
_A_MARKERS = frozenset(("group_name", "want_action"))


class EventSchema(Schema):
    """What all generations have."""

    identity_id = Text()
    identity_name = Text()
    group = ListedText(between=",", data_key="group_name")
    score = Number()
    timestamp = Moment()
    in_timestamp = Moment()
    out_timestamp = Moment()
    event_id = Text()
    api_version = Text()
    identity_info = Container()
    attributes = Container(data_key="recognize_face_attr")


class GenerationA(EventSchema):
    """Most of it in ``ext_data``."""

    want_action = Action()
    person_type = PersonType()
    licence = Text(data_key="dev_sno")
    ep_id = Text()
    device_id = Text()
    device_ip = Text()
    device_type = Text()
    info = Container()
    fiqa_result = Flag()
    grab_quality = Container(data_key="grab_fiqa_info")
    box_quality = Container(data_key="box_fiqa_info")


class GenerationB(EventSchema):
    """Flat, the capture device in ``ep_info``."""

    want_action = Action()
    person_type = PersonType()
    licence = Text(data_key="dev_sno")
    ep_id = Text()
    device_id = Text()
    device_ip = Text(data_key="ep_ip")
    device_name = Text(data_key="ep_name")
    device_type = Text(data_key="ep_type")


class GenerationC(EventSchema):
    """Renamed, the capture device in ``media_device_info``, or flat in real-time messages."""

    want_action = Action(data_key="post_action")
    person_type = PersonType(data_key="user_type")
    licence = Text(data_key="mq_license_key")
    device_id = Text(data_key="media_device_id")
    device_ip = Text(data_key="media_device_ip")
    device_name = Text(data_key="media_device_name")
    device_type = Text(data_key="media_device_type")
    device_url = Text(data_key="media_device_url")


@dataclass(frozen=True, slots=True)
class Shape:
    """How a generation is built: how its keys are read, its container and the keys that stand inside it."""

    generation: str
    # Every wire key that is read, with our word for it and how its value is read: the schema's fields, for the intake reads
    # each message with them. Their own Schema.load takes five times as long, for hooks and options that nothing here uses.
    readers: Mapping[str, tuple[str, Callable[[Any], Any]]]
    container: str
    inside: frozenset[str]
    aliases: Mapping[str, str]  # a foreign generation's key -> the own one


@cache
def shape_of(generation: str) -> Shape:
    schema: Schema
    match generation:
        case "A":
            schema, container = GenerationA(), "ext_data"
            inside = (
                "device_ip ep_id dev_sno person_type device_type info recognize_face_attr"
                " fiqa_result grab_fiqa_info box_fiqa_info want_action"
            )
            aliases = {"post_action": "want_action"}
        case "B":
            schema, container = GenerationB(), "ep_info"
            inside = "ep_id ep_type ep_ip ep_name device_id"
            aliases = {"device_ip": "ep_ip", "device_type": "ep_type"}
        case _:
            schema, container = GenerationC(), "media_device_info"
            inside = "media_device_id media_device_type media_device_ip media_device_name media_device_url"
            aliases = {"want_action": "post_action", "person_type": "user_type", "dev_sno": "mq_license_key"}
    return Shape(generation, _readers(schema), container, frozenset(inside.split()), aliases)


def _readers(schema: Schema) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    return {
        field.data_key or name: (name, field.read)
        for name, field in schema.fields.items()
        if isinstance(field, Tolerant)
    }


def generation_of(item: Mapping[str, Any]) -> str:
    """``A``, ``B``, ``C``, or empty: decided by the keys alone, for one firmware's papers describe two generations."""
    keys = item.keys()
    if not _C_MARKERS.isdisjoint(keys):
        return "C"
    has_ext_data = item.get("ext_data") is not None
    if "ep_info" in keys or (not has_ext_data and not _B_MARKERS.isdisjoint(keys)):
        return "B"
    if "ext_data" in keys or ("identity_id" in keys and not _A_MARKERS.isdisjoint(keys)):
        return "A"
    return ""
