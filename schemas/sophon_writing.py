"""Writes an event as a box of another generation would have sent it: ``schemas.sophon.read`` the other way round."""

import base64
import binascii
import math
from array import array
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schemas.sophon import Message

STAFF, STRANGER = 1, 4
USER_TYPES = {1: "employee", 2: "visitor", 3: "blacklist", 4: "stranger", 5: "vip"}
# What stands in the picture: numbers in A, words in B and C.
GATE, SNAPSHOT, STREAM, DOOR = "0", "1", "3", "4"
WORDS_OF_TYPES = {GATE: "photo", SNAPSHOT: "photo", "2": "rtsp", STREAM: "rtsp", DOOR: "card"}
TYPES_OF_WORDS = {"photo": GATE, "rtsp": STREAM, "gb28181": STREAM, "file": STREAM, "card": DOOR}
# The papers do not say what 2 means.
MASK_WORDS, MASK_NUMBERS = {"0": "no", "1": "yes"}, {"no": "0", "yes": "1", "2": "2"}
FACE_WORDS = ("point", "box", "age", "gender", "glasses", "hat", "expression")
# How later firmware shows a similarity: 0.55, where it decides, is 82, and 1.0 is 100.
KNEE, LOW_SLOPE, HIGH_SLOPE, HIGH_OFFSET = 0.55, 149.09, 40.0, 60.0
FEATURE_BYTES = 4
MOST_NUMBERS = 4096


def write(message: Message, generation: str) -> dict[str, Any]:
    """The event in generation ``A``, ``B`` or ``C``: what that one has a word for; pictures as the text that they were.

    A score goes over from 0..1 to 0..100 between A and the others where it is not of that scale already.
    """
    pictures = {each.kind: each.text for each in reversed(message.pictures)}
    writers = {"A": _generation_a, "B": _generation_b, "C": _generation_c}
    written = writers[generation](message, pictures)
    return written | ({"event_id": message.event_id} if message.event_id else {})


def stretched(similarity: float) -> float:
    """Similarity 0..1 as the 0..100 that later firmware shows."""
    shown = LOW_SLOPE * similarity if similarity <= KNEE else HIGH_SLOPE * similarity + HIGH_OFFSET
    return round(shown, 2)


def similarity(shown: float) -> float:
    """The other way round."""
    low = shown / LOW_SLOPE
    return round(min(1.0, max(0.0, low if low <= KNEE else (shown - HIGH_OFFSET) / HIGH_SLOPE)), 4)


def _generation_a(message: Message, pictures: Mapping[str, Any]) -> dict[str, Any]:
    device_type = message.device_type
    inner = {
        "device_ip": message.device_ip,
        "ep_id": _ep_id(message),
        "dev_sno": message.licence,
        "person_type": _person_type(message),
        "device_type": TYPES_OF_WORDS.get(device_type.lower(), device_type or GATE),
        "spot_pic": pictures.get("scene", ""),
        "recognize_face": pictures.get("face", ""),
        "grab_fiqa_info": message.grab_quality,
        "box_fiqa_info": _box_quality(message),
        "info": {
            name: message.attributes[name] for name in ("age", "gender", "glasses") if message.attributes.get(name)
        },
    }
    if "infrared" in pictures:
        inner["ir_pic"] = pictures["infrared"]
    return {
        "identity_id": message.identity_id,
        "identity_name": message.identity_name,
        "group_name": message.group or "default_group",
        "reg_pic": pictures.get("library", ""),
        "timestamp": _milliseconds(message, "timestamp"),
        "score": _score(message, is_stretched=False),
        "want_action": message.want_action,
        "ext_data": inner,
    }


def _generation_b(message: Message, pictures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "api_version": "1.0",
        "identity_id": message.identity_id,
        "identity_name": message.identity_name,
        "identity_info": message.identity_info,
        "timestamp": _milliseconds(message, "timestamp"),
        "out_timestamp": _milliseconds(message, "out_timestamp"),
        "score": _score(message, is_stretched=True),
        "want_action": message.want_action,
        "person_type": _person_type(message),
        "reg_pic": pictures.get("library", ""),
        "spot_pic": pictures.get("scene", ""),
        "ir_pic": pictures.get("infrared", ""),
        "recognize_face": pictures.get("face", ""),
        "ep_info": {
            "ep_id": _ep_id(message),
            "ep_type": _type_word(message),
            "ep_ip": message.device_ip,
            "ep_name": message.device_name,
            "device_id": message.device_id,
        },
        "dev_sno": message.licence,
        "recognize_face_attr": {
            **_face(message),
            "mask": _mask(message, MASK_NUMBERS),
            "feature": _numbers(message.attributes),
        },
    }  # fmt: skip


def _generation_c(message: Message, pictures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "api_version": "2.0",
        "identity_id": message.identity_id,
        "identity_name": message.identity_name,
        "timestamp": _milliseconds(message, "timestamp"),
        "in_timestamp": _milliseconds(message, "in_timestamp"),
        "out_timestamp": _milliseconds(message, "out_timestamp"),
        "score": _score(message, is_stretched=True),
        "post_action": message.want_action,
        "user_type": USER_TYPES[_person_type(message)],
        "media_device_info": {
            # It has no other word for where the person stood.
            "media_device_id": message.device_id or message.ep_id,
            "media_device_type": _type_word(message),
            "media_device_ip": message.device_ip,
            "media_device_name": message.device_name,
            "media_device_url": message.device_url or message.device_ip,
        },
        "mq_license_key": message.licence,
        "reg_image": pictures.get("library", ""),
        "spot_image": pictures.get("scene", ""),
        "ir_image": pictures.get("infrared", ""),
        "recognize_face_image": pictures.get("face", ""),
        "recognize_face_attr": {
            **_face(message),
            "mask": _mask(message, MASK_WORDS),
            "feature_base64_str": _packed(message.attributes),
        },
    }  # fmt: skip


def _person_type(message: Message) -> int:
    """Where the message says none it is staff by the documentation, unless the name says otherwise."""
    if message.person_type is not None:
        return message.person_type
    return STRANGER if message.identity_name.lower() == "stranger" else STAFF


def _ep_id(message: Message) -> str:
    """The gate's name as platforms know it: ``<owner>__<address>``."""
    if message.ep_id:
        return message.ep_id
    address = message.device_ip or message.device_url
    return f"{message.licence}__{address}" if message.licence and address else message.device_id


def _type_word(message: Message) -> str:
    word = message.device_type.lower()
    return WORDS_OF_TYPES.get(word, word or "photo")


def _milliseconds(message: Message, name: str) -> int | None:
    """A moment; where that one is missing, the nearest that is there."""
    moment: datetime | None = (
        getattr(message, name) or message.timestamp or message.in_timestamp or message.out_timestamp
    )
    return None if moment is None else round(moment.timestamp() * 1000)


def _score(message: Message, *, is_stretched: bool) -> float | None:
    score = message.score
    if score is None or is_stretched == (message.generation != "A"):
        return score
    if is_stretched:
        return stretched(max(0.0, score)) if score <= 1 else score
    return similarity(score) if score > 1 else score


def _box_quality(message: Message) -> Mapping[str, Any]:
    if message.fiqa_result is None:
        return message.box_quality
    return {**message.box_quality, "fiqa_result": message.fiqa_result}


def _face(message: Message) -> dict[str, Any]:
    """Where nothing was measured there is null, as boxes send it."""
    return {name: message.attributes.get(name) for name in FACE_WORDS}


def _mask(message: Message, words: Mapping[str, str]) -> Any:
    said = message.attributes.get("mask")
    word = str(said).strip().lower()
    return words.get(word, said if word in words.values() else None)


def _packed(attributes: Mapping[str, Any]) -> str | None:
    """The face's template as base64 of little-endian floats."""
    for name in ("feature_base64_str", "feature_binary"):
        if isinstance(attributes.get(name), str):
            return str(attributes[name])
    numbers = attributes.get("feature")
    if not isinstance(numbers, list) or not 0 < len(numbers) <= MOST_NUMBERS:
        return None
    try:
        return base64.b64encode(array("f", numbers).tobytes()).decode("ascii")
    except (TypeError, OverflowError):
        return None


def _numbers(attributes: Mapping[str, Any]) -> list[Any]:
    """The same as a list."""
    if isinstance(attributes.get("feature"), list):
        return list(attributes["feature"])
    packed = _packed(attributes)
    try:
        data = base64.b64decode(packed or "", validate=True)
    except (binascii.Error, ValueError):
        return []
    if len(data) % FEATURE_BYTES or len(data) > MOST_NUMBERS * FEATURE_BYTES:
        return []
    numbers = array("f", data).tolist()
    return numbers if all(map(math.isfinite, numbers)) else []
